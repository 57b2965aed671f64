"""Rank correlation beyond covariates: what two series share that is not in a third one, or in several."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.bootstrap import below, resampled_unit_ranks
from o2b_helpers.kernels.statistics.permutation_null import BLOCK_BYTES, EQUAL, unit_ranks

NOTHING_LEFT = 1e-9  # of a squared unit length, after the covariates are taken out


def partial_rho(
    series: Real[np.ndarray, "series n"],
    targets: Real[np.ndarray, "target n"],
    covariates: Real[np.ndarray, "covariate n"],
) -> Float[np.ndarray, "series target"]:
    """Correlate what is left of the ranks of series and targets once the ranks of covariates are taken out.

    Parameters
    ----------
    series, targets : array (series, n), (target, n)
        Without missing values.
    covariates : array (covariate, n)
        Likewise; a constant one, or one that follows from the others, counts for nothing.

    Returns
    -------
    array (series, target)
        Partial Spearman correlation, -1..1: Pearson's r of the residuals of linear regressions of the ranks on the
        covariates' ranks. NaN where nothing is left of a series or a target.

    Raises
    ------
    InputError
        Shapes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> brightness = np.array([1.0, 2, 3, 4, 5, 6])
    >>> model, target = np.array([2.0, 1, 4, 3, 6, 5]), np.array([1.5, 1, 3.5, 3, 5.5, 5])  # the same order
    >>> partial_rho(model[None], target[None], brightness[None]).round(2).tolist()
    [[1.0]]
    """
    series, targets, covariates = _checked(series, targets, covariates)
    basis = _basis(covariates)
    x, y = (_unit(_residuals(unit_ranks(part), basis)) for part in (series, targets))
    return np.clip(x @ y.T, -1, 1)


def partial_p(
    series: Real[np.ndarray, "series n"],
    targets: Real[np.ndarray, "target n"],
    covariates: Real[np.ndarray, "covariate n"],
    orders: Integer[np.ndarray, "permutation n"],
) -> Float[np.ndarray, " target"]:
    """Test the mean partial correlation of some series, such as training runs, with every target, two-sided.

    Parameters
    ----------
    series, targets, covariates
        As for :func:`partial_rho`.
    orders : array (permutation, n) of int
        Permutations of the stimuli.

    Returns
    -------
    array (target,)
        (1 + permutations whose mean is at least as far from 0) / (1 + permutations); NaN where it is not defined.

    Notes
    -----
    The target's residuals are permuted, the covariates are taken out of them once more, and they are correlated with
    the residuals of the series (Freedman and Lane 1983). The null hypothesis is that beyond the covariates the target
    has nothing to do with the series; the test is exact in the limit of many stimuli, and close to it with 24.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> model, brightness = rng.normal(size=(1, 24)), rng.normal(size=(1, 24))
    >>> orders = rng.permuted(np.tile(np.arange(24), (99, 1)), axis=1)
    >>> partial_p(model, model + 0.1 * rng.normal(size=(1, 24)), brightness, orders).tolist()
    [0.01]
    """
    series, targets, covariates = _checked(series, targets, covariates)
    basis = _basis(covariates)
    x, y = (_unit(_residuals(unit_ranks(part), basis)) for part in (series, targets))
    mean = x.mean(0)
    observed, p = y @ mean, np.full(len(y), np.nan)
    size = max(1, BLOCK_BYTES // (8 * y.shape[1]))
    for target in np.flatnonzero(np.isfinite(observed)):
        above = 0
        for start in range(0, len(orders), size):
            again = y[target][orders[start : start + size]]
            left = 1 - ((again @ basis.T) ** 2).sum(1)
            null = np.divide(again @ mean, np.sqrt(np.maximum(left, 0)), out=np.zeros(len(again)),
                             where=left > NOTHING_LEFT)  # fmt: skip
            above += int((np.abs(null) >= abs(observed[target]) * (1 - EQUAL)).sum())
        p[target] = (1 + above) / (1 + len(orders))
    return p


def bootstrap_partial_rho(
    series: Real[np.ndarray, "series n"],
    targets: Real[np.ndarray, "target n"],
    covariates: Real[np.ndarray, "covariate n"],
    counts: Real[np.ndarray, "sample n"],
) -> Float[np.ndarray, "sample series target"]:
    """Work out the partial correlations anew in every sample of stimuli.

    Parameters
    ----------
    series, targets, covariates
        As for :func:`partial_rho`.
    counts : array (sample, n)
        How often each stimulus was drawn; see :func:`~o2b_helpers.kernels.statistics.bootstrap.draw_counts`.

    Returns
    -------
    array (sample, series, target)
        All are ranked and regressed anew; NaN where nothing is left of a series or a target in the sample.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> model, target, brightness = rng.normal(size=(3, 1, 8))
    >>> samples = bootstrap_partial_rho(model, target, brightness, np.ones((1, 8)))
    >>> bool(np.allclose(samples[0], partial_rho(model, target, brightness)))
    True
    """
    series, targets, covariates = _checked(series, targets, covariates)
    compared = [below(part) for part in (series, targets, covariates)]
    rho = np.empty((len(counts), len(series), len(targets)))
    for number, drawn in enumerate(np.asarray(counts, dtype=np.float64)):
        x, y, z = (resampled_unit_ranks(part, drawn[None])[0] for part in compared)
        basis = _basis(z, ranked=True)
        rho[number] = _unit(_residuals(x, basis)) @ _unit(_residuals(y, basis)).T
    return np.clip(rho, -1, 1)


def _basis(covariates: np.ndarray, ranked: bool = False) -> np.ndarray:
    """Return an orthonormal basis (dimension, n) of the covariates' ranks."""
    ranks = covariates if ranked else unit_ranks(covariates)
    ranks = ranks[np.isfinite(ranks).all(1)]  # a constant one has no rank
    if not len(ranks):
        return np.zeros((0, covariates.shape[1]))
    _, values, basis = np.linalg.svd(ranks, full_matrices=False)
    return basis[values > 1e-9 * values[0]]


def _residuals(ranks: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return ranks - ranks @ basis.T @ basis


def _unit(residuals: np.ndarray) -> np.ndarray:
    square = (residuals * residuals).sum(-1, keepdims=True)
    return residuals / np.sqrt(np.where(square > NOTHING_LEFT, square, np.nan))


def _checked(*arrays: np.ndarray) -> list[np.ndarray]:
    made = [np.asarray(array, dtype=np.float64) for array in arrays]
    if any(array.ndim != 2 for array in made) or len({array.shape[1] for array in made}) != 1:
        raise InputError(
            "Series, targets and covariates do not fit",
            value=", ".join(str(array.shape) for array in made),
            expected="(series, n), (target, n) and (covariate, n) with the same n",
            remedy="line all up by stimulus first",
        )
    return made
