"""Spearman correlation under permutations of the stimuli: ranks once, one matrix product for each target and block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Integer, Real, Shaped

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.rank_correlation import as_series, by_missing, rank_correlation
from o2b_helpers.kernels.statistics.ranks import centred_ranks

EXACT_IN_SINGLE = 369  # up to so many stimuli a sum of products of ranks is exact in single precision, too


def permutations_within(
    groups: Shaped[np.ndarray, " stimulus"], count: int, seed: int
) -> Integer[np.ndarray, "{count} stimulus"]:
    """Draw permutations that exchange stimuli within their group only, such as a condition.

    Parameters
    ----------
    groups : array (stimulus,)
        The group of each stimulus, numbers or names.
    count : int
        How many to draw.
    seed : int
        The g-th group, sorted, draws from ``default_rng([seed, g])``; more permutations leave the first ones as they
        were.

    Returns
    -------
    array (permutation, stimulus) of int
        ``values[permutation]`` is the permuted series. The order as it was is not put in; it may be drawn.

    Examples
    --------
    >>> import numpy as np
    >>> conditions = np.array(["happy", "sad", "happy", "sad"])
    >>> permutations = permutations_within(conditions, 100, seed=0)
    >>> permutations.shape, bool((conditions[permutations] == conditions).all())
    ((100, 4), True)
    """
    groups = np.asarray(groups)
    drawn = np.empty((count, len(groups)), dtype=np.intp)
    for number, group in enumerate(np.unique(groups)):
        members = np.flatnonzero(groups == group)
        drawn[:, members] = np.random.default_rng([seed, number]).permuted(np.tile(members, (count, 1)), axis=1)
    return drawn


def permuted_rank_correlation(
    x: Real[np.ndarray, "*series n"],
    y: Real[np.ndarray, "target n"],
    permutations: Integer[np.ndarray, "permutation n"],
    *,
    block_bytes: int = 8 * 2**20,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Correlate the ranks of every series with those of every target under every permutation of the target.

    Each value is what `rank_correlation` gives for ``y[:, permutation]``. Where a permutation keeps a target's missing
    places together (`permutations_within`) and no series misses a value, nothing is ranked twice; anything else is
    ranked anew and takes longer.

    Parameters
    ----------
    x : array (..., n)
        Series, e.g. lesioned predictions (run, filter, stimulus).
    y : array (target, n)
        Targets over the same n; NaN where a target has no value.
    permutations : array (permutation, n) of int
        Each a permutation of 0 .. n - 1.
    block_bytes : int
        Size of a block of results, best small enough for the processor's cache; at least one permutation is in each.

    Yields
    ------
    which : slice
        The permutations of the block.
    rho : array (permutation, ..., target)
        -1..1, float64; NaN as in `rank_correlation`. Series lie side by side in memory: largest values over the
        filters are found fastest.

    Raises
    ------
    InputError
        Shapes that do not fit, or rows that are no permutations.

    Examples
    --------
    >>> import numpy as np
    >>> predictions, targets = np.array([[1.0, 2.0, 3.0]]), np.array([[4.0, 5.0, 6.0]])
    >>> for which, rho in permuted_rank_correlation(predictions, targets, np.array([[0, 1, 2], [2, 1, 0]])):
    ...     print(which, rho.tolist())
    slice(0, 2, None) [[[1.0]], [[-1.0]]]
    """
    series, y, lead = as_series(x, y)
    permutations = _checked(permutations, y.shape[1])
    incomplete = np.isnan(series).any(axis=1)
    groups = [_Group(series[~incomplete], y, *group) for group in by_missing(np.isnan(y))]
    size = max(1, block_bytes // (8 * max(1, len(y) * len(series))))
    for start in range(0, len(permutations), size):
        some = permutations[start : start + size]
        rho = np.empty((len(y), len(some), len(series)))
        whole = rho if not incomplete.any() else np.empty((len(y), len(some), int((~incomplete).sum())))
        for group in groups:
            group.correlate(some, whole)
        if whole is not rho:
            rho[:, :, ~incomplete] = whole
            rho[:, :, incomplete] = _anew(series[incomplete], y, some)
        yield slice(start, start + len(some)), rho.transpose(1, 2, 0).reshape(len(some), *lead, len(y))


class _Group:
    """Series without gaps, and the targets that miss the same places: (series, n), (target, n)."""

    def __init__(self, series: np.ndarray, y: np.ndarray, targets: np.ndarray, missing: np.ndarray) -> None:
        self.series, self.y, self.targets, self.missing = series, y, targets, missing
        there = ~missing
        n = int(there.sum())
        kind = np.float32 if n <= EXACT_IN_SINGLE else np.float64
        x, own = centred_ranks(series[:, there]), centred_ranks(y[targets][:, there])
        spread = np.sqrt((own * own).sum(1)[:, None] * (x * x).sum(1))
        self.spread = np.where(spread > 0, spread, np.nan)  # (target, series)
        self.x = x.T.astype(kind)
        self.ranks = np.zeros((len(targets), y.shape[1]), dtype=kind)
        self.ranks[:, there] = own

    def correlate(self, permutations: np.ndarray, rho: np.ndarray) -> None:
        """Fill in rho (target, permutation, series) for the targets of this group."""
        kept = (self.missing[permutations] == self.missing).all(axis=1)
        for number, target in enumerate(self.targets):
            permuted = self.ranks[number][permutations[:, ~self.missing]]
            np.divide(permuted @ self.x, self.spread[number], out=rho[target])
        if not kept.all():
            rho[np.ix_(self.targets, ~kept)] = _anew(self.series, self.y[self.targets], permutations[~kept])


def _anew(series: np.ndarray, y: np.ndarray, permutations: np.ndarray) -> np.ndarray:
    """Correlate with all permuted targets as if they were so many targets: (target, permutation, series)."""
    rho = rank_correlation(series, y[:, permutations].reshape(-1, y.shape[1]))
    return rho.T.reshape(len(y), len(permutations), len(series))


def _checked(permutations: np.ndarray, n: int) -> np.ndarray:
    permutations = np.asarray(permutations)
    fits = permutations.ndim == 2 and permutations.shape[1] == n and np.issubdtype(permutations.dtype, np.integer)
    if not fits or not np.array_equal(np.sort(permutations, axis=1), np.tile(np.arange(n), (len(permutations), 1))):
        raise InputError(
            "These are no permutations of the stimuli",
            value=f"{permutations.dtype} of shape {permutations.shape}",
            expected=f"rows that hold each of 0 .. {n - 1} once",
            remedy="draw them with permutations_within",
        )
    return permutations
