"""One profile is one YAML file is one validated model.

A profile names the studies that it runs and has two blocks. ``analysis`` holds all that can change a number and enters
the key of every stored result; ``execution`` holds what cannot (device, batch size, threads) and enters none. Every
option states its unit, its default and where it comes from: a section of the paper, or ``ours`` where the paper leaves
it open.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import PrivateAttr, ValidationError, model_validator

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.files.profile_file import put_override, read_profile_tree
from o2b_helpers.core.files.shipped import PACKAGE
from o2b_helpers.core.options import Block, explain, option
from o2b_helpers.core.study import Step, Study, steps_of


class Execution(Block):
    """What cannot change a number, but for rounding: the same bytes come from the same device and threads."""

    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where networks run")
    threads: int | None = option(None, "CPU threads; default: all cores", ge=1)
    batch_size: int = option(32, "images in one forward pass", unit="images", ge=1)
    memory_gib: float | None = option(
        None, "memory that a step may use, all in all; default: what is available", unit="GiB", gt=0
    )
    features: Literal["auto", "memory", "disk", "stream"] = option(
        "auto",
        "where features are while heads learn: in memory, in a file that is gone afterwards, or computed anew in every "
        "epoch; auto: the first of them that fits",
    )
    runs_folder: str = option("runs", "where results go")
    figures_folder: str = option("figures", "where figures go")
    show_pictures: bool | None = option(
        None,
        "whether the report, which is passed on, and the pages of the notebooks may show pictures of corpus and "
        "stimuli; default: those of the toy world only (the photographs of OASIS and FindingEmo have owners and "
        "licences of their own; of your own pictures you know what is allowed)",
    )
    weights_folder: str | None = option(None, "folder to look for downloaded weights in; default: torch's own cache")


class Params(Block):
    """A validated profile.

    Relative paths in it start from the project folder: the folder that holds ``params/`` where the profile lies
    in a folder of that name, else the profile's own folder. The registry of studies derives the model that a profile
    is read with: it adds the studies' options as `analysis`.
    """

    study_names: ClassVar[tuple[str, ...]] = ()
    known_studies: ClassVar[Any] = ()  # a sequence of Study

    studies: list[str] = option(
        [],
        "studies that are run, by name; default: all but those that ask for data which not every corpus has (emocam, "
        "selectivity, deep_affect)",
        source="ours",
    )
    analysis: Any = option(None, "all that can change a number")
    execution: Execution = option(Execution(), "what cannot change a number: device, memory, folders")
    _profile: Path = PrivateAttr(default=Path("demo.yaml"))
    _overrides: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _studies_are_known(self) -> Params:
        known = self.study_names
        for name in self.studies:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"{name!r} is no study; there are {', '.join(known)}{hint}")
        return self

    @property
    def name(self) -> str:
        """The profile's name: the YAML file's stem."""
        return self._profile.stem

    @property
    def profile(self) -> Path:
        """The YAML file."""
        return self._profile

    @property
    def overrides(self) -> dict[str, Any]:
        """What was changed on top of the file, by dotted name."""
        return dict(self._overrides)

    @property
    def project(self) -> Path:
        """Folder that relative paths start from."""
        folder = self._profile.resolve().parent
        return folder.parent if folder.name == "params" else folder

    def path(self, text: str) -> Path:
        """Resolve a path of the profile; ``${NAME:-default}`` is taken from the environment."""
        return self.project / os.path.expanduser(_expand(text))

    @property
    def runs(self) -> Path:
        """Folder of this profile's results, executed notebooks and report."""
        return self.path(self.execution.runs_folder) / self.name

    @property
    def store(self) -> Path:
        """Folder of stored results, shared by all profiles."""
        return self.path(self.execution.runs_folder) / "store"

    @property
    def figures(self) -> Path:
        """Folder that this profile's figures are drawn into."""
        return self.path(self.execution.figures_folder) / self.name

    @property
    def chosen_studies(self) -> list[Study]:
        """The studies that the profile runs, in the registry's order."""
        wanted = self.studies or [study.name for study in self.known_studies if study.by_default]
        return [study for study in self.known_studies if study.name in wanted]

    @property
    def steps(self) -> list[Step]:
        """The steps that the profile runs, with those of other studies that they need, in the order of the registry."""
        wanted = {step.name for step in steps_of(self.chosen_studies, self)}
        return [step for step in self.known_steps if step.name in wanted]

    @property
    def known_steps(self) -> list[Step]:
        """All steps of all studies that the package knows."""
        return [step for study in self.known_studies for step in study.steps]

    def step(self, name: str) -> Step:
        """Return a step by name; ParameterError where there is none."""
        for step in self.known_steps:
            if step.name == name:
                return step
        raise ParameterError(
            "no such step",
            value=name,
            expected=f"one of {', '.join(step.name for step in self.known_steps)}",
            remedy="correct the name of the step",
        )


Profile = TypeVar("Profile", bound=Params)


def read_params(model: type[Profile], profile: str | Path, overrides: Mapping[str, Any] | None = None) -> Profile:
    """Read, override and validate a profile.

    Parameters
    ----------
    model : type of Params
        The model with the options of all known studies.
    profile : str or Path
        A path to a YAML file, or a name such as ``"demo"`` for ``params/demo.yaml`` here or in a folder above.
    overrides : mapping, optional
        Dotted option -> value, e.g. ``{"analysis.detector.confidence": 0.4}``.

    Returns
    -------
    Params
        The validated profile.

    Raises
    ------
    ParameterError
        If the file is missing or not YAML, an option is unknown (a close match is suggested), or a value is of the
        wrong type or out of bounds.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "mine.yaml").write_text("execution: {batch_size: 8}", encoding="utf-8")
    ...     params = read_params(Params, Path(folder, "mine.yaml"), {"execution.device": "cpu"})
    >>> params.name, params.execution.batch_size, params.overrides
    ('mine', 8, {'execution.device': 'cpu'})
    """
    file = find_profile(profile)
    tree = read_profile_tree(file)
    for name, value in (overrides or {}).items():
        put_override(tree, str(name), value)
    try:
        params = model.model_validate(tree)
    except ValidationError as error:
        raise explain(error, file.name, model) from None
    if file.stem == "store":
        raise ParameterError(
            "a profile cannot be called store",
            value=str(file),
            expected="another name: runs/store holds the stored results of all profiles",
            remedy="rename the file",
        )
    params._profile = file
    params._overrides = dict(overrides or {})
    return params


def find_profile(profile: str | Path) -> Path:
    """Return the YAML file of a profile given by name or path."""
    given = Path(profile)
    candidates = [given] if given.suffix in (".yaml", ".yml") else []
    working = Path.cwd()
    for folder in (working, *working.parents, PACKAGE.parent):  # the last is the clone, where there is one
        candidates.append(folder / "params" / f"{profile}.yaml")
        if given.suffix in (".yaml", ".yml") and not given.is_absolute():
            candidates.append(folder / given)
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    known = sorted({p.stem for c in candidates for p in c.parent.glob("*.yaml") if c.parent.name == "params"})
    close = difflib.get_close_matches(given.stem, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ParameterError(
        "no such profile",
        value=str(profile),
        expected=f"a YAML file, or one of {', '.join(known) or 'params/*.yaml'}",
        remedy=f"{hint}give the path of a YAML file or a name in params/; `o2b new FOLDER` makes a project",
    )


def _expand(text: str) -> str:
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: os.environ.get(m[1]) or m[2] or "", text)
