"""Overlaps of sets of filters: against SciPy's hypergeometric distribution, and against drawn sets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.selectivity.overlap import ChanceOverlap, Selected

CASES = [(512, 102, 96), (64, 40, 51), (30, 0, 12), (12, 12, 5), (7, 6, 5), (1, 1, 1), (4096, 900, 1200)]


@pytest.mark.parametrize(("filters", "first", "second"), CASES)
def test_chance_is_scipys(filters, first, second):
    chance, known = ChanceOverlap.of(filters, first, second), hypergeom(filters, first, second)
    overlaps = np.arange(min(first, second) + 1)
    np.testing.assert_allclose(chance.probability, known.pmf(overlaps), rtol=1e-9, atol=1e-300)
    assert chance.mean == pytest.approx(known.mean(), abs=1e-10)
    for confidence in (0.5, 0.95, 0.99):
        assert chance.interval(confidence) == tuple(known.interval(confidence))
    for overlap in overlaps[:: max(1, len(overlaps) // 9)]:
        assert chance.p(int(overlap)) == pytest.approx(known.sf(overlap - 1), rel=1e-9, abs=1e-14)


def test_chance_and_its_sum_over_layers_are_what_drawn_sets_give():
    rng, sizes = np.random.default_rng(7), [(40, 12, 15), (64, 30, 20), (10, 3, 4)]
    drawn = np.zeros((10_000, len(sizes)))
    for place, (filters, first, second) in enumerate(sizes):
        order = rng.random((len(drawn), filters)).argpartition(second, axis=1)[:, :second]
        drawn[:, place] = (order < first).sum(1)
    for place, size in enumerate(sizes):
        _compare(ChanceOverlap.of(*size), drawn[:, place])
    _compare(ChanceOverlap.summed(ChanceOverlap.of(*size) for size in sizes), drawn.sum(1))


def _compare(chance: ChanceOverlap, drawn: np.ndarray) -> None:
    share = np.bincount(drawn.astype(int), minlength=len(chance.probability)) / len(drawn)
    error = 4.5 * np.sqrt(chance.probability * (1 - chance.probability) / len(drawn)) + 1e-12
    assert (np.abs(share - chance.probability) <= error).all()
    assert chance.mean == pytest.approx(drawn.mean(), abs=4.5 * drawn.std() / 100)


def test_both_sets_agree_where_a_filter_is_selective_for_the_same_emotion():
    first, second = np.zeros((3, 6), dtype=bool), np.zeros((3, 6), dtype=bool)
    first[[0, 0, 1, 2], [0, 1, 2, 5]] = True
    second[[0, 1, 1, 2], [0, 1, 2, 4]] = True
    both = Selected(first).both(Selected(second))
    assert both.counts([slice(0, 2), slice(2, 6)]).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_impossible_sets_are_refused():
    with pytest.raises(InputError, match="impossible"):
        ChanceOverlap.of(10, 11, 2)
