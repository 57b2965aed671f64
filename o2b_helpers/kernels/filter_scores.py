"""Class scores of every filter: how much of a filter's GradCAM map lies on each object class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from o2b_helpers.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.box_maxima import Workspace
from o2b_helpers.kernels.box_statistics import BLOCK_BYTES, SCORES, box_scores, box_statistics, pixel_boxes
from o2b_helpers.kernels.filter_cams import RUNS_AT_ONCE, LayerMaps, layer_maps, maps_and_gradients
from o2b_helpers.models.meta import META, meta_backbone, peak_bytes

if TYPE_CHECKING:
    from o2b_helpers.models.backbone import Backbone

CAM_SCALES = ("filter", "layer")
BATCH_SIZE = 16
GAPS = 1 / 6  # share of memory that an allocator holds without using it


@dataclass(frozen=True)
class FilterScores:
    """Sums that add up over shards of images (METHODS 3).

    Parameters
    ----------
    score_sum : array (run, filter, class)
        Sum of the box scores over all boxes of a class, float64.
    box_count : array (class,)
        Boxes that went into each sum, int64.
    layer, channel : array (filter,)
        Where each filter stands: module path and channel.
    dropped : int
        Boxes of which nothing lay inside the model's input; in neither sum nor count.
    """

    score_sum: np.ndarray
    box_count: np.ndarray
    layer: np.ndarray
    channel: np.ndarray
    dropped: int = 0

    @property
    def mean(self) -> np.ndarray:
        """S (run, filter, class): the mean score of a class's boxes, NaN for a class without any."""
        counted = np.where(self.box_count > 0, self.box_count, 1)
        return np.where(self.box_count > 0, self.score_sum / counted, np.nan)

    def __add__(self, other: FilterScores) -> FilterScores:
        same = (
            self.score_sum.shape == other.score_sum.shape
            and np.array_equal(self.layer, other.layer)
            and np.array_equal(self.channel, other.channel)
        )
        if not same:
            raise InputError(
                "Filter scores of different filters, runs or classes cannot be added",
                value=f"{self.score_sum.shape} and {other.score_sum.shape} (run, filter, class)",
                expected="the same layers, channels, runs and classes in both",
                remedy="add only shards of one step",
            )
        return FilterScores(
            self.score_sum + other.score_sum,
            self.box_count + other.box_count,
            self.layer,
            self.channel,
            self.dropped + other.dropped,
        )


def filter_scores(
    backbone: Backbone,
    images: torch.Tensor,
    head_weight: torch.Tensor,
    head_bias: torch.Tensor,
    boxes: torch.Tensor,
    box_image: torch.Tensor,
    box_class: torch.Tensor,
    n_classes: int,
    layers: Sequence[str],
    *,
    score: str = "homogeneity",
    cam_scale: str = "filter",
    output: str = "linear",
    batch_size: int = BATCH_SIZE,
    block_bytes: int = BLOCK_BYTES,
) -> FilterScores:
    """Sum the box scores of every filter by object class, for every run (the paper, section 3.1).

    A filter's map is relu(w A). Scaled per filter the size of w cancels: the map is that of A where w > 0 and
    empty where w <= 0 (METHODS 3, identity 3), so the box statistics are computed once and shared by all runs.
    Scaled per layer it is divided by the largest value of relu(w A) over the layer's filters in that image, without
    taking a minimum off, so that filters keep their relative strength; every score then grows with w.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed images, finite.
    head_weight, head_bias : tensor (run, feature), (run,)
        The heads that share this backbone.
    boxes : tensor (box, 4)
        x0, y0, x1, y1 in pixels of the model's input, fractions allowed.
    box_image, box_class : tensor (box,)
        Image and class of each box, whole numbers from 0.
    n_classes : int
        Length of the class axis.
    layers : sequence of str
        Target layers, by module path; they follow each other on the filter axis.
    score : {"homogeneity", "mean", "max"}
        See :func:`box_scores`.
    cam_scale : {"filter", "layer"}
        What each map is scaled by.
    output : {"linear", "sigmoid"}
        What follows the linear layer.
    batch_size : int
        Images in one forward pass; bounds the memory for maps and gradients.
    block_bytes : int
        Bound on the working memory for the box statistics, bytes.

    Returns
    -------
    FilterScores
        Sums and counts; scores 0..1.

    Raises
    ------
    InputError, ParameterError, ModelError
        Values that are not finite, indices out of range, unknown options, maps that are not ReLU'd.
    """
    checks.choice("score", score, SCORES)
    checks.choice("cam_scale", cam_scale, CAM_SCALES)
    checks.positive("batch_size", batch_size)
    size = (int(images.shape[-2]), int(images.shape[-1]))
    pixels, kept = pixel_boxes(boxes, *size)
    box_image = _indices("box_image", box_image, len(kept), len(images))[kept]
    box_class = _indices("box_class", box_class, len(kept), n_classes)[kept]
    channels = [backbone.shape(layer)[0] for layer in layers]
    first = np.concatenate([[0], np.cumsum(channels)])
    total = torch.zeros(n_classes, len(head_weight), int(first[-1]), dtype=torch.float64)
    workspace = None
    for start in range(0, len(images), batch_size):
        in_batch = torch.nonzero((box_image >= start) & (box_image < start + batch_size))[:, 0]
        if not len(in_batch):
            continue
        used, owner = _by_number_of_boxes(box_image[in_batch])
        own_classes = box_class[in_batch]
        found = layer_maps(backbone, images[used], head_weight, head_bias, layers, output)
        workspace = workspace or Workspace(found[layers[0]].maps)
        for number, layer in enumerate(layers):
            one = found.pop(layer)
            mean, maximum = box_statistics(
                one.maps,
                pixels[in_batch],
                owner,
                size,
                scale="map" if cam_scale == "filter" else "none",
                extremes=(one.lowest, one.highest),
                block_bytes=block_bytes,
                workspace=workspace,
            )
            scores = box_scores(mean, maximum, score).to("cpu", torch.float64)
            by_run = _strength(one, cam_scale).transpose(0, 1)[owner] * scores[:, None]
            total[:, :, first[number] : first[number + 1]].index_add_(0, own_classes, by_run)
    return FilterScores(
        total.permute(1, 2, 0).contiguous().numpy(),  # safetensors writes memory as it lies, whatever its axes
        np.bincount(box_class.numpy(), minlength=n_classes).astype(np.int64),
        np.repeat(np.asarray(layers, dtype=str), channels),
        np.concatenate([np.arange(count) for count in channels]).astype(np.int64),
        int((~kept).sum()),
    )


