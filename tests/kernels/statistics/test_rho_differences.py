"""Tests of differences between correlations: against plain loops with SciPy, and their calibration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.permutation_null import unit_ranks
from o2b_helpers.kernels.statistics.rho_differences import (
    difference_p,
    random_labels,
    random_swaps,
    relabelled_differences,
    swapped_differences,
)

RUNS, N = 3, 10
WORLDS, DRAWS, STIMULI = 1500, 199, 24


@pytest.fixture
def series():
    """Predictions of two models with ties, and two targets of which one has two values only."""
    rng = np.random.default_rng(0)
    return {
        "a": rng.normal(size=(RUNS, N)).round(1),
        "b": rng.normal(size=(RUNS, N)).round(1),
        "t": (rng.normal(size=N) > 0).astype(float),
        "u": rng.normal(size=N),
    }


def _swapped(x, y, signs):
    return np.where(signs > 0, x, y), np.where(signs > 0, y, x)


def test_two_models_on_one_target_equal_a_plain_loop(series):
    swaps = random_swaps(20, N, 1)
    shared = unit_ranks(series["t"])[None, None]
    result = swapped_differences(shared, unit_ranks(series["a"])[None], unit_ranks(series["b"])[None], swaps)
    for signs, difference in zip(swaps, result[:, 0], strict=True):
        expected = []
        for a, b in zip(series["a"], series["b"], strict=True):
            first, second = _swapped(unit_ranks(a), unit_ranks(b), signs)
            ranks = stats.rankdata(series["t"])
            expected.append(stats.pearsonr(first, ranks).statistic - stats.pearsonr(second, ranks).statistic)
        assert difference == pytest.approx(np.mean(expected), abs=1e-12)


def test_two_targets_of_one_model_equal_a_plain_loop(series):
    swaps = random_swaps(20, N, 2)
    first, second = (unit_ranks(series[name])[None, None] for name in "tu")
    result = swapped_differences(unit_ranks(series["a"])[None].mean(1, keepdims=True), first, second, swaps)
    for signs, difference in zip(swaps, result[:, 0], strict=True):
        t, u = _swapped(unit_ranks(series["t"]), unit_ranks(series["u"]), signs)
        expected = [
            stats.pearsonr(stats.rankdata(a), t).statistic - stats.pearsonr(stats.rankdata(a), u).statistic
            for a in series["a"]
        ]
        assert difference == pytest.approx(np.mean(expected), abs=1e-12)


def test_without_a_swap_it_is_the_difference_of_scipys_rho(series):
    shared, first, second = (unit_ranks(series[name])[None, None] for name in ("u", "t", "t"))
    first = unit_ranks(series["a"][:1])[None]
    expected = (
        stats.spearmanr(series["u"], series["a"][0]).statistic - stats.spearmanr(series["u"], series["t"]).statistic
    )
    assert swapped_differences(shared, first, second, np.ones((1, N)))[0, 0] == pytest.approx(expected, abs=1e-12)


def test_two_conditions_equal_a_plain_loop(series):
    rng = np.random.default_rng(3)
    other, target = rng.normal(size=(RUNS, 7)).round(1), rng.normal(size=7)
    x = np.concatenate([unit_ranks(series["a"]) * np.sqrt(N), unit_ranks(other) * np.sqrt(7)], axis=1)
    y = np.concatenate([unit_ranks(series["u"]) * np.sqrt(N), unit_ranks(target) * np.sqrt(7)])
    labels = random_labels(N, 7, 20, 4)
    result = relabelled_differences(x[None], y[None, None], labels)
    for own, difference in zip(labels, result[:, 0], strict=True):
        expected = [
            stats.pearsonr(run[own], y[own]).statistic - stats.pearsonr(run[~own], y[~own]).statistic for run in x
        ]
        assert difference == pytest.approx(np.mean(expected), abs=1e-12)
    as_it_is = relabelled_differences(x[None], y[None, None], (np.arange(N + 7) < N)[None])[0, 0]
    rho = [stats.spearmanr(a, series["u"]).statistic for a in series["a"]]
    rho_other = [stats.spearmanr(a, target).statistic for a in other]
    assert as_it_is == pytest.approx(np.mean(rho) - np.mean(rho_other), abs=1e-12)


def test_p_counts_what_is_at_least_as_far_from_zero_in_blocks(series, monkeypatch):
    monkeypatch.setattr("o2b_helpers.kernels.statistics.rho_differences.BLOCK_BYTES", 100)
    swaps = random_swaps(300, N, 5)
    arrays = unit_ranks(series["u"])[None, None], unit_ranks(series["a"])[None], unit_ranks(series["b"])[None]
    observed = swapped_differences(*arrays, np.ones((1, N)))[0]
    p = difference_p(observed, lambda some: swapped_differences(*arrays, some), swaps, RUNS)
    null = swapped_differences(*arrays, swaps)[:, 0]
    assert p[0] == (1 + (np.abs(null) >= abs(observed[0]) - 1e-12).sum()) / 301


def test_nothing_is_said_of_a_constant_series(series):
    constant = unit_ranks(np.ones((1, 1, N)))
    swaps = random_swaps(9, N, 0)
    arrays = unit_ranks(series["u"])[None, None], constant, unit_ranks(series["t"])[None, None]
    observed = swapped_differences(*arrays, np.ones((1, N)))[0]
    assert np.isnan(observed).all()
    assert np.isnan(difference_p(observed, lambda some: swapped_differences(*arrays, some), swaps)).all()


def test_series_that_do_not_fit_are_refused(series):
    with pytest.raises(InputError, match="do not fit"):
        swapped_differences(np.zeros((1, 1, 4)), np.zeros((1, 1, 5)), np.zeros((1, 1, 5)), np.ones((1, 5)))


def _share_within_its_interval(p):
    """Whether the share of p <= .05 lies within the 99 % interval that 5 % have in so many worlds."""
    low, high = stats.binom.interval(0.99, len(p), 0.05)
    return low <= (p <= 0.05).sum() <= high


def _worlds(rho, rng, n=STIMULI):
    """Draw a shared series and two others that correlate with it equally, (world, 1, n) each."""
    shared = rng.normal(size=(WORLDS, 1, n))
    noise = rng.normal(size=(2, WORLDS, 1, n))
    return shared, *(rho * shared + np.sqrt(1 - rho**2) * noise)


@pytest.mark.parametrize("rho", [0.0, 0.6])
@pytest.mark.parametrize("binary", [False, True])
def test_swaps_keep_their_level_where_both_correlate_equally(rho, binary):
    shared, first, second = _worlds(rho, np.random.default_rng([6, int(10 * rho), binary]))
    if binary:  # labels 0 and 1 of both targets
        first, second = ((series > 0).astype(float) for series in (first, second))
    arrays = [unit_ranks(series) for series in (shared, first, second)]
    observed = swapped_differences(*arrays, np.ones((1, STIMULI)))[0]
    swaps = random_swaps(DRAWS, STIMULI, 7)
    p = difference_p(observed, lambda some: swapped_differences(*arrays, some), swaps)
    assert _share_within_its_interval(p)


def test_swaps_find_a_difference():
    rng = np.random.default_rng(8)
    shared, near, _ = _worlds(0.8, rng)
    arrays = [unit_ranks(series) for series in (shared, near, rng.normal(size=near.shape))]
    observed = swapped_differences(*arrays, np.ones((1, STIMULI)))[0]
    p = difference_p(observed, lambda some: swapped_differences(*arrays, some), random_swaps(DRAWS, STIMULI, 9))
    assert (p <= 0.05).mean() > 0.8


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_labels_keep_their_level_where_both_conditions_correlate_equally(rho):
    """Means and spreads of the conditions differ; only their correlations are equal."""
    rng = np.random.default_rng([10, int(10 * rho)])
    first, second = _worlds(rho, rng)[:2], _worlds(rho, rng)[:2]
    x, y = (
        np.concatenate([unit_ranks(a), unit_ranks(5 + 3 * b)], axis=-1) * np.sqrt(STIMULI)
        for a, b in zip(first, second, strict=True)
    )
    own = np.arange(2 * STIMULI) < STIMULI
    observed = relabelled_differences(x, y, own[None])[0]
    labels = random_labels(STIMULI, STIMULI, DRAWS, 11)
    p = difference_p(observed, lambda some: relabelled_differences(x, y, some), labels)
    assert _share_within_its_interval(p)
