"""The declarations that make a study: its steps, tables, figures, options and its section of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from o2b_helpers.core.contract import Arrays, Table
from o2b_helpers.core.cost import Need
from o2b_helpers.core.findings import Finding
from o2b_helpers.core.options import Block

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One step of a study: what it reads, what identifies its results, how they are computed.

    Attributes
    ----------
    name : str
        As keys, the store and the command line call it; no other step of any study has it.
    notebook : str
        The notebook that runs it, e.g. ``"05_objects"``. Steps may share one: the last of them is what the notebook
        asks for, and those of its needs that share the notebook run first.
    part : callable
        ``part(params, store)`` gives all that the results depend on besides code and the results that are read: the
        step's own options, digests of the files that it reads.
    compute : callable
        ``compute(params, needs, folder)`` writes ``results/`` and whatever later steps read into an empty folder;
        `needs` gives the folder of each step that is read, by name. Its module, and all of the package that this one
        imports, is part of the key.
    needs : tuple of Step
        The steps whose results are read.
    needs_where : tuple of (Step, callable)
        Steps whose results are read under some profiles only: those for which the callable, given the profile, says
        so. `needs_of` gives all that are read under one.
    tables : tuple of Table or Arrays
        The files that it writes into ``results/``.
    cost : callable, optional
        ``cost(params, needs, store)`` gives what its parts will take; without it the step is taken to need little.
    summary : callable, optional
        From the facts to sentences in plain words.

    Examples
    --------
    >>> features = Step("features", "02_features", lambda params, store: {}, lambda params, needs, folder: None)
    >>> heads = Step("heads", "03_heads", features.part, features.compute, needs=(features,))
    >>> [step.name for step in heads.closure()]
    ['features', 'heads']
    >>> boxes = Step("boxes", "05_boxes", lambda params, store: {}, lambda params, needs, folder: None)
    >>> where = ((boxes, lambda params: params["boxes"]),)
    >>> both = Step("both", "06_both", heads.part, heads.compute, needs=(features,), needs_where=where)
    >>> [[need.name for need in both.needs_of({"boxes": asked})] for asked in (False, True)]
    [['features'], ['features', 'boxes']]
    """

    name: str
    notebook: str
    part: Callable[[Any, Any], dict[str, Any]]
    compute: Callable[[Any, Mapping[str, Path], Path], None]
    needs: tuple[Step, ...] = ()
    needs_where: tuple[tuple[Step, Callable[[Any], bool]], ...] = ()
    tables: tuple[Table | Arrays, ...] = ()
    cost: Callable[[Any, Mapping[str, Path], Any], Sequence[Need]] | None = None
    summary: Callable[[Facts], Sequence[str]] | None = None

    @property
    def module(self) -> str:
        """The dotted name of the module whose source is part of the key."""
        return self.compute.__module__

    def needs_of(self, params: Any) -> tuple[Step, ...]:
        """Return the steps whose results are read under a profile; under None, those that are read under every one."""
        if params is None:
            return self.needs
        return (*self.needs, *(step for step, is_read in self.needs_where if is_read(params)))

    def closure(self, params: Any = None) -> list[Step]:
        """Return this step and all that it needs (see `needs_of`), in an order in which they can run."""
        steps: dict[str, Step] = {}
        for need in self.needs_of(params):
            steps |= {step.name: step for step in need.closure(params)}
        return [*steps.values(), self]


@dataclass(frozen=True)
class Figure:
    """One figure of a study.

    Attributes
    ----------
    number : int
        As captions and files call it; the same whatever studies a profile runs.
    name : str
        What it shows; its files are called ``figure_<number>_<name>``.
    draw : callable
        From the results to a Plotly figure.
    caption : callable
        From the results to a :class:`~o2b_helpers.report.caption.Caption`.
    tables : tuple of callable
        From the results to the tables shown below it; None leaves one out.
    """

    number: int
    name: str
    draw: Callable[[Any], Any]
    caption: Callable[[Any], Any]
    tables: tuple[Callable[[Any], Any], ...] = ()


@dataclass(frozen=True)
class Departure:
    """A point where the paper leaves something open or we do otherwise; the report and docs/departures.md list them.

    Attributes
    ----------
    what : str
        What it is about, in a few words.
    paper : str
        What the paper says of it.
    ours : str
        What is done by default.
    options : tuple of str
        The options that change it, by dotted name; none where nothing does.
    """

    what: str
    paper: str
    ours: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A study's part of the report.

    Attributes
    ----------
    question : str
        What the study asks; the page's title where it is the last study of the profile.
    answers : tuple of callable
        From the results to an :class:`~o2b_helpers.report.answers.Answer`.
    methods : callable, optional
        From the values of the options by dotted name to paragraphs.
    glossary : mapping of str to str
        Words of the study, explained for readers from another field.
    comparisons : tuple of callable
        From the results to tables that set published values beside this run's; None leaves one out.
    sizes : tuple of (str, str, str, str)
        What, the published number, the step and the fact that hold this run's.
    described : callable, optional
        From the results to a sentence that says what was studied.
    parts : tuple
        Interactive parts (:class:`~o2b_helpers.report.parts.Part`).
    note : str
        A sentence below the answers.
    departures : tuple of Departure
        Every departure from the paper that remains, each with its option; listed below the methods.
    """

    question: str
    answers: tuple[Callable[[Any], Any], ...] = ()
    methods: Callable[[Mapping[str, Any]], Sequence[str]] | None = None
    glossary: Mapping[str, str] = field(default_factory=dict)
    comparisons: tuple[Callable[[Any], Any], ...] = ()
    sizes: tuple[tuple[str, str, str, str], ...] = ()
    described: Callable[[Any], str] | None = None
    parts: tuple[Any, ...] = ()
    note: str = ""
    departures: tuple[Departure, ...] = ()


@dataclass(frozen=True)
class Study:
    """A whole study; `studies.registry` lists those that there are.

    Attributes
    ----------
    name : str
        As profiles name it under ``studies:``.
    title : str
        In a few words.
    options : type of Block
        The options that it adds to ``analysis:``.
    steps : tuple of Step
        In the order in which they run.
    figures : tuple of Figure
        In the order of the report.
    section : Section
        Its part of the report.
    doctor : callable, optional
        From a profile to findings: what the study needs from outside, and whether it is there.
    filter_facts : callable, optional
        ``filter_facts(results, model)`` gives what the results say of single filters: sentences by layer and channel,
        none where its steps have not run. They are shown wherever filters are looked at, by whatever study.
    by_default : bool
        Whether a profile that names no studies runs it; not where it asks for data that not every corpus has.
    """

    name: str
    title: str
    options: type[Block]
    steps: tuple[Step, ...]
    section: Section
    figures: tuple[Figure, ...] = ()
    doctor: Callable[[Any], Iterable[Finding]] | None = None
    filter_facts: Callable[[Any, str], Mapping[tuple[str, int], str]] | None = None
    by_default: bool = True

    @property
    def tables(self) -> list[Table | Arrays]:
        """All files that its steps write."""
        return [table for step in self.steps for table in step.tables]


def steps_of(studies: Iterable[Study], params: Any = None) -> list[Step]:
    """Return the steps of studies and all that these need (see `Step.needs_of`), each once."""
    steps = {step.name: step for study in studies for own in study.steps for step in own.closure(params)}
    return list(steps.values())
