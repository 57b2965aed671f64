"""How good predictions of ratings are, by the usual measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.reliability import paired_rho

SCALE = 9.0  # what the paper divides errors by; its ratings go from 1 to 9


@dataclass(frozen=True)
class PredictionScores:
    """Measures of some pictures' predictions; NaN where no picture has a rating.

    Attributes
    ----------
    mse, mae : array (fold, target)
        Mean squared error, and mean absolute error.
    r2 : array (fold, target)
        1 minus the squared error over that of the mean of these pictures' ratings (scikit-learn's ``r2_score``): 0 for
        a model that knows the mean only, below 0 for a worse one. NaN for fewer than two pictures or equal ratings.
    rho : array (fold, target)
        Spearman's rank correlation, -1..1. NaN where predictions or ratings are all equal.
    accuracy : array (fold, target)
        100 (1 - mean absolute error / 9) in per cent (003, section 3.1). It says little: the mean alone reaches much.
    count : array (fold, target) of int
        Pictures that went in.
    """

    mse: Float[np.ndarray, "fold target"]
    mae: Float[np.ndarray, "fold target"]
    r2: Float[np.ndarray, "fold target"]
    rho: Float[np.ndarray, "fold target"]
    accuracy: Float[np.ndarray, "fold target"]
    count: Integer[np.ndarray, "fold target"]


def prediction_scores(
    predicted: Real[np.ndarray, "fold target picture"],
    actual: Real[np.ndarray, "target picture"],
    chosen: Bool[np.ndarray, "fold picture"],
    scale: float = SCALE,
) -> PredictionScores:
    """Compare predictions with ratings on the chosen pictures of each fold.

    Parameters
    ----------
    predicted : array (fold, target, picture)
        In the unit of the ratings.
    actual : array (target, picture)
        Mean ratings; pictures with NaN are left out.
    chosen : array (fold, picture) of bool
        For example the test pictures of each fold, or those of one corpus among them.
    scale : float
        What the accuracy divides absolute errors by, in the unit of the ratings.

    Returns
    -------
    PredictionScores

    Raises
    ------
    InputError
        Shapes that do not fit, or a prediction of a chosen picture that is not finite.

    Examples
    --------
    >>> actual = np.array([[2.0, 4.0, 6.0, 9.0]])
    >>> predicted, chosen = np.array([[[3.0, 4.0, 5.0, 0.0]]]), np.array([[True, True, True, False]])
    >>> scores = prediction_scores(predicted, actual, chosen)
    >>> scores.r2.item(), scores.rho.item(), round(scores.accuracy.item(), 1)
    (0.75, 1.0, 92.6)
    """
    predicted, actual = np.asarray(predicted, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    chosen = np.asarray(chosen, dtype=bool)
    if predicted.ndim != 3 or predicted.shape[1:] != actual.shape or (len(predicted), actual.shape[1]) != chosen.shape:
        _refuse(
            "Predictions, ratings and pictures do not belong together",
            f"shapes {predicted.shape}, {actual.shape} and {chosen.shape}",
            "(fold, target, picture), (target, picture) and (fold, picture)",
        )
    there = chosen[:, None] & ~np.isnan(actual)
    if not np.isfinite(predicted[there]).all():
        found = f"{int((~np.isfinite(predicted[there])).sum())} predictions"
        _refuse("Some predictions of chosen pictures are not finite", found, "finite numbers")
    count = there.sum(-1)
    known = np.where(count > 0, count, np.nan)
    truth = np.where(there, actual, np.nan)
    error = np.where(there, predicted - np.where(there, actual, 0.0), 0.0)
    square = (error**2).sum(-1)
    mean = np.where(there, actual, 0.0).sum(-1, keepdims=True) / known[..., None]
    away = (np.where(there, actual - mean, 0.0) ** 2).sum(-1)
    differ = np.where(there, actual, -np.inf).max(-1) > np.where(there, actual, np.inf).min(-1)
    mae = np.abs(error).sum(-1) / known
    rho = paired_rho(predicted.reshape(-1, chosen.shape[1]), truth.reshape(-1, chosen.shape[1]))
    return PredictionScores(
        mse=square / known,
        mae=mae,
        r2=1 - square / np.where(differ, away, np.nan),
        rho=rho.reshape(count.shape),
        accuracy=100 * (1 - mae / scale),
        count=count,
    )


def _refuse(problem: str, value: object, expected: str) -> None:
    raise InputError(problem, value=value, expected=expected, remedy="line up predictions, ratings and folds")
