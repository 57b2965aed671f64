"""Tests of partial rank correlations: against plain loops of regressions, and their calibration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, pearsonr, rankdata

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.bootstrap import draw_counts
from o2b_helpers.kernels.statistics.partial_correlation import bootstrap_partial_rho, partial_p, partial_rho
from o2b_helpers.kernels.statistics.permutation_null import unit_ranks

RUNS, N = 3, 12


def residuals(ranks, covariates):
    design = np.column_stack([np.ones(len(ranks)), *covariates])
    return ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]


def plain(x, y, z):
    """Partial Spearman correlation as pingouin's partial_corr works it out: residuals of regressions of ranks."""
    ranks = [rankdata(row) for row in z]
    return pearsonr(residuals(rankdata(x), ranks), residuals(rankdata(y), ranks)).statistic


@pytest.fixture(params=[1, 2])
def made(request):
    rng = np.random.default_rng(request.param)
    z = rng.normal(size=(request.param, N)).round(1)
    x, y = rng.normal(size=(RUNS, N)).round(1) + z[0], rng.normal(size=(2, N)) + z[0]
    y[1] = y[1] > 0
    return x, y, z


def test_it_is_a_plain_regression_of_ranks(made):
    x, y, z = made
    result = partial_rho(x, y, z)
    for (run, target), value in np.ndenumerate(result):
        assert value == pytest.approx(plain(x[run], y[target], z), abs=1e-12)


def test_p_is_a_plain_loops(made):
    x, y, z = made
    orders = np.random.default_rng(5).permuted(np.tile(np.arange(N), (49, 1)), axis=1)
    ranks = [rankdata(row) for row in z]
    for target, p in enumerate(partial_p(x, y, z, orders)):
        of_y, null = residuals(rankdata(y[target]), ranks), []
        for order in orders:
            again = residuals(of_y[order], ranks)
            null.append(np.mean([pearsonr(residuals(rankdata(run), ranks), again).statistic for run in x]))
        observed = np.mean([plain(run, y[target], z) for run in x])
        assert p == (1 + (np.abs(null) >= abs(observed) - 1e-12).sum()) / 50


def test_samples_are_ranked_and_regressed_anew(made):
    x, y, z = made
    counts = draw_counts(np.zeros(N), 30, 0)
    for drawn, sample in zip(counts.astype(int), bootstrap_partial_rho(x, y, z, counts), strict=True):
        again = np.repeat(np.arange(N), drawn)
        for (run, target), value in np.ndenumerate(sample):
            if len(np.unique(y[target][again])) > 1:
                assert value == pytest.approx(plain(x[run][again], y[target][again], z[:, again]), abs=1e-9)


def test_nothing_is_left_where_the_covariate_is_the_series_and_a_constant_one_counts_for_nothing(made):
    x, y, z = made
    orders = np.tile(np.arange(N), (9, 1))
    assert np.isnan(partial_rho(z[:1], y, z)).all() and np.isnan(partial_p(z[:1], y, z, orders)).all()
    assert partial_rho(x, y, np.ones((1, N))) == pytest.approx(unit_ranks(x) @ unit_ranks(y).T, abs=1e-12)
    assert partial_rho(x, y, np.concatenate([z, z[:1]])) == pytest.approx(partial_rho(x, y, z), abs=1e-12)


def test_series_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="do not fit"):
        partial_rho(np.zeros((1, 4)), np.zeros((1, 4)), np.zeros((1, 5)))


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_p_keeps_its_level_where_only_the_covariate_is_shared(strength):
    rng = np.random.default_rng(int(10 * strength))
    p = []
    for _ in range(600):
        z = rng.normal(size=(1, 24))
        x, y = strength * z + rng.normal(size=(1, 24)), strength * z + rng.normal(size=(1, 24))
        orders = rng.permuted(np.tile(np.arange(24), (199, 1)), axis=1)
        p.append(partial_p(x, y, z, orders)[0])
    low, high = binom.interval(0.99, len(p), 0.05)
    assert low <= (np.array(p) <= 0.05).sum() <= high
