"""Write the figures as pages to open and, where a browser is found, as pictures to print."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import jinja2
import plotly.graph_objects as go
from PIL import Image

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.files.atomic import write_atomically, writing
from o2b_helpers.core.progress import say
from o2b_helpers.core.study import Study
from o2b_helpers.report.embed import data_json, figure_json, policy, scripts
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import DARK

PICTURE_SECONDS = 60
MOST_NAMED = 4  # files of earlier results that are listed by name


def draw_figures(
    results: Results, studies: Sequence[Study], folder: Path, profile: str, *, pictures: bool = True
) -> list[Path]:
    """Write the figures of some studies into a folder.

    Nothing is deleted: a file is replaced when its successor is there, and one line names what stays from earlier.

    Parameters
    ----------
    results : Results
        The results to draw.
    studies : sequence of Study
        Whose figures.
    folder : Path
        Where the files go (made where missing): ``figure_<number>_<name>.html``, each complete in itself, and
        ``.svg`` and ``.png`` where kaleido finds a Chrome or Chromium. Where it does not, one line says so.
    profile : str
        The profile's name, shown on the pages.
    pictures : bool
        Whether to draw SVG and PNG at all.

    Returns
    -------
    list of Path
        The files written. A figure whose results are missing is left out, and one line says why.
    """
    folder = Path(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    written, drawn = [], {}
    page_scripts = scripts()
    for declared in (figure for study in studies for figure in study.figures):
        try:
            figure, caption = declared.draw(results), declared.caption(results)
        except InputError as error:
            say(f"Figure {declared.number} is not drawn: {error.problem.rstrip('.')}. {error.remedy}")
            continue
        path = folder / f"figure_{declared.number}_{declared.name}.html"
        page = page_template("figure.html.jinja").render(
            policy=policy(page_scripts), scripts=page_scripts, figure=figure_json(figure), caption=caption,
            profile=profile, number=declared.number, colours=data_json(DARK), width=figure.layout.width,
            height=figure.layout.height,
        )  # fmt: skip
        write_atomically(path, page.encode("utf-8"))
        written.append(path)
        drawn[path.stem] = figure
    if pictures and drawn:
        written += _pictures(drawn, folder)
    name_earlier(folder, written)
    return written


def page_template(name: str, package: str = "o2b_helpers.report", folder: str = "templates") -> jinja2.Template:
    """Load a template of a package; everything put into it is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, folder), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(name)


def _pictures(drawn: dict[str, go.Figure], folder: Path) -> list[Path]:
    """Draw all SVG and PNG files with one browser; an older file is replaced only by a new one that is whole."""
    from o2b_helpers.report.browser import draw_pictures  # what starts a browser takes a moment to import

    written: list[Path] = []
    with writing(folder), tempfile.TemporaryDirectory(prefix=".drawing-", dir=folder) as name:
        aside = Path(name)
        wanted = []
        for stem, figure in drawn.items():
            size = {"width": figure.layout.width, "height": figure.layout.height}
            for kind, scale in (("svg", 1), ("png", 2)):
                options = size | {"format": kind, "scale": scale}
                wanted.append({"fig": figure.to_dict(), "path": str(aside / f"{stem}.{kind}"), "opts": options})
        for logger in ("kaleido", "choreographer"):
            logging.getLogger(logger).setLevel(logging.ERROR)
        try:
            reasons = [str(error) or type(error).__name__ for error in draw_pictures(wanted, PICTURE_SECONDS)]
        except Exception as error:  # whatever stops the browser must not stop the figures
            reasons = [str(error).strip() or type(error).__name__]
        for picture in (Path(order["path"]) for order in wanted):
            if picture.is_file() and picture.stat().st_size:
                (_same_bytes if picture.suffix == ".svg" else _small)(picture)
                os.replace(picture, folder / picture.name)
                written.append(folder / picture.name)
        if len(written) < len(wanted):
            lacking = f"Only {len(written)} of {len(wanted)}" if written else "No"
            reason = reasons[0].splitlines()[0][:160] if reasons else "it gave no reason"
            said = f"Chrome or Chromium could not draw them ({reason}). The HTML figures are there."
            say(f"{lacking} SVG and PNG figures: {said}")
    return written


def name_earlier(folder: Path, written: Sequence[Path]) -> None:
    """Say which figures in the folder are not of these results, so that none passes for one of them."""
    names = {path.name for path in written}
    earlier = sorted(
        path.name
        for path in folder.glob("figure_*")
        if path.suffix in (".html", ".svg", ".png") and path.name not in names
    )
    if earlier:
        more = f" and {len(earlier) - MOST_NAMED} more" if len(earlier) > MOST_NAMED else ""
        say(
            f"Figures of earlier results stay in {folder}, not drawn again; they may not show these results: "
            f"{', '.join(earlier[:MOST_NAMED])}{more}"
        )


def _small(path: Path) -> None:
    """Store a PNG with 256 colours: a third of the size, and the figures have far fewer."""
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def _same_bytes(path: Path) -> None:
    """Replace Plotly's random identifier, so that the same figure gives the same SVG."""
    text = path.read_text(encoding="utf-8")
    identifier = re.search(r'id="defs-([0-9a-f]{6})"', text)
    if identifier:
        path.write_text(text.replace(identifier.group(1), "figure"), encoding="utf-8")
