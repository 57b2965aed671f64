"""The studies that there are, a line each, and the profile that is read with their options.

A name stands for the folder of the same name: its module ``options`` has `OPTIONS`, its module ``study`` declares
`STUDY`. Nothing else in the package knows a study's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from o2b_helpers.core.options import option
from o2b_helpers.core.params import Params, read_params
from o2b_helpers.core.study import Study

NAMES = (
    "alignment",
    "object2brain",
    "emocam",
    "selectivity",
    "deep_affect",
)


@cache
def studies() -> tuple[Study, ...]:
    """Return the declarations of all studies; their modules are imported when somebody first asks."""
    return tuple(import_module(f"{__package__}.{name}.study").STUDY for name in NAMES)


class _Declared:
    """The class attribute that gives the studies: a misspelt option is refused before any network's code is read."""

    def __get__(self, profile: Params | None, model: type[Params]) -> tuple[Study, ...]:
        return studies()


_OPTIONS = [import_module(f"{__package__}.{name}.options").OPTIONS for name in NAMES]


class Analysis(*reversed(_OPTIONS)):  # type: ignore[misc]
    """All that can change a number: the options of every study."""


class Profile(Params):
    """A validated profile with the options of every study."""

    study_names: ClassVar[tuple[str, ...]] = NAMES
    known_studies: ClassVar[Any] = _Declared()
    analysis: Analysis = option(Analysis(), "all that can change a number")


def load_params(profile: str | Path = "demo", overrides: Mapping[str, Any] | None = None) -> Profile:
    """Read, override and validate a profile.

    Parameters
    ----------
    profile : str or Path
        A path to a YAML file, or a name such as ``"demo"`` for ``params/demo.yaml`` here or in a folder above.
    overrides : mapping, optional
        Dotted option -> value, e.g. ``{"analysis.detector.confidence": 0.4}``.

    Raises
    ------
    ParameterError
        If the file is missing or not YAML, an option or a study is unknown (a close match is suggested), or a value is
        of the wrong type or out of bounds.

    Examples
    --------
    >>> load_params("demo", {"analysis.heads.runs": 2}).analysis.heads.runs
    2
    """
    return read_params(Profile, profile, overrides)
