"""Ranks that have a derivative, and the derivative of an alignment with them.

A rank changes only where two predictions change places, so that its derivative is 0 or undefined. A soft rank counts
how far a prediction lies above each other one: a pair counts as a sigmoid of its distance (ours, METHODS 4b).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer, Real
from scipy.special import expit

WIDTH = 0.1  # of the sigmoid, in standard deviations of the whole pictures' predictions
NODES = 32  # of the Gauss-Legendre rule along the way


def soft_comparison(
    values: Real[np.ndarray, "*row n"], width: Real[np.ndarray, "*row"]
) -> Float[np.ndarray, "*row n n"]:
    """Compare every stimulus with every other: values (..., n) -> (..., n, n).

    Near 1 where the other (last axis) has a value far below, 1/2 where they are equal, itself included, near 0 where it
    is far above: the soft form of :func:`~o2b_helpers.kernels.statistics.bootstrap.below`.

    Parameters
    ----------
    values : array (..., n)
        Predictions.
    width : array (...)
        Width of the sigmoid, in units of the values; NaN where it is 0.

    Examples
    --------
    >>> soft_comparison(np.array([[0.0, 9.0]]), np.array([0.1])).round(3).tolist()
    [[[0.5, 0.0], [1.0, 0.5]]]
    """
    values, width = np.asarray(values, dtype=np.float64), np.asarray(width, dtype=np.float64)
    width = np.where(width > 0, width, np.nan)[..., None, None]
    return expit((values[..., :, None] - values[..., None, :]) / width)


def widths(base: Real[np.ndarray, "*row n"], width: float = WIDTH) -> Float[np.ndarray, "*row"]:
    """Return the width of the sigmoid for some predictions (..., n): a share of their standard deviation (1/n)."""
    return width * np.asarray(base, dtype=np.float64).std(-1)


def soft_unit_ranks(values: Real[np.ndarray, "*row n"], width: Real[np.ndarray, "*row"]) -> Float[np.ndarray, "*row n"]:
    """Return soft ranks centred and scaled to length 1; their product with a target's unit ranks is the soft rho.

    Parameters
    ----------
    values, width
        As for :func:`soft_comparison`.

    Returns
    -------
    array (..., n)
        float64; NaN for a constant series and where the width is 0.

    Examples
    --------
    >>> soft_unit_ranks(np.array([[1.0, 2.0, 3.0]]), np.array([0.01])).round(3).tolist()
    [[-0.707, 0.0, 0.707]]
    """
    ranks = soft_comparison(values, width).sum(-1) - np.shape(values)[-1] / 2
    length = np.sqrt((ranks * ranks).sum(-1, keepdims=True))
    return ranks / np.where(length > 0, length, np.nan)


def rank_derivatives(
    base: Real[np.ndarray, " n"],
    hidden: Real[np.ndarray, " n"],
    changed: Integer[np.ndarray, " changed"],
    width: float,
    nodes: int = NODES,
) -> Float[np.ndarray, "changed n"]:
    """Average the derivative of the soft unit ranks by some predictions, on the straight way between two of them.

    Times a target's unit ranks it is the mean of d rho / d y_n; times the change of the predictions that of the ranks:
    ``(base - hidden)[changed] @ result`` is the difference of the soft unit ranks (METHODS 4b).

    Parameters
    ----------
    base, hidden : array (n,)
        Predictions for the whole stimuli, and with something hidden.
    changed : array (changed,) of int
        Stimuli whose prediction differs.
    width : float
        Of the sigmoid, in units of the predictions.
    nodes : int
        Of the Gauss-Legendre rule.

    Returns
    -------
    array (changed, n)
        By which prediction, of which rank; NaN where the width is 0.

    Examples
    --------
    >>> base, hidden = np.array([0.1, 0.5, 0.9]), np.array([0.1, 0.5, 0.3])
    >>> mean = rank_derivatives(base, hidden, np.array([2]), 0.05)
    >>> before, after = (soft_unit_ranks(y[None], np.array([0.05]))[0] for y in (hidden, base))
    >>> np.allclose(0.6 * mean[0], after - before)
    True
    """
    base, hidden = np.asarray(base, dtype=np.float64), np.asarray(hidden, dtype=np.float64)
    count = len(base)
    if not width > 0:
        return np.full((len(changed), count), np.nan)
    places, shares = np.polynomial.legendre.leggauss(nodes)
    at = hidden + (places[:, None] + 1) / 2 * (base - hidden)  # (node, n)
    compared = soft_comparison(at, np.full(nodes, width))
    slopes = compared * (1 - compared) / width  # (node, n, n), symmetric
    ranks = compared.sum(-1) - count / 2
    length = np.sqrt((ranks * ranks).sum(-1))
    unit = ranks / length[:, None]
    by = -slopes[:, changed]  # d rank_m / d y_n for m other than n
    rows = np.arange(len(changed))
    by[:, rows, changed] += slopes[:, changed].sum(-1)
    by -= np.einsum("kcm,km->kc", by, unit)[..., None] * unit[:, None]
    return np.einsum("k,kcm->cm", shares / 2, by / length[:, None, None])
