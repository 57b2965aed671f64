"""Where objects are pasted."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer, Real

from o2b_helpers.core.errors import InputError

HEIGHT_SHARE = 0.2


def quincunx() -> Float[np.ndarray, "17 2"]:
    """Return the 17 relative positions: rows of 3, 4, 3, 4, 3 (our reading of EmoCAM, figure 3; METHODS 5).

    Rows stand at sixths of the height; in rows of four the positions stand at the odd eighths of the width, in rows of
    three at the even ones, between them.

    Returns
    -------
    array (17, 2)
        x and y of the centres, 0..1, row by row.

    Examples
    --------
    >>> quincunx()[:4].round(3).tolist()
    [[0.25, 0.167], [0.5, 0.167], [0.75, 0.167], [0.125, 0.333]]
    """
    rows = [(2, 4, 6), (1, 3, 5, 7), (2, 4, 6), (1, 3, 5, 7), (2, 4, 6)]
    return np.array([(x / 8, y / 6) for y, row in enumerate(rows, 1) for x in row])


def centres_of_boxes(boxes: Real[np.ndarray, "box 4"], width: int, height: int) -> Float[np.ndarray, "box 2"]:
    """Return the centres of boxes (x0, y0, x1, y1, in pixels of the picture) as relative positions.

    Examples
    --------
    >>> centres_of_boxes(np.array([[10, 0, 30, 50]]), width=100, height=100).tolist()
    [[0.2, 0.25]]
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2 / width, (boxes[:, 1] + boxes[:, 3]) / 2 / height], 1)


def random_places(
    count: int, object_size: tuple[int, int], width: int, height: int, rng: np.random.Generator
) -> Float[np.ndarray, "count 2"]:
    """Draw positions at which an object lies inside the picture as a whole, all equally likely.

    Parameters
    ----------
    count : int
        How many.
    object_size : (int, int)
        Height and width of the object in the picture, pixels.
    width, height : int
        Size of the picture, pixels.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    array (count, 2)
        x and y of the centres, relative.

    Examples
    --------
    >>> random_places(3, (10, 20), 100, 50, np.random.default_rng(0)).shape
    (3, 2)
    """
    half_height, half_width = object_size[0] / 2 / height, object_size[1] / 2 / width
    if max(half_height, half_width) > 0.5:
        raise larger_than_the_picture(object_size, (height, width))
    return rng.uniform([half_width, half_height], [1 - half_width, 1 - half_height], (count, 2))


def pasted_size(
    object_shape: tuple[int, ...], picture_shape: tuple[int, ...], height_share: float = HEIGHT_SHARE
) -> tuple[int, int]:
    """Return the height and width in pixels that an object takes in a picture; it keeps its form.

    Parameters
    ----------
    object_shape, picture_shape : tuple
        (height, width, ...) of both.
    height_share : float
        Height of the object by that of the picture, above 0 and at most 1.

    Raises
    ------
    InputError
        A share that is out of range, or an object that would be wider than the picture.

    Examples
    --------
    >>> pasted_size((50, 100, 4), (200, 300, 3))
    (40, 80)
    """
    if not 0 < height_share <= 1:
        raise InputError(
            "An object cannot be pasted at this height",
            value=height_share,
            expected="a share of the picture's height, above 0 and at most 1",
            remedy="correct the height share",
        )
    height = max(1, round(height_share * picture_shape[0]))
    width = max(1, round(height * object_shape[1] / object_shape[0]))
    if width > picture_shape[1]:
        raise larger_than_the_picture((height, width), picture_shape)
    return height, width


def corners(
    places: Real[np.ndarray, "place 2"], object_size: tuple[int, int], width: int, height: int
) -> Integer[np.ndarray, "place 4"]:
    """Return the boxes x0, y0, x1, y1 that an object takes at relative positions; they may reach over the edge.

    Examples
    --------
    >>> corners(np.array([[0.5, 0.5]]), (2, 4), width=10, height=10).tolist()
    [[3, 4, 7, 6]]
    """
    centre = np.asarray(places, dtype=np.float64).reshape(-1, 2) * (width, height)
    size = np.array(object_size[::-1])
    start = np.floor(centre - size / 2 + 0.5).astype(np.int64)
    return np.concatenate([start, start + size], 1)


def larger_than_the_picture(object_size: tuple[int, int], picture_shape: tuple[int, ...]) -> InputError:
    """Say that an object is larger than the picture."""
    return InputError(
        "The object is larger than the picture",
        value=f"object {object_size[1]} x {object_size[0]}, picture {picture_shape[1]} x {picture_shape[0]} pixels",
        expected="an object that fits into the picture",
        remedy="lower the height share, or take a narrower object",
    )
