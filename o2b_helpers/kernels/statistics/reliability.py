"""How far do people agree with each other? Random halves, and each person against the rest."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Real

from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.kernels.statistics.ranks import centred_ranks


def random_halves(people: int, splits: int, seed: int) -> Float[np.ndarray, "{splits} {people}"]:
    """Draw two halves of the same size; of an odd number one person sits out.

    Parameters
    ----------
    people, splits : int
        How many people, how many draws.
    seed : int
        Of the draws.

    Returns
    -------
    array (split, person)
        1 in the first half, -1 in the second, 0 in none; float64.

    Examples
    --------
    >>> import numpy as np
    >>> sides = random_halves(5, splits=100, seed=0)
    >>> sides.shape, np.sort(sides[0]).tolist()
    ((100, 5), [-1.0, -1.0, 0.0, 1.0, 1.0])
    """
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(people), (splits, 1)), axis=1)
    sides, half = np.zeros((splits, people)), people // 2
    np.put_along_axis(sides, order[:, :half], 1.0, axis=1)
    np.put_along_axis(sides, order[:, half : 2 * half], -1.0, axis=1)
    return sides


def half_means(
    measured: Real[np.ndarray, "person stimulus"], sides: Float[np.ndarray, "split person"]
) -> tuple[Float[np.ndarray, "split stimulus"], Float[np.ndarray, "split stimulus"]]:
    """Average each half's measurements.

    Parameters
    ----------
    measured : array (person, stimulus)
        NaN where a person did not measure a stimulus.
    sides : array (split, person)
        See :func:`random_halves`.

    Returns
    -------
    first, second : array (split, stimulus)
        NaN where nobody of a half measured the stimulus.

    Examples
    --------
    >>> import numpy as np
    >>> measured = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])
    >>> first, second = half_means(measured, np.array([[1.0, 1.0, -1.0]]))
    >>> first.tolist(), second.tolist()
    ([[2.0, 2.0]], [[5.0, 6.0]])
    """
    there = ~np.isnan(measured)
    values, means = np.where(there, measured, 0.0), []
    for side in (1, -1):
        members = (sides == side).astype(np.float64)
        count = members @ there
        means.append(np.divide(members @ values, count, out=np.full(count.shape, np.nan), where=count > 0))
    return means[0], means[1]


def paired_rho(x: Real[np.ndarray, "row n"], y: Real[np.ndarray, "row n"]) -> Float[np.ndarray, " row"]:
    """Correlate the ranks of each row of x with those of the same row of y.

    Parameters
    ----------
    x, y : array (row, n)
        Places with a NaN in either are left out of that row.

    Returns
    -------
    array (row,)
        rho, -1..1; NaN where either side is constant or fewer than two places are left.

    Examples
    --------
    >>> import numpy as np
    >>> paired_rho(np.array([[1, 2, 3], [1, 2, 3]]), np.array([[4, 5, 6], [6, 5, 4]])).tolist()
    [1.0, -1.0]
    """
    rho = np.full(len(x), np.nan)
    gaps = (np.isnan(x) | np.isnan(y)).any(axis=1)
    for row in np.flatnonzero(gaps):
        rho[row] = rank_correlation(x[row][None], y[row][None])[0, 0]
    if not gaps.all() and x.shape[1] > 1:
        ranks, other_ranks = centred_ranks(x[~gaps]), centred_ranks(y[~gaps])
        spread = np.sqrt((ranks * ranks).sum(1) * (other_ranks * other_ranks).sum(1))
        rho[~gaps] = (ranks * other_ranks).sum(1) / np.where(spread > 0, spread, np.nan)
    return rho


def leave_one_out(measured: Real[np.ndarray, "person stimulus"]) -> Float[np.ndarray, " person"]:
    """Correlate each person (person, stimulus) with the mean of the others: rho (person,).

    Examples
    --------
    >>> import numpy as np
    >>> leave_one_out(np.array([[10, 20, 30], [10, 50, 90], [3, 2, 1]])).tolist()
    [1.0, 1.0, -1.0]
    """
    there = ~np.isnan(measured)
    values = np.where(there, measured, 0.0)
    others = there.sum(0) - there
    rest = np.divide(values.sum(0) - values, others, out=np.full(values.shape, np.nan), where=others > 0)
    return paired_rho(measured, rest)


def spearman_brown(r: float, times: float) -> float:
    """Return the reliability of a mean over `times` as many people (Spearman 1910, Brown 1910).

    ``times * r / (1 + (times - 1) * r)``, with two halves 2 r / (1 + r). Where r is not above 0 the formula says
    nothing and r comes back as it is.

    Examples
    --------
    >>> round(spearman_brown(0.6, 2.0), 2)
    0.75
    """
    return times * r / (1 + (times - 1) * r) if r > 0 else r


def reliability_from_rest(r: float, people: int) -> float:
    """Return the reliability of the mean over all people from the mean rho of each person with the mean of the others.

    With i the reliability of one person, that of a mean over m people is m i / (1 + (m - 1) i), and the expected
    correlation of one person with the mean of the others the root of both reliabilities' product:
    ``r^2 = i * (n - 1) i / (1 + (n - 2) i)``. Solved for i, and Spearman-Brown for all n. Where r is not above 0 it
    comes back as it is.

    Examples
    --------
    >>> round(reliability_from_rest(0.6, 2), 2), round(reliability_from_rest(1.0, 10), 2)
    (0.75, 1.0)
    """
    if not r > 0:
        return r
    square, rest = r * r, people - 1
    single = (square * (rest - 1) + np.sqrt((square * (rest - 1)) ** 2 + 4 * rest * square)) / (2 * rest)
    return spearman_brown(min(float(single), 1.0), float(people))
