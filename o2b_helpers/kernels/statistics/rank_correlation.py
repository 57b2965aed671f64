"""Spearman correlation of many series with many targets at once, its p-value, and the false discovery rate."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Real
from scipy import special

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.ranks import centred_ranks


def rank_correlation(
    x: Real[np.ndarray, "*series n"], y: Real[np.ndarray, "target n"]
) -> Float[np.ndarray, "*series target"]:
    """Correlate the ranks of every series with the ranks of every target (METHODS 2).

    Ties get their average rank. A pair of values with a NaN in either is left out, as SciPy's
    ``spearmanr(nan_policy="omit")`` does, and what is left is ranked anew.

    Parameters
    ----------
    x : array (..., n)
        Series, e.g. predictions (run, filter, stimulus).
    y : array (target, n)
        Targets over the same n.

    Returns
    -------
    array (..., target)
        rho, -1..1, float64; NaN where either side is constant or fewer than two pairs are left.

    Raises
    ------
    InputError
        Shapes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> predictions = np.array([[1.0, 5.0, 9.0], [9.0, 5.0, 1.0]])
    >>> rank_correlation(predictions, np.array([[2.0, 3.0, 4.0]])).tolist()
    [[1.0], [-1.0]]
    """
    series, y, lead = as_series(x, y)
    rho = np.full((len(series), len(y)), np.nan)
    for of_series, missing_in_series in by_missing(np.isnan(series)):
        for of_targets, missing_in_targets in by_missing(np.isnan(y)):
            present = ~(missing_in_series | missing_in_targets)
            rho[np.ix_(of_series, of_targets)] = _complete(series[of_series][:, present], y[of_targets][:, present])
    return rho.reshape(*lead, len(y))


def as_series(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Return series (series, n), targets (target, n) and the shape of x without its last axis.

    Raises
    ------
    InputError
        Shapes that do not fit.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if y.ndim != 2 or x.ndim < 1 or x.shape[-1] != y.shape[1]:
        raise InputError(
            "Series and targets do not fit",
            value=f"{x.shape} and {y.shape}",
            expected="(..., n) and (target, n) with the same n",
            remedy="line both up by stimulus first",
        )
    lead = x.shape[:-1]
    return x.reshape(int(np.prod(lead)), x.shape[-1]), y, lead


def by_missing(missing: Bool[np.ndarray, "row n"]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Group the rows of (row, n) that miss the same places: numbers of rows, and what they miss (n,)."""
    if not missing.any():
        return [(np.arange(len(missing)), np.zeros(missing.shape[1], dtype=bool))]
    packed = np.ascontiguousarray(np.packbits(missing, axis=1))
    _, first, group = np.unique(packed.view(f"V{packed.shape[1]}"), return_index=True, return_inverse=True)
    order = np.argsort(group.reshape(-1), kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(group.reshape(-1)))[:-1])
    return [(members, missing[row]) for members, row in zip(rows, first, strict=True)]


def _complete(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Correlate (series, n) with (target, n), nothing missing."""
    if x.shape[1] < 2 or not len(x) or not len(y):
        return np.full((len(x), len(y)), np.nan)
    # whole and half numbers: sums and products are exact, so that a constant series is found exactly, no order of
    # summing changes a result, and the rounded spread is never smaller than the product (rho stays within -1..1)
    x, y = centred_ranks(x), centred_ranks(y)
    spread = np.sqrt((x * x).sum(1)[:, None] * (y * y).sum(1)[None])
    return (x @ y.T) / np.where(spread > 0, spread, np.nan)


def spearman_p(rho: np.ndarray | float, n: np.ndarray | int) -> np.ndarray:
    """Two-sided p-value of Spearman's rho from Student's t with n - 2 degrees of freedom, as SciPy gives it.

    Parameters
    ----------
    rho : array (...) or float
        Correlations, -1..1.
    n : array or int
        Pairs that went into each; broadcasts against `rho`.

    Returns
    -------
    array (...)
        p, 0..1, float64; NaN where rho is NaN or n < 3.

    Examples
    --------
    >>> import numpy as np
    >>> spearman_p(np.array([0.0, 1.0, -1.0]), 24).tolist()
    [1.0, 0.0, 0.0]
    """
    rho, freedom = np.broadcast_arrays(np.asarray(rho, dtype=np.float64), np.asarray(n, dtype=np.float64) - 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(rho) * np.sqrt(np.maximum(freedom, 0) / ((1 + rho) * (1 - rho)))
        p = 2 * special.stdtr(np.where(freedom > 0, freedom, np.nan), -t)
    return np.where(np.isnan(rho) | (freedom <= 0), np.nan, p)


def benjamini_hochberg(p: Real[np.ndarray, "*rest"]) -> Float[np.ndarray, "*rest"]:
    """Adjust p-values so that q <= alpha holds the false discovery rate at alpha (Benjamini & Hochberg 1995).

    Parameters
    ----------
    p : array (...)
        p-values of one family, 0..1; NaN (no test) stays NaN and is not counted.

    Returns
    -------
    array (...)
        q, 0..1, float64.

    Raises
    ------
    InputError
        A p-value outside 0..1.

    Examples
    --------
    >>> import numpy as np
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, np.nan])).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    p = np.asarray(p, dtype=np.float64)
    q = np.full(p.shape, np.nan)
    tested = ~np.isnan(p)
    values = p[tested]
    if values.size and (values.min() < 0 or values.max() > 1):
        raise InputError(
            "A p-value is out of range",
            value=f"{values.min()}..{values.max()}",
            expected="0..1, or NaN where nothing was tested",
            remedy="correct the p-values",
        )
    order = np.argsort(values, kind="stable")[::-1]
    steps = values[order] * len(values) / np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum.accumulate(np.minimum(steps, 1.0))
    q[tested] = adjusted
    return q
