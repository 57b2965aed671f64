"""How high a correlation with a target can be when the people behind the target agree only so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.bootstrap import interval
from o2b_helpers.kernels.statistics.ranks import centred_ranks
from o2b_helpers.kernels.statistics.reliability import (
    half_means,
    leave_one_out,
    paired_rho,
    random_halves,
    reliability_from_rest,
    spearman_brown,
)

METHODS = ("split_half", "leave_one_out")


@dataclass(frozen=True)
class Ceilings:
    """Reliability and noise ceiling of some targets that the same people gave.

    Attributes
    ----------
    reliability : array (target,)
        Of the mean over all people, at most 1; NaN where it cannot be known; may come out below 0.
    ceiling : array (target,)
        Expected rho of the noise-free order of the stimuli with the target, 0..1.
    low, high : array (target,)
        Interval for that rho in these very data, 0..1.
    """

    reliability: Float[np.ndarray, " target"]
    ceiling: Float[np.ndarray, " target"]
    low: Float[np.ndarray, " target"]
    high: Float[np.ndarray, " target"]


def noise_ceilings(
    measured: Real[np.ndarray, "person stimulus"],
    places: Sequence[Integer[np.ndarray, " _"]],
    *,
    method: str,
    median_labels: bool,
    splits: int,
    seed: int,
    confidence: float = 0.95,
) -> Ceilings:
    """Estimate the largest rho that the agreement among people leaves to any model (ours; the paper has none).

    Reliability R: of random halves (Spearman-Brown), or of each person with the mean of the others. The noise-free
    order correlates with the mean over people by sqrt(R). Where the target is the mean cut in two at its median, no
    predictor without ties can have more than `largest_rho` with it, and sqrt(R) is multiplied by that.

    The interval asks how high the noise-free order comes out in one set of data. A split gives one draw: half the
    difference of two halves errs as the mean of all people does. It is put on the mean, shrunk about the mean of the
    target's stimuli by the root of that split's reliability so that it spreads as the noise-free values do, cut at
    the median where the target is, and correlated with what it was put on. In simulations with 24 stimuli a 95 %
    interval holds the rho that the noise-free values reach in 0.92 to 0.99 of the data sets, from reliabilities near 1
    down to 0.13, least where people hardly agree (the tests print the shares). The interval always holds the ceiling
    itself: where the values fall into two clumps far apart, no error crosses the median, labels suffer less than
    sqrt(R) says, and all draws may lie a little above the ceiling.

    Parameters
    ----------
    measured : array (person, stimulus)
        Ratings of annotators or predictions of subjects, NaN where a person did not rate. All stimuli: the median
        is theirs.
    places : sequence of array (stimulus of the target,) of int
        The stimuli of each target.
    method : {"split_half", "leave_one_out"}
        Where R comes from.
    median_labels : bool
        Whether the targets are the side of the median on which the mean lies, rather than the mean.
    splits : int
        Random halves.
    seed : int
        Of the halves.
    confidence : float
        Share of the draws inside the interval, 0..1.

    Returns
    -------
    Ceilings
        All NaN for fewer than two people, and where no correlation can be worked out.

    Raises
    ------
    InputError
        Another method, or measurements that are no (person, stimulus) array.

    Examples
    --------
    >>> import numpy as np
    >>> measured = np.array([[1, 2, 3, 4]] * 6)  # all six people agree
    >>> ceilings = noise_ceilings(measured, [np.arange(4)], method="split_half", median_labels=True, splits=10, seed=0)
    >>> ceilings.reliability.round(2).tolist(), ceilings.ceiling.round(2).tolist()
    ([1.0], [0.89])
    """
    measured = _checked(measured, method)
    people, ceilings = len(measured), np.full((4, len(places)), np.nan)
    if people < 2:
        return Ceilings(*ceilings)
    sides = random_halves(people, splits, seed)
    first, second = half_means(measured, sides)
    mean = half_means(measured, np.ones((1, people)))[0][0]
    half = people // 2
    # each half has `half` people, all have `people`: half the difference of the halves errs a little more
    error = (first - second) / 2 * np.sqrt(2 * half / people)
    spread = np.tile(mean, (splits, 1))
    for number, stimuli in enumerate(places):
        of_split, centre = paired_rho(first[:, stimuli], second[:, stimuli]), mean[stimuli].mean()
        if method == "split_half":
            ceilings[0, number] = spearman_brown(_mean(of_split), people / half)
        else:
            ceilings[0, number] = reliability_from_rest(_mean(leave_one_out(measured[:, stimuli])), people)
        # a split whose halves do not agree, or cannot be compared, says that all of the spread is noise
        shrink = [np.sqrt(spearman_brown(r, people / half)) if r > 0 else 0.0 for r in of_split]
        spread[:, stimuli] = centre + np.array(shrink)[:, None] * (mean[stimuli] - centre)
    drawn = spread + error
    label = np.sign(mean - np.median(mean)) if median_labels else mean
    if median_labels:
        drawn = np.sign(drawn - np.nanmedian(drawn, axis=1, keepdims=True))
    for number, stimuli in enumerate(places):
        if np.isnan(ceilings[0, number]):
            continue
        rho = paired_rho(np.broadcast_to(mean[stimuli], drawn[:, stimuli].shape), drawn[:, stimuli])
        low, high = interval(rho, confidence)
        ceiling = np.sqrt(max(ceilings[0, number], 0.0)) * largest_rho(label[stimuli])
        ceilings[1:, number] = ceiling, max(min(low, ceiling), 0.0), max(high, ceiling)
    return Ceilings(*ceilings)


def largest_rho(values: Real[np.ndarray, " n"]) -> float:
    """Return the largest Spearman's rho that a series without ties can have with these values.

    Ranks of t equal values are their average, which takes (t^3 - t) / 12 from the spread (n^3 - n) / 12 of n ranks:
    the largest rho is the square root of the share that is left, 0.867 for twelve zeros against twelve ones.

    Parameters
    ----------
    values : array (n,)
        Numbers without NaN.

    Returns
    -------
    float
        0..1; NaN for fewer than two values, 0 where all are equal.

    Examples
    --------
    >>> import numpy as np
    >>> round(largest_rho(np.repeat([0, 1], 12)), 3), largest_rho(np.arange(24))
    (0.867, 1.0)
    """
    n = len(values)
    if n < 2:
        return float("nan")
    ranks = centred_ranks(np.asarray(values, dtype=np.float64)[None])[0]
    return float(np.sqrt((ranks * ranks).sum() / ((n**3 - n) / 12)))


def _mean(rho: np.ndarray) -> float:
    known = rho[~np.isnan(rho)]
    return float(known.mean()) if len(known) else float("nan")


def _checked(measured: np.ndarray, method: str) -> np.ndarray:
    measured = np.asarray(measured, dtype=np.float64)
    if method not in METHODS:
        raise InputError(
            "Unknown way to estimate reliability", value=method, expected=" or ".join(METHODS), remedy="name one"
        )
    if measured.ndim != 2 or np.isnan(measured).all(axis=0).any():
        raise InputError(
            "The measurements are not complete enough for a noise ceiling",
            value=f"shape {measured.shape}",
            expected="(person, stimulus), every stimulus measured at least once",
            remedy="leave out stimuli that nobody rated",
        )
    return measured
