"""Bootstrap samples against SciPy on stimuli that are really repeated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.bootstrap import bootstrap_rho, bootstrap_weights, draw_counts, interval


def test_rho_in_every_sample_is_that_of_the_repeated_stimuli():
    rng = np.random.default_rng(0)
    series, targets = rng.normal(size=(3, 12)).round(1), rng.normal(size=(2, 12))
    targets[1] = targets[1] > 0
    counts = draw_counts(np.zeros(12), 40, 1)
    result = bootstrap_rho(series, targets, counts)
    for sample, x, y in np.ndindex(result.shape):
        again = np.repeat(np.arange(12), counts[sample].astype(int))
        wanted = stats.spearmanr(series[x][again], targets[y][again]).statistic
        assert result[sample, x, y] == pytest.approx(wanted, abs=1e-12)


def test_weights_in_every_sample_equal_a_plain_loop():
    rng = np.random.default_rng(2)
    sensitivity, base = rng.uniform(size=(2, 4, 3)), rng.normal(size=(2, 10))
    lesioned, targets = rng.normal(size=(2, 4, 10)), rng.normal(size=(2, 10))
    counts = draw_counts(np.zeros(10), 5, 3)
    result = bootstrap_weights(sensitivity, base, lesioned, targets, counts)

    def rho(x, y, again):
        return stats.spearmanr(x[again], y[again]).statistic

    for sample, run, c, t in np.ndindex(result.shape):
        again = np.repeat(np.arange(10), counts[sample].astype(int))
        whole = rho(base[run], targets[t], again)
        effects = [whole - rho(lesioned[run, k], targets[t], again) for k in range(4)]
        assert result[sample, run, c, t] == pytest.approx(sensitivity[run, :, c] @ effects, abs=1e-6)


def test_a_sample_with_one_value_has_no_rho():
    counts = np.array([[4.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    result = bootstrap_rho(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[1.0, 3.0, 2.0, 4.0]]), counts)
    assert np.isnan(result[0]).all() and result[1, 0, 0] == pytest.approx(0.8)
    low, high = interval(result)
    assert low[0, 0] == high[0, 0] == pytest.approx(0.8)
    assert np.isnan(interval(result[:1])).all()


def test_samples_keep_to_the_conditions():
    groups = np.array(["a"] * 5 + ["b"] * 3)
    counts = draw_counts(groups, 100, 4)
    assert (counts[:, :5].sum(1) == 5).all() and (counts[:, 5:].sum(1) == 3).all()
    assert (counts == np.round(counts)).all() and counts.std() > 0


def test_the_interval_covers_the_true_rho_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    true, hits = 6 / np.pi * np.arcsin(0.6 / 2), 0
    for number in range(300):
        x = rng.normal(size=60)
        y = 0.6 * x + 0.8 * rng.normal(size=60)
        low, high = interval(bootstrap_rho(x[None], y[None], draw_counts(np.zeros(60), 300, number)))
        hits += low[0, 0] <= true <= high[0, 0]
    assert 0.90 <= hits / 300 <= 0.98


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="do not fit"):
        bootstrap_rho(np.ones((2, 5)), np.ones((1, 4)), np.ones((3, 5)))
