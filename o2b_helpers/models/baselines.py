"""Simple models of ratings, for the same folds as the networks: ridge regression and the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from o2b_helpers.core.errors import InputError
from o2b_helpers.models.heads.head_data import stratified_folds

PENALTIES = tuple(10.0**power for power in range(-1, 7))
INNER_FOLDS = 5


@dataclass(frozen=True, eq=False)
class RidgePredictions:
    """What `ridge_predictions` found.

    Attributes
    ----------
    predictions : array (fold, target, picture)
        Of every picture, float64, in the unit of the ratings.
    penalty : array (fold, target)
        The chosen penalty.
    error : array (fold, target, penalty)
        Mean squared error of each penalty on pictures that inner folds left out.
    """

    predictions: np.ndarray
    penalty: np.ndarray
    error: np.ndarray


def mean_predictions(ratings: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Predict every picture by the mean rating of a fold's training pictures.

    Parameters
    ----------
    ratings : array (picture, target)
        Without NaN in training pictures.
    train : array (fold, picture) of bool
        The training pictures of each fold.

    Returns
    -------
    array (fold, target, picture)

    Raises
    ------
    InputError
        Shapes that do not fit, a fold without training pictures, or one of these without a rating.

    Examples
    --------
    >>> mean_predictions(np.array([[1.0], [3.0], [8.0]]), np.array([[True, True, False]])).tolist()
    [[[2.0, 2.0, 2.0]]]
    """
    ratings, train = np.asarray(ratings, np.float64), np.asarray(train, bool)
    _check(ratings, train)
    means = np.stack([ratings[own].mean(0) for own in train])
    return np.repeat(means[:, :, None], len(ratings), axis=2)


def ridge_predictions(
    features: np.ndarray,
    ratings: np.ndarray,
    train: np.ndarray,
    strata: np.ndarray,
    groups: np.ndarray | None = None,
    penalties: Sequence[float] = PENALTIES,
    inner_folds: int = INNER_FOLDS,
    seed: int = 0,
) -> RidgePredictions:
    """Predict ratings by scikit-learn's ridge regression, its penalty chosen by an inner cross-validation (ours).

    In each fold features are standardised over the pictures that are learnt from. The penalty is the one with the
    smallest mean squared error on inner folds, for each target by itself; the smallest of equally good ones. Then the
    regression is fitted to all training pictures.

    Parameters
    ----------
    features : array (picture, feature)
        In any unit.
    ratings : array (picture, target)
        Without NaN in training pictures.
    train : array (fold, picture) of bool
        The training pictures of each fold. Validation pictures of the networks may be among them: nothing else chooses
        the penalty.
    strata : array (picture,)
        Numbers by which the inner folds are stratified, such as the corpus.
    groups : array (picture,), optional
        The same value for near-duplicates, which are on one side of an inner split.
    penalties : sequence of float
        Candidates above 0, for standardised features.
    inner_folds : int
        Number of inner folds, at least 2.
    seed : int
        Fold f draws its inner folds with the seed plus f.

    Returns
    -------
    RidgePredictions

    Raises
    ------
    InputError
        Shapes that do not fit, features that are not finite, training pictures without a rating, fewer training
        pictures than inner folds, or penalties that are not above 0.
    ParameterError
        Fewer than two inner folds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> features = rng.normal(size=(60, 4))
    >>> ratings = 5 + features[:, :1]
    >>> fit = ridge_predictions(features, ratings, np.arange(60)[None] < 40, np.zeros(60))
    >>> bool(np.abs(fit.predictions[0, 0] - ratings[:, 0]).max() < 0.05), fit.penalty.tolist()
    (True, [[0.1]])
    """
    features, ratings, train = (
        np.asarray(features, np.float64),
        np.asarray(ratings, np.float64),
        np.asarray(train, bool),
    )
    _check(ratings, train)
    if features.ndim != 2 or len(features) != len(ratings) or not np.isfinite(features).all():
        found = f"shape {features.shape}, {int((~np.isfinite(features)).sum())} not finite"
        _refuse("The features cannot be learnt from", found, "(picture, feature), a finite row for each picture")
    grid = np.sort(np.asarray(penalties, np.float64))
    if not len(grid) or not np.isfinite(grid).all() or grid[0] <= 0:
        _refuse("The ridge penalties cannot be used", grid.tolist(), "at least one finite number, all above 0")
    if (fewest := int(train.sum(1).min())) < inner_folds:
        _refuse("A fold has too few training pictures", fewest, f"at least {inner_folds}, one for each inner fold")
    strata, groups = np.asarray(strata), np.arange(len(ratings)) if groups is None else np.asarray(groups)
    predictions, chosen, errors = [], [], []
    for fold, own in enumerate(map(np.flatnonzero, train)):
        error = np.zeros((len(grid), ratings.shape[1]))
        for inner in stratified_folds(strata[own], inner_folds, seed + fold, groups[own]):
            learn, left = own[~inner], own[inner]
            scaler = StandardScaler().fit(features[learn])
            x, y = scaler.transform(features[learn]), scaler.transform(features[left])
            for row, penalty in enumerate(grid):
                predicted = Ridge(penalty).fit(x, ratings[learn]).predict(y).reshape(len(left), -1)
                error[row] += ((predicted - ratings[left]) ** 2).sum(0) / len(own)
        best = grid[error.argmin(0)]
        scaler = StandardScaler().fit(features[own])
        model = Ridge(best).fit(scaler.transform(features[own]), ratings[own])
        predictions.append(model.predict(scaler.transform(features)).reshape(ratings.shape).T)
        chosen.append(best)
        errors.append(error.T)
    return RidgePredictions(np.stack(predictions), np.stack(chosen), np.stack(errors))


def _check(ratings: np.ndarray, train: np.ndarray) -> None:
    if ratings.ndim != 2 or train.ndim != 2 or train.shape[1] != len(ratings) or not train.any(1).all():
        _refuse(
            "Ratings and folds do not belong together",
            f"shapes {ratings.shape} and {train.shape}, {int(train.any(-1).sum())} folds with training pictures",
            "(picture, target) and (fold, picture), training pictures in every fold",
        )
    if not np.isfinite(ratings[train.any(0)]).all():
        missing = int((~np.isfinite(ratings[train.any(0)])).sum())
        _refuse("Training pictures lack ratings", f"{missing} ratings", "a finite rating of each target")


def _refuse(problem: str, value: object, expected: str) -> None:
    raise InputError(problem, value=value, expected=expected, remedy="check features, ratings, folds and penalties")
