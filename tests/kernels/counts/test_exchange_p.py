from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import binom

from o2b_helpers.kernels.counts.exchange_p import ENOUGH, exchange_p


def test_exchanges_that_reach_the_count_are_counted():
    exchanged = np.array([[2.0, 0.0], [5.0, 1.0], [7.0, 0.0]])
    assert exchange_p(np.array([5.0, 2.0]), exchanged).tolist() == [3 / 4, 1 / 4]


def test_more_are_drawn_until_enough_reach_the_count_and_each_p_is_that_of_a_plain_loop():
    count, most = np.array([3.0, 6.0, 9.0, 11.0]), 3000
    for seed in range(20):
        stream = np.random.default_rng(seed).binomial(12, 0.4, (most, len(count))).astype(float)
        asked = []

        def more(many, stream=stream, asked=asked):
            asked.append(many)
            return stream[19 + sum(asked[:-1]) : 19 + sum(asked)]

        p = exchange_p(count, stream[:19], more, most)
        assert sum(asked) <= most - 19
        for place, value in enumerate(p):
            reached = stream[:, place] >= count[place]
            if reached[:19].sum() >= ENOUGH:
                assert value == (1 + reached[:19].sum()) / 20
            elif reached.sum() < ENOUGH:
                assert value == (1 + reached.sum()) / (1 + most)
            else:
                assert value == ENOUGH / (1 + np.flatnonzero(reached)[ENOUGH - 1])


def test_p_is_that_of_all_permutations():
    rng = np.random.default_rng(1)
    table, own = rng.uniform(size=(7, 7)) < 0.3, np.array([True] * 6 + [False])
    np.fill_diagonal(table, True)
    hosts, count = np.arange(7), 6.0
    exact = np.mean([table[list(donors), hosts][own].sum() >= count for donors in permutations(range(7))])

    def more(many):
        donors = rng.permuted(np.tile(hosts, (many, 1)), axis=1)
        return (table[donors, hosts] & own).sum(1, keepdims=True).astype(float)

    p = np.array([exchange_p(np.array([count]), more(19), more, 10**5)[0] for _ in range(400)])
    assert 0 < exact < 1 / 20  # below what the first 19 exchanges can say
    assert np.mean(1 / p) == pytest.approx(1 / exact, rel=0.08)  # the 10th comes after 10 / exact draws on average


def test_a_small_p_is_as_rare_as_it_says_where_nothing_is_there():
    rng, first, most = np.random.default_rng(2), 19, 400
    drawn = rng.uniform(size=(20_000, 1 + most))  # the count is one of 401 that are alike
    p = []
    for values in drawn:
        p.append(exchange_p(values[:1], values[1 : 1 + first, None], _from(values[1 + first :]), most)[0])
    p = np.array(p)
    for limit in (1 / (1 + most), 3 / (1 + most), ENOUGH / 400, ENOUGH / 100, ENOUGH / 30, 0.55, 0.8):
        found = int((p <= limit * (1 + 1e-12)).sum())
        assert binom.sf(found - 1, len(p), limit) > 1e-4  # not more often than its limit
    assert np.mean(p <= ENOUGH / 100) == pytest.approx(ENOUGH / 100, abs=0.01)  # and no less where it is a limit


def _from(values):
    place = 0

    def more(many):
        nonlocal place
        place += many
        return values[place - many : place, None]

    return more
