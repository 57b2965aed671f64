"""Control sets: of the right size and response, every filter as likely as the next; p by a plain count."""

from __future__ import annotations

import numpy as np
import pytest

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.kernels.selectivity.control_sets import matched_sets, random_sets, share_as_extreme


def test_random_sets_have_the_size_and_every_candidate_alike():
    candidates = np.arange(40) % 4 != 0
    sets = random_sets(candidates, 12, 4000, seed=3)
    assert sets.shape == (4000, 40) and (sets.sum(1) == 12).all() and not sets[:, ~candidates].any()
    share = sets[:, candidates].mean(0)  # binomial: 0.4 with a standard error of 0.0077
    assert np.abs(share - 0.4).max() < 5 * 0.0077
    together = sets[:, 1] & sets[:, 2]
    assert together.mean() == pytest.approx(12 * 11 / (30 * 29), abs=5 * 0.0057)


def test_more_draws_leave_the_first_ones_and_seeds_differ():
    candidates = np.ones(30, dtype=bool)
    few, many = (random_sets(candidates, 10, draws, seed=(1, 2)) for draws in (5, 50))
    assert np.array_equal(few, many[:5])
    assert not np.array_equal(few, random_sets(candidates, 10, 5, seed=(1, 3)))
    assert not random_sets(candidates, 0, 3, seed=0).any()


def test_sets_of_one_seed_share_their_filters():
    candidates, response = np.arange(40) % 5 != 0, np.arange(40.0)
    small, large = (random_sets(candidates, size, 50, seed=4) for size in (6, 9))
    assert not (small & ~large).any()  # a smaller set is part of a larger one
    other = response + np.random.default_rng(0).normal(0, 0.1, 40)  # the deciles hardly change
    own, shifted = np.arange(40) % 5 == 1, np.arange(40) % 5 == 2
    first, second = (matched_sets(own, values, candidates, 50, seed=4) for values in (response, other))
    assert (first & second).sum() > 0.9 * first.sum()
    apart = matched_sets(shifted, response, candidates, 50, seed=5)
    assert (first & apart).sum() < 0.5 * first.sum()


def test_matched_sets_take_from_each_decile_what_the_set_has_in_it():
    rng = np.random.default_rng(0)
    response, candidates = rng.gamma(0.5, size=200), rng.random(200) < 0.8
    selective = candidates & (rng.random(200) < np.where(response > np.median(response), 0.5, 0.1))
    sets = matched_sets(selective, response, candidates, 300, seed=1)
    ordered = np.flatnonzero(candidates)[np.argsort(response[candidates])]
    for decile in np.split(ordered, [round(len(ordered) * k / 10 + 0.4999) for k in range(1, 10)]):
        assert (sets[:, decile].sum(1) == selective[decile].sum()).all()
    assert not sets[:, ~candidates].any()
    plain = random_sets(candidates, int(selective.sum()), 300, seed=1)
    mean = response[selective].mean()
    matched_off, random_off = (np.mean([response[own].mean() for own in each]) - mean for each in (sets, plain))
    assert abs(matched_off) < abs(random_off) / 4


def test_a_small_layer_has_fewer_bins():
    selective = np.arange(11) >= 9
    sets = matched_sets(selective, np.arange(11.0), np.ones(11, dtype=bool), 200, seed=0)
    assert (sets.sum(1) == 2).all() and not sets[:, :6].any() and sets[:, 6:].any(0).all()


def test_p_is_a_plain_count():
    rng = np.random.default_rng(2)
    draws, value = rng.integers(0, 10, (99, 3, 4)) / 10, rng.integers(0, 10, (3, 4)) / 10
    low, high = share_as_extreme(value, draws, "low"), share_as_extreme(value, draws, "high")
    for place in np.ndindex(3, 4):
        own = draws[(slice(None), *place)]
        assert low[place] == (1 + sum(each <= value[place] for each in own)) / 100
        assert high[place] == (1 + sum(each >= value[place] for each in own)) / 100
    assert np.isnan(share_as_extreme(np.array([np.nan]), draws[:, 0, :1], "low")).all()
    assert share_as_extreme(np.array(0.3), np.array([0.1 + 0.2]), "low") == 1.0  # equal but for rounding


def test_two_sided_p_counts_what_is_as_far_from_the_mean_of_all():
    rng = np.random.default_rng(3)
    draws, value = rng.normal(0.3, 1, (99, 2, 5)), rng.normal(0.3, 2, (2, 5))
    draws[rng.random(draws.shape) < 0.1] = np.nan
    p = share_as_extreme(value, draws, "either")
    for place in np.ndindex(2, 5):
        own = draws[(slice(None), *place)]
        own = own[~np.isnan(own)]
        middle = np.mean([*own, value[place]])
        count = sum(abs(each - middle) >= abs(value[place] - middle) for each in own)
        assert p[place] == (1 + count) / (1 + len(own))
    assert np.isnan(share_as_extreme(np.array([1.0]), np.full((9, 1), np.nan), "either")).all()
    assert share_as_extreme(np.array(0.3), np.full(9, 0.1 + 0.2), "either") == 1.0


def test_two_sided_p_of_a_draw_like_the_others_is_uniform():
    rng = np.random.default_rng(4)
    values = rng.gamma(0.7, size=(20, 20_000))  # skewed: low and high ends differ
    p = share_as_extreme(values[0], values[1:], "either")
    share = [(p <= level).mean() for level in (0.05, 0.1, 0.25, 0.5)]
    np.testing.assert_allclose(share, [0.05, 0.1, 0.25, 0.5], atol=0.01)


def test_what_cannot_be_drawn_is_refused():
    candidates = np.arange(10) < 4
    with pytest.raises(InputError, match="too few filters"):
        random_sets(candidates, 5, 100, seed=0)
    with pytest.raises(ParameterError, match="draws"):
        random_sets(candidates, 2, 0, seed=0)
    with pytest.raises(InputError, match="no candidates"):
        matched_sets(~candidates, np.arange(10.0), candidates, 10, seed=0)
    with pytest.raises(ParameterError, match="side"):
        share_as_extreme(np.array(1.0), np.ones(3), "both")
