"""Masks as text: how many pixels in a row are outside, inside, outside ...

A table can so hold one mask in one cell. The code is COCO's uncompressed one. It lies in `core`, because detectors
write it, and they stand below the kernels that read it.
"""

from __future__ import annotations

import numpy as np

from o2b_helpers.core.errors import InputError


def encode_mask(mask: np.ndarray) -> str:
    """Write a mask as the lengths of its runs.

    Pixels are counted column by column, each from the top down (COCO's order). The first run counts pixels outside of
    the mask and is 0 where the first pixel lies inside; from then on runs inside and outside take turns. All runs but
    the first are at least 1, so that a mask has exactly one code.

    Parameters
    ----------
    mask : array (height, width) of bool
        True inside; at least one pixel in size.

    Returns
    -------
    str
        Whole numbers with a blank between them; together they are height x width. The size itself is not in the code.

    Raises
    ------
    InputError
        Another shape or another dtype.

    Examples
    --------
    >>> import numpy as np
    >>> encode_mask(np.array([[False, True], [False, True], [False, False]]))
    '3 2 1'
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype != np.bool_ or not mask.size:
        raise InputError(
            "This is not a mask",
            value=f"shape {mask.shape}, {mask.dtype}",
            expected="(height, width) of bool, with at least one pixel",
            remedy="compare with a threshold first, and hand over one mask at a time",
        )
    height, width = mask.shape
    columns = np.flatnonzero(mask.any(0))
    if not len(columns):
        return str(mask.size)
    # only columns that hold a part of the mask are put in order; in a large picture they are few
    first, last = int(columns[0]), int(columns[-1])
    inside = np.zeros((last - first + 1) * height + 2, dtype=bool)
    inside[1:-1] = mask[:, first : last + 1].T.ravel()
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + first * height
    runs = np.diff(np.concatenate([[0], edges, [mask.size]]))
    return " ".join(map(str, (runs if runs[-1] else runs[:-1]).tolist()))


def decode_mask(code: str, height: int, width: int) -> np.ndarray:
    """Read a mask from its code.

    Parameters
    ----------
    code : str
        From :func:`encode_mask`.
    height, width : int
        Size of the picture in pixels.

    Returns
    -------
    array (height, width) of bool

    Raises
    ------
    InputError
        No code, or one of another number of pixels.

    Examples
    --------
    >>> decode_mask("3 2 1", 3, 2).astype(int).tolist()
    [[0, 1], [0, 1], [0, 0]]
    """
    runs = _runs(code)
    if runs.sum() != height * width:
        raise InputError(
            "A mask's code does not fit its picture",
            value=f"runs of {runs.sum()} pixels in all",
            expected=f"{height * width} pixels, for height {height} and width {width}",
            remedy="hand over the height and the width of the picture that the mask was made for, in this order",
        )
    inside = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, runs).reshape(width, height).T)


def _runs(code: str) -> np.ndarray:
    if isinstance(code, str):
        parts = code.split(" ")
        if all(part.isascii() and part.isdecimal() and len(part) < 16 for part in parts):
            runs = np.array(parts, dtype=np.int64)
            if (runs[1:] > 0).all():
                return runs
    shown = code if not isinstance(code, str) or len(code) <= 40 else code[:40] + "..."
    raise InputError(
        "This is not the code of a mask",
        value=repr(shown),
        expected="whole numbers with one blank between them, such as '3 2 1'; only the first may be 0",
        remedy="take the column mask as the detector wrote it, or make codes with encode_mask",
    )
