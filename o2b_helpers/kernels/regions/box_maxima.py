"""Maxima of resized maps in boxes: only pixels where a maximum can lie are ever computed (METHODS 3, identity 2).

Maps come with the channel last, so that each step works on whole vectors of channels. The candidates of a box are
the four pixels around every crossing of two bends that lie inside it, and the pixels on its own outline.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from jaxtyping import Float, Integer

from o2b_helpers.kernels.regions.box_spans import BoxSpans


class Workspace:
    """Memory for intermediate results that is used again and again: fresh memory costs more than what is done in it.

    Parameters
    ----------
    like : tensor
        Gives dtype and device.
    """

    def __init__(self, like: torch.Tensor) -> None:
        self._memory = like.new_empty(0)

    def tensors(self, *shapes: tuple[int, ...]) -> list[torch.Tensor]:
        """Give uninitialised tensors of these shapes, in the place of those given before."""
        sizes = [math.prod(shape) for shape in shapes]
        if sum(sizes) > len(self._memory):
            self._memory = self._memory.new_empty(sum(sizes))
        parts = self._memory[: sum(sizes)].split(sizes)
        return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def box_maxima(
    maps: Float[torch.Tensor, "image height width channel"],
    image: Integer[torch.Tensor, " box"],
    y: BoxSpans,
    x: BoxSpans,
    workspace: Workspace,
) -> Float[torch.Tensor, "box channel"]:
    """Give the largest value of each resized map in each box.

    Parameters
    ----------
    maps : tensor (image, height, width, channel)
        Native maps, contiguous.
    image : tensor (box,)
        Which image a box lies in.
    y, x : BoxSpans
        The boxes along both axes.
    workspace : Workspace
        For about four times the maps.

    Returns
    -------
    tensor (box, channel)
    """
    _, height, width, channels = maps.shape
    # first and last row of each box over the map's whole width, then its first and last column
    rows = maps.reshape(-1, width * channels)
    rows = rows.index_select(0, (image[:, None, None] * height + y.ends).flatten())
    rows = _blend(rows.view(len(image), 2, 2, width, channels), y.end_fraction)
    place = (image[:, None] * height + torch.arange(height, device=image.device)) * width
    columns = maps.reshape(-1, channels).index_select(0, (place[:, None, None] + x.ends[..., None]).flatten())
    columns = _blend(columns.view(len(image), 2, 2, height, channels), x.end_fraction)
    highest = torch.maximum(_line_maxima(rows, x), _line_maxima(columns, y))
    crossed = (y.stop > y.first) & (x.stop > x.first)
    if crossed.any():
        inside = _inner_maxima(maps, image, y, x, workspace)
        inside[torch.as_tensor(~crossed, device=inside.device)] = -torch.inf
        torch.maximum(highest, inside, out=highest)
    return highest


def _blend(neighbours: torch.Tensor, fraction: torch.Tensor) -> torch.Tensor:
    """Interpolate (box, end, neighbour, sample, channel) to (box, end, sample, channel)."""
    return torch.lerp(neighbours[:, :, 0], neighbours[:, :, 1], fraction[:, :, None, None])


def _around_bends(samples: torch.Tensor, spans: BoxSpans) -> torch.Tensor:
    """Larger one of the two pixels around each bend, along the last axis but one (sample, channel)."""
    count = len(spans.before)
    first, middle, last = (samples.narrow(-2, start, count) for start in range(3))
    before = torch.lerp(first, middle, spans.before[:, None])
    return torch.maximum(before, torch.lerp(middle, last, spans.behind[:, None]), out=before)


def _line_maxima(lines: torch.Tensor, spans: BoxSpans) -> torch.Tensor:
    """Maximum (box, channel) over the boxes' range of lines (box, line, sample, channel)."""
    boxes, per_box, samples, channels = lines.shape
    line = torch.arange(boxes * per_box, device=lines.device).view(boxes, per_box, 1, 1) * samples
    ends = lines.reshape(-1, channels).index_select(0, (line + spans.ends[:, None]).flatten())
    ends = ends.view(boxes, per_box, 2, 2, channels)
    highest = torch.lerp(ends[..., 0, :], ends[..., 1, :], spans.end_fraction[:, None, :, None]).amax((1, 2))
    bends = np.arange(len(spans.before))
    inside = (bends >= spans.first[:, None]) & (bends < spans.stop[:, None])
    if not inside.any():
        return highest
    outside = torch.as_tensor(np.where(inside, 0.0, -np.inf)).to(lines)
    at_bends = _around_bends(lines, spans)
    return torch.maximum(highest, at_bends.add_(outside[:, None, :, None]).amax((1, 2)))


