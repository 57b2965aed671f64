"""What a filter answers to in the corpus: pictures with its strongest response, its map, boxes and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.progress import progress
from o2b_helpers.kernels.cams.filter_cams import filter_maps
from o2b_helpers.kernels.cams.filter_scores import filter_scores
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.common.shown_pictures import pictures_shown
from o2b_helpers.studies.object2brain.box_scores.carried_boxes import has_area
from o2b_helpers.studies.object2brain.explorer.live_network import LiveNetwork

MOST_CANDIDATES = 1000  # pictures that are looked through for the strongest ones
SHOWN = 6


@dataclass(frozen=True)
class FilterPicture:
    """One picture as a filter sees it.

    Attributes
    ----------
    image : str
        Its name in the corpus.
    response : float
        Spatial mean of the filter's feature map (METHODS 6).
    pixels : array (height, width, 3) of uint8
        The picture as the network is shown it, resized and cropped.
    cam : array (height, width)
        The feature map on its own grid, scaled to 0..1: the filter's GradCAM map in the runs in which its weight w is
        above zero, and in no other (METHODS 3, identity 3).
    positive_runs, runs : int
        In how many runs w is above zero on this picture.
    boxes : DataFrame [class, confidence, x0, y0, x1, y1, map_score, score]
        Detected boxes in pixels of `pixels`, the highest first. map_score 0..1 is the score of the feature map in the
        box; score is what the box adds to the filter's sensitivity: the mean over runs, 0 in runs with w not above 0.
    """

    image: str
    response: float
    pixels: np.ndarray
    cam: np.ndarray
    positive_runs: int
    runs: int
    boxes: pd.DataFrame


class FilterPictures:
    """Pictures of a model's filters, computed when they are asked for.

    Parameters
    ----------
    network : LiveNetwork
        The model; notebook 05 must have run with its profile, too.
    """

    def __init__(self, network: LiveNetwork) -> None:
        self.network = network
        self.may_be_shown = pictures_shown(network.params)
        self.corpus = network.inputs.corpus
        self._shown = pictures(network.params, network.store, network.model, self.corpus, "corpus")
        self._boxes = pd.read_parquet(network.folder("objects") / "results" / "detections.parquet")
        self._responses: dict[str, np.ndarray] = {}
        self.candidates = np.arange(len(self.corpus))
        if len(self.corpus) > MOST_CANDIDATES:
            draw = np.random.default_rng(network.params.analysis.seed)
            self.candidates = np.sort(draw.choice(len(self.corpus), MOST_CANDIDATES, replace=False))

    @torch.no_grad()
    def responses(self, layer: str) -> np.ndarray:
        """Return the response (candidate, filter) of a layer's filters: the spatial mean of each feature map."""
        if layer not in self._responses:
            backbone, size = self.network.backbone, self.network.params.execution.batch_size
            starts, responses = range(0, len(self.candidates), size), []
            for start in progress(starts, f"looking for the strongest pictures at {layer}", len(starts)):
                shown = self._shown.pick(self.candidates[start : start + size].tolist())
                responses.append(backbone.trunk(shown.to(backbone.device), layer).mean((2, 3)).cpu().numpy())
            self._responses[layer] = np.concatenate(responses)
        return self._responses[layer]

    def top(self, layer: str, channel: int, count: int = SHOWN) -> list[FilterPicture]:
        """Return the candidates with a filter's strongest responses; none where it never responds."""
        response = self.responses(layer)[:, channel]
        order = np.argsort(-response, kind="stable")[:count]
        return self.seen(layer, channel, self.candidates[order[response[order] > 0]].tolist())

    def seen(self, layer: str, channel: int, rows: Sequence[int]) -> list[FilterPicture]:
        """Return some pictures of the corpus, by row, as a filter sees them."""
        if not rows:
            return []
        network, backbone, options = self.network, self.network.backbone, self.network.params.analysis
        images, carried = self._shown.pick(rows).to(backbone.device), [self._carried(row) for row in rows]
        boxes = pd.concat(carried, ignore_index=True)
        maps, weights = filter_maps(backbone, images, network.readout, [layer])[layer]
        scores = filter_scores(
            backbone,
            images,
            network.readout,
            torch.tensor(boxes[["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64)),
            torch.as_tensor(np.repeat(np.arange(len(rows)), [len(part) for part in carried])),
            torch.arange(len(boxes)),  # every box is a class of its own: its sum is its score
            len(boxes),
            [layer],
            score=options.sensitivity.score,
            cam_scale=options.sensitivity.cam_scale,
            ungated=True,
        )
        assert scores.ungated_sum is not None  # asked for above
        boxes["map_score"] = scores.ungated_sum[channel]
        boxes["score"] = scores.score_sum[:, channel].mean(axis=0)
        ends = np.cumsum([len(part) for part in carried])
        pixels = self._shown.pixels(rows).permute(0, 2, 3, 1).numpy()
        seen = []
        for place, row in enumerate(rows):
            own = boxes.iloc[ends[place] - len(carried[place]) : ends[place]]
            feature_map = maps[place, channel].to("cpu", torch.float64).numpy()
            positive = int((weights[:, place, channel] > 0).sum())
            name, ranked = str(self.corpus["image"].iloc[row]), own.sort_values(["score", "map_score"], ascending=False)
            scaled = _scaled(feature_map)
            seen.append(
                FilterPicture(name, float(feature_map.mean()), pixels[place], scaled, positive, len(weights), ranked)
            )
        return seen

    def _carried(self, row: int) -> pd.DataFrame:
        """Return the boxes of a picture in pixels of the network's input, those outside of it left out."""
        picture = self.corpus.iloc[row]
        boxes = self._boxes.loc[self._boxes["image"] == picture["image"], ["class", "confidence"]]
        corners = self._boxes.loc[boxes.index, ["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64)
        inside = self._shown.preprocessing.boxes_to_input(corners, picture["width"], picture["height"])
        places = pd.DataFrame(inside, columns=["x0", "y0", "x1", "y1"], index=boxes.index)
        return boxes.join(places)[has_area(places.to_numpy())]


def _scaled(values: np.ndarray) -> np.ndarray:
    """Min-max scale a map; one without any spread is empty."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
