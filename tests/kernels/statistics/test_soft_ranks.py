from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from o2b_helpers.kernels.statistics.soft_ranks import rank_derivatives, soft_unit_ranks, widths


def predictions(count=24, seed=0):
    return np.random.default_rng(seed).normal(size=count)


def by_loops(values, width):
    ranks = np.array([sum(1 / (1 + np.exp(-(a - b) / width)) for b in values) for a in values])
    ranks -= ranks.mean()
    return ranks / np.linalg.norm(ranks)


def test_soft_ranks_are_those_of_plain_loops():
    values = predictions()
    assert np.allclose(soft_unit_ranks(values[None], np.array([0.3]))[0], by_loops(values, 0.3), atol=1e-13)


def test_a_narrow_sigmoid_gives_spearmans_rho():
    values, target = predictions(), predictions(seed=1)
    ranks = rankdata(target) - 12.5
    rho = soft_unit_ranks(values[None], np.array([1e-6]))[0] @ (ranks / np.linalg.norm(ranks))
    assert rho == pytest.approx(spearmanr(values, target).statistic, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_derivative_is_that_of_finite_differences(seed):
    values, target = predictions(seed=seed), predictions(seed=seed + 50)
    width = widths(values)
    step = 1e-6
    derivative = rank_derivatives(values, values, np.arange(24), width) @ target
    for n in range(24):
        moved = [values + sign * step * (np.arange(24) == n) for sign in (1, -1)]
        above, below = (soft_unit_ranks(y[None], width[None])[0] @ target for y in moved)
        assert derivative[n] == pytest.approx((above - below) / (2 * step), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_derivative_shares_out_the_change_of_the_ranks(seed):
    base, hidden = predictions(seed=seed), predictions(seed=seed)
    changed = np.array([1, 4, 17])
    hidden[changed] += predictions(3, seed=seed + 9)
    width = widths(base)
    mean = rank_derivatives(base, hidden, changed, width)
    whole = soft_unit_ranks(base[None], width[None])[0] - soft_unit_ranks(hidden[None], width[None])[0]
    assert np.allclose((base - hidden)[changed] @ mean, whole, atol=1e-5)


def test_constant_predictions_have_no_ranks():
    same = np.ones(6)
    assert np.isnan(soft_unit_ranks(same[None], widths(same)[None])).all()
    assert np.isnan(rank_derivatives(same, same, np.array([0]), widths(same))).all()
