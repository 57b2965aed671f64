"""The report: one HTML file that opens by double click, without network and without Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from markupsafe import Markup

from o2b_helpers.core.contract import Table
from o2b_helpers.core.errors import DamagedFile, EnvironmentFault, Object2BrainError
from o2b_helpers.core.files.atomic import write_atomically, writing
from o2b_helpers.core.study import Figure, Study, steps_of
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.downloads import Download, downloads
from o2b_helpers.report.draw import page_template
from o2b_helpers.report.embed import Script, data_json, figure_json, policy, scripts
from o2b_helpers.report.glossary import glossary
from o2b_helpers.report.notebook_pages import NotebookPage
from o2b_helpers.report.parts import Part
from o2b_helpers.report.provenance import (
    all_warnings,
    departures_table,
    of_studies,
    option_values,
    options_table,
    origin,
    sizes_table,
)
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import DARK
from o2b_helpers.report.tables import ShownTable

Made = TypeVar("Made")
# A report stays below 15 MB, so that it passes through a mailbox: what the library, the figures and the parts leave,
# less this much for words and tables, is there for the files that it carries.
MOST_CHARACTERS, WORDS_AND_TABLES = 14_800_000, 1_500_000
ROOM_FOR_PARTS = 3_500_000  # characters that the packed data of all parts may take


@dataclass(frozen=True)
class FigureSection:
    """One figure of the report: its drawing, words, tables and code, or why they are missing."""

    number: int
    figure: str | None
    width: int
    height: int
    caption: Caption | None
    missing: str
    tables: list[ShownTable]
    missing_tables: list[str]
    code: str


@dataclass(frozen=True)
class PartSection:
    """One interactive part of the report: its markup, scripts and packed data, or why they are missing."""

    name: str
    heading: str
    content: Markup | None
    missing: str
    figure: int = 0
    scripts: list[Script] = field(default_factory=list)
    packed: dict[str, str] = field(default_factory=dict)


def write_report(
    results: Results, studies: Sequence[Study], folder: Path, notebooks: Sequence[NotebookPage] | None = None
) -> Path:
    """Write the report of a run.

    Parameters
    ----------
    results : Results
        The results to report. A part whose results are missing is replaced by a note that says how to make them.
    studies : sequence of Study
        The studies that were run; the page holds their declared parts and no other study's. The last one's question
        is the page's title.
    folder : Path
        Where ``index.html`` goes (made where missing).
    notebooks : sequence of NotebookPage, optional
        The pages of the executed notebooks, which lie in the same folder; the report links them.

    Returns
    -------
    Path
        The file written.
    """
    folder = Path(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    profile = str(results.provenance.get("profile") or results.folder.resolve().parent.name)
    declared, provenance = [study.section for study in studies], of_studies(results.provenance, studies)
    sections = [_figure_section(results, figure, profile) for study in studies for figure in study.figures]
    parts = _part_sections(results, [part for section in declared for part in section.parts])
    answers = [_try(partial(make, results)) for section in declared for make in section.answers]
    first_scripts = scripts(figures=bool(sections or parts))
    # plotly.js and page.js stand behind the first figure, so that it is drawn before the rest is read
    later_scripts = [*scripts("tables.js", figures=False)[1:], *(script for part in parts for script in part.scripts)]
    page_scripts = [*first_scripts, *later_scripts]
    used = sum(len(script.text) for script in page_scripts) + sum(len(section.figure or "") for section in sections)
    used += sum(len(text) for part in parts for text in part.packed.values())
    page = page_template("report.html.jinja").render(
        policy=policy(page_scripts),
        first_scripts=first_scripts,
        scripts=later_scripts,
        colours=data_json(DARK),
        profile=profile,
        title=declared[-1].question if declared else "What was run",
        described=_described(results, studies),
        warnings=all_warnings(results.provenance),
        answers=[answer for answer, _ in answers if answer],
        missing_answers=list(dict.fromkeys(reason for answer, reason in answers if not answer)),
        notes=[section.note for section in declared if section.note],
        sections=sections,
        parts=parts,
        comparisons=_comparisons(results, studies, provenance),
        methods=[
            paragraph
            for section in declared
            if section.methods
            for paragraph in section.methods(option_values(provenance))
        ],
        departures=[table for study in studies if (table := departures_table(provenance, study))],
        origin=origin(provenance),
        files=_files(results, studies, sections, MOST_CHARACTERS - WORDS_AND_TABLES - used),
        not_carried=_not_carried(results, studies),
        notebooks=notebooks or [],
        glossary=glossary(section.glossary for section in declared),
    )
    path = folder / "index.html"
    # Written beside its place and renamed, so that a stopped run leaves no half report.
    write_atomically(path, page.encode("utf-8"))
    return path


def figure_code(figure: Figure, profile: str) -> str:
    """Write the code that draws a figure, to be run in the project's folder; empty where it cannot be named."""
    draw = figure.draw
    module, name = getattr(draw, "__module__", ""), getattr(draw, "__name__", "")
    if getattr(sys.modules.get(module), name, None) is not draw:
        return ""
    folder = json.dumps(f"runs/{profile}/results", ensure_ascii=False)
    return f"from o2b_helpers.report.results import Results\nfrom {module} import {name}\n\n{name}(Results({folder}))"


