"""The report: one HTML file that opens by double click, without network and without Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.files import write_atomically

from o2b_helpers.report.downloads import Download, downloads
from o2b_helpers.report.draw import FIGURES, page_template
from o2b_helpers.report.embed import data_json, figure_json, policy, scripts
from o2b_helpers.report.glossary import GLOSSARY
from o2b_helpers.report.notebook_pages import NotebookPage
from o2b_helpers.report.provenance import origin
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, ordered
from o2b_helpers.report.tables import Table
from o2b_helpers.report.themes import DARK
from o2b_helpers.studies.alignment.paper_values import human_source, paper_tables
from o2b_helpers.studies.common.select import target_parts
from o2b_helpers.studies.object2brain.captions import Caption, caption, category_in_words
from o2b_helpers.studies.object2brain.explorer.page import explorer_page
from o2b_helpers.studies.object2brain.figure_tables import FIGURE_TABLES
from o2b_helpers.studies.object2brain.section import Answer, Statement, agreement, objects

Made = TypeVar("Made")
# A report stays below 15 MB, so that it passes through a mailbox: what the library, the figures and the explorer leave,
# less this much for words and tables, is there for the files that it carries.
MOST_CHARACTERS, WORDS_AND_TABLES = 14_800_000, 1_500_000


@dataclass(frozen=True)
class Section:
    """One figure of the report: its drawing, words and tables, or why they are missing."""

    number: int
    figure: str | None
    width: int
    height: int
    caption: Caption | None
    missing: str
    tables: list[Table]
    missing_tables: list[str]


def write_report(results: Results, folder: Path, notebooks: list[NotebookPage] | None = None) -> Path:
    """Write the report of a run.

    Parameters
    ----------
    results : Results
        The results to report. A part whose results are missing is replaced by a note that says how to make them.
    folder : Path
        Where ``index.html`` goes (made where missing).
    notebooks : list of NotebookPage, optional
        The pages of the executed notebooks, which lie in the same folder; the report links them.

    Returns
    -------
    Path
        The file written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    page_scripts = scripts("tables.js", "explorer.js")
    first = 2  # plotly.js and page.js stand behind the first figure, so that it is drawn before the rest is read
    sections = [_section(results, number) for number in FIGURES]
    answers = [_try(lambda make=make: make(results)) for make in (agreement, objects, _kinds)]
    explorer, missing_explorer = _try(lambda: explorer_page(results))
    used = sum(len(script.text) for script in page_scripts) + sum(len(section.figure or "") for section in sections)
    used += len(explorer.packed) if explorer else 0
    page = page_template("report.html.jinja").render(
        policy=policy(page_scripts),
        first_scripts=page_scripts[:first],
        scripts=page_scripts[first:],
        colours=data_json(DARK),
        profile=str(results.provenance.get("profile") or results.folder.resolve().parent.name),
        studied=_studied(results),
        human=human_source(results),
        answers=[answer for answer, _ in answers if answer],
        missing_answers=list(dict.fromkeys(reason for answer, reason in answers if not answer)),
        sections=sections,
        explorer=explorer,
        missing_explorer=missing_explorer,
        pictures=_pictures(results.provenance),
        paper=_try(lambda: paper_tables(results))[0] or [],
        origin=origin(results.provenance),
        files=_files(results, sections, MOST_CHARACTERS - WORDS_AND_TABLES - used),
        notebooks=notebooks or [],
        glossary=GLOSSARY,
    )
    path = folder / "index.html"
    # Written beside its place and renamed, so that a stopped run leaves no half report.
    write_atomically(path, page.encode("utf-8"))
    return path


def _try(make: Callable[[], Made]) -> tuple[Made | None, str]:
    """Make a part of the report, or say why the results do not allow it."""
    try:
        return make(), ""
    except Object2BrainError as error:
        return None, f"{error.problem.rstrip('.')}. {error.remedy[:1].upper()}{error.remedy[1:]}."


def _section(results: Results, number: int) -> Section:
    def make() -> tuple[str, int, int, Caption]:
        figure = FIGURES[number][1](results)
        # The page's own headings carry title and number.
        subtitle = figure.layout.title.subtitle.text
        figure.update_layout(title={"text": "", "subtitle": {"text": subtitle}})
        size = int(figure.layout.width), int(figure.layout.height)
        return figure_json(figure), *size, caption(results, number)

    made, missing = _try(make)
    figure, width, height, words = made or (None, 0, 0, None)
    tables = [_try(lambda make=make: make(results)) for make in FIGURE_TABLES[number]]
    shown = [table for table, _ in tables if table]
    reasons = [reason for _, reason in tables if reason and reason != missing]
    return Section(number, figure, width, height, words, missing, shown, reasons)


def _studied(results: Results) -> str:
    """Say in one sentence what was compared with what."""

    def make() -> str:
        parts = target_parts(results)
        kinds = {
            what: ordered(parts[column], column)
            for what, column in (("valence type", "valence_type"), ("source", "source"), ("condition", "condition"))
        }
        listed = "; ".join(
            f"{what}{'s' * (len(names) > 1)} {', '.join(map(isolated, names))}" for what, names in kinds.items()
        )
        count = len(results.alignment[["architecture", "weights"]].drop_duplicates())
        stimuli = results.targets["stimulus"].nunique()
        return f"{stimuli} stimuli, {len(parts)} targets ({listed}) and {count} model{'s' * (count > 1)}."

    return _try(make)[0] or ""


def _kinds(results: Results) -> Answer:
    return Answer(
        "Which kinds of objects?", [Statement(text=words) for words in category_in_words(results, last_only=True)]
    )


def _files(results: Results, sections: list[Section], room: int) -> dict[str, Download]:
    """Pack every table of the results folder, those behind the figures first named."""
    behind = [table.file for section in sections for table in section.tables]
    others = sorted(path.name for path in results.folder.glob("*.csv"))
    return downloads(results.folder, [*behind, *others, "provenance.json"], room)


def _pictures(provenance: dict[str, Any]) -> str:
    """Say why the report shows no pictures of the corpus."""
    steps = provenance.get("steps")
    inputs = steps.get("inputs") if isinstance(steps, dict) else None
    facts = inputs.get("facts") if isinstance(inputs, dict) else None
    allowed = facts.get("pictures_may_be_shown") if isinstance(facts, dict) else None
    if allowed:
        return (
            "This page shows numbers only: the results folder holds no pictures, although the corpus’ licence would "
            "allow them to be shown."
        )
    if allowed is None:
        return "This page shows no pictures: the results do not say whether the corpus’ licence allows it."
    return "This page shows no pictures: the corpus’ licence does not allow them to be passed on."
