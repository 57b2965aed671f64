"""Ridge regression and the mean, against scikit-learn's own cross-validation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.models.baselines import mean_predictions, ridge_predictions
from o2b_helpers.models.heads.head_data import stratified_folds

PENALTIES = [0.1, 10.0, 100.0, 1000.0]


def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 30)) * rng.uniform(0.1, 10, 30)
    ratings = np.stack([5 + features[:, :3] @ [0.3, 0.1, 0.2] + rng.normal(size=120), rng.normal(5, 1, 120)], 1)
    corpus, group = np.repeat([0, 1], 60), np.arange(120)
    group[60:70] = group[:10]
    return features, ratings, np.arange(120) % 4 != np.arange(4)[:, None], corpus, group


def test_ridge_is_scikit_learns_with_a_grid_search_over_the_same_inner_folds():
    features, ratings, train, corpus, group = _data()
    fit = ridge_predictions(features, ratings, train, corpus, group, PENALTIES, 3, seed=5)
    assert fit.predictions.shape == (4, 2, 120) and len(np.unique(fit.penalty)) > 1
    for fold, own in enumerate(train):
        inner = stratified_folds(corpus[own], 3, 5 + fold, group[own]).argmax(0)
        for target in range(2):
            search = GridSearchCV(
                make_pipeline(StandardScaler(), Ridge()),
                {"ridge__alpha": PENALTIES},
                scoring="neg_mean_squared_error",
                cv=PredefinedSplit(inner),
            ).fit(features[own], ratings[own, target])
            # scikit-learn weighs folds alike, ours pictures; with folds of nearly one size the choice is the same
            assert search.best_params_["ridge__alpha"] == fit.penalty[fold, target]
            expected = search.best_estimator_.predict(features)
            np.testing.assert_allclose(fit.predictions[fold, target], expected, rtol=0, atol=1e-8)
            np.testing.assert_allclose(-search.cv_results_["mean_test_score"], fit.error[fold, target], rtol=0.05)


def test_noise_takes_the_largest_penalty_and_a_plain_cause_a_small_one():
    features, ratings, train, corpus, _ = _data()
    clear = np.stack([features[:, 0], ratings[:, 1]], 1)
    fit = ridge_predictions(features, clear, train, corpus, penalties=PENALTIES)
    assert (fit.penalty[:, 0] == 0.1).all() and (fit.penalty[:, 1] >= 100).all()


def test_ratings_of_other_pictures_are_never_looked_at():
    features, ratings, train, corpus, _ = _data()
    fit = ridge_predictions(features, ratings, train[:1], corpus)
    gaps = np.where(train[0][:, None], ratings, np.nan)
    assert np.array_equal(ridge_predictions(features, gaps, train[:1], corpus).predictions, fit.predictions)
    assert np.array_equal(mean_predictions(gaps, train[:1]), mean_predictions(ratings, train[:1]))


def test_the_mean_is_that_of_the_training_pictures():
    _, ratings, train, _, _ = _data()
    predicted = mean_predictions(ratings, train)
    assert predicted.shape == (4, 2, 120) and np.ptp(predicted, axis=2).max() == 0
    np.testing.assert_allclose(predicted[2, 1, 0], ratings[train[2], 1].mean())


def test_bad_data_are_refused():
    features, ratings, train, corpus, _ = _data()
    with pytest.raises(InputError, match="do not belong together"):
        mean_predictions(ratings, train[:, 1:])
    with pytest.raises(InputError, match="lack ratings"):
        mean_predictions(np.full_like(ratings, np.nan), train)
    with pytest.raises(InputError, match="cannot be learnt from"):
        ridge_predictions(np.full_like(features, np.inf), ratings, train, corpus)
    with pytest.raises(InputError, match="penalties cannot be used"):
        ridge_predictions(features, ratings, train, corpus, penalties=[0.0, 1.0])
    with pytest.raises(InputError, match="too few training pictures"):
        ridge_predictions(features, ratings, np.arange(120)[None] < 3, corpus)
    with pytest.raises(ParameterError, match="two folds"):
        ridge_predictions(features, ratings, train, corpus, inner_folds=1)
