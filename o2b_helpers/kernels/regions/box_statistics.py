"""Mean and maximum of resized feature maps in boxes, computed on the native grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.regions.box_maxima import Workspace, box_maxima
from o2b_helpers.kernels.regions.box_spans import BoxSpans, box_spans
from o2b_helpers.kernels.regions.resize import Axis, resize_axis
from o2b_helpers.models.finite import finite

SCORES = ("homogeneity", "mean", "max", "ratio")
SCALES = ("map", "none")
BLOCK_BYTES = 32 * 2**20


def pixel_boxes(
    boxes: Real[torch.Tensor, "box 4"], height: int, width: int
) -> tuple[Integer[torch.Tensor, "kept 4"], Bool[torch.Tensor, " box"]]:
    """Turn boxes at fractions of a pixel into the whole pixels that they touch.

    Parameters
    ----------
    boxes : tensor (box, 4)
        x0, y0, x1, y1 in pixels of the model's input; parts outside of it are cut off.
    height, width : int
        Size of the input.

    Returns
    -------
    boxes : tensor (kept box, 4)
        int64; pixels x0..x1 - 1 and y0..y1 - 1, at least one of each.
    kept : tensor (box,)
        bool; False where nothing of the box lies inside the input (cropped away, or no area).

    Raises
    ------
    InputError
        Corners that are not finite or stand in the wrong order.

    Examples
    --------
    >>> import torch
    >>> pixels, kept = pixel_boxes(torch.tensor([[0.5, 0.0, 2.5, 1.0], [7.0, 7.0, 9.0, 9.0]]), 4, 4)
    >>> pixels.tolist(), kept.tolist()
    ([[0, 0, 3, 1]], [True, False])
    """
    corners = finite("boxes", torch.as_tensor(boxes), ("box", "x0 y0 x1 y1")).to(torch.float64).cpu()
    if corners.shape[1] != 4 or bool((corners[:, :2] > corners[:, 2:]).any()):
        wrong = corners[(corners[:, :2] > corners[:, 2:]).any(1)][:1].tolist() if corners.shape[1] == 4 else ""
        raise InputError(
            "A box has its corners in the wrong order",
            value=wrong or tuple(corners.shape),
            expected="x0, y0, x1, y1 with x0 <= x1 and y0 <= y1",
            remedy="swap the corners",
        )
    limit = torch.tensor([width, height, width, height], dtype=torch.float64)
    inside = torch.minimum(corners.clamp(min=0.0), limit)
    kept = (inside[:, 2:] > inside[:, :2]).all(1)
    whole = torch.cat([inside[:, :2].floor(), inside[:, 2:].ceil()], 1).to(torch.int64)
    return whole[kept], kept


def box_statistics(
    maps: Float[torch.Tensor, "image channel map_height map_width"],
    boxes: Integer[torch.Tensor, "box 4"],
    box_image: Integer[torch.Tensor, " box"],
    size: tuple[int, int],
    align: str = "half_pixel",
    *,
    scale: str = "map",
    extremes: tuple[Float[torch.Tensor, "image channel"], Float[torch.Tensor, "image channel"]] | None = None,
    block_bytes: int = BLOCK_BYTES,
    workspace: Workspace | None = None,
) -> tuple[Float[torch.Tensor, "box channel"], Float[torch.Tensor, "box channel"]]:
    """Mean and maximum in each box of every map, as if it were scaled and resized to the input.

    No map is resized: the mean is ``r_y' A r_x`` with the box's mean rows of the two resize matrices, the
    maximum lies among few candidate pixels (METHODS 3, identities 1 and 2). Scaling is exact: nothing is
    added to the divisor, and a map without any spread is empty, with 0 for both statistics.

    Parameters
    ----------
    maps : tensor (image, channel, height, width)
        Feature maps on their native grid, finite.
    boxes : tensor (box, 4)
        Whole pixels of the input from :func:`pixel_boxes`.
    box_image : tensor (box,)
        Which image of `maps` the box lies in.
    size : (int, int)
        Height and width of the input.
    align : {"half_pixel"}
        Which native position a pixel of the resized map looks at.
    scale : {"map", "none"}
        Min-max scale each map to 0..1 before it is resized, or take it as it is.
    extremes : pair of tensors (image, channel), optional
        Lowest and highest value of every map from :func:`map_extremes`, where they are known already.
    block_bytes : int
        Bound on the working memory, bytes; how many maps are worked on at a time.
    workspace : Workspace, optional
        One for several calls saves time.

    Returns
    -------
    mean, maximum : tensor (box, channel)
        The maps' dtype; 0..1 with ``scale="map"``.

    Raises
    ------
    InputError, ParameterError
        Values that are not finite, boxes outside the input, an unknown option.

    Examples
    --------
    >>> import torch
    >>> maps = torch.tensor([[[[0.0, 2.0], [4.0, 8.0]]]])
    >>> mean, maximum = box_statistics(maps, torch.tensor([[0, 0, 2, 1]]), torch.tensor([0]), (2, 2))
    >>> float(mean), float(maximum)
    (0.125, 0.25)
    """
    checks.choice("scale", scale, SCALES)
    checks.positive("block_bytes", block_bytes)
    lowest, highest = map_extremes("maps", maps) if extremes is None else extremes
    boxes, image = torch.as_tensor(boxes).reshape(-1, 4).cpu(), torch.as_tensor(box_image).cpu()
    _check_boxes(boxes, image, len(maps), size)
    order = torch.argsort(image, stable=True)
    corners, image = boxes[order].numpy(), image[order]
    axes = [resize_axis(n, p, align) for n, p in zip(maps.shape[2:], size, strict=True)]
    kept = [axis if axis.native <= len(axis) else resize_axis(len(axis), len(axis), align) for axis in axes]
    y, x = (box_spans(axis, corners[:, 1 - n], corners[:, 3 - n], maps) for n, axis in enumerate(kept))
    workspace = workspace or Workspace(maps)
    mean, maximum = maps.new_zeros(2, len(boxes), maps.shape[1])
    for images, channels, own in _blocks(maps.shape, image, block_bytes):
        native = maps[images, channels].permute(0, 2, 3, 1).contiguous()
        low, high = lowest[images, channels], highest[images, channels]
        # far above 0 a map's spread would be lost in rounding, and where a map is lowest a box must score exactly 0
        if scale == "map" and bool((low != 0).any()):
            native, high, low = native - low[:, None, None], high - low, torch.zeros_like(low)
        for dimension, axis in enumerate(axes, 1):
            if axis.native > len(axis):  # finer than the input: its pixels then are the samples
                native = _shrunk(native, axis, dimension)
        place = (image[own] - images.start).to(maps.device)
        statistics = _box_means(native, place, y[own], x[own]), box_maxima(native, place, y[own], x[own], workspace)
        if scale == "map":
            statistics = scaled_to_map(statistics, low[place], high[place])
        mean[own, channels], maximum[own, channels] = statistics
    back = torch.argsort(order).to(maps.device)
    # a mean is never above the maximum but for rounding
    return torch.minimum(mean, maximum)[back], maximum[back]


def map_extremes(
    name: str, maps: Float[torch.Tensor, "image channel height width"]
) -> tuple[Float[torch.Tensor, "image channel"], Float[torch.Tensor, "image channel"]]:
    """Lowest and highest value (image, channel) of every map, which show at once whether all values are finite.

    Raises
    ------
    InputError
        Maps (image, channel, height, width) with values that are not finite.

    Examples
    --------
    >>> import torch
    >>> lowest, highest = map_extremes("maps", torch.tensor([[[[0.0, 2.0], [4.0, 8.0]]]]))
    >>> lowest.tolist(), highest.tolist()
    ([[0.0]], [[8.0]])
    """
    if maps.ndim != 4 or not maps.numel():
        finite(name, maps, ("image", "channel", "height", "width"))
        return maps.new_zeros(maps.shape[:2]), maps.new_zeros(maps.shape[:2])
    lowest, highest = maps.amin((2, 3)), maps.amax((2, 3))
    if not bool((torch.isfinite(lowest) & torch.isfinite(highest)).all()):
        finite(name, maps, ("image", "channel", "height", "width"))
    return lowest, highest


def scaled_to_map(
    values: tuple[torch.Tensor, torch.Tensor], low: torch.Tensor, high: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale mean and maximum as the maps themselves: 0 at a map's lowest value, 1 at its highest, 0 where flat."""
    span = high - low
    mean, maximum = (torch.where(span > 0, (value - low) / torch.where(span > 0, span, 1.0), 0.0) for value in values)
    return mean, maximum