def _inner_maxima(
    maps: torch.Tensor, image: torch.Tensor, y: BoxSpans, x: BoxSpans, workspace: Workspace
) -> torch.Tensor:
    """Maximum (box, channel) over the crossings of two bends inside each box; any value where there is none."""
    rows, levels = _segments(y.first, y.stop, len(y.before))
    images, _, whole, channels = maps.shape
    height, width = len(y.before), len(x.before)
    table, between, pixels = workspace.tensors(
        (images, levels[-1].stop, width, channels), (images, height, whole, channels), (images, height, width, channels)
    )
    _fill_crossings(maps, y, x, table[:, levels[0]], between, pixels)
    for level, above in itertools.pairwise(levels):
        pairs = slice(level.start, level.start + 2 * (above.stop - above.start))
        even, odd = (table[:, slice(pairs.start + n, pairs.stop, 2)] for n in range(2))
        torch.maximum(even, odd, out=table[:, above])
    # a shorter range repeats its last column, which changes no maximum
    columns = np.minimum(x.first[:, None] + np.arange(max(1, (x.stop - x.first).max())), x.stop[:, None] - 1)
    place = rows[:, :, None] * width + columns.clip(0)[:, None]
    place = torch.as_tensor(place).to(image.device).flatten(1) + image[:, None] * (levels[-1].stop * width)
    maxima = table.view(-1, channels).index_select(0, place.flatten())
    return maxima.view(*place.shape, channels).amax(1)


def _fill_crossings(
    maps: torch.Tensor, y: BoxSpans, x: BoxSpans, out: torch.Tensor, between: torch.Tensor, pixels: torch.Tensor
) -> None:
    """Write the largest of the four pixels around each crossing of two bends to `out` (image, bend, bend, channel).

    `between` and `pixels` are places to write to: rows of pixels at native columns, and one of the four pixels.
    """
    for row, rows in enumerate((y.before, y.behind)):
        low, high = (maps.narrow(1, row + n, len(rows)) for n in range(2))
        torch.lerp(low, high, rows[:, None, None], out=between)
        for column, columns in enumerate((x.before, x.behind)):
            low, high = (between.narrow(2, column + n, len(columns)) for n in range(2))
            torch.lerp(low, high, columns[:, None], out=pixels if row or column else out)
            if row or column:
                torch.maximum(out, pixels, out=out)


def _segments(first: np.ndarray, stop: np.ndarray, count: int) -> tuple[np.ndarray, list[slice]]:
    """Make ranges of rows of few rows in a table that also holds the rows' maxima by twos, fours, eights and so on.

    Parameters
    ----------
    first, stop : array (box,)
        Ranges first..stop - 1; at least one of them is not empty.
    count : int
        Number of rows.

    Returns
    -------
    rows : array (box, place)
        Rows of the table which together make a range; what a box does not need repeats one that it does.
    levels : list of slice
        Where in the table the single rows, twos, fours ... stand.
    """
    rows, levels, start, left, right = [], [], 0, first, np.maximum(first, stop)
    while (left < right).any():
        levels.append(slice(start, start + count))
        for odd, row in (((left < right) & (left % 2 == 1), left), ((left < right) & (right % 2 == 1), right - 1)):
            rows.append(np.where(odd, start + row, -1))
        left, right = (left + 1) // 2, right // 2
        start, count = start + count, count // 2
    own_rows = -np.sort(-np.stack(rows, 1), axis=1)
    own_rows = own_rows[:, : (own_rows >= 0).sum(1).max()]
    return np.where(own_rows >= 0, own_rows, own_rows[:, :1].clip(0)), levels
