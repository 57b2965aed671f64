"""Turn what a reader refuses into a finding, so that the doctor goes on to the next thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.findings import Finding

Made = TypeVar("Made")


def asked(what: str, read: Callable[[], Made]) -> tuple[Made | None, list[Finding]]:
    """Read something, or find out why it cannot be read.

    Parameters
    ----------
    what : str
        How the finding names it.
    read : callable
        Reads it; an error of the package becomes the finding.

    Returns
    -------
    object or None
        What was read.
    list of Finding
        Empty where it could be.

    Examples
    --------
    >>> asked("a number", lambda: 3)
    (3, [])
    """
    try:
        return read(), []
    except Object2BrainError as error:
        return None, [refusal(what, error)]


def refusal(what: str, error: Object2BrainError) -> Finding:
    """Write an error as a finding."""
    value = "" if error.value is None else str(error.value)
    return Finding(f"{what}: {error.problem.rstrip('.')}", False, value, error.remedy, kind="fault")


def doubts(what: str, sentences: Sequence[str]) -> list[Finding]:
    """Write what a reader warns of as findings that stop nothing."""
    advice = "correct the table if it is not meant"
    return [Finding(f"{what}: unlikely content", False, said, advice, kind="doubt") for said in sentences]


def some(names: Sequence[object], most: int = 5) -> str:
    """Name the first and count the rest.

    Examples
    --------
    >>> some(["a", "b"]), some(list("abcdefg"))
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    shown = ", ".join(map(str, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
