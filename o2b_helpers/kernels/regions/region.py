"""Regions: boxes and masks behind one door, each on its own way to the same statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.images.run_lengths import decode_mask
from o2b_helpers.kernels.regions.box_coverage import box_coverage
from o2b_helpers.kernels.regions.box_maxima import Workspace
from o2b_helpers.kernels.regions.box_statistics import BLOCK_BYTES, box_statistics, map_extremes, pixel_boxes
from o2b_helpers.kernels.regions.mask_statistics import mask_bounds, mask_statistics

Mask = np.ndarray | str | None


@dataclass(frozen=True)
class Regions:
    """Where in some images something is: boxes, and masks for those that have one.

    Parameters
    ----------
    boxes : array (region, 4)
        x0, y0, x1, y1 in pixels of the network's input, fractions allowed.
    image : array (region,) of int
        Image of each region, from 0.
    masks : sequence, optional
        For each region its mask in pixels of the network's input: a bool array (height, width), or its code
        (:mod:`o2b_helpers.inputs.images.run_lengths`); None where the region is its box.
        None as a whole: all are boxes.

    Raises
    ------
    InputError
        Another number of boxes, images and masks.

    Examples
    --------
    >>> import numpy as np, torch
    >>> regions = Regions(np.array([[0, 0, 2, 2], [0, 0, 2, 2]]), np.array([0, 0]), [None, "0 1 3"])
    >>> maps = torch.tensor([[[[0.0, 2.0], [4.0, 8.0]]]])
    >>> mean, maximum, kept = regions.statistics(maps, (2, 2), scale="none")
    >>> mean[:, 0].tolist(), maximum[:, 0].tolist(), kept.tolist()
    ([3.5, 0.0], [8.0, 0.0], [True, True])
    """

    boxes: Real[np.ndarray, "region 4"]
    image: Integer[np.ndarray, " region"]
    masks: Sequence[Mask] | None = None

    def __post_init__(self) -> None:
        lengths = [len(self.boxes), len(self.image), *([] if self.masks is None else [len(self.masks)])]
        if len(set(lengths)) > 1:
            raise InputError(
                "Regions do not fit together",
                value=" and ".join(map(str, lengths)),
                expected="as many boxes as images and, where there are any, masks",
                remedy="hand over one image for each box, and None where a region has no mask",
            )

    def __len__(self) -> int:
        return len(self.boxes)

    def statistics(
        self,
        maps: Float[torch.Tensor, "image channel map_height map_width"],
        size: tuple[int, int],
        *,
        scale: str = "map",
        extremes: tuple[Float[torch.Tensor, "image channel"], Float[torch.Tensor, "image channel"]] | None = None,
        block_bytes: int = BLOCK_BYTES,
        workspace: Workspace | None = None,
    ) -> tuple[Float[torch.Tensor, "kept channel"], Float[torch.Tensor, "kept channel"], Bool[torch.Tensor, " region"]]:
        """Mean and maximum in each region of every map, as if it were scaled and resized to the input.

        Parameters
        ----------
        maps, size, scale, extremes, block_bytes, workspace
            As for :func:`~o2b_helpers.kernels.regions.box_statistics.box_statistics`.

        Returns
        -------
        mean, maximum : tensor (kept region, channel)
            The maps' dtype, in the order of the regions.
        kept : tensor (region,)
            bool; False where no pixel of the region lies inside the input.

        Raises
        ------
        InputError, ParameterError
            As box_statistics; masks that do not have the input's size.
        """
        pixels, kept, masks = pixel_regions(torch.as_tensor(self.boxes), self.masks, *size)
        image = torch.as_tensor(self.image)[kept]
        mean, maximum = region_statistics(
            maps,
            pixels,
            image,
            size,
            masks=masks,
            scale=scale,
            extremes=extremes,
            block_bytes=block_bytes,
            workspace=workspace,
        )
        return mean, maximum, kept

    def coverage(
        self, label: Integer[np.ndarray, " region"], size: tuple[int, int]
    ) -> tuple[Integer[np.ndarray, " entry"], Integer[np.ndarray, " entry"], Float[np.ndarray, " entry"]]:
        """Return the share of every region that the regions of each class in the same image cover together.

        Where all regions are boxes this is :func:`~o2b_helpers.kernels.regions.box_coverage.box_coverage`, with
        fractions of a pixel. Where any has a mask, pixels are counted in all images: those of the masks, and for a
        box those that it touches.

        Parameters
        ----------
        label : array (region,) of int
            Class of each region, from 0.
        size : (int, int)
            Height and width of the input.

        Returns
        -------
        region, class, share : array (entry,)
            A sparse matrix (region, class) of shares 0..1, 1 for a region's own class, by region; classes that do not
            touch a region have no entry, nor do regions without a pixel inside the input.

        Raises
        ------
        InputError
            Classes that do not fit, or what box_coverage and pixel_regions refuse.
        """
        if self.masks is None:
            return box_coverage(self.boxes, self.image, label)
        label, image = np.asarray(label), np.asarray(self.image)
        if label.shape != image.shape:
            raise InputError(
                "Regions and their classes do not fit",
                value=f"{len(image)} regions, classes of shape {label.shape}",
                expected="one class for each region",
                remedy="hand over one class for each region",
            )
        pixels, kept, masks = pixel_regions(torch.as_tensor(self.boxes), self.masks, *size)
        number = np.flatnonzero(kept.numpy())
        parts = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
        for picture in np.unique(image[number]):
            rows = np.flatnonzero(image[number] == picture)
            inside = np.stack([_filled(pixels[row], masks[row] if masks else None, size) for row in rows])
            classes, own = np.unique(label[number[rows]], return_inverse=True)
            shares = _shares(inside, own, len(classes))
            row, column = np.nonzero(shares)
            parts.append((number[rows][row], classes[column].astype(np.int64), shares[row, column]))
        region, classes, share = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.argsort(region, kind="stable")
        return region[order], classes[order], share[order]


def pixel_regions(
    boxes: Real[torch.Tensor, "region 4"], masks: Sequence[Mask] | None, height: int, width: int
) -> tuple[Integer[torch.Tensor, "kept 4"], Bool[torch.Tensor, " region"], list[np.ndarray | None] | None]:
    """Turn regions into whole pixels, and leave out those without a pixel inside the input.

    Parameters
    ----------
    boxes : tensor (region, 4)
        x0, y0, x1, y1 in pixels of the model's input; parts outside of it are cut off.
    masks : sequence, optional
        As in :class:`Regions`. Where a region has a mask, it alone says which pixels the region has.
    height, width : int
        Size of the input.

    Returns
    -------
    boxes : tensor (kept region, 4)
        int64; as :func:`~o2b_helpers.kernels.regions.box_statistics.pixel_boxes`; of a mask the box around it.
    kept : tensor (region,)
        bool; False where nothing of the region lies inside the input.
    masks : list of (array or None), optional
        Those of the kept regions, decoded; None where none were given.

    Raises
    ------
    InputError
        Corners that are not finite or stand in the wrong order; masks that are not bool, of another size, or not as
        many as the boxes.

    Examples
    --------
    >>> import numpy as np, torch
    >>> boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    >>> pixel_regions(boxes, [None, np.zeros((2, 2), dtype=bool)], 2, 2)
    (tensor([[0, 0, 2, 2]]), tensor([ True, False]), [None])
    """
    whole, kept = pixel_boxes(boxes, height, width)
    if masks is None:
        return whole, kept, None
    if len(masks) != len(kept):
        raise InputError(
            "Boxes and masks do not fit",
            value=f"{len(kept)} boxes, {len(masks)} masks",
            expected="one mask, or None, for each box",
            remedy="hand over None where a region is its box",
        )
    corners = torch.zeros(len(kept), 4, dtype=torch.int64)
    corners[kept] = whole
    kept, arrays = kept.clone(), []
    for number, mask in enumerate(masks):
        inside = decode_mask(mask, height, width) if isinstance(mask, str) else mask
        if inside is not None:
            inside = _checked(np.asarray(inside), number, (height, width))
            kept[number] = bool(inside.any())
            if kept[number]:
                corners[number] = torch.tensor(mask_bounds(inside))
        arrays.append(inside)
    return corners[kept], kept, [arrays[row] for row in torch.nonzero(kept)[:, 0].tolist()]


def region_statistics(
    maps: Float[torch.Tensor, "image channel map_height map_width"],
    boxes: Integer[torch.Tensor, "region 4"],
    image: Integer[torch.Tensor, " region"],
    size: tuple[int, int],
    *,
    masks: Sequence[np.ndarray | None] | None = None,
    scale: str = "map",
    extremes: tuple[Float[torch.Tensor, "image channel"], Float[torch.Tensor, "image channel"]] | None = None,
    block_bytes: int = BLOCK_BYTES,
    workspace: Workspace | None = None,
) -> tuple[Float[torch.Tensor, "region channel"], Float[torch.Tensor, "region channel"]]:
    """Mean and maximum in each region of every map: boxes on their way, masks on theirs.

    Parameters
    ----------
    maps, boxes, image, size, scale, extremes, block_bytes, workspace
        As for :func:`~o2b_helpers.kernels.regions.box_statistics.box_statistics`, boxes from :func:`pixel_regions`.
    masks : sequence of (array (input height, input width) of bool, or None), optional
        Mask of each region, None where it is its box. Without any mask this is box_statistics, bit for bit.

    Returns
    -------
    mean, maximum : tensor (region, channel)
        The maps' dtype, in the order of the regions.

    Raises
    ------
    InputError, ParameterError
        As box_statistics and mask_statistics.

    Examples
    --------
    >>> import numpy as np, torch
    >>> maps, box = torch.tensor([[[[0.0, 2.0], [4.0, 8.0]]]]), torch.tensor([[0, 0, 2, 2]])
    >>> region_statistics(maps, box, torch.tensor([0]), (2, 2), masks=[np.eye(2, dtype=bool)], scale="none")
    (tensor([[4.]]), tensor([[8.]]))
    """
    if masks is None or all(mask is None for mask in masks):
        statistics = partial(box_statistics, maps, boxes, image, size)
        return statistics(scale=scale, extremes=extremes, block_bytes=block_bytes, workspace=workspace)
    extremes = map_extremes("maps", maps) if extremes is None else extremes
    image, has_mask = torch.as_tensor(image).cpu(), torch.tensor([mask is not None for mask in masks])
    mean, maximum = maps.new_zeros(2, len(masks), maps.shape[1])
    for rows, statistics in (
        (~has_mask, partial(box_statistics, maps, torch.as_tensor(boxes).cpu()[~has_mask], image[~has_mask], size)),
        (has_mask, partial(mask_statistics, maps, [m for m in masks if m is not None], image[has_mask], size)),
    ):
        if rows.any():
            values = statistics(scale=scale, extremes=extremes, block_bytes=block_bytes, workspace=workspace)
            mean[rows.to(maps.device)], maximum[rows.to(maps.device)] = values
    return mean, maximum


def _checked(mask: np.ndarray, number: int, size: tuple[int, int]) -> np.ndarray:
    if mask.shape != size or mask.dtype != np.bool_:
        raise InputError(
            "A mask does not fit the input",
            value=f"mask {number}: shape {mask.shape}, {mask.dtype}",
            expected=f"{size[0]} x {size[1]} of bool",
            remedy="carry masks to the network's input with mask_to_input",
        )
    return mask


def _filled(box: torch.Tensor, mask: np.ndarray | None, size: tuple[int, int]) -> np.ndarray:
    if mask is not None:
        return mask
    x0, y0, x1, y1 = box.tolist()
    filled = np.zeros(size, dtype=bool)
    filled[y0:y1, x0:x1] = True
    return filled


def _shares(inside: np.ndarray, own: np.ndarray, count: int) -> np.ndarray:
    """Shares (region, class) for the regions (region, height, width) of one image."""
    pixels = inside.reshape(len(inside), -1)
    covered = np.zeros((count, pixels.shape[1]), dtype=bool)
    for region, label in enumerate(own):
        covered[label] |= pixels[region]
    # counts below 2**24 are exact in single precision
    dtype = "float32" if pixels.shape[1] < 2**24 else "float64"
    common = (pixels.astype(dtype) @ covered.astype(dtype).T).astype(np.float64)
    return common / np.count_nonzero(pixels, axis=1)[:, None]
