"""Draw a profile's figures and write its report, unless they show these very results already."""

from __future__ import annotations

import json
from pathlib import Path

from o2b_helpers.core.digests import code_digests, digest_of, file_digest
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.store import write_atomically
from o2b_helpers.report.notebook_pages import write_notebook_pages
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results
from o2b_helpers.report.figures import draw_figures


def publish_views(params: Params, again: bool = False) -> Path:
    """Draw the figures, write the report, and name both.

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
    folder = params.runs / "results"
    report = params.runs / "report"
    files = {p.name: file_digest(p) for p in sorted(folder.iterdir()) if p.is_file()}
    notebooks = params.runs / "notebooks"
    executed = {p.name: file_digest(p) for p in sorted(notebooks.glob("*.ipynb"))}
    mark = digest_of([files, executed, code_digests("o2b_helpers.report.publish"), _page_parts()])
    note = report / "drawn_from.json"
    drawn = _read(note)
    whole = bool(drawn) and all(Path(p).is_file() for p in drawn.get("files", []) + drawn.get("pages", []))
    if again or not whole or drawn.get("mark") != mark:
        results = Results(folder)
        figures = draw_figures(results, params.figures, params.name)
        pages = write_notebook_pages(notebooks, report, params.name, params.project)
        page = write_report(results, report, pages)
        drawn = {"mark": mark, "files": [str(p) for p in [page, *figures]], "pages": [str(p.file) for p in pages]}
        write_atomically(note, json.dumps(drawn, indent=1).encode())
    else:
        say("reused    figures and report: they show these results already")
    page, *figures = drawn["files"]
    say(f"results:  {folder}")
    say(f"figures:  {params.figures} ({len(figures)} files)")
    say(f"report:   {page}")
    return Path(page)


def _page_parts() -> dict[str, str]:
    """Return the digests of what the pages are made of besides Python: templates, styles and scripts."""
    here = Path(__file__).parent
    return {p.name: file_digest(p) for part in ("templates", "scripts") for p in sorted((here / part).iterdir())}


def _read(note: Path) -> dict:
    try:
        return json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
