"""Measures of predictions against scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.cross_validation.prediction_scores import prediction_scores


def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    actual = rng.uniform(1, 9, (2, 60)).round(1)  # with ties
    predicted = (actual + rng.normal(size=(5, 2, 60))).round(1)
    return predicted, actual, np.arange(60) % 5 == np.arange(5)[:, None]


def test_scores_are_those_of_scikit_learn_and_scipy():
    predicted, actual, chosen = _data()
    actual[0, 7] = np.nan
    predicted[:, :, 7] = np.nan  # an unknown rating's prediction is not looked at ...
    predicted[:, 1, 7] = 5.0  # ... but that of a known one is
    scores = prediction_scores(predicted, actual, chosen)
    for fold in range(5):
        for target in range(2):
            own = chosen[fold] & ~np.isnan(actual[target])
            truth, guess = actual[target, own], predicted[fold, target, own]
            mae = metrics.mean_absolute_error(truth, guess)
            expected = {
                "mse": metrics.mean_squared_error(truth, guess),
                "mae": mae,
                "r2": metrics.r2_score(truth, guess),
                "rho": stats.spearmanr(truth, guess).statistic,
                "accuracy": np.mean(100 * (1 - np.abs(guess - truth) / 9)),
                "count": own.sum(),
            }
            for name, value in expected.items():
                assert getattr(scores, name)[fold, target] == pytest.approx(value, rel=1e-10), name


def test_the_mean_has_no_r2_and_no_rho_but_a_high_accuracy():
    rng = np.random.default_rng(1)
    actual = rng.normal(5, 1.2, (1, 500)).clip(1, 9)
    scores = prediction_scores(np.full((1, 1, 500), actual.mean()), actual, np.ones((1, 500), dtype=bool))
    assert abs(scores.r2.item()) < 1e-12 and np.isnan(scores.rho.item()) and scores.accuracy.item() > 85


def test_what_cannot_be_measured_is_nan():
    predicted = np.array([[[1.0, 2.0]], [[1.0, 2.0]], [[1.0, 2.0]]])
    chosen = np.array([[False, False], [True, False], [True, True]])
    scores = prediction_scores(predicted, np.array([[3.0, 3.0]]), chosen)
    assert np.isnan(scores.mse[0]) and np.isnan(scores.r2).all() and np.isnan(scores.rho).all()
    assert scores.mse[1:, 0].tolist() == [4.0, 2.5] and scores.count[:, 0].tolist() == [0, 1, 2]


def test_bad_predictions_are_refused():
    predicted, actual, chosen = _data()
    with pytest.raises(InputError, match="belong together"):
        prediction_scores(predicted[:, :1], actual, chosen)
    predicted[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        prediction_scores(predicted, actual, chosen)
