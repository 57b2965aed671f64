"""F1, balanced accuracy, AUROC and the best threshold against scikit-learn, series by series."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_recall_curve, roc_auc_score

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.recognition.recognition_scores import (
    aurocs,
    balanced_accuracies,
    best_thresholds,
    f1_scores,
)


@pytest.fixture(params=["fine", "coarse", "constant", "below one half"])
def series(request):
    """Scores (set, gain, picture): all different, with many ties, all equal, none above the usual threshold."""
    rng = np.random.default_rng(0)
    positive = rng.random(37) < 0.3
    scores = rng.random((4, 6, 37)) * 0.7 + 0.2 * positive
    if request.param == "coarse":
        scores = scores.round(1)
    if request.param == "constant":
        scores[:] = scores[..., :1]
    if request.param == "below one half":
        scores /= 4
    return scores, positive


def each(scores):
    return [(place, scores[place]) for place in np.ndindex(scores.shape[:-1])]


def test_equals_scikit_learn(series):
    scores, positive = series
    f1, balanced, auroc = f1_scores(scores, positive), balanced_accuracies(scores, positive), aurocs(scores, positive)
    for place, own in each(scores):
        assert f1[place] == pytest.approx(f1_score(positive, own > 0.5, zero_division=0), abs=1e-12)
        assert balanced[place] == pytest.approx(balanced_accuracy_score(positive, own > 0.5), abs=1e-12)
        assert auroc[place] == pytest.approx(roc_auc_score(positive, own), abs=1e-12)


def test_the_best_threshold_reaches_the_highest_f1_of_the_curve(series):
    scores, positive = series
    thresholds = best_thresholds(scores, positive)
    reached = f1_scores(scores, positive, thresholds)
    for place, own in each(scores):
        precision, recall, _ = precision_recall_curve(positive, own)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            highest = np.nanmax(2 * precision * recall / (precision + recall))
        assert reached[place] == pytest.approx(highest, abs=1e-12)
        assert not np.isin(thresholds[place], own)


def test_each_series_has_a_threshold_of_its_own_and_neighbours_are_parted():
    scores = np.array([[1.0, np.nextafter(1.0, 2), 0.0], [0.1, 0.2, 0.0]])
    positive = np.array([False, True, False])
    thresholds = best_thresholds(scores, positive)
    assert f1_scores(scores, positive, thresholds).tolist() == [1.0, 1.0]
    assert f1_scores(scores, positive, thresholds[::-1]).tolist() == [2 / 3, 0.0]


def test_moved_scores_change_f1_and_not_auroc():
    rng = np.random.default_rng(1)
    positive = np.arange(40) < 15
    scores = rng.random(40) + 0.5 * positive
    moved = scores - 0.6
    assert aurocs(moved, positive) == aurocs(scores, positive)
    assert f1_scores(moved, positive) < f1_scores(scores, positive)
    again = f1_scores(np.stack([scores, moved]), positive, best_thresholds(np.stack([scores, moved]), positive))
    assert again[0] == again[1]


def test_bad_input_is_refused():
    scores = np.array([0.1, 0.2, 0.3])
    with pytest.raises(InputError, match="do not belong together"):
        f1_scores(scores, np.array([True, False]))
    with pytest.raises(InputError, match="not finite"):
        aurocs(scores * np.nan, np.array([True, False, False]))
    for positive in (np.ones(3, dtype=bool), np.zeros(3, dtype=bool)):
        with pytest.raises(InputError, match="of one kind"):
            best_thresholds(scores, positive)
