"""Paired t-tests over folds of a cross-validation: the plain one, and one that knows that folds share pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, Real
from scipy import special

from o2b_helpers.core.errors import InputError


@dataclass(frozen=True)
class FoldTest:
    """The test of a mean over folds against zero; NaN where it cannot be worked out.

    Attributes
    ----------
    mean : array (...)
        Mean over the folds, in the unit of the values.
    t, p : array (...)
        Student's t and its two-sided p, 0..1, as if folds were independent (the paper's).
    corrected_t, corrected_p : array (...)
        The same with the variance of Nadeau & Bengio.
    low, high : array (...)
        Confidence interval of the mean, with the corrected variance.
    folds : array (...) of int
        How many folds went in; the degrees of freedom are one less.
    """

    mean: Float[np.ndarray, "*rest"]
    t: Float[np.ndarray, "*rest"]
    p: Float[np.ndarray, "*rest"]
    corrected_t: Float[np.ndarray, "*rest"]
    corrected_p: Float[np.ndarray, "*rest"]
    low: Float[np.ndarray, "*rest"]
    high: Float[np.ndarray, "*rest"]
    folds: Integer[np.ndarray, "*rest"]


def paired_t(
    first: Real[np.ndarray, "fold *rest"],
    second: Real[np.ndarray, "fold *rest"],
    test_to_train: float,
    confidence: float = 0.95,
) -> FoldTest:
    """Compare two models over the same folds: `fold_test` of first minus second (003, tables 4 and 6).

    Parameters
    ----------
    first, second : array (fold, ...)
        A score of either model in each fold, for example the mean squared error.
    test_to_train, confidence : float
        As for `fold_test`.

    Returns
    -------
    FoldTest
        Of the differences. A fold that lacks either score is left out, as with SciPy's ``nan_policy="omit"``.

    Raises
    ------
    InputError
        Shapes differ, or as for `fold_test`.

    Examples
    --------
    >>> shared = np.array([1.9, 1.86, 1.9, 1.88, 1.9])
    >>> split = np.array([2.18, 2.13, 2.09, 2.11, 2.13])
    >>> test = paired_t(shared, split, test_to_train=0.25)
    >>> round(float(test.t), 2), round(float(test.corrected_t), 2)
    (-14.88, -9.92)
    """
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if first.shape != second.shape:
        _refuse("The two models do not have the same folds", f"{first.shape} and {second.shape}", "the same shape")
    return fold_test(first - second, test_to_train, confidence)


def fold_test(values: Real[np.ndarray, "fold *rest"], test_to_train: float, confidence: float = 0.95) -> FoldTest:
    r"""Test whether the mean over folds differs from zero, and give its interval.

    Folds share training pictures, so that their scores go together, and the plain variance of the mean,
    :math:`s^2 / k`, is too small. Nadeau & Bengio (2003) put :math:`s^2 (1/k + n_{test}/n_{train})` in its place. In
    a five-fold cross-validation t shrinks by the factor .667.

    Parameters
    ----------
    values : array (fold, ...)
        One value of each fold, such as the difference of two models or a Shapley value.
    test_to_train : float
        Number of test pictures over number of training pictures in a fold: 1 / (k - 1) for k folds, .25 for five.
        With 0 the corrected test is the plain one.
    confidence : float
        Of the interval, between 0 and 1.

    Returns
    -------
    FoldTest
        Values that are NaN are left out, and the degrees of freedom are fewer. All is NaN but the mean where fewer
        than two folds are left. Where all folds have the same value, t is infinite and p is 0; where this value is 0,
        both are NaN (SciPy's rules).

    Raises
    ------
    InputError
        Fewer than two folds, an infinite value, a negative or infinite ratio, a confidence out of range.

    Examples
    --------
    >>> test = fold_test(np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]), test_to_train=0.5)
    >>> test.mean.tolist(), test.t.round(2).tolist(), test.corrected_t.round(2).tolist()
    ([2.0, 0.0], [3.46, nan], [2.19, nan])
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim < 1 or len(values) < 2:
        _refuse(
            "There are too few folds for a test", f"values of shape {values.shape}", "(fold, ...), two folds or more"
        )
    if np.isinf(values).any():
        _refuse("A value of a fold is infinite", f"{int(np.isinf(values).sum())} values", "finite numbers, or NaN")
    if not 0 <= test_to_train < np.inf or not 0 < confidence < 1:
        _refuse(
            "The test over folds cannot be done so",
            f"test to train {test_to_train}, confidence {confidence}",
            "a ratio of at least 0, and a confidence between 0 and 1",
        )
    there = ~np.isnan(values)
    folds = there.sum(0)
    highest, lowest = np.where(there, values, -np.inf).max(0), np.where(there, values, np.inf).min(0)
    same = (highest == lowest) & (folds > 1)  # such values would differ from their computed mean by rounding
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(same, highest, np.where(there, values, 0.0).sum(0) / folds)
        away = np.where(there, values - mean, 0.0)
        variance = np.where(same, 0.0, (away**2).sum(0) / np.where(folds > 1, folds - 1, np.nan))
        plain = mean / np.sqrt(variance / folds)
        error = np.sqrt(variance * (1 / folds + test_to_train))
        corrected = mean / error
    freedom = np.where(folds > 1, folds - 1, np.nan)
    p, corrected_p = (2 * special.stdtr(freedom, -np.abs(t)) for t in (plain, corrected))
    reach = special.stdtrit(freedom, (1 + confidence) / 2) * error
    parts = mean, plain, p, corrected, corrected_p, mean - reach, mean + reach, folds
    return FoldTest(*(np.asarray(part) for part in parts))


def _refuse(problem: str, value: object, expected: str) -> None:
    raise InputError(problem, value=value, expected=expected, remedy="correct the scores of the folds, or the options")
