"""Bilinear resizing as arithmetic on the native grid, without resizing anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from o2b_helpers.kernels import checks

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

    lower: Integer[np.ndarray, " pixel"]
    upper: Integer[np.ndarray, " pixel"]
    fraction: Float[np.ndarray, " pixel"]
    native: int

    def __len__(self) -> int:
        return len(self.lower)

    def rows(self, pixels: Integer[np.ndarray, " some_pixel"]) -> Float[np.ndarray, "some_pixel native"]:
        """Rows of the resize matrix: how the given pixels arise from the native samples.

        Returns
        -------
        array (pixel, native)
            float64; every row sums to 1.
        """
        matrix = np.zeros((len(pixels), self.native))
        place = np.arange(len(pixels))
        matrix[place, self.lower[pixels]] = 1.0 - self.fraction[pixels]
        matrix[place, self.upper[pixels]] += self.fraction[pixels]
        return matrix

    def mean_rows(
        self, start: Integer[np.ndarray, " range"], stop: Integer[np.ndarray, " range"]
    ) -> Float[np.ndarray, "range native"]:
        """Weight of every native sample in the mean over pixels start..stop - 1 (METHODS 3, identity 1).

        Parameters
        ----------
        start, stop : array (range,)
            Ranges of pixels, none of them empty.

        Returns
        -------
        array (range, native)
            float64, every row sums to 1.
        """
        running = np.concatenate([np.zeros((1, self.native)), self.rows(np.arange(len(self))).cumsum(0)])
        return (running[stop] - running[start]) / (stop - start)[:, None]

    def bends(self) -> Integer[np.ndarray, " bend"]:
        """Pixels at or first behind each native sample but the outermost two; only for axes that are not shrunk.

        From the pixel of one bend to the last pixel before the next one the resized map is linear along the axis, and
        in front of the first and behind the last bend it is monotone: beyond the outermost samples it goes on as a
        constant. A maximum over a range of pixels therefore lies at the pixel of a bend, the one before it, or an end
        of the range; and where only one of a bend's two pixels is in the range, it is an end (METHODS 3, identity 2).

        Returns
        -------
        array (native - 2,)
            Pixel numbers, rising; empty for one or two native samples.
        """
        return np.searchsorted(self.lower, np.arange(1, self.native - 1))


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

    Examples
    --------
    >>> axis = resize_axis(2, 4)
    >>> axis.lower.tolist(), axis.fraction.tolist()
    ([0, 0, 0, 1], [0.0, 0.25, 0.75, 0.0])
    """
    checks.choice("align", align, ALIGNMENTS)
    position = np.clip((np.arange(pixels) + 0.5) * (native / pixels) - 0.5, 0.0, native - 1.0)
    lower = np.floor(position).astype(np.int64)
    return Axis(lower, np.minimum(lower + 1, native - 1), position - lower, native)
