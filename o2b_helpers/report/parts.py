"""Interactive parts of the page: a study brings the markup and the script, the page carries their data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from o2b_helpers.report.embed import Script


@dataclass(frozen=True)
class PartContent:
    """What a part shows.

    Attributes
    ----------
    values : mapping
        What its template reads as ``content``.
    packed : mapping of str to str
        Element id -> compressed data that the page carries for the part's scripts (``Page.unpack(id)``).
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    packed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """An interactive part of the page.

    Attributes
    ----------
    name : str
        Id of its section; links lead to ``#<name>``.
    heading : str
        As the page and its contents show it.
    package : str
        Dotted name of the package in whose folder template and scripts lie.
    template : str
        File name of a Jinja template; it reads ``content``, the values of :class:`PartContent`.
    scripts : tuple of str
        File names, in the order in which they run. The section is there when they do, and so is ``Page``.
    make : callable
        ``make(results, room)`` gives the content, whose packed data take `room` characters at most. It raises an error
        of the package where the results do not hold what the part needs; the page then shows that error instead.
    figure : int
        The number of the figure below which it stands; 0 where it stands alone, after all figures.
    """

    name: str
    heading: str
    package: str
    template: str
    scripts: tuple[str, ...]
    make: Callable[[Any, int], PartContent]
    figure: int = 0

    def file(self, name: str) -> Traversable:
        """Return one of the part's files."""
        return resources.files(self.package) / name

    def script_texts(self) -> list[Script]:
        """Return the part's scripts."""
        return [Script("\n" + self.file(name).read_text(encoding="utf-8")) for name in self.scripts]
