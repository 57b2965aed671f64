"""Which pictures are behind a cell of figure 6, each with its map and its boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.keys import find_step
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.regions.region_importance import scaled_at_input
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.emocam.associations import boxes_in_input
from o2b_helpers.studies.emocam.tables import EMOTION_BOXES, EMOTION_CAMS
from o2b_helpers.studies.object2brain.tables import DETECTIONS


@dataclass(frozen=True)
class SeenPicture:
    """One picture as a network sees it when it names an emotion.

    Attributes
    ----------
    image : str
        Its name in the corpus.
    pixels : array (height, width, 3) of uint8
        The picture as the network is shown it, resized and cropped.
    cam : array (map height, map width)
        The stored map of the named label on its own grid, scaled as the step `associations` does: resized to the input
        it runs from 0 to 1.
    boxes : DataFrame [class, importance, important, x0, y0, x1, y1]
        What is detected, in pixels of `pixels`, the most important first.
    """

    image: str
    pixels: np.ndarray
    cam: np.ndarray
    boxes: pd.DataFrame


class CellPictures:
    """The pictures of one network, read when they are asked for.

    Parameters
    ----------
    results : Results
        Needs emotion_boxes.parquet, emotion_cams_<model>.nc and detections.parquet.
    params : Params
        The profile that made them.
    architecture, weights : str
        The network, as the tables name it.

    Raises
    ------
    InputError
        The profile has no such model.
    """

    def __init__(self, results: Results, params: Params, architecture: str, weights: str) -> None:
        known = {(model.label, model.weights_label): model for model in params.analysis.emocam_models}
        if (architecture, weights) not in known:
            raise InputError(
                "The profile has no such model",
                value=f"{architecture} ({weights})",
                expected=f"one of {', '.join(f'{name} ({own})' for name, own in known)}",
                remedy="look at the pictures with the profile that made these results",
            )
        self.params, self.model, self.store = params, known[architecture, weights], Store(params.store)
        table = results.table(EMOTION_BOXES)
        self._boxes = table[(table["architecture"] == architecture) & (table["weights"] == weights)]
        self._detections = results.table(DETECTIONS)
        cams = results.arrays(EMOTION_CAMS, architecture)
        self._maps = cams["cam"].to_numpy()
        self._place = {str(name): row for row, name in enumerate(cams["picture"].to_numpy())}
        step = params.step("inputs")
        folder = find_step(params, step, self.store, for_step=params.step("associations"))
        self._corpus = inputs.load(params, folder).corpus
        self._shown = pictures(params, self.store, self.model, self._corpus, "corpus")

    def behind(self, label: str, kind: str) -> list[str]:
        """Name the pictures that are named `label` and show an important box of the class, the most important first."""
        boxes = self._boxes
        own = boxes[(boxes["predicted"] == label) & (boxes["class"] == kind) & (boxes["important"] == 1)]
        highest = own.groupby("image", sort=True)["importance"].max()
        return highest.sort_values(ascending=False, kind="stable").index.tolist()

    def seen(self, images: Sequence[str]) -> list[SeenPicture]:
        """Return some pictures of the corpus, by name, as the network sees them."""
        if not images:
            return []
        place = {name: row for row, name in enumerate(self._corpus["image"])}
        rows = [place[name] for name in images]
        table = self._corpus.iloc[rows]
        detections = self._detections[self._detections["image"].isin(set(images))]
        classes = sorted(detections["class"].unique())
        regions = boxes_in_input(self.params, self.model, table, detections, classes)
        corners = pd.DataFrame(regions.regions.boxes, columns=["x0", "y0", "x1", "y1"], index=regions.row)
        of_box = self._boxes.set_index("box")[["image", "class", "importance", "important"]]
        boxes = of_box.join(corners, how="inner").sort_values("importance", ascending=False, kind="stable")
        pixels = self._shown.pixels(rows).permute(0, 2, 3, 1).numpy()
        native = torch.from_numpy(self._maps[[self._place[name] for name in images]])
        cams = scaled_at_input(native, pixels.shape[1:3]).numpy()
        return [
            SeenPicture(name, pixels[row], cams[row], boxes[boxes["image"] == name].drop(columns="image"))
            for row, name in enumerate(images)
        ]
