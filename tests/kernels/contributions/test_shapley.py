"""Shapley values against brute force over all orders of the groups, and against the axioms that define them."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.contributions.shapley import all_subsets, shapley_values

NAMES = ["object", "scene", "face", "place", "text"]


def _values(n: int, seed: int, shape: tuple[int, ...] = (5, 2)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2**n, *shape))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_shapley_values_are_mean_gains_over_all_orders(n):
    groups, values = NAMES[:n], _values(n, n)
    of = dict(zip(map(frozenset, all_subsets(groups)), values, strict=True))
    gains: dict[str, list[np.ndarray]] = {group: [] for group in groups}
    for order in permutations(groups):
        for place, group in enumerate(order):
            gains[group].append(of[frozenset(order[: place + 1])] - of[frozenset(order[:place])])
    result = shapley_values(values, all_subsets(groups), groups)
    expected = [np.mean(gains[group], 0) for group in groups]
    np.testing.assert_allclose(result.shapley, expected, rtol=0, atol=1e-12)
    assert result.groups == tuple(groups) and result.shapley.shape == (n, 5, 2)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_interactions_are_mean_joint_gains_over_all_orders(n):
    """In an order of the others with the pair as one block, what stands before the block is the set S."""
    groups, values = NAMES[:n], _values(n, 10 + n)
    of = dict(zip(map(frozenset, all_subsets(groups)), values, strict=True))
    result = shapley_values(values, all_subsets(groups), groups)
    for pair, interaction in zip(result.pairs, result.interaction, strict=True):
        others, joint = [group for group in groups if group not in pair], []
        for order in permutations([*others, "pair"]):
            before, (i, j) = frozenset(order[: order.index("pair")]), pair
            joint.append(of[before | {i, j}] - of[before | {i}] - of[before | {j}] + of[before])
        np.testing.assert_allclose(interaction, np.mean(joint, 0), rtol=0, atol=1e-12)
    assert result.pairs == tuple(combinations(groups, 2))


@pytest.mark.parametrize("n", [1, 3, 5])
def test_efficiency_the_shares_add_up_to_the_whole(n):
    values = _values(n, 20 + n)
    result = shapley_values(values, all_subsets(NAMES[:n]), NAMES[:n])
    np.testing.assert_allclose(result.shapley.sum(0), values[-1] - values[0], rtol=0, atol=1e-12)


def test_null_player_a_group_that_never_adds_has_no_share_and_no_interaction():
    subsets, without = all_subsets(NAMES[:4]), _values(3, 1)
    of = dict(zip(map(frozenset, all_subsets(NAMES[:3])), without, strict=True))
    values = np.stack([of[frozenset(subset) - {"place"}] for subset in subsets])
    result = shapley_values(values, subsets, NAMES[:4])
    np.testing.assert_allclose(result.shapley[3], 0, rtol=0, atol=1e-14)
    for pair, interaction in zip(result.pairs, result.interaction, strict=True):
        assert "place" not in pair or np.abs(interaction).max() < 1e-14
    np.testing.assert_allclose(
        result.shapley[:3], shapley_values(without, all_subsets(NAMES[:3]), NAMES[:3]).shapley, rtol=0, atol=1e-12
    )


def test_symmetry_groups_that_add_the_same_have_the_same_share():
    subsets = all_subsets(NAMES[:3])
    size_of = {subset: (len({"object", "scene"} & set(subset)), "face" in subset) for subset in subsets}
    drawn = {key: np.random.default_rng(key).normal(size=4) for key in size_of.values()}
    result = shapley_values(np.stack([drawn[size_of[subset]] for subset in subsets]), subsets, NAMES[:3])
    np.testing.assert_allclose(result.shapley[0], result.shapley[1], rtol=0, atol=1e-14)


def test_additivity_the_shares_of_a_sum_are_the_sums_of_the_shares():
    subsets, first, second = all_subsets(NAMES[:3]), _values(3, 2), _values(3, 3)
    shares = [shapley_values(v, subsets, NAMES[:3]).shapley for v in (first, second, first + second)]
    np.testing.assert_allclose(shares[0] + shares[1], shares[2], rtol=0, atol=1e-12)


def test_groups_that_only_add_up_have_their_own_value_and_do_not_interact():
    own = {"object": 0.3, "scene": 0.2, "face": 0.1}
    subsets = all_subsets(list(own))
    result = shapley_values(np.array([sum(own[name] for name in subset) for subset in subsets]), subsets, list(own))
    np.testing.assert_allclose(result.shapley, list(own.values()), rtol=0, atol=1e-14)
    np.testing.assert_allclose(result.interaction, 0, rtol=0, atol=1e-14)


def test_the_order_of_subsets_and_of_names_in_them_is_free():
    subsets, values = all_subsets(NAMES[:3]), _values(3, 4)
    order = np.random.default_rng(0).permutation(8)
    mixed = shapley_values(values[order], [set(subsets[place]) for place in order], NAMES[:3])
    np.testing.assert_array_equal(mixed.shapley, shapley_values(values, subsets, NAMES[:3]).shapley)


def test_a_missing_value_stays_at_its_place():
    values = _values(2, 5)
    values[1, 2, 0] = np.nan
    result = shapley_values(values, all_subsets(NAMES[:2]), NAMES[:2])
    assert np.isnan(result.shapley[:, 2, 0]).all() and np.isnan(result.shapley).sum() == 2


def test_bad_subsets_are_refused_by_name():
    groups, subsets, values = NAMES[:2], all_subsets(NAMES[:2]), np.zeros(4)
    with pytest.raises(InputError, match=r"no value of no group \(the empty subset\); object \+ scene"):
        shapley_values(values[1:3], subsets[1:3], groups)
    with pytest.raises(InputError, match="unknown group"):
        shapley_values(values, [*subsets[:3], ("face",)], groups)
    with pytest.raises(InputError, match="there twice"):
        shapley_values(np.zeros(5), [*subsets, ("scene", "object")], groups)
    with pytest.raises(InputError, match="do not belong together"):
        shapley_values(values[:3], subsets, groups)
    with pytest.raises(InputError, match="not told apart"):
        shapley_values(values, subsets, ["object", "object"])
