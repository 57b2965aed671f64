"""Executed notebooks as pages for a browser: words, figures and tables, the code folded away, nothing fetched."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bleach
from nbconvert.filters import ansi2html, markdown2html, strip_ansi

from o2b_helpers.core.errors import StoreError
from o2b_helpers.core.files.atomic import write_atomically
from o2b_helpers.report.draw import page_template
from o2b_helpers.report.embed import data_json, policy, scripts
from o2b_helpers.report.style import DARK

PLOTLY, WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"
PICTURE = "Picture drawn by the cell above"
TAGS = {
    "a", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "details", "div", "dl", "dt", "em", "h1",
    "h2", "h3", "h4", "hr", "i", "img", "li", "ol", "p", "pre", "small", "span", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip


def _of_a_picture(tag: str, name: str, value: str) -> bool:
    """Allow a picture that the output itself carries; one from elsewhere would have to be fetched."""
    return name == "alt" or (name == "src" and value.startswith("data:image/"))


ATTRIBUTES = {"a": ["href"], "img": _of_a_picture, "th": ["colspan", "rowspan", "scope"], "td": ["colspan", "rowspan"]}


@dataclass(frozen=True)
class Piece:
    """A part of a notebook page: ``kind`` is words, code, html, text, picture, figure or note."""

    kind: str
    content: str
    name: str = ""
    label: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class NotebookPage:
    """A page that was written: its file, and the notebook's title."""

    file: Path
    title: str


def write_notebook_pages(
    notebooks: Path, folder: Path, profile: str, project: Path | None = None
) -> list[NotebookPage]:
    """Write a page for every executed notebook.

    Parameters
    ----------
    notebooks : Path
        The folder of the executed notebooks (``runs/<profile>/notebooks``); it may be missing.
    folder : Path
        Where the pages go, beside the report: ``<notebook>.html``.
    profile : str
        The profile's name, shown on the pages.
    project : Path, optional
        The folder of the project: its path on this machine is left out of what the pages show.

    Returns
    -------
    list of NotebookPage
        In the notebooks' order.

    Raises
    ------
    StoreError
        When a file is no notebook.
    """
    pages = []
    for path in sorted(Path(notebooks).glob("*.ipynb")):
        try:
            text = path.read_text(encoding="utf-8")
            if project is not None:
                text = text.replace(json.dumps(str(project))[1:-1] + "/", "")
            cells = json.loads(text)["cells"]
            pieces = [piece for number, cell in enumerate(cells) for piece in _cell(cell, number)]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise StoreError(
                "an executed notebook cannot be read",
                value=f"{path.name} ({type(error).__name__}: {error})",
                expected="a notebook of format 4",
                remedy="delete it and run the series again: it is executed anew",
            ) from error
        title = _title(cells) or path.stem
        used = scripts(figures=any(piece.kind == "figure" for piece in pieces))
        page = page_template("notebook.html.jinja").render(
            policy=policy(used), scripts=used, title=title, profile=profile, pieces=pieces, colours=data_json(DARK)
        )
        file = Path(folder) / f"{path.stem}.html"
        write_atomically(file, page.encode("utf-8"))
        pages.append(NotebookPage(file, title))
    return pages


def clean(text: str) -> str:
    """Keep only the markup of words and tables; everything else of an output is shown as text or left out."""
    without_styles = re.sub(r"<(style|script)\b.*?</\1\s*>", "", text, flags=re.S | re.I)
    named = re.sub(r"<th>\s*</th>", "<td></td>", without_styles)  # a heading must say something
    kept = bleach.clean(named, TAGS, ATTRIBUTES, protocols={"http", "https", "data"}, strip=False)
    kept = re.sub(r"<img(?![^>]*\bsrc=)[^>]*>", "", kept)  # a picture from elsewhere, of which nothing is left
    return re.sub(r"<img(?![^>]*\balt=)", f'<img alt="{PICTURE}"', kept)


def _title(cells: list[Mapping[str, Any]]) -> str:
    for cell in cells:
        heading = re.search(r"^# (.+)$", _text(cell["source"]), flags=re.M)
        if cell["cell_type"] == "markdown" and heading:
            return heading.group(1).strip()
    return ""


def _cell(cell: Mapping[str, Any], number: int) -> list[Piece]:
    source = _text(cell["source"])
    if cell["cell_type"] == "markdown":
        linked = re.sub(r'<a class="anchor-link".*?</a>', "", markdown2html(source))
        return [Piece("words", clean(linked))]
    if cell["cell_type"] != "code":
        return []
    pieces = [Piece("code", source)] if source.strip() else []
    for place, output in enumerate(_joined(cell.get("outputs", []))):
        pieces += _output(output, f"{number}-{place}")
    return pieces


def _joined(outputs: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Join printed lines that were sent piece by piece."""
    joined: list[Mapping[str, Any]] = []
    for output in outputs:
        if output["output_type"] == "stream" and joined and joined[-1]["output_type"] == "stream":
            joined[-1] = {**joined[-1], "text": _text(joined[-1]["text"]) + _text(output["text"])}
        else:
            joined.append(output)
    return joined


def _output(output: Mapping[str, Any], name: str) -> list[Piece]:
    kind = output["output_type"]
    if kind == "stream":
        return [Piece("html", f"<pre>{ansi2html(_text(output['text']))}</pre>")]
    if kind == "error":
        return [Piece("text", strip_ansi("\n".join(output["traceback"])))]
    data = output["data"]
    if PLOTLY in data:
        figure = data[PLOTLY]
        layout = figure.get("layout", {})
        title = layout.get("title", {})
        label = title.get("text", "") if isinstance(title, dict) else str(title)
        label = bleach.clean(label, tags=set(), strip=True) or "Figure"
        figure = {"data": figure["data"], "layout": layout}
        size = int(layout.get("width") or 900), int(layout.get("height") or 450)
        return [Piece("figure", data_json(figure), f"figure-{name}", label, *size)]
    if WIDGET in data:
        return [Piece("note", "A control stood here. It needs a running kernel: open the notebook in JupyterLab.")]
    if "image/png" in data:
        content = base64.b64encode(base64.b64decode(_text(data["image/png"]))).decode("ascii")
        return [Piece("picture", content, label=PICTURE)]
    if "text/html" in data:
        return [Piece("html", clean(_text(data["text/html"])))]
    return [Piece("text", _text(data.get("text/plain", "")))]


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
