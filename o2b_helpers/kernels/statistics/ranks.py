"""Ranks of many rows at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Real

VALUES_AT_ONCE = 2**15  # so that what is sorted, compared and placed stays near the processor


def centred_ranks(rows: Real[np.ndarray, "row n"]) -> Float[np.ndarray, "row n"]:
    """Rank every row, ties sharing their average, and take away the mean rank.

    Parameters
    ----------
    rows : array (row, n)
        Numbers without NaN.

    Returns
    -------
    array (row, n)
        -(n - 1) / 2 .. (n - 1) / 2, float64; whole or half numbers, so that sums and products of them are exact.

    Examples
    --------
    >>> import numpy as np
    >>> centred_ranks(np.array([[30, 10, 20, 20]])).tolist()
    [[1.5, -1.5, 0.0, 0.0]]
    """
    count, n = rows.shape
    ranks = np.empty((count, n))
    in_order, place = np.arange(n) * 2.0 - (n - 1), np.arange(n)[:, None]  # twice the ranks
    step = max(1, VALUES_AT_ONCE // max(1, n))
    for start in range(0, count, step):
        some, own_ranks = rows[start : start + step], ranks[start : start + step].reshape(-1)
        order = some.argsort(axis=1)
        order += np.arange(len(some))[:, None] * n  # into flat arrays, which are read and written faster
        ordered = some.ravel().take(order)
        own_ranks[order] = in_order
        equal = ordered[:, 1:] == ordered[:, :-1]
        tied = equal.any(axis=1)
        if tied.any():
            equal = equal[tied].T
            edge = np.zeros((1, equal.shape[1]), dtype=np.intp)
            first = np.maximum.accumulate(np.vstack([edge, np.where(equal, 0, place[1:])]))
            last = np.vstack([np.where(equal, n, place[:-1]), edge + n - 1])
            last = np.minimum.accumulate(last[::-1])[::-1]
            own_ranks[order[tied]] = (first + last - (n - 1)).T
    ranks /= 2
    return ranks
