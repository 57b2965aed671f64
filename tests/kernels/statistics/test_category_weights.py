from __future__ import annotations

import numpy as np
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.category_weights import category_weights


def rows(frame):
    return [tuple(row) for row in frame.itertuples(index=False)]


def test_takes_a_share_from_both_ends():
    classes = [f"c{number:02d}" for number in range(20)]
    category = {name: "even" if number % 2 == 0 else "odd" for number, name in enumerate(classes)}
    weights = np.arange(20.0)[:, None] - 9.5
    result = category_weights(weights, classes, category, 0.15, targets=["t"])  # three from either end
    assert rows(result) == [
        ("t", "even", "positive", 8.5, 1),
        ("t", "odd", "positive", 9.5 + 7.5, 2),
        ("t", "even", "negative", -9.5 - 7.5, 2),
        ("t", "odd", "negative", -8.5, 1),
    ]
    assert list(result.columns) == ["target", "category", "sign", "weight", "n_classes"]


def test_only_the_right_sign_counts_and_zero_has_none():
    result = category_weights(np.array([[1.0, -1.0], [2.0, -2.0], [0.0, 0.0]]), ["a", "b", "c"], str.upper, 1.0)
    assert rows(result) == [
        (0, "A", "positive", 1.0, 1),
        (0, "B", "positive", 2.0, 1),
        (1, "A", "negative", -1.0, 1),
        (1, "B", "negative", -2.0, 1),
    ]
    assert category_weights(np.zeros((3, 2)), ["a", "b", "c"], str.upper).empty


def test_ties_go_by_class_name_and_at_least_one_class_is_taken():
    weights, classes = np.array([[1.0], [1.0], [-1.0], [-1.0]]), ["zebra", "apple", "moose", "bee"]
    assert rows(category_weights(weights, classes, str)) == [
        (0, "apple", "positive", 1.0, 1),
        (0, "bee", "negative", -1.0, 1),
    ]


def test_share_is_of_the_detected_classes():
    weights = np.concatenate([np.arange(1.0, 251.0), np.full(351, np.nan)])[:, None]  # 250 of 601 detected: 25
    result = category_weights(weights, [f"c{number:03d}" for number in range(601)], lambda name: "all")
    assert rows(result) == [(0, "all", "positive", float(sum(range(226, 251))), 25)]


def test_category_errors():
    with pytest.raises(InputError, match="no category"):
        category_weights(np.ones((1, 1)), ["a"], {"b": "B"})
    with pytest.raises(InputError, match="share"):
        category_weights(np.ones((1, 1)), ["a"], str, 0.0)
    with pytest.raises(InputError, match="do not fit"):
        category_weights(np.ones((2, 1)), ["a"], str)
