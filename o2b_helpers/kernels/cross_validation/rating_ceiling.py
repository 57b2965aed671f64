"""How well mean ratings can be predicted at all, from how much raters differ and how many there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer, Real

from o2b_helpers.core.errors import InputError


@dataclass(frozen=True)
class RatingCeiling:
    """What the best model may reach on some pictures; NaN where it cannot be known.

    Attributes
    ----------
    least_mse : array (target,)
        The mean squared error that is left to a model that knows what all people would say on average.
    r2 : array (target,)
        Reliability of the mean ratings: the largest expected R2, 0..1.
    correlation : array (target,)
        The largest expected correlation, the root of the reliability, 0..1.
    count : array (target,) of int
        Pictures that went in.
    """

    least_mse: Float[np.ndarray, " target"]
    r2: Float[np.ndarray, " target"]
    correlation: Float[np.ndarray, " target"]
    count: Integer[np.ndarray, " target"]


def rating_ceiling(
    mean: Real[np.ndarray, "target picture"],
    deviation: Real[np.ndarray, "target picture"],
    raters: Real[np.ndarray, "target picture"],
    chosen: Bool[np.ndarray, " picture"] | None = None,
) -> RatingCeiling:
    r"""Work out the noise ceiling from the standard deviation and the number of ratings of each picture (ours).

    A mean rating is what people would say on average, plus an error of variance :math:`SD_i^2 / N_i`, the squared
    standard error of the mean. Over pictures the variance of mean ratings is that of the true means plus the mean
    error variance :math:`\overline{SD^2 / N}`. What is true in it is the reliability of classical test theory (Lord &
    Novick 1968):

    .. math:: R = 1 - \frac{\overline{SD^2 / N}}{\mathrm{Var}(\text{mean ratings})}

    A model that knows the true means has a mean squared error of :math:`\overline{SD^2 / N}`, an R2 of R and a
    correlation of :math:`\sqrt R`, each in expectation (Lage-Castellanos et al. 2019 use the same for fMRI responses).

    The raters of a picture are taken as drawn at random from all people, each picture's apart from the others'. Where
    the same raters judge all pictures and differ in how they use the scale, SD is too large for this purpose, and the
    ceiling comes out too low.

    Parameters
    ----------
    mean, deviation, raters : array (target, picture)
        Mean of the ratings, their standard deviation (N - 1 below the root), and how many there are. All in the unit of
        the ratings as given; a change of the scale changes mean and deviation alike. Pictures that lack any of them
        (NaN) are left out.
    chosen : array (picture,) of bool, optional
        The pictures to look at; all by default.

    Returns
    -------
    RatingCeiling
        NaN for fewer than two pictures, or mean ratings that are all equal. A reliability below 0, where all that
        differs is noise, is given as 0.

    Raises
    ------
    InputError
        Shapes differ, a deviation below 0, or fewer than one rater.

    Examples
    --------
    >>> mean = np.array([[2.0, 4.0, 6.0]])
    >>> ceiling = rating_ceiling(mean, np.full((1, 3), 2.0), np.full((1, 3), 10))
    >>> round(ceiling.least_mse.item(), 2), round(ceiling.r2.item(), 2), round(ceiling.correlation.item(), 2)
    (0.4, 0.9, 0.95)
    """
    mean, deviation, raters = (np.asarray(each, dtype=np.float64) for each in (mean, deviation, raters))
    chosen = np.ones(mean.shape[-1:], dtype=bool) if chosen is None else np.asarray(chosen, dtype=bool)
    if mean.ndim != 2 or deviation.shape != mean.shape or raters.shape != mean.shape or chosen.shape != mean.shape[1:]:
        _refuse(
            "Means, deviations and numbers of raters do not belong together",
            f"shapes {mean.shape}, {deviation.shape} and {raters.shape}, {chosen.shape} chosen",
            "(target, picture) each, and (picture,)",
        )
    if (deviation < 0).any() or (raters < 1).any():
        _refuse(
            "Deviations or numbers of raters are out of range",
            f"smallest deviation {np.nanmin(deviation)}, fewest raters {np.nanmin(raters)}",
            "deviations of at least 0, at least one rater, or NaN",
        )
    there = chosen & np.isfinite(mean) & np.isfinite(deviation) & np.isfinite(raters)
    count = there.sum(1)
    known = np.where(count > 1, count, np.nan)
    values = np.where(there, mean, 0.0)
    away = np.where(there, mean - (values.sum(1) / known)[:, None], 0.0)
    variance = (away**2).sum(1) / (known - 1)
    error = np.where(there, deviation**2 / raters, 0.0).sum(1) / known
    reliability = np.clip(1 - error / np.where(variance > 0, variance, np.nan), 0.0, None)
    return RatingCeiling(error, reliability, np.sqrt(reliability), count)


def _refuse(problem: str, value: object, expected: str) -> None:
    raise InputError(problem, value=value, expected=expected, remedy="check the corpus' columns of SD and N")
