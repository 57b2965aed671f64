"""Lay objects over 8-bit pictures, before any preprocessing."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer, Real, UInt8

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.paste.places import corners, larger_than_the_picture


def composite(
    below: UInt8[np.ndarray, "height width 3"], above: UInt8[np.ndarray, "height width 4"]
) -> UInt8[np.ndarray, "height width 3"]:
    """Lay pixels with alpha over others: (alpha * above + (255 - alpha) * below) / 255, rounded to the nearest.

    Examples
    --------
    >>> below, above = np.full((1, 1, 3), 100, np.uint8), np.array([[[200, 0, 100, 128]]], np.uint8)
    >>> composite(below, above).tolist()
    [[[150, 50, 100]]]
    """
    alpha = np.repeat(above[..., 3], 3).reshape(below.shape).astype(np.uint16)  # whole rows are faster than threes
    total = alpha * above[..., :3]
    total += (255 - alpha) * below
    total += np.uint16(128)
    return ((total + (total >> 8)) >> 8).astype(np.uint8)  # a division by 255 in whole numbers, exact up to 255 * 255


def pasted(
    picture: UInt8[np.ndarray, "height width 3"],
    pixels: UInt8[np.ndarray, "object_height object_width 4"],
    places: Real[np.ndarray, "place 2"],
) -> tuple[UInt8[np.ndarray, "place height width 3"], Integer[np.ndarray, "place 4"]]:
    """Paste an object onto copies of a picture, centred at each of some positions.

    Parameters
    ----------
    picture : array (height, width, 3) of uint8
        Red, green, blue.
    pixels : array (height, width, 4) of uint8
        The object, or a control of it, in the size in which it is pasted.
    places : array (place, 2)
        x and y of the centres, relative to the picture's sides.

    Returns
    -------
    copies : array (place, height, width, 3) of uint8
        What reaches over the edge is cut off.
    boxes : array (place, 4)
        x0, y0, x1, y1 that the object takes inside the picture, pixels.

    Raises
    ------
    InputError
        Another shape or type; an object larger than the picture; a centre outside of it.

    Examples
    --------
    >>> picture, ball = np.zeros((10, 10, 3), np.uint8), np.full((2, 2, 4), 255, np.uint8)
    >>> copies, boxes = pasted(picture, ball, np.array([[0.5, 0.5], [1.0, 0.0]]))
    >>> copies.shape, boxes.tolist(), copies[..., 0].sum((1, 2)).tolist()
    ((2, 10, 10, 3), [[4, 4, 6, 6], [9, 0, 10, 1]], [1020, 255])
    """
    picture, boxes, cut = laid_out(picture, pixels, places)
    copies = np.repeat(picture[None], len(boxes), 0)
    for copy, (x0, y0, x1, y1), (left, top) in zip(copies, boxes, cut, strict=True):
        shown = pixels[top : top + y1 - y0, left : left + x1 - x0]
        copy[y0:y1, x0:x1] = composite(copy[y0:y1, x0:x1], shown)
    return copies, boxes


def laid_out(picture: np.ndarray, pixels: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check what is pasted, and say where.

    Parameters
    ----------
    picture, pixels, places
        As for :func:`pasted`, which also lists what is raised.

    Returns
    -------
    picture : array (height, width, 3)
        As it was.
    boxes : array (place, 4)
        x0, y0, x1, y1 inside the picture.
    cut : array (place, 2)
        Columns and rows of the object that lie to the left of the picture and above it.
    """
    picture, pixels, places = np.asarray(picture), np.asarray(pixels), np.asarray(places, dtype=np.float64)
    fits = picture.ndim == 3 and picture.shape[2] == 3 and pixels.ndim == 3 and pixels.shape[2] == 4
    if not fits or picture.dtype != np.uint8 or pixels.dtype != np.uint8:
        raise InputError(
            "This object cannot be pasted onto this picture",
            value=f"picture {picture.shape} {picture.dtype}, object {pixels.shape} {pixels.dtype}",
            expected="(height, width, 3) and (height, width, 4), both uint8",
            remedy="paste onto 8-bit pictures, before they are preprocessed",
        )
    height, width = picture.shape[:2]
    if pixels.shape[0] > height or pixels.shape[1] > width:
        raise larger_than_the_picture((pixels.shape[0], pixels.shape[1]), picture.shape)
    if places.ndim != 2 or places.shape[1] != 2 or not ((places >= 0) & (places <= 1)).all():
        raise InputError(
            "An object would be centred outside of the picture",
            value=places[~((places >= 0) & (places <= 1)).all(1)][:1].tolist() if places.ndim == 2 else places.shape,
            expected="x and y from 0 to 1",
            remedy="give positions relative to the picture's sides",
        )
    whole = corners(places, (pixels.shape[0], pixels.shape[1]), width, height)
    boxes = whole.clip(0, [width, height, width, height])
    return picture, boxes, boxes[:, :2] - whole[:, :2]