def _blocks(shape: Sequence[int], image: torch.Tensor, block_bytes: int) -> Iterator[tuple[slice, slice, slice]]:
    """Cut maps into blocks of images, and of channels where one image alone is too large: (images, channels, boxes).

    A block's working memory is about six times its maps and, for each of its boxes, twelve times its outline.
    """
    images, channels, height, width = shape
    count = torch.bincount(image, minlength=images).numpy()
    need = 4 * (6 * height * width + 12 * count * (height + width))
    start = 0
    while start < images:
        most = np.maximum.accumulate(need[start:]) * np.arange(1, images - start + 1) * channels
        stop = start + max(1, int(np.searchsorted(most, block_bytes, side="right")))
        own = slice(*np.searchsorted(image.numpy(), (start, stop)))
        step = max(1, min(channels, int(block_bytes // need[start:stop].max())))
        if own.start < own.stop:
            for channel in range(0, channels, step):
                yield slice(start, stop), slice(channel, channel + step), own
        start = stop


def _shrunk(maps: torch.Tensor, axis: Axis, dimension: int) -> torch.Tensor:
    """Resize (image, height, width, channel) along one dimension."""
    lower, upper = (torch.as_tensor(at).to(maps.device) for at in (axis.lower, axis.upper))
    fraction = torch.as_tensor(axis.fraction).to(maps).view(-1, *[1] * (3 - dimension))
    return torch.lerp(maps.index_select(dimension, lower), maps.index_select(dimension, upper), fraction)


def _box_means(maps: torch.Tensor, image: torch.Tensor, y: BoxSpans, x: BoxSpans) -> torch.Tensor:
    """Mean (box, channel) of every resized map (image, height, width, channel) in boxes that are sorted by image."""
    count = torch.bincount(image, minlength=len(maps))
    rank = torch.arange(len(image), device=image.device) - (count.cumsum(0) - count)[image]
    weight = maps.new_zeros(len(maps), int(count.max()), maps.shape[1])
    weight[image, rank] = y.mean
    rows = torch.bmm(weight, maps.flatten(2))[image, rank]
    return torch.bmm(x.mean[:, None], rows.view(len(image), *maps.shape[2:]))[:, 0]


def _check_boxes(boxes: torch.Tensor, image: torch.Tensor, n_images: int, size: tuple[int, int]) -> None:
    limit = torch.tensor([*size[::-1], *size[::-1]])
    fits = ((boxes >= 0) & (boxes <= limit)).all(1) & (boxes[:, :2] < boxes[:, 2:]).all(1)
    wrong = torch.nonzero(~(fits & (image >= 0) & (image < n_images)))
    if len(wrong):
        box = int(wrong[0])
        raise InputError(
            "A box does not lie inside its image",
            value=f"x0, y0, x1, y1 = {tuple(boxes[box].tolist())} in image {int(image[box])}",
            expected=f"whole pixels inside {size[1]} x {size[0]} and an image below {n_images}",
            remedy="pass the boxes through pixel_boxes first",
        )


def box_scores(
    mean: Float[torch.Tensor, "box channel"], maximum: Float[torch.Tensor, "box channel"], score: str = "homogeneity"
) -> Float[torch.Tensor, "box channel"]:
    """Score boxes from the mean and the maximum of the map inside (the paper, section 3.1, equation 1).

    ``homogeneity`` is mean * (mean / maximum), our reading of the equation: high where the whole box is
    as active as its most active pixel. ``mean`` is EmoCAM's mean activation; ``max`` the maximum; ``ratio`` is
    mean / maximum, the other natural reading of the equation: how even the map is in the box, however strong.

    Parameters
    ----------
    mean, maximum : tensor (box, channel)
        From :func:`box_statistics`, not negative.
    score : {"homogeneity", "mean", "max", "ratio"}
        Which score.

    Returns
    -------
    tensor (box, channel)
        Same unit as `mean`, but for ``ratio``, which has none (0..1); 0 where the map is 0 all over the box.

    Raises
    ------
    ParameterError
        An unknown score.

    Examples
    --------
    >>> import torch
    >>> box_scores(torch.tensor([[2.0, 4.0]]), torch.tensor([[4.0, 4.0]])).tolist()
    [[1.0, 4.0]]
    """
    checks.choice("score", score, SCORES)
    if score == "mean":
        return mean
    if score == "max":
        return maximum
    even = torch.where(maximum > 0, mean / torch.where(maximum > 0, maximum, 1.0), 0.0)
    return even if score == "ratio" else mean * even
