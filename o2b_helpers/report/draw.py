"""Write the figures as pages to open and, where a browser is found, as pictures to print."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import jinja2
import plotly.graph_objects as go
from PIL import Image

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.progress import say
from o2b_helpers.report.embed import data_json, figure_json, policy, scripts
from o2b_helpers.report.results import Results
from o2b_helpers.report.themes import DARK
from o2b_helpers.studies.alignment.figures.alignment_by_architecture import figure_1
from o2b_helpers.studies.alignment.figures.alignment_by_layer import figure_2
from o2b_helpers.studies.object2brain.captions import caption
from o2b_helpers.studies.object2brain.figures.category_overlap import figure_5
from o2b_helpers.studies.object2brain.figures.category_weights_by_architecture import figure_4
from o2b_helpers.studies.object2brain.figures.category_weights_by_layer import figure_3

FIGURES = {
    1: ("alignment_by_architecture", figure_1),
    2: ("alignment_by_layer", figure_2),
    3: ("category_weights_by_layer", figure_3),
    4: ("category_weights_by_architecture", figure_4),
    5: ("category_overlap", figure_5),
}
PICTURE_SECONDS = 60


def draw_figures(results: Results, folder: Path, profile: str, *, pictures: bool = True) -> list[Path]:
    """Write figures 1 to 5 into a folder.

    Parameters
    ----------
    results : Results
        The results to draw.
    folder : Path
        Where the files go (made where missing): ``figure_<number>_<what>.html``, each complete in itself, and
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
    folder.mkdir(parents=True, exist_ok=True)
    written, drawn = [], {}
    page_scripts = scripts()
    for number, (what, draw) in FIGURES.items():
        try:
            figure = draw(results)
        except InputError as error:
            say(f"Figure {number} is not drawn: {error.problem.rstrip('.')}. {error.remedy}")
            continue
        path = folder / f"figure_{number}_{what}.html"
        page = page_template("figure.html.jinja").render(
            policy=policy(page_scripts), scripts=page_scripts, figure=figure_json(figure),
            caption=caption(results, number), profile=profile, number=number, colours=data_json(DARK),
            width=figure.layout.width, height=figure.layout.height,
        )  # fmt: skip
        path.write_text(page, encoding="utf-8")
        written.append(path)
        drawn[path.with_suffix("")] = figure
    return written + (_pictures(drawn) if pictures else [])


def page_template(name: str) -> jinja2.Template:
    """Load a page template; everything put into it is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("o2b_helpers.report"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(name)


def _pictures(drawn: dict[Path, go.Figure]) -> list[Path]:
    """Draw all SVG and PNG files with one browser."""
    wanted, paths = [], []
    for stem, figure in drawn.items():
        size = {"width": figure.layout.width, "height": figure.layout.height}
        for kind, scale in (("svg", 1), ("png", 2)):
            path = stem.with_suffix(f".{kind}")
            path.unlink(missing_ok=True)  # an older picture must not pass for this run's
            wanted.append({"fig": figure.to_dict(), "path": str(path), "opts": size | {"format": kind, "scale": scale}})
            paths.append(path)
    try:
        import kaleido

        for name in ("kaleido", "choreographer"):
            logging.getLogger(name).setLevel(logging.ERROR)
        # Without this the page that draws would fetch MathJax from the network.
        page = kaleido.PageGenerator(mathjax=False)
        kaleido.write_fig_from_object_sync(wanted, kopts={"page_generator": page, "timeout": PICTURE_SECONDS})
    except Exception as error:  # whatever stops the browser must not stop the figures
        reason = str(error).strip().splitlines()
        reason = reason[0][:160] if reason else type(error).__name__
        say(f"No SVG and PNG figures: Chrome or Chromium could not draw them ({reason}). The HTML figures are there.")
    for path in paths:
        if path.is_file():
            (_same_bytes if path.suffix == ".svg" else _small)(path)
    return [path for path in paths if path.is_file()]


def _small(path: Path) -> None:
    """Store a PNG with 256 colours: a third of the size, and the figures have far fewer."""
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def _same_bytes(path: Path) -> None:
    """Replace Plotly's random identifier, so that the same figure gives the same SVG."""
    text = path.read_text(encoding="utf-8")
    found = re.search(r'id="defs-([0-9a-f]{6})"', text)
    if found:
        path.write_text(text.replace(found.group(1), "figure"), encoding="utf-8")
