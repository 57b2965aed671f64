"""The report: one HTML file that opens by double click, without network and without Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from o2b_helpers.errors import Object2BrainError
from o2b_helpers.view.captions import Caption, alignment_in_words, caption, category_in_words, classes_in_words
from o2b_helpers.view.embed import figure_json, policy, scripts
from o2b_helpers.view.figures.draw import FIGURES, page_template
from o2b_helpers.view.provenance import origin
from o2b_helpers.view.results import Results
from o2b_helpers.view.select import target_parts
from o2b_helpers.view.style import ordered
from o2b_helpers.view.tables import TABLES, Table

Made = TypeVar("Made")


@dataclass(frozen=True)
class Section:
    """One figure of the report: its drawing and words, or why it is missing."""

    number: int
    figure: str | None
    caption: Caption | None
    missing: str


def write_report(results: Results, folder: Path) -> Path:
    """Write the report of a run.

    Parameters
    ----------
    results : Results
        The results to report. A part whose results are missing is replaced by a note that says how to make them.
    folder : Path
        Where ``index.html`` goes (made where missing).

    Returns
    -------
    Path
        The file written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    page_scripts = scripts()
    sections = [_section(results, number) for number in FIGURES]
    tables = [_try(lambda make=make: make(results)) for make in TABLES.values()]
    page = page_template("report.html.jinja").render(
        policy=policy(page_scripts),
        scripts=page_scripts,
        profile=str(results.provenance.get("profile") or results.folder.resolve().parent.name),
        studied=_studied(results),
        answers=_answers(results),
        sections=sections,
        tables=[table for table, _ in tables if isinstance(table, Table)],
        missing_tables=[reason for table, reason in tables if table is None],
        origin=origin(results.provenance),
    )
    path = folder / "index.html"
    # Written beside its place and renamed, so that a stopped run leaves no half report.
    partial = folder / f".index.html.{os.getpid()}"
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)
    return path


def _try(make: Callable[[], Made]) -> tuple[Made | None, str]:
    """Make a part of the report, or say why the results do not allow it."""
    try:
        return make(), ""
    except Object2BrainError as error:
        return None, f"{error.problem.rstrip('.')}. {error.remedy[:1].upper()}{error.remedy[1:]}."


def _section(results: Results, number: int) -> Section:
    def make() -> tuple[str, Caption]:
        figure = FIGURES[number][1](results)
        # The page's own headings carry title and number.
        subtitle = figure.layout.title.subtitle.text
        figure.update_layout(title={"text": "", "subtitle": {"text": subtitle}})
        return figure_json(figure), caption(results, number)

    made, missing = _try(make)
    figure, words = made or (None, None)
    return Section(number, figure, words, missing)


def _studied(results: Results) -> str:
    """Say in one sentence what was compared with what."""

    def make() -> str:
        parts = target_parts(results)
        kinds = {
            what: ordered(parts[column], column)
            for what, column in (("valence type", "valence_type"), ("source", "source"), ("condition", "condition"))
        }
        listed = "; ".join(f"{what}{'s' * (len(names) > 1)} {', '.join(names)}" for what, names in kinds.items())
        count = len(results.alignment[["architecture", "weights"]].drop_duplicates())
        stimuli = results.targets["stimulus"].nunique()
        return f"{stimuli} stimuli, {len(parts)} targets ({listed}) and {count} model{'s' * (count > 1)}."

    return _try(make)[0] or ""


def _answers(results: Results) -> list[tuple[str, list[str]]]:
    """Collect question and answer in words; a question whose results are missing is left out (its figure says so)."""
    questions: list[tuple[str, Callable[[], list[str]]]] = [
        ("Do the models agree with people and their brains?", lambda: alignment_in_words(results)),
        (
            "Which objects push a model towards people, and which away from them? (Weights of the last target layer, "
            "mean ± sd over runs; a weight smaller than its sd easily changes its sign from run to run.)",
            lambda: classes_in_words(results),
        ),
        ("Which kinds of objects?", lambda: category_in_words(results, last_only=True)),
    ]
    answers = [(question, _try(make)[0]) for question, make in questions]
    return [(question, answer) for question, answer in answers if answer]
