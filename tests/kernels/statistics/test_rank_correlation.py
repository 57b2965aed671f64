from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg, rank_correlation, spearman_p
from o2b_helpers.kernels.statistics.ranks import VALUES_AT_ONCE, centred_ranks


def test_equals_scipy_with_ties_and_duplicates():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, (3, 5, 24)).astype(float)  # many ties
    y = np.round(rng.normal(size=(4, 24)), 1)
    x[1, 2] = x[0, 0]  # a duplicate
    y[3] = rng.integers(0, 2, 24)  # labels 0 and 1
    result = rank_correlation(x, y)
    assert result.shape == (3, 5, 4) and result.dtype == np.float64
    for place in np.ndindex(3, 5, 4):
        assert result[place] == pytest.approx(stats.spearmanr(x[place[:2]], y[place[2]]).statistic, abs=1e-12)
    assert np.array_equal(result[1, 2], result[0, 0])


def test_leaves_out_pairs_with_nan_as_scipy_does():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(7, 20)), rng.normal(size=(6, 20))
    y[1, :3], y[2, [5, 9]], y[3, :3], x[4, [0, 7]] = np.nan, np.nan, np.nan, np.nan
    result = rank_correlation(x, y)
    for series, target in np.ndindex(7, 6):
        wanted = stats.spearmanr(x[series], y[target], nan_policy="omit").statistic
        assert result[series, target] == pytest.approx(float(wanted), abs=1e-12)
    y[5] = np.nan
    assert np.isnan(rank_correlation(x, y)[:, 5]).all()


def test_constant_series_have_no_correlation():
    x = np.array([[0.1] * 6, [1, 2, 3, 4, 5, 6]])
    y = np.array([[1, 1, 1, 1, 1, 1], [6, 5, 4, 3, 2, 1], [1, np.nan, 1, 1, 1, 1]])
    result = rank_correlation(x, y)
    assert np.isnan(result[0]).all() and np.isnan(result[1, [0, 2]]).all()
    assert result[1, 1] == -1.0


def test_does_not_depend_on_what_else_is_asked():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(40, 48)), rng.normal(size=(24, 48))
    alone = np.array([[rank_correlation(item, other[None])[0] for other in y] for item in x])
    assert np.array_equal(alone, rank_correlation(x, y))


def test_many_missing_patterns_equal_scipy():
    rng = np.random.default_rng(7)
    x, y = np.round(rng.normal(size=(30, 19)), 1), rng.integers(0, 3, (5, 19)).astype(float)
    x[rng.random(x.shape) < 0.1], y[rng.random(y.shape) < 0.2] = np.nan, np.nan
    result = rank_correlation(x, y)
    for series, target in np.ndindex(result.shape):
        wanted = stats.spearmanr(x[series], y[target], nan_policy="omit").statistic
        assert result[series, target] == pytest.approx(float(wanted), abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 9, 400])
def test_ranks_equal_scipy(n):
    rng = np.random.default_rng(n)
    rows = rng.normal(size=(2 * VALUES_AT_ONCE // n // 3 + 2, n))  # more than are ranked at once
    rows[::3] = np.round(rows[::3])
    rows[1], rows[2, 0], rows[3, :1], rows[4:6] = 2.5, np.inf, -0.0, 0.0
    assert np.array_equal(centred_ranks(rows), stats.rankdata(rows, axis=1) - (n + 1) / 2)


def test_permutations_stay_within_their_groups():
    groups = np.array(["b", "a", "b", "c", "a", "b"])
    drawn = permutations_within(groups, 200, seed=3)
    assert np.array_equal(groups[drawn], np.tile(groups, (200, 1)))
    assert np.array_equal(np.sort(drawn, axis=1), np.tile(np.arange(6), (200, 1)))
    assert len(np.unique(drawn, axis=0)) == 12, "3! x 2! x 1! orders, each drawn at least once"
    assert np.array_equal(permutations_within(groups, 20, seed=3), drawn[:20])
    assert not np.array_equal(permutations_within(groups, 200, seed=4), drawn)


def test_shapes():
    assert rank_correlation(np.arange(5.0), np.arange(5.0)[None]).tolist() == [1.0]
    assert rank_correlation(np.empty((2, 0, 5)), np.zeros((3, 5))).shape == (2, 0, 3)
    assert np.isnan(rank_correlation(np.zeros((2, 1)), np.zeros((1, 1)))).all()


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="do not fit"):
        rank_correlation(np.zeros((2, 5)), np.zeros((2, 4)))
    with pytest.raises(InputError, match="do not fit"):
        rank_correlation(np.zeros(5), np.zeros(5))


def test_p_equals_scipy():
    rng = np.random.default_rng(3)
    for n in (3, 4, 5, 24, 300):
        for strength in (0.0, 0.3, 3.0):
            x = rng.normal(size=n)
            y = strength * x + rng.normal(size=n)
            wanted = stats.spearmanr(x, y)
            assert spearman_p(wanted.statistic, n) == pytest.approx(wanted.pvalue, rel=1e-10, abs=1e-300)
    assert spearman_p(1.0, 10) == spearman_p(-1.0, 10) == 0.0
    assert np.isnan(spearman_p(np.nan, 10)) and np.isnan(spearman_p(1.0, 2))
    assert spearman_p(np.array([[0.1], [0.2]]), np.array([5, 6, 7])).shape == (2, 3)


def test_false_discovery_rate_equals_scipy():
    p = np.random.default_rng(4).uniform(size=(4, 30)) ** 3
    p[0, :4] = p[1, 0]  # ties
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p.ravel()).reshape(p.shape), abs=1e-15)
    with_gaps = p.copy()
    with_gaps[2, ::3] = np.nan
    result, tested = benjamini_hochberg(with_gaps), ~np.isnan(with_gaps)
    assert np.array_equal(np.isnan(result), ~tested)
    assert result[tested] == pytest.approx(stats.false_discovery_control(with_gaps[tested]), abs=1e-15)
    assert benjamini_hochberg(np.array([])).shape == (0,)
    with pytest.raises(InputError, match="p-value"):
        benjamini_hochberg(np.array([0.2, 1.2]))
