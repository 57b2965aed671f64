"""Class scores of every filter: how much of a filter's GradCAM map lies on each object class."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Integer, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.cams.filter_cams import ROWS_AT_ONCE, LayerMaps, layer_maps, maps_and_gradients
from o2b_helpers.kernels.cams.score_sums import FilterScores, Membership
from o2b_helpers.kernels.regions.box_maxima import Workspace
from o2b_helpers.kernels.regions.box_statistics import BLOCK_BYTES, SCORES, box_scores
from o2b_helpers.kernels.regions.region import pixel_regions, region_statistics
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.meta import META, meta_backbone, peak_bytes
from o2b_helpers.models.heads.readout import OutputChoice, Readout

CAM_SCALES = ("filter", "layer")
BATCH_SIZE = 16
GAPS = 1 / 3  # share of memory that an allocator holds without using it


def filter_scores(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    boxes: Real[torch.Tensor, "box 4"],
    box_image: Integer[torch.Tensor, " box"],
    box_class: Integer[torch.Tensor, " box"],
    n_classes: int,
    layers: Sequence[str],
    *,
    score: str = "homogeneity",
    cam_scale: str = "filter",
    output: OutputChoice = 0,
    before_link: bool = False,
    members: Membership | None = None,
    squares: bool = False,
    ungated: bool = False,
    masks: Sequence[np.ndarray | str | None] | None = None,
    batch_size: int = BATCH_SIZE,
    block_bytes: int = BLOCK_BYTES,
) -> FilterScores:
    """Sum the box scores of every filter by object class, for every run (the paper, section 3.1).

    A filter's map is relu(w A). Scaled per filter the size of w cancels: the map is that of A where w > 0 and
    empty where w <= 0 (METHODS 3, identity 3), so the box statistics are computed once and shared by all runs.
    Scaled per layer it is divided by the largest value of relu(w A) over the layer's filters in that image, without
    taking a minimum off, so that filters keep their relative strength; every score but ``ratio``, which no scale
    changes, then grows with w.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed images, finite.
    readout : Readout
        What the runs that share this backbone make of its features.
    boxes : tensor (box, 4)
        x0, y0, x1, y1 in pixels of the model's input, fractions allowed.
    box_image, box_class : tensor (box,)
        Image and class of each box, whole numbers from 0.
    n_classes : int
        Length of the class axis.
    layers : sequence of str
        Target layers, by module path; they follow each other on the filter axis.
    score : {"homogeneity", "mean", "max", "ratio"}
        See :func:`box_scores`.
    cam_scale : {"filter", "layer"}
        What each map is scaled by.
    output : int, "predicted" or "all"
        The output to look at: its number, or each image's (and run's) highest, or every one, on an axis
        behind the runs.
    before_link : bool
        Look at the output's linear value, before the link.
    members : Membership, optional
        Columns behind the classes, to which boxes add with a weight.
    squares : bool
        Sum the squared scores by class, too.
    ungated : bool
        Sum the scores of A itself, too, for every column: no gradient, so that a filter that speaks against the output
        (w <= 0, whose map is empty for all classes) shows what it answers to. Scaled as `cam_scale` says, with w = 1.
    masks : sequence of (array (height, width) of bool, or its run-length code, or None), optional
        For each box the pixels of the model's input that the object has; None where it is the whole box. A mask
        replaces its box: statistics are taken over its pixels.
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

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone, images = load_backbone("toynet", "toyworld"), torch.zeros(1, 3, 96, 96)
    >>> readout = Readout.valence(torch.eye(48).repeat_interleave(9, 1)[[1]], torch.zeros(1))  # reads filter 1 alone
    >>> box, first = torch.tensor([[0, 0, 96, 96]]), torch.tensor([0])
    >>> scores = filter_scores(backbone, images, readout, box, first, first, 2, ["features.9"])
    >>> np.argwhere(scores.score_sum > 0).tolist(), scores.box_count.tolist()  # (run, filter, class)
    ([[0, 1, 0]], [1, 0])
    """
    checks.choice("score", score, SCORES)
    checks.choice("cam_scale", cam_scale, CAM_SCALES)
    checks.positive("batch_size", batch_size)
    size = (int(images.shape[-2]), int(images.shape[-1]))
    pixels, kept, masks = pixel_regions(boxes, masks, *size)
    box_image = _indices("box_image", box_image, len(kept), len(images))[kept]
    box_class = _indices("box_class", box_class, len(kept), n_classes)[kept]
    number = torch.nonzero(kept)[:, 0]  # of each kept box among all that were given
    channels = [backbone.shape(layer)[0] for layer in layers]
    first = np.concatenate([[0], np.cumsum(channels)])
    output = readout.checked(output, backbone.n_features)
    lead = (readout.n_runs, readout.n_outputs) if output == "all" else (readout.n_runs,)
    rows, filters = math.prod(lead), int(first[-1])
    lengths = [n_classes, *([members.n_columns] if members else [])]
    sums = [torch.zeros(count, rows, filters, dtype=torch.float64) for count in lengths]
    square = [torch.zeros(n_classes, rows, filters, dtype=torch.float64)] if squares else []
    plain = [torch.zeros(count, filters, dtype=torch.float64) for count in lengths] if ungated else []
    workspace = None
    for start in range(0, len(images), batch_size):
        in_batch = torch.nonzero((box_image >= start) & (box_image < start + batch_size))[:, 0]
        if not len(in_batch):
            continue
        used, owner = _by_number_of_boxes(box_image[in_batch])
        own_classes = box_class[in_batch]
        weights = None if members is None else members.matrix(number[in_batch], len(kept))
        by_layer = layer_maps(backbone, images[used], readout, layers, output, before_link=before_link)
        workspace = workspace or Workspace(by_layer[layers[0]].maps)
        for position, layer in enumerate(layers):
            of_layer, own_filters = by_layer.pop(layer), slice(first[position], first[position + 1])
            of_layer = of_layer._replace(weights=of_layer.weights.flatten(0, -3))
            mean, maximum = region_statistics(
                of_layer.maps,
                pixels[in_batch],
                owner,
                size,
                masks=None if masks is None else [masks[row] for row in in_batch.tolist()],
                scale="map" if cam_scale == "filter" else "none",
                extremes=(of_layer.lowest, of_layer.highest),
                block_bytes=block_bytes,
                workspace=workspace,
            )
            scores = box_scores(mean, maximum, score).to("cpu", torch.float64)
            scale = "filter" if score == "ratio" else cam_scale  # mean / maximum is that of any multiple of the map
            by_row = _strength(of_layer, scale).transpose(0, 1)[owner] * scores[:, None]
            _add(sums, own_filters, own_classes, weights, by_row)
            if ungated:
                positive = of_layer._replace(weights=torch.ones_like(of_layer.weights[:1]))
                _add(plain, own_filters, own_classes, weights, _strength(positive, scale)[0, owner] * scores)
            if squares:
                _add(square, own_filters, own_classes, None, by_row.square_())
    count = np.bincount(box_class.numpy(), minlength=n_classes).astype(np.int64)
    if members is not None:
        count = np.concatenate([count, members.matrix(number, len(kept)).sum(1).numpy()])
    return FilterScores(
        _last(sums, lead),
        count,
        np.repeat(np.asarray(layers, dtype=str), channels),
        np.concatenate([np.arange(some) for some in channels]).astype(np.int64),
        int((~kept).sum()),
        _last(square, lead) if squares else None,
        _last(plain, ()) if ungated else None,
    )


def scoring_bytes(
    backbone: Backbone,
    batch_size: int,
    layers: Sequence[str],
    runs: int,
    boxes_per_image: float,
    n_classes: int,
    *,
    n_columns: int = 0,
    outputs: int = 1,
    block_bytes: int = BLOCK_BYTES,
) -> int:
    """Estimate the working memory of :func:`filter_scores` beyond the network and the images it is given.

    Parameters
    ----------
    backbone : Backbone
        The network, or its shapes only (:func:`o2b_helpers.models.backbones.meta.meta_backbone`).
    batch_size, layers, n_classes, block_bytes
        As for :func:`filter_scores`.
    runs, boxes_per_image : int, float
        Number of runs; boxes of an image on average.
    n_columns : int
        Columns of the members; where there are any, squared and ungated scores are counted, too.
    outputs : int
        Outputs that are looked at: all of the readout's, or 1.

    Returns
    -------
    int
        Bytes; measured were 0.8 to 1.2 of them.

    Examples
    --------
    >>> sizes = [scoring_bytes(meta_backbone("toynet"), 16, ["features.9"], runs, 3.0, 80) for runs in (1, 10)]
    >>> sizes[0] < sizes[1] < 1e9
    True
    """
    shapes = backbone if backbone.device == META else meta_backbone(backbone.name)
    size = backbone.preprocessing.crop
    rows = runs * outputs
    heads = torch.empty(min(rows, ROWS_AT_ONCE + 1), 1, backbone.n_features, device=META)
    passes = peak_bytes(
        lambda: maps_and_gradients(
            shapes,
            torch.empty(batch_size, 3, size, size, device=META),
            lambda features: heads.expand(-1, *features.shape),
            layers,
        )
    )
    filters = [backbone.shape(layer)[0] for layer in layers]
    # mean, maximum and score of each box, then each run's share of it, in double precision
    boxes = int(batch_size * boxes_per_image) * max(filters) * (4 * 6 + 8 * (1 + 3 * rows))
    columns = 2 * n_classes + (1 + 1 / rows) * n_columns + n_classes / rows if n_columns else n_classes
    weights, sums = 8 * rows * batch_size * sum(filters), int(2 * 8 * columns * rows * sum(filters))
    # the members' matrix product for one layer
    weights += 8 * n_columns * (rows * max(filters) + int(batch_size * boxes_per_image))
    if outputs > 1:  # behind a softmax each image has directions of its own, in double and in single precision
        weights += 12 * rows * batch_size * backbone.n_features
    # what the passes leave is not given back at once, nor without gaps
    return int(passes * (1 + GAPS)) + block_bytes + boxes + weights + sums


def _add(
    sums: list[torch.Tensor], filters: slice, classes: torch.Tensor, weights: torch.Tensor | None, scores: torch.Tensor
) -> None:
    """Add scores (box, [row,] channel) of one layer to the sums (class, ...) and, weighted, to those (column, ...)."""
    sums[0][..., filters].index_add_(0, classes, scores)
    if weights is not None:
        sums[1][..., filters] += (weights @ scores.flatten(1)).view(-1, *scores.shape[1:])


def _last(sums: list[torch.Tensor], lead: tuple[int, ...]) -> np.ndarray:
    """Put the first axes one behind the other and last, (class, [row,] filter) -> (*lead, filter, column).

    safetensors writes memory as it lies, whatever its axes.
    """
    total = torch.cat(sums) if len(sums) > 1 else sums[0]
    moved = total.movedim(0, -1).contiguous().numpy()
    return moved.reshape(*lead, *moved.shape[-2:])


def _by_number_of_boxes(box_image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Images that have a box, those with few first, and each box's place among them.

    Images without a box add nothing and are not run; neighbours of like number need little filling up.
    """
    used, owner, count = torch.unique(box_image, return_inverse=True, return_counts=True)
    order = torch.argsort(count, stable=True)
    return used[order], torch.argsort(order)[owner]


def _strength(of_layer: LayerMaps, cam_scale: str) -> torch.Tensor:
    """Give each row's factor on the shared scores, (row, image, channel) float64, 0 where its map is empty."""
    if cam_scale == "filter":
        return (of_layer.weights > 0).to(torch.float64)
    positive = of_layer.weights.clamp(min=0.0)
    peak = (positive * of_layer.highest.to("cpu", torch.float64)).amax(2, keepdim=True)
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
