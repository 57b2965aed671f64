"""Reliability and noise ceilings: against plain loops, and against the rho that noise-free values really reach."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.noise_ceiling import largest_rho, noise_ceilings
from o2b_helpers.kernels.statistics.reliability import (
    leave_one_out,
    paired_rho,
    random_halves,
    reliability_from_rest,
    spearman_brown,
)

HALVES = [np.arange(0, 48, 2), np.arange(1, 48, 2)]  # the stimuli of two conditions


def _people(seed: int, noise: float, people: int = 50, stimuli: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Return noise-free values (stimulus,) and what each person says (person, stimulus): values, own shift, noise."""
    random = np.random.default_rng(seed)
    true = random.normal(size=stimuli)
    return true, true + random.normal(size=(people, 1)) + random.normal(0, noise, (people, stimuli))


@pytest.mark.parametrize(("people", "gaps"), [(10, 0.0), (7, 0.0), (9, 0.3)])
def test_halves_and_ceilings_are_those_of_a_plain_loop(people, gaps):
    _, measured = _people(1, 2.0, people, 24)
    random = np.random.default_rng(2)
    measured[random.uniform(size=measured.shape) < gaps] = np.nan
    place, splits = np.arange(3, 20), 40
    sides = random_halves(people, splits, seed=5)
    mean, half, rhos, drawn = np.nanmean(measured, axis=0), people // 2, [], []
    for split in range(splits):
        item, other = np.flatnonzero(sides[split] == 1), np.flatnonzero(sides[split] == -1)
        assert len(item) == len(other) == half and not set(item) & set(other)
        a, b = (np.array([_mean(measured[who, s]) for s in range(24)]) for who in (item, other))
        rhos.append(spearmanr(a[place], b[place], nan_policy="omit").statistic)
        drawn.append((a - b) / 2 * np.sqrt(2 * half / people))
    r, times = np.mean(rhos), people / half
    reliability = times * r / (1 + (times - 1) * r)
    result = noise_ceilings(measured, [place], method="split_half", median_labels=True, splits=splits, seed=5)
    assert result.reliability[0] == pytest.approx(reliability, abs=1e-12)
    label = mean > np.median(mean)
    assert result.ceiling[0] == pytest.approx(
        np.sqrt(reliability) * spearmanr(rankdata(mean[place], "ordinal"), label[place]).statistic, abs=1e-12
    )
    best = []
    for error, rho in zip(drawn, rhos, strict=True):
        value, own = mean.copy(), max(0.0, times * rho / (1 + (times - 1) * rho))
        value[place] = mean[place].mean() + np.sqrt(own) * (mean[place] - mean[place].mean())
        value += error
        value = np.sign(value - np.nanmedian(value))
        best.append(spearmanr(mean[place], value[place], nan_policy="omit").statistic)
    low, high = np.percentile(best, [2.5, 97.5])
    ends = max(min(low, result.ceiling[0]), 0), max(high, result.ceiling[0])
    assert (result.low[0], result.high[0]) == pytest.approx(ends, abs=1e-12)


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def test_each_against_the_others_is_that_of_a_plain_loop():
    _, measured = _people(3, 2.0, 9, 24)
    expected = [spearmanr(measured[k], np.delete(measured, k, axis=0).mean(0)).statistic for k in range(9)]
    np.testing.assert_allclose(leave_one_out(measured), expected, atol=1e-12)
    result = noise_ceilings(measured, [np.arange(24)], method="leave_one_out", median_labels=False, splits=50, seed=0)
    assert result.reliability[0] == pytest.approx(reliability_from_rest(np.mean(expected), 9), abs=1e-12)
    assert result.ceiling[0] == pytest.approx(np.sqrt(result.reliability[0]), abs=1e-12)


