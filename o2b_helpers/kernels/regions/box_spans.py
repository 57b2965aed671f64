"""Where boxes lie along one axis of a resized map, in terms of the native samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer

from o2b_helpers.kernels.regions.resize import Axis


@dataclass(frozen=True)
class BoxSpans:
    """The range of pixels of every box along one axis, ready for use with maps of one dtype on one device.

    Parameters
    ----------
    mean : tensor (box, native)
        Weight of every native sample in the mean over the range.
    before, behind : tensor (bend,)
        Fractions of the two pixels around each bend (:meth:`Axis.bends`): the last one of the native interval before
        it, counted from that interval's first sample, and the first one of the interval behind it.
    ends : tensor (box, end, neighbour)
        Native neighbours of the first and the last pixel of the range.
    end_fraction : tensor (box, end)
        Their fractions.
    first, stop : array (box,)
        Bends with both pixels in the range: first..stop - 1, none where first equals stop.
    """

    mean: Float[torch.Tensor, "box native"]
    before: Float[torch.Tensor, " bend"]
    behind: Float[torch.Tensor, " bend"]
    ends: Integer[torch.Tensor, "box 2 2"]
    end_fraction: Float[torch.Tensor, "box 2"]
    first: Integer[np.ndarray, " box"]
    stop: Integer[np.ndarray, " box"]

    def __getitem__(self, boxes: slice) -> BoxSpans:
        """Take some of the boxes."""
        return BoxSpans(
            self.mean[boxes],
            self.before,
            self.behind,
            self.ends[boxes],
            self.end_fraction[boxes],
            self.first[boxes],
            self.stop[boxes],
        )


def box_spans(
    axis: Axis, start: Integer[np.ndarray, " box"], stop: Integer[np.ndarray, " box"], like: torch.Tensor
) -> BoxSpans:
    """Describe ranges of pixels along an axis that is not shrunk.

    Parameters
    ----------
    axis : Axis
        With at least as many pixels as native samples.
    start, stop : array (box,)
        Pixels start..stop - 1.
    like : tensor
        Gives dtype and device.

    Returns
    -------
    BoxSpans
    """
    bends = axis.bends()
    first = np.searchsorted(bends - 1, start)
    past = np.maximum(np.searchsorted(bends, stop - 1, side="right"), first)
    ends = np.stack([start, stop - 1], 1)

    def values(array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array).to(like)

    return BoxSpans(
        values(axis.mean_rows(start, stop)),
        values(axis.fraction[bends - 1]),
        values(axis.fraction[bends]),
        torch.as_tensor(np.stack([axis.lower[ends], axis.upper[ends]], 2)).to(like.device),
        values(axis.fraction[ends]),
        first,
        past,
    )