def scoring_bytes(
    backbone: Backbone,
    batch_size: int,
    layers: Sequence[str],
    runs: int,
    boxes_per_image: float,
    n_classes: int,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> int:
    """Estimate the working memory of :func:`filter_scores` beyond the network and the images it is given.

    Parameters
    ----------
    backbone : Backbone
        The network, or its shapes only (:func:`o2b_helpers.models.meta.meta_backbone`).
    batch_size, layers, n_classes, block_bytes
        As for :func:`filter_scores`.
    runs, boxes_per_image : int, float
        Number of heads; boxes of an image on average.

    Returns
    -------
    int
        Bytes; measured were 0.8 to 1.15 of them.
    """
    shapes = backbone if backbone.device == META else meta_backbone(backbone.name)
    size = backbone.preprocessing.crop
    passes = peak_bytes(
        lambda: maps_and_gradients(
            shapes,
            torch.empty(batch_size, 3, size, size, device=META),
            torch.empty(min(runs, RUNS_AT_ONCE + 1), backbone.n_features, device=META),
            layers,
        )
    )
    filters = [backbone.shape(layer)[0] for layer in layers]
    # mean, maximum and score of each box, then each run's share of it, in double precision
    boxes = int(batch_size * boxes_per_image) * max(filters) * (4 * 6 + 8 * (1 + 3 * runs))
    weights, sums = 8 * runs * batch_size * sum(filters), 2 * 8 * n_classes * runs * sum(filters)
    # what the passes leave is not given back at once, nor without gaps
    return int(passes * (1 + GAPS)) + block_bytes + boxes + weights + sums


def _by_number_of_boxes(box_image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Images that have a box, those with few first, and each box's place among them.

    Images without a box add nothing and are not run; neighbours of like number need little filling up.
    """
    used, owner, count = torch.unique(box_image, return_inverse=True, return_counts=True)
    order = torch.argsort(count, stable=True)
    return used[order], torch.argsort(order)[owner]


def _strength(found: LayerMaps, cam_scale: str) -> torch.Tensor:
    """Give each run's factor on the shared scores, (run, image, channel) float64, 0 where its map is empty."""
    if cam_scale == "filter":
        return (found.weights > 0).to(torch.float64)
    positive = found.weights.clamp(min=0.0)
    peak = (positive * found.highest.to("cpu", torch.float64)).amax(2, keepdim=True)
    return torch.where(peak > 0, positive / torch.where(peak > 0, peak, 1.0), 0.0)


def _indices(name: str, values: torch.Tensor, length: int, limit: int) -> torch.Tensor:
    values = torch.as_tensor(values).cpu()
    fits = values.ndim == 1 and len(values) == length and not values.is_floating_point()
    if not fits or (length and not bool(((values >= 0) & (values < limit)).all())):
        raise InputError(
            f"{name} does not fit",
            value=f"shape {tuple(values.shape)}, {values.dtype}"
            + (f", {values.min()}..{values.max()}" if values.numel() else ""),
            expected=f"{length} whole numbers, 0..{limit - 1}",
            remedy="give one for each box, counted from 0",
        )
    return values.to(torch.int64)
