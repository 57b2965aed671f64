"""Whether two correlations differ by more than chance: what is compared is exchanged, stimulus by stimulus.

Two targets of one model, or two models on one target, share their stimuli: their ranks are swapped at random. Two
conditions do not: their labels are dealt out anew.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.permutation_null import BLOCK_BYTES, EQUAL

SWAPS, LABELS = 2**31 + 1, 2**31 + 2  # streams of random numbers, apart from those of permutations and samples
CONSTANT = 1e-12  # of a squared length: what is left of a constant series is rounding


def random_swaps(count: int, stimuli: int, seed: int) -> Float[np.ndarray, "{count} {stimuli}"]:
    """Draw for every stimulus whether the two that are compared keep their places (1) or swap them (-1).

    Parameters
    ----------
    count, stimuli : int
        How many draws, and for how many stimuli.
    seed : int
        More draws leave the first ones as they were.

    Returns
    -------
    array (swap, stimulus)
        1.0 or -1.0.

    Examples
    --------
    >>> swaps = random_swaps(100, 24, seed=0)
    >>> swaps.shape, sorted(set(swaps.ravel().tolist()))
    ((100, 24), [-1.0, 1.0])
    """
    return 1.0 - 2.0 * np.random.default_rng([seed, SWAPS]).integers(0, 2, (count, stimuli))


def random_labels(first: int, second: int, count: int, seed: int) -> Bool[np.ndarray, "{count} {first}+{second}"]:
    """Deal the label of the first condition out to as many stimuli as it has.

    Parameters
    ----------
    first, second : int
        Stimuli of either condition.
    count : int
        How many draws.
    seed : int
        More draws leave the first ones as they were.

    Returns
    -------
    array (draw, first + second) of bool

    Examples
    --------
    >>> labels = random_labels(3, 2, 100, seed=0)
    >>> labels.shape, set(labels.sum(1).tolist())
    ((100, 5), {3})
    """
    own = np.arange(first + second) < first
    return np.random.default_rng([seed, LABELS]).permuted(np.tile(own, (count, 1)), axis=1)


def swapped_differences(
    shared: Real[np.ndarray, "contrast run n"],
    first: Real[np.ndarray, "contrast run n"],
    second: Real[np.ndarray, "contrast run n"],
    swaps: Real[np.ndarray, "swap n"],
) -> Float[np.ndarray, "swap contrast"]:
    """Work out the difference of two correlations with the same series when the two are swapped at random.

    Parameters
    ----------
    shared : array (contrast, run, n)
        Unit ranks of what both are correlated with, or a mean of unit ranks; a run axis of 1 counts for all runs.
    first, second : array (contrast, run, n)
        Unit ranks of the two that are compared (see
        :func:`~o2b_helpers.kernels.statistics.permutation_null.unit_ranks`); a run axis of 1 likewise.
    swaps : array (swap, n)
        See :func:`random_swaps`; a row of ones gives the difference as it is.

    Returns
    -------
    array (swap, contrast)
        Mean over runs of r(shared, first) - r(shared, second), with Pearson's r of the ranks after the swap: they are
        centred and scaled anew. A series that a swap makes constant counts as r = 0. NaN where a rank is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from o2b_helpers.kernels.statistics.permutation_null import unit_ranks
    >>> model, target, other = (unit_ranks(np.array([[v]])) for v in ([1, 2, 3, 4], [1, 2, 3, 4], [4, 3, 2, 1]))
    >>> swapped_differences(model, target, other, np.array([[1, 1, 1, 1], [-1, -1, -1, -1]])).round(2).tolist()
    [[2.0], [-2.0]]
    """
    shared, first, second = _same_shape(shared, first, second)
    middle, half = (first + second) / 2, (first - second) / 2
    n = first.shape[-1]
    size = (middle * middle + half * half).sum(-1)
    lean = 2 * (swaps @ _columns(middle * half)).reshape(-1, *size.shape)
    offset = (swaps @ _columns(half)).reshape(lean.shape) ** 2 / n
    common = (shared * middle).sum(-1)
    turned = (swaps @ _columns(shared * half)).reshape(lean.shape)
    first_r = _divided(common + turned, size + lean - offset)
    second_r = _divided(common - turned, size - lean - offset)
    return np.asarray((first_r - second_r).mean(-1))


def relabelled_differences(
    x: Real[np.ndarray, "contrast run n"],
    y: Real[np.ndarray, "contrast run n"],
    labels: Bool[np.ndarray, "draw n"],
) -> Float[np.ndarray, "draw contrast"]:
    """Work out the difference of one correlation between two groups of stimuli when their labels are dealt out anew.

    Parameters
    ----------
    x, y : array (contrast, run, n)
        The two series that are correlated, over the stimuli of both groups, each ranked, centred and scaled within its
        group to a mean square of 1; a run axis of 1 counts for all runs.
    labels : array (draw, n) of bool
        Which stimuli count as the first group; see :func:`random_labels`.

    Returns
    -------
    array (draw, contrast)
        Mean over runs of r in the first group - r in the second, with Pearson's r, centred and scaled in the groups as
        they are dealt out. A series that is constant in a group counts as r = 0. NaN where a value is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from o2b_helpers.kernels.statistics.permutation_null import unit_ranks
    >>> up, down = unit_ranks(np.array([1.0, 2.0, 3.0])) * 3**0.5, unit_ranks(np.array([3.0, 2.0, 1.0])) * 3**0.5
    >>> x, y = np.concatenate([up, up])[None, None], np.concatenate([up, down])[None, None]
    >>> first = np.array([[True, True, True, False, False, False]])
    >>> relabelled_differences(x, y, first).round(2).tolist()  # 1 in the first group, -1 in the second
    [[2.0]]
    """
    x, y = _same_shape(x, y)
    members, many = labels.astype(np.float64), labels.sum(1)[:, None, None]
    sums = [(members @ _columns(part)).reshape(-1, *x.shape[:2]) for part in (x, y, x * y, x * x, y * y)]
    whole = [part.sum(-1) for part in (x, y, x * y, x * x, y * y)]
    rest = [total - part for total, part in zip(whole, sums, strict=True)]
    first_r, second_r = _correlation(sums, many), _correlation(rest, labels.shape[1] - many)
    return np.asarray((first_r - second_r).mean(-1))


def difference_p(
    observed: Real[np.ndarray, " contrast"],
    null: Callable[[np.ndarray], np.ndarray],
    draws: Real[np.ndarray, "draw n"],
    runs: int = 1,
) -> Float[np.ndarray, " contrast"]:
    """Say how often chance gives a difference at least as far from 0, two-sided.

    Parameters
    ----------
    observed : array (contrast,)
        The differences as they are.
    null : callable
        Draws (draw, n) -> differences (draw, contrast), such as :func:`swapped_differences` of some series.
    draws : array (draw, n)
        Swaps or labels; they are worked through in blocks.
    runs : int
        Runs behind a difference, for the size of the blocks.

    Returns
    -------
    array (contrast,)
        (1 + draws at least as far from 0) / (1 + draws); NaN where the difference is NaN.

    Notes
    -----
    The null hypothesis is that the two that are compared may change places at every stimulus (or that a stimulus may
    belong to either condition) without any change of the distribution. Equal correlations of differently distributed
    series are not quite that; ranks and the scaling after each draw keep the test close to its level all the same (see
    the tests). It is exact where the hypothesis holds.

    Examples
    --------
    >>> import numpy as np
    >>> difference_p(np.array([0.5]), lambda some: some[:, :1], np.array([[0.1], [-0.6], [0.5]])).tolist()
    [0.75]
    """
    observed = np.asarray(observed, dtype=np.float64)
    above, limit = np.zeros(len(observed)), np.abs(observed) * (1 - EQUAL) - EQUAL
    size = max(1, BLOCK_BYTES // (8 * max(1, len(observed) * runs)))
    for start in range(0, len(draws), size):
        above += (np.abs(null(draws[start : start + size])) >= limit).sum(0)
    return np.where(np.isnan(observed), np.nan, (1 + above) / (1 + len(draws)))


def _same_shape(*arrays: np.ndarray) -> list[np.ndarray]:
    """Give all arrays (contrast, run, n) the same shape; a run axis of 1 is repeated."""
    try:
        if any(np.ndim(array) != 3 for array in arrays):
            raise ValueError
        return list(np.broadcast_arrays(*(np.asarray(array, dtype=np.float64) for array in arrays)))
    except ValueError:
        raise InputError(
            "The series of a contrast do not fit",
            value=", ".join(str(np.shape(array)) for array in arrays),
            expected="(contrast, run, n) each, with the same n",
            remedy="line all of them up by stimulus first",
        ) from None


def _columns(values: np.ndarray) -> np.ndarray:
    """Return (contrast, run, n) as (n, contrast x run)."""
    return values.reshape(-1, values.shape[-1]).T


def _divided(product: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Divide by the length; 0 where the length is 0."""
    constant = square <= CONSTANT
    return np.where(constant, 0.0, product / np.sqrt(np.where(constant, 1.0, square)))


def _correlation(sums: list[np.ndarray], n: np.ndarray) -> np.ndarray:
    """Return Pearson's r from the sums of x, y, xy, xx and yy."""
    x, y, xy, xx, yy = sums
    square_x, square_y = xx - x * x / n, yy - y * y / n
    constant = (square_x <= CONSTANT * n) | (square_y <= CONSTANT * n)
    length = np.sqrt(np.where(constant, 1.0, square_x) * np.where(constant, 1.0, square_y))
    return np.where(constant, 0.0, (xy - x * y / n) / length)
