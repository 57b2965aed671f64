"""Draw a profile's figures and write its report, unless they show these very results already."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from o2b_helpers.core.digests import code_digests, digest_of, file_digest
from o2b_helpers.core.errors import DamagedFile
from o2b_helpers.core.files.known_digests import known_digest
from o2b_helpers.core.files.sealed import read_sealed, write_sealed
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.running.executed import check_executed
from o2b_helpers.core.study import Study
from o2b_helpers.report.draw import draw_figures, name_earlier
from o2b_helpers.report.notebook_pages import write_notebook_pages
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results

MOST_NAMED = 4  # changed files that are listed by name


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
    results = Results(params.runs / "results", studies, params)
    report = params.runs / "report"
    files = {p.name: known_digest(p) for p in sorted(results.folder.iterdir()) if p.is_file()}
    notebooks = params.runs / "notebooks"
    check_executed(notebooks, dict.fromkeys(step.notebook for step in results.steps))
    executed = {p.name: known_digest(p) for p in sorted(notebooks.glob("*.ipynb"))}
    shown = [files, executed, params.execution.show_pictures]
    mark = digest_of([*shown, code_digests("o2b_helpers.report.publish"), _page_parts(), _declared(studies)])
    note = report / "drawn_from.json"
    drawn, folders = _read(note), {"report": report, "figures": params.figures}
    changed = _changed(drawn, folders)
    if again or changed or drawn.get("mark") != mark or _lacks_pictures(drawn):
        if changed and drawn.get("mark") == mark:
            say(f"  {', '.join(changed[:MOST_NAMED])}: not as they were written, so figures and report are made again")
        if not drawn:
            say("computing figures and report (not there yet)")
        figures = draw_figures(results, studies, params.figures, params.name)
        pages = write_notebook_pages(notebooks, report, params.name, params.project)
        page = write_report(results, studies, report, pages)
        made = {"report": [page, *(p.file for p in pages)], "figures": figures}
        drawn = {"mark": mark, **{name: {p.name: file_digest(p) for p in made[name]} for name in folders}}
        write_sealed(note, drawn)
    else:
        say("reused    figures and report: they show these results already")
        name_earlier(params.figures, [params.figures / name for name in drawn["figures"]])
    page = report / next(iter(drawn["report"]))
    say(f"results:  {results.folder}")
    say(f"figures:  {params.figures} ({len(drawn['figures'])} files)")
    say(f"report:   {page}")
    return page


def _changed(drawn: dict[str, Any], folders: Mapping[str, Path]) -> list[str]:
    """List the files that were drawn and do not lie there as they were written."""
    files = {folder / file: digest for name, folder in folders.items() for file, digest in drawn.get(name, {}).items()}
    return [path.name for path, digest in files.items() if not path.is_file() or known_digest(path) != digest]


def _lacks_pictures(drawn: Mapping[str, Any]) -> bool:
    """Say whether figures were drawn as pages only, for want of a browser, and there is one now."""
    kinds = {Path(name).suffix for name in drawn["figures"]}
    if not kinds or ".png" in kinds:
        return False
    from o2b_helpers.report.pictures.browser import has_browser  # what starts a browser takes a moment to import

    return has_browser()


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
        words: list[Any] = [study.name, section.question, section.note, dict(section.glossary)]
        words.append([list(size) for size in section.sizes])
        words.append([[d.what, d.paper, d.ours, list(d.options)] for d in section.departures])
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


def _read(note: Path) -> dict[str, Any]:
    try:
        return read_sealed(note) or {}
    except DamagedFile as error:
        say(f"  {error.problem.rstrip('.')}: figures and report are made again")
        return {}
