"""The pictures behind the cells as data for the report, the strongest cells first, as far as there is room."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from o2b_helpers.report.downloads import pack
from o2b_helpers.report.embed import data_json
from o2b_helpers.report.parts import Part, PartContent
from o2b_helpers.report.pictures.laid_over import laid_over
from o2b_helpers.report.results import Results
from o2b_helpers.studies.common.shown_pictures import pictures_shown
from o2b_helpers.studies.emocam.behind.cell_pictures import CellPictures, SeenPicture
from o2b_helpers.studies.emocam.figures.associations import FIGURE, drawn_cells
from o2b_helpers.studies.emocam.tables import EMOTION_BOXES

MOST_CHARACTERS = 1_200_000
MOST_IN_A_CELL = 6
SIDE, QUALITY = 160, 72  # of a picture in the page: pixels at most, and of its JPEG
PARTS = 1000  # corners travel as whole thousandths of width and height
HINT = (
    "Click a cell of the figure, or choose it here: the pictures that are named the emotion and show an important box "
    "of the class, the most important first. The redder, the higher the class activation map of the named emotion, "
    "each from its lowest to its highest value. Numbered boxes are those of the class, a thick line where they are "
    "important; dashed boxes are other objects."
)
NO_PROFILE = (
    "No pictures are shown here: they are no results, and the profile that finds them is not at hand. `o2b report` "
    "writes this page with it."
)


def behind_content(results: Results, room: int) -> PartContent:
    """Make the part of the page below figure 6: pictures, or why there are none."""
    if results.params is None:
        return PartContent({"reason": NO_PROFILE})
    shown = pictures_shown(results.params)
    if not shown.allowed:
        return PartContent({"reason": shown.reason})
    made = behind_page(results, min(room, MOST_CHARACTERS))
    without = sum(1 for cell in made["cells"] if cell["left"] and not cell["pictures"])
    values = {
        "reason": "",
        "figure": FIGURE.number,
        "hint": HINT,
        "most": MOST_IN_A_CELL,
        "without": without,
        "megabytes": f"{MOST_CHARACTERS / 1e6:.1f}",
    }
    return PartContent(values, {"behind-data": pack(data_json(made).encode("utf-8"))})


def behind_page(results: Results, room: int = MOST_CHARACTERS, most: int = MOST_IN_A_CELL) -> dict[str, Any]:
    """Collect the pictures behind the cells of figure 6.

    Parameters
    ----------
    results : Results
        With the profile that made them; see :class:`CellPictures` for what they need.
    room : int
        Characters that the pictures may take. The cells with the largest lift have theirs first; where lift is not
        defined, those with the largest importance.
    most : int
        Pictures of a cell, at most; the most important ones.

    Returns
    -------
    dict
        ``cells``, in the order of the figure: network, label, class, what the cell shows in words, places in
        ``pictures``, and how many more there are. ``first``: the strongest cell. ``pictures``: name, address, height
        by width, and boxes (x0, y0, x1, y1 in thousandths, number of the class in ``classes``, importance in
        hundredths, important or not).
    """
    assert results.params is not None  # whoever calls has looked
    cells = drawn_cells(results)
    readers = {
        name: CellPictures(results, results.params, *rows.iloc[0][["model", "weights"]])
        for name, rows in cells.groupby("architecture", sort=False)
    }
    classes = sorted(set(results.table(EMOTION_BOXES)["class"]))
    number = {name: place for place, name in enumerate(classes)}
    behind = [
        readers[cell["architecture"]].behind(cell["predicted"], cell["class"]) for cell in cells.to_dict("records")
    ]
    places: dict[tuple[str, str], int] = {}
    kept: list[dict[str, Any]] = []
    chosen: dict[int, list[int]] = {}
    for row in strongest_first(cells):
        name, wanted = str(cells.at[row, "architecture"]), behind[row][:most]
        new = [image for image in wanted if (name, image) not in places]
        made = [_packed(picture, number) for picture in readers[name].seen(new)]
        taken = sum(len(data_json(picture)) for picture in made)
        if taken > room:
            continue
        room -= taken
        for image, picture in zip(new, made, strict=True):
            places[name, image] = len(kept)
            kept.append(picture)
        chosen[row] = [places[name, image] for image in wanted]
    told = [
        {
            "network": cell["architecture"], "label": cell["predicted"], "class": cell["class"], "words": cell["words"],
            "pictures": chosen.get(row, []), "left": len(behind[row]) - len(chosen.get(row, [])),
        }
        for row, cell in enumerate(cells.to_dict("records"))
    ]  # fmt: skip
    return {"cells": told, "pictures": kept, "classes": classes, "first": next(iter(chosen), 0)}


def strongest_first(cells: pd.DataFrame) -> list[int]:
    """Return the rows of cells by lift and then by importance, the largest first; those without a picture left out."""
    behind = cells[cells["count"] > 0]
    return behind.sort_values(["lift", "importance"], ascending=False, kind="stable", na_position="last").index.tolist()


def _packed(picture: SeenPicture, number: dict[str, int]) -> dict[str, Any]:
    height, width = picture.pixels.shape[:2]
    small = min(1.0, SIDE / max(height, width))
    size = round(width * small), round(height * small)
    pixels = np.asarray(Image.fromarray(picture.pixels).resize(size, Image.Resampling.BICUBIC))
    corners = picture.boxes[["x0", "y0", "x1", "y1"]].to_numpy() / [width, height, width, height]
    boxes = [
        [*map(int, np.rint(PARTS * place)), number[kind], round(100 * value), int(important)]
        for place, kind, value, important in zip(
            corners, picture.boxes["class"], picture.boxes["importance"], picture.boxes["important"], strict=True
        )
    ]
    address = laid_over(pixels, picture.cam, size[0], QUALITY)
    return {"name": picture.image, "src": address, "shape": height / width, "boxes": boxes}


BEHIND_PART = Part(
    "behind",
    heading="The pictures behind a cell",
    package=__package__,
    template="behind.html.jinja",
    scripts=("behind.js",),
    make=behind_content,
    figure=FIGURE.number,
)
