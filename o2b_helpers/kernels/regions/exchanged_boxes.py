"""Who gets whose boxes: the null of filter sensitivity."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer


def exchanged_partners(images: Sequence[str], seed: int) -> Integer[np.ndarray, " image"]:
    """Let every image be given the boxes of another one, by chance.

    Scored in an image that they do not belong to, boxes keep how often a class occurs, how large its boxes are and
    where in a picture they lie; what they lose is the object. What a filter still seems to answer is due to the
    former.

    The images stand in a circle, in the order of a digest of seed and name, and each is given the boxes of the next.
    So none keeps its own, each gives its boxes once, and an image more or less changes only its neighbour.

    Parameters
    ----------
    images : sequence of str
        Names of the images that have boxes, each once, of the whole corpus.
    seed : int
        Another seed, another order.

    Returns
    -------
    array (image,) of int
        Position of the image whose boxes each is given; -1 where there is only one image.

    Examples
    --------
    >>> given = exchanged_partners(["beach.jpg", "dog.jpg", "street.jpg"], seed=0)
    >>> sorted(given.tolist()), bool((given == [0, 1, 2]).any())  # each gives once, none to itself
    ([0, 1, 2], False)
    """
    if len(images) < 2:
        return np.full(len(images), -1, dtype=np.int64)
    marks = [hashlib.sha256(f"{seed}\n{name}".encode()).digest() for name in images]
    order = np.array(sorted(range(len(marks)), key=marks.__getitem__), dtype=np.int64)
    given = np.empty(len(order), dtype=np.int64)
    given[order] = np.roll(order, -1)
    return given
