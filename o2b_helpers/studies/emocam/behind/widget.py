"""Figure 6 to click on in a notebook: a cell's pictures with map and boxes."""

from __future__ import annotations

import ipywidgets as widgets
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.params import Params
from o2b_helpers.report.pictures.laid_over import Outline, laid_over, outlined
from o2b_helpers.report.pictures.markup import paragraph, text
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number
from o2b_helpers.studies.common.shown_pictures import OPTION, pictures_shown
from o2b_helpers.studies.emocam.behind.cell_pictures import CellPictures, SeenPicture
from o2b_helpers.studies.emocam.behind.page import HINT, strongest_first
from o2b_helpers.studies.emocam.figures.associations import drawn_cells, figure_6

SIDE = 200  # pixels of a picture in the notebook
MOST_IN_A_CELL = 12
CHOOSE = (
    "No cell is chosen yet. The pictures you choose to see stay in this notebook when you save it: mind that before "
    f"you pass it on ({OPTION})."
)


def association_pictures(results: Results, params: Params) -> AssociationPictures:
    """Build figure 6 with the pictures behind its cells.

    Parameters
    ----------
    results : Results
        Of the step `associations`.
    params : Params
        The profile that made them.

    Returns
    -------
    AssociationPictures
        A widget: show it as the last line of a notebook cell.

    Raises
    ------
    NothingToShow
        No model names emotions in this profile.
    """
    return AssociationPictures(results, params)


class AssociationPictures(widgets.VBox):
    """The widget. Its state is three choices: network, named emotion and class; None before one is made.

    It starts with the strongest cell where pictures may be passed on, and else without: an executed notebook holds what
    its widgets show.
    """

    def __init__(self, results: Results, params: Params) -> None:
        self._results, self._params = results, params
        self._readers: dict[str, CellPictures] = {}
        self._choosing = False
        self.cells, self.figure = drawn_cells(results), go.FigureWidget(figure_6(results))
        for trace in self.figure.data:
            trace.on_click(self._clicked)
        wide = widgets.Layout(width="21rem")
        self.network, self.label, self.kind = (
            widgets.Dropdown(description=name, layout=wide) for name in ("Network", "Emotion", "Class")
        )
        self.words, self.seen = widgets.HTML(), widgets.HTML()
        controls = widgets.HBox([self.network, self.label, self.kind], layout={"flex_flow": "row wrap"})
        super().__init__([self.figure, widgets.HTML(paragraph(HINT)), controls, self.words, self.seen])
        self.network.options = list(dict.fromkeys(self.cells["architecture"]))
        self._fill()
        self.network.observe(self._network_changed, "value")
        for choice in (self.label, self.kind):
            choice.observe(self._draw, "value")
        first = strongest_first(self.cells)
        if first and pictures_shown(params).allowed:
            self.choose(*self.cells.loc[first[0], ["architecture", "predicted", "class"]])
        else:
            self._draw()

    def choose(self, network: str, label: str | None, kind: str | None) -> None:
        """Show the pictures behind a cell."""
        self._choosing = True  # what depends on all three choices is drawn once
        try:
            self.network.value = network
            self._fill()
            self.label.value, self.kind.value = label, kind
        finally:
            self._choosing = False
        self._draw()

    def _fill(self) -> None:
        """List the emotions and classes of the chosen network; a choice that it has, too, is kept."""
        own = self.cells[self.cells["architecture"] == self.network.value]
        for choice, column in ((self.label, "predicted"), (self.kind, "class")):
            before, names = choice.value, list(dict.fromkeys(own[column]))
            choice.options = [("choose", None), *((name, name) for name in names)]
            choice.value = before if before in names else None

    def _network_changed(self, _=None) -> None:
        if not self._choosing:
            self.choose(self.network.value, self.label.value, self.kind.value)

    def _clicked(self, trace, points, _state) -> None:
        if points.xs:
            cell = self.cells.loc[trace.meta["cells"][int(points.ys[0])][int(points.xs[0])]]
            self.choose(cell["architecture"], cell["predicted"], cell["class"])

    def _draw(self, _=None) -> None:
        if self._choosing:
            return
        cells, wanted = self.cells, (self.network.value, self.label.value, self.kind.value)
        if None in wanted:
            self.words.value, self.seen.value = paragraph(CHOOSE), ""
            return
        chosen = (cells[["architecture", "predicted", "class"]] == list(wanted)).all(axis=1)
        cell = cells[chosen].iloc[0]
        try:
            reader = self._reader(cell)
            behind = reader.behind(cell["predicted"], cell["class"])
            shown = reader.seen(behind[:MOST_IN_A_CELL])
        except Object2BrainError as error:
            self.words.value, self.seen.value = paragraph(str(error)), ""
            return
        held = "No picture is behind this cell." if not behind else f"Shown: {len(shown)} of {len(behind)} pictures."
        self.words.value = paragraph(f"{cell['words']} {held}")
        pictures = "".join(_picture(picture, cell["predicted"], cell["class"]) for picture in shown)
        self.seen.value = f"<div style='display:flex;flex-wrap:wrap;gap:14px'>{pictures}</div>"

    def _reader(self, cell: pd.Series) -> CellPictures:
        name = cell["architecture"]
        if name not in self._readers:
            self._readers[name] = CellPictures(self._results, self._params, cell["model"], cell["weights"])
        return self._readers[name]


def _picture(picture: SeenPicture, label: str, kind: str) -> str:
    height, width = picture.pixels.shape[:2]
    corners = picture.boxes[["x0", "y0", "x1", "y1"]].to_numpy()
    own = (picture.boxes["class"] == kind).to_numpy()
    boxes = [Outline(place, kind="faint") for place in corners[~own]]
    listed, of_class = [], picture.boxes[own]
    for place, (corner, box) in enumerate(zip(corners[own], of_class.to_dict("records"), strict=True), start=1):
        boxes.append(Outline(corner, str(place), "strong" if box["important"] else "plain"))
        listed.append(f"{place}: {number(box['importance'])}{', important' if box['important'] else ''}")
    spoken = f"Picture {picture.image}, named {label}, with its map and the boxes of {kind}"
    drawn = outlined(laid_over(picture.pixels, picture.cam, SIDE), (width, height), SIDE, boxes, spoken)
    return (
        f"<figure style='margin:0;width:{SIDE}px;line-height:1.35'>{drawn}"
        f"<figcaption style='font-size:11px;overflow-wrap:anywhere'>{text(picture.image, 40)}"
        f"<div>{'; '.join(listed)}</div></figcaption></figure>"
    )
