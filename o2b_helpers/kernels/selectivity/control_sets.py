"""Sets of filters that a selective set is held against: random ones, matched ones, and how often they do as much."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks

BINS = 10  # deciles of the mean response
IN_BIN = 5  # a small layer has fewer bins, of so many filters: else a draw could hardly differ from the set itself


def random_sets(
    candidates: Bool[np.ndarray, " filter"], size: int, draws: int, seed: int | tuple[int, ...]
) -> Bool[np.ndarray, "draw filter"]:
    """Draw sets of so many filters, without order, each filter once in a set.

    Parameters
    ----------
    candidates : array (filter,) of bool
        The filters that may be drawn: all of a layer, or those that are not selective.
    size : int
        Filters in a set.
    draws : int
        How many sets; METHODS 6 asks for at least 100.
    seed : int or tuple of int
        Draw d takes the first candidates in an order of all filters, which comes from ``default_rng([*seed, d])``. So
        more draws leave the first ones as they were, and with the same seed a smaller set is part of a larger one.

    Returns
    -------
    array (draw, filter) of bool

    Raises
    ------
    InputError
        There are fewer candidates than a set needs.
    ParameterError
        Less than one draw.

    Examples
    --------
    >>> random_sets(np.array([True, True, False, True]), size=2, draws=100, seed=0).sum(0)[2]
    np.int64(0)
    """
    return _drawn(np.asarray(candidates, bool)[None], np.array([size]), draws, seed)


def matched_sets(
    selective: Bool[np.ndarray, " filter"],
    mean_response: Real[np.ndarray, " filter"],
    candidates: Bool[np.ndarray, " filter"],
    draws: int,
    seed: int | tuple[int, ...],
) -> Bool[np.ndarray, "draw filter"]:
    """Draw sets that respond as strongly as a selective set: from each decile as many filters as that has in it.

    A layer of fewer than 50 filters has wider bins, of at least 5 filters each.

    Filters that hardly respond hardly matter; a random set that holds many of them says little about a set that does
    not.

    Parameters
    ----------
    selective : array (filter,) of bool
        The set that is to be matched.
    mean_response : array (filter,)
        Mean over pictures and places. The deciles are those of the candidates.
    candidates : array (filter,) of bool
        The filters that may be drawn; the selective ones have to be among them.
    draws, seed
        As for `random_sets`.

    Returns
    -------
    array (draw, filter) of bool

    Raises
    ------
    InputError
        A selective filter is no candidate, or responses are not finite.

    Examples
    --------
    >>> response, selective = np.arange(100.0), np.arange(100) >= 95  # five of the highest ten
    >>> draws = matched_sets(selective, response, np.ones(100, dtype=bool), 200, seed=0)
    >>> draws[:, 90:].sum(1).min(), draws[:, 90:95].any()
    (np.int64(5), np.True_)
    """
    selective, candidates = np.asarray(selective, bool), np.asarray(candidates, bool)
    mean_response = np.asarray(mean_response, np.float64)
    if (selective & ~candidates).any() or not np.isfinite(mean_response[candidates]).all():
        raise InputError(
            "This set cannot be matched",
            value=f"{int((selective & ~candidates).sum())} filters that are no candidates; "
            f"{int((~np.isfinite(mean_response[candidates])).sum())} responses that are not finite",
            expected="a set of candidates, each with a finite mean response",
            remedy="take responses and sets of the same layer, without constant filters",
        )
    rank = np.empty(len(candidates))
    rank[candidates] = np.argsort(np.argsort(mean_response[candidates], kind="stable"), kind="stable")
    many = int(candidates.sum())
    bins = min(BINS, max(1, many // IN_BIN))
    strata = np.where(candidates, np.floor(rank * bins / max(1, many)), -1) == np.arange(bins)[:, None]
    return _drawn(strata, (strata & selective).sum(1), draws, seed)


def share_as_extreme(
    value: Real[np.ndarray, "*series"],
    draws: Real[np.ndarray, "draw *series"],
    side: Literal["low", "high", "either"],
) -> Float[np.ndarray, "*series"]:
    """Give p: the share of draws at least as extreme, (1 + count) / (1 + draws).

    Values that differ by rounding count as equal. Draws without a value (NaN) are left out.

    Parameters
    ----------
    value : array (...)
        What is held against the draws.
    draws : array (draw, ...)
        The same of each draw.
    side : {"low", "high", "either"}
        One-sided: at least as low, or as high. Two-sided: at least as far from the mean of the value and its draws.
        That mean treats all of them alike, so that p is exact where the value is one draw like the others.

    Returns
    -------
    array (...)
        NaN where the value, or every draw, is undefined.

    Examples
    --------
    >>> share_as_extreme(np.array(0.2), np.array([0.1, 0.3, 0.5]), "low")
    array(0.5)
    >>> share_as_extreme(np.array(0.9), np.array([-0.2, 0.1, 0.1, 0.1]), "either")
    array(0.2)
    """
    value, draws = np.asarray(value, np.float64), np.asarray(draws, np.float64)
    known = ~np.isnan(draws)
    many, rounding = known.sum(0), 1e-12 * np.abs(value)
    if checks.choice("side", side, ("low", "high", "either")) == "either":
        middle = (value + np.where(known, draws, 0.0).sum(0)) / (1 + many)
        value, draws = np.abs(value - middle), np.abs(draws - middle)
    sign = -1 if side == "low" else 1
    as_extreme = known & (sign * draws >= sign * value - rounding)
    return np.where(np.isnan(value) | (many == 0), np.nan, (1 + as_extreme.sum(0)) / (1 + many))


def _drawn(strata: np.ndarray, sizes: np.ndarray, draws: int, seed: int | tuple[int, ...]) -> np.ndarray:
    """Draw from each stratum (stratum, filter) as many filters as its size says: the first ones in an order of all."""
    checks.positive("draws", draws)
    seeds = [seed] if isinstance(seed, int) else list(seed)
    if (strata.sum(1) < sizes).any() or (sizes < 0).any():
        raise InputError(
            "There are too few filters to draw a set from",
            value=f"{strata.sum(1).tolist()} filters for {sizes.tolist()}",
            expected="at least as many candidates as a set has filters",
            remedy="compare with all filters of the layer, or with a smaller set",
        )
    sets = np.zeros((draws, strata.shape[1]), dtype=bool)
    for number in range(draws):
        order = np.random.default_rng([*seeds, number]).permutation(strata.shape[1])
        for members, size in zip(strata, sizes, strict=True):
            sets[number, order[members[order]][:size]] = True
    return sets
