"""Changed labels: against plain counting, enumeration and SciPy's Friedman test."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.paste.label_changes import cochran_q, label_changes, mcnemar, share_interval


def test_counts_equal_a_plain_loop():
    rng = np.random.default_rng(0)
    before, after = rng.integers(0, 4, 50), rng.integers(0, 4, (5, 50))
    after[3] = before
    changes = label_changes(before, after, 4)
    for place in range(5):
        switches = np.zeros((4, 4), int)
        for old, new in zip(before, after[place], strict=True):
            switches[old, new] += old != new
        assert np.array_equal(changes.switches[place], switches)
        assert changes.share[place] == pytest.approx(switches.sum() / 50)
        wanted = int(np.argmax(switches.sum(0))) if switches.any() else -1
        assert changes.most_often[place] == wanted
        interval = stats.binomtest(int(switches.sum()), 50).proportion_ci(method="wilson")
        assert (changes.low[place], changes.high[place]) == pytest.approx((interval.low, interval.high))
    assert changes.share[3] == 0 and changes.most_often[3] == -1


def test_no_picture_has_no_share():
    changes = label_changes(np.empty(0, int), np.empty((2, 0), int), 3)
    assert np.isnan(changes.share).all() and np.isnan(changes.low).all()
    assert np.isnan(share_interval(np.array([0]), 0)[0]).all()


@pytest.mark.parametrize("after", [np.array([[0, 5]]), np.array([[0]]), np.array([[0.0, 1.0]]), np.array([[-1, 0]])])
def test_labels_that_do_not_fit_are_refused(after):
    with pytest.raises(InputError, match="do not fit"):
        label_changes(np.array([0, 1]), after, 3)


def exact(one, other):
    """Two-sided p of a fair coin by enumeration: twice the smaller tail."""
    n = one + other
    tail = sum(math.comb(n, k) for k in range(min(one, other) + 1)) / 2**n
    return min(1.0, 2 * tail)


def test_mcnemar_equals_enumeration():
    rng = np.random.default_rng(1)
    first, second = rng.random((3, 6, 40)) < 0.4, rng.random((3, 6, 40)) < 0.25
    second[0, 0] = first[0, 0]
    test = mcnemar(first, second)
    for index in itertools.product(range(3), range(6)):
        one = int(sum(a and not b for a, b in zip(first[index], second[index], strict=True)))
        other = int(sum(b and not a for a, b in zip(first[index], second[index], strict=True)))
        assert (test.only_first[index], test.only_second[index]) == (one, other)
        assert test.p[index] == pytest.approx(exact(one, other), abs=1e-12)
        assert test.p[index] == pytest.approx(stats.binomtest(one, one + other).pvalue if one + other else 1.0)
        assert test.difference[index] == pytest.approx((one - other) / 40)
    assert test.p[0, 0] == 1.0
    with pytest.raises(InputError, match="same pictures"):
        mcnemar(first, second[:, :, :39])


def test_cochran_equals_friedman_on_zeros_and_ones():
    rng = np.random.default_rng(2)
    for places, pictures in ((3, 30), (17, 60), (2, 25)):
        changed = rng.random((places, pictures)) < rng.random((places, 1))
        q, freedom, p = cochran_q(changed)
        if places > 2:
            wanted = stats.friedmanchisquare(*changed.astype(float))
            assert (q, p) == pytest.approx((wanted.statistic, wanted.pvalue))
        else:  # McNemar's chi-square
            one, other = (changed[0] & ~changed[1]).sum(), (changed[1] & ~changed[0]).sum()
            assert q == pytest.approx((one - other) ** 2 / (one + other))
        assert freedom == places - 1
    assert cochran_q(np.ones((4, 9), bool)) == (0.0, 3, 1.0)
    with pytest.raises(InputError, match="at least two places"):
        cochran_q(np.ones((1, 9), bool))
