"""Ranks within the splits (training images, test images ...) of many heads, from one sort of all their predictions."""

from __future__ import annotations

import numpy as np


def split_ranks(
    predictions: np.ndarray, split: np.ndarray, others: np.ndarray, splits: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Rank predictions within every split, and multiply with other ranks.

    Sorted images of a split are a part of all sorted images, so that ranks within it are counts along one sort.

    Parameters
    ----------
    predictions : array (head, image)
        Finite numbers; heads with others get a result without meaning.
    split : array (head, image) of int or bool
        The split of each image, from 0.
    others : array (head, image)
        What to multiply with.
    splits : int
        Number of splits.

    Returns
    -------
    products : array (split, head)
        Sum of rank times other; ranks are around 0, average ranks for equal predictions.
    squares : array (split, head)
        Sum of squared ranks.

    Examples
    --------
    >>> predictions, test = np.array([[0.1, 0.7, 0.3, 0.2]]), np.array([[False, False, True, True]])
    >>> products, squares = split_ranks(predictions, test, others=np.array([[-1.0, 1.0, -1.0, 1.0]]))
    >>> products.tolist(), squares.tolist()
    ([[1.0], [-1.0]], [[0.5], [0.5]])
    """
    order = np.argsort(predictions, axis=1)
    order += np.arange(len(predictions))[:, None] * predictions.shape[1]  # into flat arrays, which are read faster
    number = split.ravel().take(order)
    later = [number == each for each in range(1, splits)]
    later_counts = np.stack([np.cumsum(part, axis=1) for part in later])
    first = np.arange(1, order.shape[1] + 1) - later_counts.sum(0)
    counts = np.concatenate([first[None], later_counts]).astype(np.float64)
    centre = (counts[:, :, -1:] + 1) / 2
    ordered = predictions.ravel().take(order)
    equal = ordered[:, 1:] == ordered[:, :-1]
    tied = np.flatnonzero(equal.any(1))
    if len(tied):
        counts[:, tied] = _average(counts[:, tied], equal[tied])
    rank = counts - centre
    rank = np.take_along_axis(rank, number[None].astype(np.intp), 0)[0]
    each = np.stack([rank * others.ravel().take(order), rank * rank])
    sums = np.stack([np.where(part, each, 0.0).sum(2) for part in later], 1)  # (products or squares, split, head)
    products, squares = np.concatenate([each.sum(2)[:, None] - sums.sum(1, keepdims=True), sums], 1)
    return products, squares


def _average(counts: np.ndarray, equal: np.ndarray) -> np.ndarray:
    """Give images with equal predictions the mean of their first and last rank: counts (split, head, image)."""
    heads, images = counts.shape[1:]
    place = np.arange(images)
    edge = np.ones((heads, 1), dtype=bool)
    first = np.maximum.accumulate(np.where(np.hstack([edge, ~equal]), place, 0), axis=1)
    last = np.where(np.hstack([~equal, edge]), place, images)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    before = np.concatenate([np.zeros((*counts.shape[:2], 1)), counts], 2)
    return (np.take_along_axis(before, first[None], 2) + 1 + np.take_along_axis(counts, last[None], 2)) / 2