def test_rows_are_correlated_as_scipy_does():
    random = np.random.default_rng(4)
    x, y = random.integers(0, 6, (20, 15)).astype(float), random.normal(size=(20, 15))
    x[3, 4], y[5, :2] = np.nan, np.nan
    expected = [spearmanr(a, b, nan_policy="omit").statistic for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(paired_rho(x, y), expected, atol=1e-12)
    assert np.isnan(paired_rho(np.ones((2, 5)), y[:2, :5])).all()


def test_correction_formulas_hold_for_their_own_model():
    single, people = 0.2, 22
    whole = people * single / (1 + (people - 1) * single)
    half = spearman_brown(single, people / 2)
    assert spearman_brown(half, 2.0) == pytest.approx(whole)
    rest = spearman_brown(single, people - 1.0)
    assert reliability_from_rest(np.sqrt(single * rest), people) == pytest.approx(whole)
    assert reliability_from_rest(0.5, 2) == pytest.approx(spearman_brown(0.5, 2.0))
    assert reliability_from_rest(1.0, 5) == pytest.approx(1.0)
    for r in (-0.3, 0.0):
        assert spearman_brown(r, 2.0) == reliability_from_rest(r, 9) == r


def test_ties_of_a_label_bound_rho():
    assert largest_rho(np.repeat([0, 1], 12)) == pytest.approx(0.8668, abs=1e-4)
    for zeros in (3, 9, 17):
        values = np.repeat([0, 1], [zeros, 24 - zeros])
        assert largest_rho(values) == pytest.approx(spearmanr(np.arange(24), values).statistic, abs=1e-12)
    assert largest_rho(np.arange(7)) == pytest.approx(1.0) and largest_rho(np.ones(7)) == 0
    assert np.isnan(largest_rho(np.ones(1)))


def test_people_who_do_not_agree_have_a_ceiling_of_zero_and_one_person_has_none():
    random = np.random.default_rng(0)
    against = np.vstack([np.arange(24.0), -np.arange(24.0)] * 5) + random.normal(0, 0.1, (10, 24))
    for method in ("split_half", "leave_one_out"):
        options = {"method": method, "median_labels": False, "splits": 100, "seed": 0}
        result = noise_ceilings(against, [np.arange(24)], **options)
        assert result.reliability[0] < 0 and result.ceiling[0] == 0 and result.low[0] == 0
        alone = noise_ceilings(against[:1], [np.arange(24)], **options)
        assert np.isnan([alone.reliability, alone.ceiling, alone.low, alone.high]).all()
        constant = noise_ceilings(np.ones((6, 24)), [np.arange(24)], **options)
        assert np.isnan(constant.ceiling).all()


def test_measurements_that_cannot_be_used_are_refused():
    options = {"median_labels": False, "splits": 20, "seed": 0}
    with pytest.raises(InputError, match="split_half or leave_one_out"):
        noise_ceilings(np.ones((3, 4)), [], method="thirds", **options)
    with pytest.raises(InputError, match="nobody rated"):
        noise_ceilings(np.array([[1, np.nan], [2, np.nan]]), [], method="split_half", **options)


@pytest.mark.parametrize("noise", [1.0, 3.0, 6.0, 12.0])
@pytest.mark.parametrize("method", ["split_half", "leave_one_out"])
def test_the_ceiling_is_what_noise_free_values_reach(method, noise):
    """Labels of 50 annotators and means of 22 subjects, from a reliability of 0.98 down to 0.13."""
    labels, people = method == "split_half", 50 if method == "split_half" else 22
    reached, expected, inside = [], [], []
    for seed in range(150):
        true, measured = _people([seed, 7], noise, people)
        mean = measured.mean(0)
        target = (mean > np.median(mean)).astype(float) if labels else mean
        result = noise_ceilings(measured, HALVES, method=method, median_labels=labels, splits=200, seed=seed)
        for number, place in enumerate(HALVES):
            best = spearmanr(true[place], target[place]).statistic
            reached.append(best)
            expected.append(result.ceiling[number])
            inside.append(result.low[number] - 1e-9 <= best <= result.high[number] + 1e-9)
    share, bias = np.mean(inside), np.mean(expected) - np.mean(reached)
    print(f"{method}, noise {noise}: reached {np.mean(reached):.3f}, off by {bias:+.3f}, inside {share:.3f}")
    assert abs(bias) < 0.05
    assert 0.88 < share  # of 300; least where subjects hardly agree
