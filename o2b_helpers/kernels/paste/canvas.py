"""A picture with objects pasted onto it, as a network's inputs: only what the object changes is preprocessed again.

Resizing and normalising are local: a pixel of the input hangs on few pixels of the picture. So of every copy only the
pixels that see the object are made anew, in whole numbers, as Pillow does it; the others are the picture's own. Which
axis Pillow takes first differs between sizes and versions: it is looked up on a random picture of the same size, and
where neither order gives Pillow's bytes, whole copies are resized by Pillow.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Integer, Real, UInt8
from PIL import Image

from o2b_helpers.inputs.images.preprocessing import MOST_RESIZED, Preprocessing
from o2b_helpers.kernels.paste.compositing import composite, laid_out

PRECISION = 2.0**22  # Pillow rounds the weights of its 8-bit resize to whole parts of this
PROBE = 24  # pixels of the input on which the order of the axes is told, along either


class Canvas:
    """A picture onto which objects are pasted.

    Parameters
    ----------
    picture : array (height, width, 3) of uint8
        Red, green, blue.
    preprocessing : Preprocessing
        From a picture to the network's input.

    Attributes
    ----------
    input : tensor (3, crop, crop)
        The picture's own input, float32.

    Examples
    --------
    >>> canvas = Canvas(np.zeros((40, 60, 3), np.uint8), Preprocessing(32, 32))
    >>> inputs, boxes = canvas.inputs(np.full((8, 8, 4), 200, np.uint8), np.array([[0.5, 0.5], [0.0, 0.5]]))
    >>> inputs.shape, boxes.round(1).tolist()
    (torch.Size([2, 3, 32, 32]), [[12.8, 12.8, 19.2, 19.2], [0.0, 12.8, 0.0, 19.2]])
    """

    def __init__(self, picture: UInt8[np.ndarray, "height width 3"], preprocessing: Preprocessing) -> None:
        self.picture, self.preprocessing = np.ascontiguousarray(picture), preprocessing
        self.input = preprocessing.normalise(preprocessing.geometry(Image.fromarray(self.picture)))
        height, width = self.picture.shape[:2]
        short, long = min(height, width), max(height, width)
        new_long = int(preprocessing.resize * long / short)
        self._size = (new_long, preprocessing.resize) if height > width else (preprocessing.resize, new_long)
        # a crop larger than the picture adds a frame, and of a very thin picture only the middle is resized
        local = preprocessing.crop <= preprocessing.resize and new_long * preprocessing.resize <= MOST_RESIZED
        self._first_axis = first_axis((height, width), self._size) if local else None
        self._start = [int(np.rint((side - preprocessing.crop) / 2.0)) for side in self._size]

    def inputs(
        self, pixels: UInt8[np.ndarray, "object_height object_width 4"], places: Real[np.ndarray, "place 2"]
    ) -> tuple[Float[torch.Tensor, "place 3 crop crop"], Float[np.ndarray, "place 4"]]:
        """Paste an object, centred at each of some positions, and preprocess the copies.

        Parameters
        ----------
        pixels, places
            As for :func:`~o2b_helpers.kernels.paste.compositing.pasted`, which also lists what is raised.

        Returns
        -------
        inputs : tensor (place, 3, crop, crop)
            float32, bit for bit what the whole copies give.
        boxes : array (place, 4)
            x0, y0, x1, y1 of the objects in pixels of the input; of zero area where the crop leaves nothing of one.
        """
        _, boxes, cut = laid_out(self.picture, pixels, places)
        height, width = self.picture.shape[:2]
        inputs = self.input.repeat(len(boxes), 1, 1, 1)
        for copy, box, (left, top) in zip(inputs, boxes.tolist(), cut.tolist(), strict=True):
            shown = pixels[top : top + box[3] - box[1], left : left + box[2] - box[0]]
            if self._first_axis is not None:
                self._refresh(copy, shown, box, self._first_axis)
            else:
                whole = self.picture.copy()
                whole[box[1] : box[3], box[0] : box[2]] = composite(whole[box[1] : box[3], box[0] : box[2]], shown)
                copy[:] = self.preprocessing.normalise(self.preprocessing.geometry(Image.fromarray(whole)))
        return inputs, np.asarray(self.preprocessing.boxes_to_input(boxes.astype(np.float64), width, height))

    def _refresh(self, copy: torch.Tensor, shown: np.ndarray, box: list[int], axis: int) -> None:
        """Write what sees the object into an input (3, crop, crop)."""
        down, seen_rows = self._window(0, box[1], box[3])
        across, seen_columns = self._window(1, box[0], box[2])
        if not len(down[0]) or not len(across[0]):
            return
        part = self.picture[seen_rows, seen_columns].copy()
        rows = slice(box[1] - seen_rows.start, box[3] - seen_rows.start)
        columns = slice(box[0] - seen_columns.start, box[2] - seen_columns.start)
        # the object may reach out of what the crop leaves
        inside = slice(max(rows.start, 0), rows.stop), slice(max(columns.start, 0), columns.stop)
        shown = shown[inside[0].start - rows.start :, inside[1].start - columns.start :]
        below = part[inside]
        part[inside] = composite(below, shown[: below.shape[0], : below.shape[1]])
        made = torch.from_numpy(_resized(part, down[1], across[1], axis)).permute(2, 0, 1)
        first, last = down[0][0], down[0][-1] + 1
        copy[:, first:last, across[0][0] : across[0][-1] + 1] = self.preprocessing.normalise(made)

    def _window(self, axis: int, start: int, stop: int) -> tuple[tuple[np.ndarray, np.ndarray], slice]:
        """Along one axis: which pixels of the input see a range of the picture, their weights, and what they see."""
        sides, crop = (self.picture.shape[axis], self._size[axis]), slice(self._start[axis], None)
        first, last = (pixels[crop][: self.preprocessing.crop] for pixels in seen_pixels(*sides))
        matrix = resize_matrix(*sides)[crop][: self.preprocessing.crop]
        own = np.flatnonzero((first < stop) & (last >= start))
        if not len(own):
            return (own, matrix[:0]), slice(0, 0)
        read = slice(int(first[own[0]]), int(last[own[-1]]) + 1)
        return (own, matrix[own[0] : own[-1] + 1, read]), read


@lru_cache(maxsize=8)
def resize_matrix(old: int, new: int) -> Float[np.ndarray, "{new} {old}"]:
    """Return the weights of Pillow's bilinear, antialiased resize of 8-bit pixels along one axis.

    Parameters
    ----------
    old, new : int
        Pixels before and after.

    Returns
    -------
    array (new, old)
        Whole numbers, float64, in parts of 2**22; sums of their products with bytes are exact.

    Examples
    --------
    >>> (resize_matrix(4, 2) / PRECISION).round(3).tolist()
    [[0.429, 0.429, 0.143, 0.0], [0.0, 0.143, 0.429, 0.429]]
    """
    scale = old / new
    reach = max(scale, 1.0)
    centre = (np.arange(new) + 0.5) * scale
    first = np.maximum(np.trunc(centre - reach + 0.5), 0).astype(np.int64)
    last = np.minimum(np.trunc(centre + reach + 0.5), old).astype(np.int64)
    matrix, total = np.zeros((new, old)), np.zeros(new)
    row = np.arange(new)
    taps = math.ceil(reach) * 2 + 1
    for tap in range(taps):  # one after the other, so that sums are rounded as Pillow rounds them
        place = first + tap
        weight = 1.0 - np.abs((tap + first - centre + 0.5) * (1.0 / reach))
        weight = np.where(place < last, np.maximum(weight, 0.0), 0.0)
        total += weight
        matrix[row, np.minimum(place, old - 1)] += weight
    return np.trunc(0.5 + matrix / total[:, None] * PRECISION)


@lru_cache(maxsize=8)
def seen_pixels(old: int, new: int) -> tuple[Integer[np.ndarray, "{new}"], Integer[np.ndarray, "{new}"]]:
    """Return the first and the last pixel that each resized pixel sees; neither ever goes back from one to the next.

    Examples
    --------
    >>> [pixels.tolist() for pixels in seen_pixels(4, 2)]
    [[0, 1], [2, 3]]
    """
    seen = resize_matrix(old, new) > 0
    return seen.argmax(1), old - 1 - seen[:, ::-1].argmax(1)


@lru_cache(maxsize=1024)
def first_axis(old: tuple[int, int], new: tuple[int, int]) -> int | None:
    """Find out which axis Pillow resizes first, on the middle of a random picture.

    Parameters
    ----------
    old, new : (int, int)
        Height and width before and after.

    Returns
    -------
    int or None
        0 for the rows, 1 for the columns; None where neither order gives what Pillow gives.
    """
    noise = np.random.default_rng(0).integers(0, 256, (*old, 3), dtype=np.uint8)
    wanted = np.asarray(Image.fromarray(noise).resize(new[::-1], Image.Resampling.BILINEAR))
    matrices, read, made = [], [], []
    for before, after in zip(old, new, strict=True):
        rows = slice(max(0, after // 2 - PROBE // 2), after // 2 + PROBE // 2)
        seen = np.flatnonzero(resize_matrix(before, after)[rows].any(0))
        read.append(slice(int(seen[0]), int(seen[-1]) + 1))
        matrices.append(resize_matrix(before, after)[rows, read[-1]])
        made.append(rows)
    part, wanted = noise[read[0], read[1]], wanted[made[0], made[1]]
    tried = {axis: _resized(part, matrices[0], matrices[1], axis) for axis in (1, 0)}
    return next((axis for axis, result in tried.items() if np.array_equal(result, wanted)), None)


def _resized(part: np.ndarray, down: np.ndarray, across: np.ndarray, axis: int) -> np.ndarray:
    """Resize (height, width, colour) along one axis and then the other, rounded to bytes in between."""
    values = torch.from_numpy(part).double()
    for at in (axis, 1 - axis):
        weights = torch.from_numpy(across if at else down)
        sums = torch.tensordot(weights, values, ([1], [at])).movedim(0, at)
        # all weights are positive, so that only the upper end is cut
        values = ((sums + PRECISION / 2) / PRECISION).floor().clamp(max=255.0)
    return values.to(torch.uint8).numpy()
