"""Draw a profile's figures and write its report, unless they show these very results already."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from o2b_helpers.core.digests import code_digests, digest_of, file_digest
from o2b_helpers.core.files.atomic import write_atomically
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.study import Study
from o2b_helpers.report.draw import draw_figures, name_earlier
from o2b_helpers.report.notebook_pages import write_notebook_pages
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results


def publish_views(params: Params, again: bool = False) -> Path:
    """Draw the figures of the profile's studies, write the report, and name both.

    Parameters
    ----------
    params : Params
        A profile whose results are complete.
    again : bool
        Draw also what is up to date.

    Returns
    -------
    Path
        The report.
    """
    studies = params.chosen_studies
    results = Results(params.runs / "results", studies)
    report = params.runs / "report"
    files = {p.name: file_digest(p) for p in sorted(results.folder.iterdir()) if p.is_file()}
    notebooks = params.runs / "notebooks"
    executed = {p.name: file_digest(p) for p in sorted(notebooks.glob("*.ipynb"))}
    mark = digest_of([files, executed, code_digests("o2b_helpers.report.publish"), _page_parts(), _declared(studies)])
    note = report / "drawn_from.json"
    drawn = _read(note)
    whole = bool(drawn) and all(Path(p).is_file() for p in drawn.get("files", []) + drawn.get("pages", []))
    if again or not whole or drawn.get("mark") != mark or _lacks_pictures(drawn):
        figures = draw_figures(results, studies, params.figures, params.name)
        pages = write_notebook_pages(notebooks, report, params.name, params.project)
        page = write_report(results, studies, report, pages)
        drawn = {"mark": mark, "files": [str(p) for p in [page, *figures]], "pages": [str(p.file) for p in pages]}
        write_atomically(note, json.dumps(drawn, indent=1).encode())
    else:
        say("reused    figures and report: they show these results already")
        name_earlier(params.figures, [Path(p) for p in drawn["files"]])
    page, *figures = drawn["files"]
    say(f"results:  {results.folder}")
    say(f"figures:  {params.figures} ({len(figures)} files)")
    say(f"report:   {page}")
    return Path(page)


def _lacks_pictures(drawn: Mapping[str, Any]) -> bool:
    """Say whether figures were drawn as pages only, for want of a browser, and there is one now."""
    from o2b_helpers.report.browser import has_browser

    kinds = {Path(p).suffix for p in drawn["files"] if Path(p).stem.startswith("figure_")}
    return bool(kinds) and ".png" not in kinds and has_browser()


def _page_parts() -> dict[str, str]:
    """Return the digests of what the pages are made of besides Python: templates, styles and scripts."""
    folder = Path(__file__).parent
    return {p.name: file_digest(p) for part in ("templates", "scripts") for p in sorted((folder / part).iterdir())}


def _declared(studies: Sequence[Study]) -> list[Any]:
    """Return all that the studies' parts of the pages depend on: declared words, code, templates and scripts."""
    declared: list[Any] = []
    for study in studies:
        section = study.section
        code: dict[str, str] = {}
        for function in _functions(study):
            module = inspect.getmodule(function)
            if module is None or module.__file__ is None:
                continue
            # What a module imports counts by what it does; the module itself, also where it is a declaration.
            code |= code_digests(module.__name__) | {f"{module.__name__} itself": file_digest(Path(module.__file__))}
        files = {
            f"{part.package}/{name}": digest_of(part.file(name).read_text(encoding="utf-8"))
            for part in section.parts
            for name in (part.template, *part.scripts)
        }
        words = [study.name, section.question, section.note, dict(section.glossary), [list(s) for s in section.sizes]]
        shown = [[figure.number, figure.name] for figure in study.figures]
        shown += [[part.name, part.heading] for part in section.parts]
        declared.append([words, shown, code, files])
    return declared


def _functions(study: Study) -> list[Callable[..., Any]]:
    """List the functions that make a study's figures, tables, answers and parts."""
    section = study.section
    functions = [*section.answers, *section.comparisons, *(part.make for part in section.parts)]
    functions += [function for function in (section.methods, section.described) if function is not None]
    for figure in study.figures:
        functions += [figure.draw, figure.caption, *figure.tables]
    return functions


def _read(note: Path) -> dict:
    try:
        return json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
