"""Bilinear resizing as arithmetic on the native grid, without resizing anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from . import checks

ALIGNMENTS = ("half_pixel",)


@dataclass(frozen=True)
class Axis:
    """How the pixels of one resized axis arise from the native ones.

    Pixel p is ``(1 - fraction[p]) * native[lower[p]] + fraction[p] * native[upper[p]]``.

    Parameters
    ----------
    lower, upper : array (pixel,)
        Native neighbours; they are equal only where the resize repeats the border.
    fraction : array (pixel,)
        0..1, float64.
    native : int
        Number of native samples.
    """

    lower: np.ndarray
    upper: np.ndarray
    fraction: np.ndarray
    native: int

    def mean_row(self, start: int, stop: int) -> torch.Tensor:
        """Weight of every native sample in the mean over pixels start..stop - 1.

        Returns
        -------
        tensor (native,)
            float64, sums to 1.
        """
        pixels = slice(start, stop)
        row = np.bincount(self.lower[pixels], 1.0 - self.fraction[pixels], minlength=self.native)
        row += np.bincount(self.upper[pixels], self.fraction[pixels], minlength=self.native)
        return torch.from_numpy(row / (stop - start))

    def extreme_pixels(self, start: int, stop: int) -> np.ndarray:
        """Pixels of start..stop - 1 among which every maximum and minimum over them lies.

        Between two native samples the resized map is linear along the axis, so within each such cell only
        the first and the last pixel can be extreme (METHODS 3, identity 2).

        Returns
        -------
        array (candidate,)
            Pixel numbers, rising.
        """
        new = np.flatnonzero(np.diff(self.lower[start:stop])) + 1
        first = np.concatenate([[0], new])
        last = np.concatenate([new - 1, [stop - start - 1]])
        return start + np.union1d(first, last)


def resize_axis(native: int, pixels: int, align: str = "half_pixel") -> Axis:
    """Describe the bilinear resize of one axis.

    ``half_pixel`` is what OpenCV's ``INTER_LINEAR`` and PyTorch's ``interpolate(align_corners=False)`` do:
    pixel p looks at native position ``(p + 0.5) * native / pixels - 0.5``, held inside the map.

    Parameters
    ----------
    native, pixels : int
        Samples before and after.
    align : {"half_pixel"}
        Which native position a pixel looks at.

    Returns
    -------
    Axis
        The neighbours and fractions of every pixel.

    Raises
    ------
    ParameterError
        An unknown alignment.
    """
    checks.choice("align", align, ALIGNMENTS)
    position = np.clip((np.arange(pixels) + 0.5) * (native / pixels) - 0.5, 0.0, native - 1.0)
    lower = np.floor(position).astype(np.int64)
    return Axis(lower, np.minimum(lower + 1, native - 1), position - lower, native)
