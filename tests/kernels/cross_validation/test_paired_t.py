"""Tests over folds against SciPy, against their formula, and against the paper's tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.cross_validation.paired_t import fold_test, paired_t

# mean squared error on the test pictures in each of five folds (003, tables S2 to S4)
FOLDS = {
    ("shared", 5, "A"): [1.90, 1.86, 1.90, 1.88, 1.90],
    ("shared", 5, "V"): [2.15, 2.14, 2.19, 2.13, 2.17],
    ("shared", 9, "A"): [1.95, 1.96, 1.95, 1.95, 1.94],
    ("shared", 9, "V"): [2.21, 2.31, 2.21, 2.27, 2.29],
    ("split", 5, "A"): [2.18, 2.13, 2.09, 2.11, 2.13],
    ("split", 5, "V"): [2.36, 2.68, 2.39, 2.49, 2.37],
    ("split", 9, "A"): [2.17, 2.14, 2.18, 2.11, 2.18],
    ("split", 9, "V"): [2.39, 2.46, 2.38, 2.55, 2.47],
}
# rows 1 to 8 of table 4: two models, t and p as printed
TABLE_4 = [
    (("shared", 9, "A"), ("split", 9, "A"), 13.41, 0.0001),
    (("shared", 9, "V"), ("split", 9, "V"), 8.47, 0.001),
    (("shared", 5, "A"), ("split", 5, "A"), 14.89, 0.0001),
    (("shared", 5, "V"), ("split", 5, "V"), 4.52, 0.01),
    (("shared", 9, "A"), ("shared", 5, "A"), 5.80, 0.004),
    (("shared", 9, "V"), ("shared", 5, "V"), 3.74, 0.02),
    (("split", 9, "A"), ("split", 5, "A"), 1.51, 0.2),
    (("split", 9, "V"), ("split", 5, "V"), 0.14, 0.9),
]
# rows 7 and 2 of table 6: the printed t of five folds, and what the correction makes of its p
TABLE_6 = [("all against object + scene, arousal", 2.91, 0.12), ("all against object, valence", 2.79, 0.14)]


def _pairs(seed: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape), rng.normal(size=shape) + 0.5


@pytest.mark.parametrize("shape", [(5,), (2, 3), (10, 4, 2)])
def test_the_plain_test_is_scipys(shape):
    first, second = _pairs(0, shape)
    test, expected = paired_t(first, second, 0.25), stats.ttest_rel(first, second)
    np.testing.assert_allclose(test.t, expected.statistic, rtol=1e-12)
    np.testing.assert_allclose(test.p, expected.pvalue, rtol=1e-10)
    assert test.mean.shape == shape[1:] and (test.folds == shape[0]).all()


def test_without_shared_pictures_both_tests_and_the_interval_are_scipys():
    first, second = _pairs(1, (6, 3))
    test = paired_t(first, second, 0.0, confidence=0.9)
    interval = stats.ttest_rel(first, second).confidence_interval(0.9)
    np.testing.assert_allclose(test.corrected_t, test.t, rtol=1e-12)
    np.testing.assert_allclose([test.low, test.high], [interval.low, interval.high], rtol=1e-10)


@pytest.mark.parametrize(("folds", "ratio"), [(5, 0.25), (10, 1 / 9), (30, 0.5)])
def test_the_correction_is_its_formula(folds, ratio):
    """Nadeau & Bengio (2003): t of the mean over the root of (1 / k + n_test / n_train) times the variance."""
    values = np.random.default_rng(folds).normal(size=folds) + 0.4
    test = fold_test(values, ratio)
    error = np.sqrt((1 / folds + ratio) * values.var(ddof=1))
    expected = stats.t(folds - 1)
    assert test.corrected_t == pytest.approx(values.mean() / error, rel=1e-12)
    assert test.corrected_p == pytest.approx(2 * expected.sf(abs(values.mean() / error)), rel=1e-10)
    assert test.low == pytest.approx(values.mean() - expected.ppf(0.975) * error, rel=1e-10)
    assert test.high == pytest.approx(values.mean() + expected.ppf(0.975) * error, rel=1e-10)


@pytest.mark.parametrize(("first", "second", "t", "p"), TABLE_4)
def test_table_4_follows_from_the_folds(first, second, t, p):
    test = paired_t(np.array(FOLDS[first]), np.array(FOLDS[second]), 0.25)
    assert abs(abs(test.t) - t) <= 0.01
    digits = len(str(f"{p:f}").rstrip("0").split(".")[1])
    assert abs(test.p - p) <= max(0.5 * 10.0**-digits, 1e-4)
    assert abs(test.corrected_t) == pytest.approx(abs(test.t) * (0.2 / 0.45) ** 0.5, rel=1e-12)


def test_after_the_correction_rows_1_to_5_of_table_4_stay_below_5_percent():
    p = [float(paired_t(np.array(FOLDS[a]), np.array(FOLDS[b]), 0.25).corrected_p) for a, b, _, _ in TABLE_4]
    assert [value < 0.05 for value in p] == [True] * 5 + [False] * 3


@pytest.mark.parametrize(("row", "t", "corrected_p"), TABLE_6)
def test_rows_of_table_6_do_not_survive_the_correction(row, t, corrected_p):
    spread = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    test = fold_test(spread + t * spread.std(ddof=1) / 5**0.5, 0.25)  # five folds that have the printed t
    assert test.t == pytest.approx(t, rel=1e-12)
    assert test.p <= 0.05 < test.corrected_p and round(float(test.corrected_p), 2) == corrected_p


def test_folds_without_a_score_are_left_out_as_scipy_omits_them():
    first, second = _pairs(2, (6, 4))
    first[0, 0] = second[1, 0] = first[:, 1] = np.nan
    first[1:, 2] = np.nan
    test = paired_t(first, second, 0.25)
    expected = stats.ttest_rel(first[2:, 0], second[2:, 0])
    assert test.folds.tolist() == [4, 0, 1, 6]
    np.testing.assert_allclose([test.t[0], test.p[0]], [expected.statistic, expected.pvalue], rtol=1e-10)
    assert np.isnan([test.t[1:3], test.p[1:3], test.corrected_p[1:3], test.low[1:3]]).all()
    assert np.isnan(test.mean[1]) and test.mean[2] == first[0, 2] - second[0, 2]


def test_folds_that_all_differ_alike():
    test = fold_test(np.array([[0.1, 0.0, -0.3]] * 5), 0.25)
    assert test.t[0] == np.inf and test.t[2] == -np.inf and np.isnan(test.t[1])
    assert test.p[0] == test.corrected_p[2] == 0 and np.isnan(test.p[1]) and np.isnan(test.corrected_p[1])
    assert test.low.tolist() == test.high.tolist() == [0.1, 0.0, -0.3]


def test_bad_folds_are_refused():
    with pytest.raises(InputError, match="same folds"):
        paired_t(np.zeros(5), np.zeros(4), 0.25)
    with pytest.raises(InputError, match="too few folds"):
        fold_test(np.zeros(1), 0.25)
    with pytest.raises(InputError, match="infinite"):
        fold_test(np.array([1.0, np.inf]), 0.25)
    for ratio, confidence in ((-0.1, 0.95), (np.inf, 0.95), (0.25, 1.0)):
        with pytest.raises(InputError, match="cannot be done so"):
            fold_test(np.arange(3), ratio, confidence)
