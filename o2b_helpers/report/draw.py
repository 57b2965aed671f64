"""Write the figures as pages to open and, where a browser is found, as pictures to print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.files.atomic import write_atomically, writing
from o2b_helpers.core.progress import say
from o2b_helpers.core.study import Study
from o2b_helpers.report.embed import data_json, figure_json, policy, scripts
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import DARK

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
        from o2b_helpers.report.pictures.files import write_pictures  # what starts a browser takes a moment to import

        written += write_pictures(drawn, folder)
    name_earlier(folder, written)
    return written


def page_template(name: str, package: str = "o2b_helpers.report", folder: str = "templates") -> jinja2.Template:
    """Load a template of a package; everything put into it is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, folder), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(name)


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
