"""Mean and maximum of resized feature maps in boxes, computed on the native grid."""

from __future__ import annotations

import numpy as np
import torch

from o2b_helpers.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.resize import Axis, resize_axis

SCORES = ("homogeneity", "mean", "max")
SCALES = ("map", "none")
BLOCK_BYTES = 64 * 2**20


def pixel_boxes(boxes: torch.Tensor, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
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
    """
    corners = checks.finite("boxes", torch.as_tensor(boxes), ("box", "x0 y0 x1 y1")).to(torch.float64).cpu()
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


def _scaled(maps: torch.Tensor) -> torch.Tensor:
    """Min-max scale each map of (channel, height, width) to 0..1; a constant map is empty: all 0."""
    lowest, highest = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    span = highest - lowest
    return torch.where(span > 0, (maps - lowest) / torch.where(span > 0, span, 1.0), 0.0)


def _statistics(
    maps: torch.Tensor, rows: Axis, columns: Axis, boxes: list[list[int]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and maximum (box, channel) of one image's resized maps, which come as (height, width, channel).

    With the channel last, every step is a product of matrices over all channels at once.
    """

    def along_y(matrix: np.ndarray, values: torch.Tensor) -> torch.Tensor:
        return torch.tensordot(torch.as_tensor(matrix).to(values), values, dims=1)

    def along_x(matrix: np.ndarray, values: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(matrix).to(values) @ values

    y, x = rows.turning_pixels(), columns.turning_pixels()
    y_rows, x_rows = rows.rows(y), columns.rows(x)
    turning = along_x(x_rows, along_y(y_rows, maps))
    mean, maximum = [], []
    for x0, y0, x1, y1 in boxes:
        mean.append(along_x(columns.mean_row(x0, x1), along_y(rows.mean_row(y0, y1)[None], maps)[0]))
        inside_y, inside_x = slice(*np.searchsorted(y, (y0, y1))), slice(*np.searchsorted(x, (x0, x1)))
        edge_y, edge_x = rows.rows(np.array([y0, y1 - 1])), columns.rows(np.array([x0, x1 - 1]))
        # the box's first and last row over its whole width, and its first and last column between them
        highest = along_x(np.concatenate([x_rows[inside_x], edge_x]), along_y(edge_y, maps)).amax((0, 1))
        if inside_y.stop > inside_y.start:
            sides = along_y(y_rows[inside_y], along_x(edge_x, maps)).amax((0, 1))
            highest = torch.maximum(highest, sides)
            if inside_x.stop > inside_x.start:
                highest = torch.maximum(highest, turning[inside_y, inside_x].amax((0, 1)))
        maximum.append(highest)
    return torch.stack(mean), torch.stack(maximum)


def box_statistics(
    maps: torch.Tensor,
    boxes: torch.Tensor,
    box_image: torch.Tensor,
    size: tuple[int, int],
    align: str = "half_pixel",
    *,
    scale: str = "map",
    block_bytes: int = BLOCK_BYTES,
) -> tuple[torch.Tensor, torch.Tensor]:
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
    block_bytes : int
        Bound on the working memory for the maxima, bytes.

    Returns
    -------
    mean, maximum : tensor (box, channel)
        The maps' dtype; 0..1 with ``scale="map"``.

    Raises
    ------
    InputError, ParameterError
        Values that are not finite, boxes outside the input, an unknown option.
    """
    checks.finite("maps", maps, ("image", "channel", "height", "width"))
    checks.choice("scale", scale, SCALES)
    checks.positive("block_bytes", block_bytes)
    corners, image_of_box = torch.as_tensor(boxes).reshape(-1, 4).tolist(), torch.as_tensor(box_image).tolist()
    _check_boxes(corners, image_of_box, len(maps), size)
    rows, columns = (resize_axis(n, p, align) for n, p in zip(maps.shape[2:], size, strict=True))
    mean = maps.new_zeros(len(corners), maps.shape[1])
    maximum = torch.zeros_like(mean)
    per_channel = 4 * len(rows.turning_pixels()) * len(columns.turning_pixels()) * maps.element_size()
    step = max(1, block_bytes // per_channel)
    for image in sorted(set(image_of_box)):
        here = [box for box, owner in enumerate(image_of_box) if owner == image]
        for start in range(0, maps.shape[1], step):
            native = maps[image, start : start + step]
            native = (_scaled(native) if scale == "map" else native).permute(1, 2, 0).contiguous()
            found = _statistics(native, rows, columns, [corners[box] for box in here])
            mean[here, start : start + step], maximum[here, start : start + step] = found
    return mean, maximum


def _check_boxes(corners: list[list[int]], image_of_box: list[int], n_images: int, size: tuple[int, int]) -> None:
    height, width = size
    for (x0, y0, x1, y1), image in zip(corners, image_of_box, strict=True):
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height and 0 <= image < n_images):
            raise InputError(
                "A box does not lie inside its image",
                value=f"x0, y0, x1, y1 = {(x0, y0, x1, y1)} in image {image}",
                expected=f"whole pixels inside {width} x {height} and an image below {n_images}",
                remedy="pass the boxes through pixel_boxes first",
            )


def box_scores(mean: torch.Tensor, maximum: torch.Tensor, score: str = "homogeneity") -> torch.Tensor:
    """Score boxes from the mean and the maximum of the map inside (the paper, section 3.1, equation 1).

    ``homogeneity`` is mean * (mean / maximum), our reading of the equation: high where the whole box is
    as active as its most active pixel. ``mean`` is EmoCAM's mean activation; ``max`` the maximum.

    Parameters
    ----------
    mean, maximum : tensor (box, channel)
        From :func:`box_statistics`, not negative.
    score : {"homogeneity", "mean", "max"}
        Which score.

    Returns
    -------
    tensor (box, channel)
        Same unit as `mean`; 0 where the map is 0 all over the box.

    Raises
    ------
    ParameterError
        An unknown score.
    """
    checks.choice("score", score, SCORES)
    if score == "mean":
        return mean
    if score == "max":
        return maximum
    return torch.where(maximum > 0, mean * (mean / torch.where(maximum > 0, maximum, 1.0)), 0.0)
