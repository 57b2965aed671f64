"""Small pictures for figure 13, where they may be shown."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from PIL import Image, ImageOps

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.decoding import read_image
from o2b_helpers.inputs.images.folders import path_inside
from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.pictures.embedded import embedded
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import MUTED, SIZE_SMALL, number, safe
from o2b_helpers.studies.alignment.inputs import image_folders
from o2b_helpers.studies.common.shown_pictures import PicturesShown, pictures_of_kind
from o2b_helpers.studies.selectivity.image_sets import read_second
from o2b_helpers.studies.selectivity.tables import SETS

SIDE, GAP, LINE = 42, 3.6, 62  # pixels of the figure: a picture, between two, from the first set's to the second's
PIXELS = 2 * SIDE  # of a picture, so that it is sharp on paper
QUALITY = 80
MOST = 6  # pictures of a filter and set
NO_PROFILE = "No pictures are shown here: the profile that finds them is not at hand."


class Thumbnails:
    """The pictures of both image sets, small and square; read when they are asked for.

    Parameters
    ----------
    results : Results
        With the profile that made them; without it no picture is shown.
    """

    def __init__(self, results: Results) -> None:
        self._params = results.params
        self.shown = {name: _may_be_shown(results.params, place) for place, name in enumerate(SETS)}
        self._folders: dict[str, Path] = {}

    @property
    def any(self) -> bool:
        """Whether the pictures of one of the sets may be shown."""
        return any(shown.allowed for shown in self.shown.values())

    @property
    def reason(self) -> str:
        """Why pictures are missing, a sentence for both sets; empty where all are shown."""
        return " ".join(dict.fromkeys(shown.reason for shown in self.shown.values() if not shown.allowed))

    def of(self, rows: pd.DataFrame, image_set: str, most: int) -> list[tuple[str, str]]:
        """Return the first pictures of a filter: name, and address of an embedded JPEG.

        Parameters
        ----------
        rows : DataFrame
            Of example_filters.csv: image_set, rank, image; of one filter.
        image_set : str
            ``first`` or ``second``.
        most : int
            How many.
        """
        if not self.shown[image_set].allowed:
            return []
        own = rows[rows["image_set"] == image_set].sort_values("rank").head(most)
        try:
            return [(str(name), self._address(image_set, str(name))) for name in own["image"]]
        except Object2BrainError as error:  # the results are whole without them
            reason = f"The pictures of the {image_set} image set cannot be read: {error.problem.rstrip('.')}."
            self.shown[image_set] = PicturesShown(False, reason)
            return []

    def _address(self, image_set: str, image: str) -> str:
        assert self._params is not None  # else none may be shown
        if image_set not in self._folders:
            self._folders[image_set] = _folder(self._params, SETS.index(image_set))
        options = self._params.analysis
        second = image_set == SETS[1] and options.selectivity.second is not None
        limit = (options.selectivity.second if second else options.corpus).max_pixels
        return address(read_image(path_inside(self._folders[image_set], image), limit))


def add_pictures(grid: PanelGrid, row: int, column: int, thumbnails: Thumbnails, rows: pd.DataFrame) -> None:
    """Put the strongest pictures of a filter into a panel of its own, those of the first set above.

    Parameters
    ----------
    grid : PanelGrid
        Of the figure.
    row, column : int
        The panel.
    thumbnails : Thumbnails
        Where pictures come from.
    rows : DataFrame
        Of example_filters.csv: those of the filter.
    """
    bare = {"visible": False, "range": [0, grid.width], "fixedrange": True}
    grid.axes(row, column, bare, bare | {"range": [grid.height, 0]})
    suffix, images = grid.number(row, column), grid.layout.setdefault("images", [])
    for line, image_set in enumerate(SETS):
        shown = thumbnails.of(rows, image_set, MOST)
        valence = rows[rows["image_set"] == image_set].set_index("image")["scaled_valence"]
        top = 12 + line * LINE
        words = f"{image_set} set" if shown else f"{image_set} set: not shown"
        grid.text(words, grid._x(column), grid._y(row) + top, size=SIZE_SMALL, color=MUTED)
        places = [place * (SIDE + GAP) for place in range(len(shown))]
        for left, (_, source) in zip(places, shown, strict=True):
            images.append({"source": source, "xref": f"x{suffix}", "yref": f"y{suffix}", "x": left, "y": top + 2,
                           "sizex": SIDE, "sizey": SIDE, "xanchor": "left", "yanchor": "top"})  # fmt: skip
        hover = [f"{place + 1}. {safe(name, 40)}<br>valence {number(float(valence[name]))}"
                 for place, (name, _) in enumerate(shown)]  # fmt: skip
        grid.add(
            go.Scatter(
                x=[left + SIDE / 2 for left in places], y=[top + 2 + SIDE / 2] * len(places), mode="markers",
                marker={"size": SIDE, "symbol": "square", "opacity": 0}, customdata=hover,
                hovertemplate="%{customdata}<extra></extra>", showlegend=False,
            ), row, column,
        )  # fmt: skip


def address(picture: Image.Image) -> str:
    """Cut a picture square, make it small, and return it as the address of an embedded JPEG.

    Examples
    --------
    >>> address(Image.new("RGB", (200, 100)))[:23]
    'data:image/jpeg;base64,'
    """
    return embedded(ImageOps.fit(picture, (PIXELS, PIXELS), Image.Resampling.BILINEAR), quality=QUALITY)


def _may_be_shown(params: Params | None, place: int) -> PicturesShown:
    if params is None:
        return PicturesShown(False, NO_PROFILE)
    second = params.analysis.selectivity.second
    return pictures_of_kind(params, params.analysis.corpus.kind if place == 0 or second is None else second.kind)


def _folder(params: Params, place: int) -> Path:
    store = Store(params.store)
    if place == 0 or params.analysis.selectivity.second is None:
        return image_folders(params, store)[0]
    return read_second(params, store).folder