def _try(make: Callable[[], Made]) -> tuple[Made | None, str]:
    """Make a part of the report, or say why the results do not allow it."""
    try:
        return make(), ""
    except (DamagedFile, EnvironmentFault):  # not for good, so no page is made of it
        raise
    except Object2BrainError as error:
        return None, f"{error.problem.rstrip('.')}. {error.remedy[:1].upper()}{error.remedy[1:]}."


def _figure_section(results: Results, declared: Figure, profile: str) -> FigureSection:
    def make() -> tuple[str, int, int, Caption]:
        figure = declared.draw(results)
        # The page's own headings carry title and number.
        subtitle = figure.layout.title.subtitle.text
        figure.update_layout(title={"text": "", "subtitle": {"text": subtitle}})
        size = int(figure.layout.width or 900), int(figure.layout.height or 450)
        return figure_json(figure), *size, declared.caption(results)

    made, missing = _try(make)
    figure, width, height, caption = made or (None, 0, 0, None)
    tables = [_try(partial(make, results)) for make in declared.tables]
    return FigureSection(
        number=declared.number,
        figure=figure,
        width=width,
        height=height,
        caption=caption,
        missing=missing,
        tables=[table for table, _ in tables if table],
        missing_tables=[reason for _, reason in tables if reason and reason != missing],
        code=figure_code(declared, profile),
    )


def _part_sections(results: Results, parts: Sequence[Part]) -> list[PartSection]:
    """Make the interactive parts; each gets what room the ones before it have left."""
    sections, room = [], ROOM_FOR_PARTS
    for part in parts:
        content, missing = _try(partial(part.make, results, room))
        if content is None:
            sections.append(PartSection(part.name, part.heading, None, missing, part.figure))
            continue
        room -= sum(len(text) for text in content.packed.values())
        markup = Markup(page_template(part.template, part.package, "").render(content=content.values))  # noqa: S704
        packed = dict(content.packed)
        sections.append(PartSection(part.name, part.heading, markup, "", part.figure, part.script_texts(), packed))
    return sections


def _described(results: Results, studies: Sequence[Study]) -> str:
    """Say what was studied, as far as the results hold it."""
    makers = [study.section.described for study in studies if study.section.described]
    said = [_try(partial(make, results))[0] for make in makers]
    return " ".join(sentence for sentence in said if sentence)


def _comparisons(results: Results, studies: Sequence[Study], provenance: Mapping[str, Any]) -> list[ShownTable]:
    """Set what is published beside this run: settings, sizes, and what each study compares."""
    sizes = [size for study in studies for size in study.section.sizes]
    made = [options_table(provenance), sizes_table(provenance, sizes)]
    made += [_try(partial(make, results))[0] for study in studies for make in study.section.comparisons]
    return [table for table in made if table is not None]


def _declared_files(results: Results, studies: Sequence[Study]) -> list[Any]:
    """List the files that the studies' steps write, and those of the steps that they need."""
    return [file for step in steps_of(studies, results.params) for file in step.tables]


def _files(
    results: Results, studies: Sequence[Study], sections: Sequence[FigureSection], room: int
) -> dict[str, Download]:
    """Pack every table of the studies that is text, those behind the figures first named."""
    behind = [table.file for section in sections for table in section.tables if table.file]
    others = [f.file for f in _declared_files(results, studies) if isinstance(f, Table) and f.file.endswith(".csv")]
    for name in (names := [*behind, *sorted(others)]):
        results.check(name)
    return downloads(results.folder, [*names, "provenance.json"], room)


def _not_carried(results: Results, studies: Sequence[Study]) -> list[str]:
    """Name the studies' files that are no text, with what they hold."""
    said = []
    for file in _declared_files(results, studies):
        if not isinstance(file, Table):
            said.append(f"{file.stem.replace('_', ' ')} of each model ({file.stem}_<model>.nc)")
        elif not file.file.endswith(".csv"):
            said.append(f"{Path(file.file).stem.replace('_', ' ')} ({file.file})")
    return said
