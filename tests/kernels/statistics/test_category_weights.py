from __future__ import annotations

import numpy as np
import pytest

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.kernels.statistics.category_weights import category_weights


def rows(frame):
    return [tuple(row) for row in frame.itertuples(index=False)]


def plain(column, classes, category, share, statistic, members):
    """One target, class by class."""
    known = [k for k in range(len(classes)) if not np.isnan(column[k])]
    count = max(1, round(share * len(known)))
    order = sorted(known, key=lambda k: -column[k])
    wanted = []
    for sign, end in (("positive", order[:count]), ("negative", order[len(order) - count :])):
        for name in sorted({category[classes[k]] for k in end}):
            own = [k for k in (end if members == "chosen" else known) if category[classes[k]] == name]
            total = sum(column[k] for k in own)
            wanted.append((name, sign, total / len(own) if statistic == "mean" else total, len(own)))
    return wanted


@pytest.mark.parametrize("statistic", ["mean", "sum"])
@pytest.mark.parametrize("members", ["chosen", "all"])
@pytest.mark.parametrize("shift", [-9.0, 0.0, 9.0])  # all weights below zero, some, none
def test_equals_a_plain_loop_whatever_the_signs(statistic, members, shift):
    rng = np.random.default_rng(1)
    classes = [f"c{number:02d}" for number in range(23)]
    category = {name: f"category {number % 5}" for number, name in enumerate(classes)}
    weights = rng.normal(shift, 1, (23, 4))
    weights[[3, 8]] = np.nan
    result = category_weights(weights, classes, category, 0.2, statistic=statistic, members=members)
    for target in range(4):
        wanted = plain(weights[:, target], classes, category, 0.2, statistic, members)
        actual = [tuple(row[1:]) for row in rows(result[result["target"] == target])]
        assert [row[:2] + row[3:] for row in actual] == [row[:2] + row[3:] for row in wanted]
        assert [row[2] for row in actual] == pytest.approx([row[2] for row in wanted], abs=1e-12)


def test_takes_a_share_from_both_ends():
    classes = [f"c{number:02d}" for number in range(20)]
    category = {name: "even" if number % 2 == 0 else "odd" for number, name in enumerate(classes)}
    weights = np.arange(20.0)[:, None] - 9.5
    result = category_weights(weights, classes, category, 0.15, targets=["t"])  # three from either end
    assert rows(result) == [
        ("t", "even", "positive", 8.5, 1),
        ("t", "odd", "positive", (9.5 + 7.5) / 2, 2),
        ("t", "even", "negative", (-9.5 - 7.5) / 2, 2),
        ("t", "odd", "negative", -8.5, 1),
    ]
    assert list(result.columns) == ["target", "category", "sign", "weight", "n_classes"]


def test_a_class_stands_at_one_end_only():
    result = category_weights(np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]), ["a", "b", "c"], str.upper, 0.34)
    assert rows(result) == [
        (0, "C", "positive", 3.0, 1),
        (0, "A", "negative", 1.0, 1),  # the lowest, whatever its sign
        (1, "A", "positive", 0.0, 1),
        (1, "B", "negative", 0.0, 1),
    ]
    assert rows(category_weights(np.array([[-1.0]]), ["a"], str.upper)) == [(0, "A", "positive", -1.0, 1)]


def test_ties_go_by_class_name_and_at_least_one_class_is_taken():
    weights, classes = np.array([[1.0], [1.0], [-1.0], [-1.0]]), ["zebra", "apple", "moose", "bee"]
    assert rows(category_weights(weights, classes, str)) == [
        (0, "apple", "positive", 1.0, 1),
        (0, "bee", "negative", -1.0, 1),
    ]


def test_share_is_of_the_detected_classes():
    weights = np.concatenate([np.arange(1.0, 251.0), np.full(351, np.nan)])[:, None]  # 250 of 601 detected: 25
    classes = [f"c{number:03d}" for number in range(601)]
    result = category_weights(weights, classes, lambda name: "all", statistic="sum")
    assert rows(result) == [
        (0, "all", "positive", float(sum(range(226, 251))), 25),
        (0, "all", "negative", float(sum(range(1, 26))), 25),
    ]


def test_category_errors():
    with pytest.raises(InputError, match="no category"):
        category_weights(np.ones((1, 1)), ["a"], {"b": "B"})
    with pytest.raises(InputError, match="share"):
        category_weights(np.ones((1, 1)), ["a"], str, 0.0)
    with pytest.raises(InputError, match="do not fit"):
        category_weights(np.ones((2, 1)), ["a"], str)
    for options in ({"statistic": "median"}, {"members": "some"}):
        with pytest.raises(ParameterError, match=r"mean|chosen"):
            category_weights(np.ones((1, 1)), ["a"], str, **options)
