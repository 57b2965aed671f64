"""Mean and maximum of resized feature maps in masks, computed on the native grid."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.regions.box_maxima import Workspace
from o2b_helpers.kernels.regions.box_statistics import BLOCK_BYTES, SCALES, box_statistics, map_extremes, scaled_to_map
from o2b_helpers.kernels.regions.resize import Axis, resize_axis

VALUES_AT_ONCE = 2**16  # interpolated at a time: few enough to stay in the processor's cache


def mask_statistics(
    maps: Float[torch.Tensor, "image channel map_height map_width"],
    masks: Sequence[Bool[np.ndarray, "height width"]],
    mask_image: Integer[torch.Tensor, " mask"],
    size: tuple[int, int],
    align: str = "half_pixel",
    *,
    scale: str = "map",
    extremes: tuple[Float[torch.Tensor, "image channel"], Float[torch.Tensor, "image channel"]] | None = None,
    block_bytes: int = BLOCK_BYTES,
    workspace: Workspace | None = None,
) -> tuple[Float[torch.Tensor, "mask channel"], Float[torch.Tensor, "mask channel"]]:
    """Mean and maximum in each mask of every map, as if it were scaled and resized to the input.

    No map is resized. The mean over a mask M is ``<R_y' M R_x, A>`` divided by the mask's pixels, with the two resize
    matrices R: a weight for each native sample, the same for all channels. The maximum is looked for only at pixels
    where it can lie (:func:`maximum_pixels`). A mask that fills its own box goes to :func:`box_statistics` and so has
    exactly the box's statistics. Scaling is exact, as there: a map without any spread has 0 for both.

    Parameters
    ----------
    maps : tensor (image, channel, height, width)
        Feature maps on their native grid, finite.
    masks : sequence of arrays (input height, input width)
        bool; pixels of the input, at least one in each mask.
    mask_image : tensor (mask,)
        Which image of `maps` the mask lies in.
    size : (int, int)
        Height and width of the input.
    align : {"half_pixel"}
        Which native position a pixel of the resized map looks at.
    scale : {"map", "none"}
        Min-max scale each map to 0..1 before it is resized, or take it as it is.
    extremes : pair of tensors (image, channel), optional
        Lowest and highest value of every map from :func:`~o2b_helpers.kernels.regions.box_statistics.map_extremes`,
        where they are known already.
    block_bytes : int
        Bound on the working memory, bytes; how many channels are worked on at a time.
    workspace : Workspace, optional
        One for several calls saves time.

    Returns
    -------
    mean, maximum : tensor (mask, channel)
        The maps' dtype; 0..1 with ``scale="map"``.

    Raises
    ------
    InputError, ParameterError
        Values that are not finite, masks that are empty or do not fit the input, an unknown option.

    Examples
    --------
    >>> import numpy as np, torch
    >>> maps = torch.tensor([[[[0.0, 2.0], [4.0, 8.0]]]])
    >>> corner = np.array([[True, True], [True, False]])
    >>> mean, maximum = mask_statistics(maps, [corner], torch.tensor([0]), (2, 2), scale="none")
    >>> float(mean), float(maximum)
    (2.0, 4.0)
    """
    checks.choice("scale", scale, SCALES)
    checks.positive("block_bytes", block_bytes)
    extremes = map_extremes("maps", maps) if extremes is None else extremes
    masks, image = [np.asarray(mask) for mask in masks], torch.as_tensor(mask_image).cpu().to(torch.int64)
    _check_masks(masks, image, len(maps), size)
    workspace = workspace or Workspace(maps)
    mean, maximum = maps.new_zeros(2, len(masks), maps.shape[1])
    boxes = [mask_bounds(mask) for mask in masks]
    areas = [int(np.count_nonzero(mask)) for mask in masks]
    is_box = np.array([area == (x1 - x0) * (y1 - y0) for area, (x0, y0, x1, y1) in zip(areas, boxes, strict=True)])
    rectangular = np.flatnonzero(is_box)
    if len(rectangular):
        rows, corners = torch.as_tensor(rectangular), torch.tensor([boxes[row] for row in rectangular])
        values = box_statistics(
            maps,
            corners,
            image[rows],
            size,
            align,
            scale=scale,
            extremes=extremes,
            block_bytes=block_bytes,
            workspace=workspace,
        )
        mean[rows.to(maps.device)], maximum[rows.to(maps.device)] = values
    if len(rectangular) == len(masks):
        return mean, maximum
    y, x = (resize_axis(native, pixels, align) for native, pixels in zip(maps.shape[2:], size, strict=True))
    matrices = [axis.rows(np.arange(len(axis))) for axis in (y, x)]
    others = np.flatnonzero(~is_box)
    for picture in np.unique(image[others].numpy()):
        rows = others[image[others].numpy() == picture]
        weights = np.stack([_mean_weights(masks[row], boxes[row], *matrices) / areas[row] for row in rows])
        pixels = [maximum_pixels(masks[row], boxes[row], y, x) for row in rows]
        values = _image_statistics(
            maps[picture],
            torch.as_tensor(weights).to(maps).flatten(1),
            _Candidates.of(pixels, y, x, maps),
            [extreme[picture] for extreme in extremes],
            scale,
            block_bytes,
            workspace,
        )
        place = torch.as_tensor(rows).to(maps.device)
        mean[place], maximum[place] = values
    # a mean is never above the maximum but for rounding
    return torch.minimum(mean, maximum), maximum


def maximum_pixels(
    mask: Bool[np.ndarray, "height width"], bounds: tuple[int, int, int, int], y: Axis, x: Axis
) -> Integer[np.ndarray, "pixel 2"]:
    """Give the pixels of a mask at which a resized map can have its maximum over the mask.

    Between four neighbouring native samples the resized map is linear along every row and along every column. So a
    pixel that has mask pixels of the same native cell on its left and on its right is never above both of them, and
    the same holds for above and below. Such a pixel can be left out. What is left always holds a maximum: among the
    cell's pixels with the largest value take the one that lies farthest from the cell's middle (or, in a border cell,
    from the point where the map begins to change). Were it between two others, both would have the largest value as
    well, and one of them would lie farther away. So it is never left out.

    Parameters
    ----------
    mask : array (height, width) of bool
        Pixels of the input.
    bounds : (int, int, int, int)
        x0, y0, x1, y1 of the mask's own box.
    y, x : Axis
        The resize along both axes.

    Returns
    -------
    array (pixel, 2) of int
        Row and column; of a mask that fills whole cells, each cell's four corners.

    Examples
    --------
    >>> import numpy as np
    >>> axis = resize_axis(1, 4)
    >>> maximum_pixels(np.ones((4, 4), dtype=bool), (0, 0, 4, 4), axis, axis).tolist()
    [[0, 0], [0, 3], [3, 0], [3, 3]]
    """
    x0, y0, x1, y1 = bounds
    inside = mask[y0:y1, x0:x1]
    kept = inside.copy()
    row, column = y.lower[y0:y1], x.lower[x0:x1]
    same = (column[:-2] == column[2:])[None, :]  # cells are in order: then the pixel between belongs to them, too
    kept[:, 1:-1] &= ~(inside[:, :-2] & inside[:, 2:] & same)
    same = (row[:-2] == row[2:])[:, None]
    kept[1:-1] &= ~(inside[:-2] & inside[2:] & same)
    return np.argwhere(kept) + (y0, x0)


@dataclass(frozen=True)
class _Candidates:
    """Pixels of one image, as blends of four native samples, mask after mask.

    Parameters
    ----------
    neighbours : tensor (4, pixel)
        Flat native places: upper left, upper right, lower left, lower right.
    fractions : tensor (2, pixel, 1)
        Along y and x.
    stops : array (mask + 1,)
        Pixels of mask m: stops[m]..stops[m + 1] - 1.
    exact : bool
        Every pixel is its upper left sample.
    """

    neighbours: torch.Tensor
    fractions: torch.Tensor
    stops: np.ndarray
    exact: bool

    def __len__(self) -> int:
        return self.neighbours.shape[1]

    @classmethod
    def of(cls, pixels: list[np.ndarray], y: Axis, x: Axis, like: torch.Tensor) -> _Candidates:
        """Take the pixels (pixel, 2) of some masks."""
        row, column = np.concatenate(pixels).T
        corners = itertools.product((y.lower[row], y.upper[row]), (x.lower[column], x.upper[column]))
        neighbours = [sample_row * x.native + sample_column for sample_row, sample_column in corners]
        fractions = np.stack([y.fraction[row], x.fraction[column]])
        return cls(
            torch.as_tensor(np.stack(neighbours)).to(like.device),
            torch.as_tensor(fractions).to(like)[..., None],
            np.cumsum([0, *map(len, pixels)]),
            not fractions.any(),
        )

    def maxima(self, native: torch.Tensor, workspace: Workspace) -> torch.Tensor:
        """Give the largest value (mask, channel) over each mask's pixels of maps (native place, channel)."""
        maxima = native.new_full((len(self.stops) - 1, native.shape[1]), -torch.inf)
        step = max(1, VALUES_AT_ONCE // native.shape[1])
        for start in range(0, len(self), step):
            stop = min(start + step, len(self))
            values = self._values(native, slice(start, stop), workspace)
            first, last = np.searchsorted(self.stops, (start, stop - 1), side="right") - 1
            for mask in range(first, last + 1):
                own = slice(max(self.stops[mask] - start, 0), min(self.stops[mask + 1], stop) - start)
                torch.maximum(maxima[mask], values[own].amax(0), out=maxima[mask])
        return maxima

    def _values(self, native: torch.Tensor, pixels: slice, workspace: Workspace) -> torch.Tensor:
        """Interpolate some pixels (pixel, channel)."""
        neighbours, (y, x) = self.neighbours[:1] if self.exact else self.neighbours, self.fractions[:, pixels]
        samples = workspace.tensors(*[(len(y), native.shape[1])] * len(neighbours))
        for places, out in zip(neighbours[:, pixels], samples, strict=True):
            torch.index_select(native, 0, places, out=out)
        if self.exact:
            return samples[0]
        top, top_right, bottom, bottom_right = samples
        torch.lerp(top, top_right, x, out=top)
        torch.lerp(bottom, bottom_right, x, out=bottom)
        return torch.lerp(top, bottom, y, out=top)


def _image_statistics(
    maps: torch.Tensor,
    weights: torch.Tensor,
    candidates: _Candidates,
    extremes: Sequence[torch.Tensor],
    scale: str,
    block_bytes: int,
    workspace: Workspace,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and maximum (mask, channel) for one image: maps (channel, height, width), weights (mask, native place)."""
    channels, places = maps.shape[0], maps.shape[1] * maps.shape[2]
    mean, maximum = maps.new_empty(2, len(weights), channels)
    step = max(1, min(channels, block_bytes // (2 * maps.element_size() * places)))
    for start in range(0, channels, step):
        block = slice(start, start + step)
        native = maps[block].flatten(1).T.contiguous()
        low, high = (extreme[block] for extreme in extremes)
        # far above 0 a map's spread would be lost in rounding, and where a map is lowest a mask must score exactly 0
        if scale == "map" and bool((low != 0).any()):
            native, high, low = native - low, high - low, torch.zeros_like(low)
        values = weights @ native, candidates.maxima(native, workspace)
        if scale == "map":
            values = scaled_to_map(values, low, high)
        mean[:, block], maximum[:, block] = values
    return mean, maximum


def _mean_weights(
    mask: np.ndarray, bounds: tuple[int, int, int, int], rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Sum the weights (native height, native width) that the mask's pixels give to the native samples, float64."""
    x0, y0, x1, y1 = bounds
    across = mask[y0:y1, x0:x1].astype(np.float64) @ columns[x0:x1]
    return rows[y0:y1].T @ across


def mask_bounds(mask: Bool[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    """Give x0, y0, x1, y1 of the box around a mask that is not empty.

    Examples
    --------
    >>> import numpy as np
    >>> mask_bounds(np.array([[False, False, False], [False, True, True]]))
    (1, 1, 3, 2)
    """
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _check_masks(masks: list[np.ndarray], image: torch.Tensor, n_images: int, size: tuple[int, int]) -> None:
    if image.shape != (len(masks),) or bool(((image < 0) | (image >= n_images)).any()):
        raise InputError(
            "Masks and their images do not fit",
            value=f"{len(masks)} masks, images {image.tolist()[:5]}",
            expected=f"one image below {n_images} for each mask",
            remedy="hand over the image of each mask, counted from 0",
        )
    for number, mask in enumerate(masks):
        if mask.shape != tuple(size) or mask.dtype != np.bool_ or not mask.any():
            raise InputError(
                "A mask cannot be used",
                value=f"mask {number}: shape {mask.shape}, {mask.dtype}, {np.count_nonzero(mask)} pixels inside",
                expected=f"{size[0]} x {size[1]} of bool, at least one pixel inside",
                remedy="carry masks to the network's input with mask_to_input, and leave out those without a pixel",
            )
