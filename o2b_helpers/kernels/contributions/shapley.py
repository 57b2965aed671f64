"""Exact Shapley values of groups of features and interactions of pairs of groups, from the values of all subsets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import factorial

import numpy as np
from jaxtyping import Float, Real

from o2b_helpers.core.errors import InputError


@dataclass(frozen=True)
class Contributions:
    """Shapley values and interactions, in the unit of the value function.

    Attributes
    ----------
    groups : tuple of str
        The groups, in the order of `shapley`.
    shapley : array (group, ...)
        What each group contributes: its gain over the groups before it, averaged over all orders of the groups. The
        sum over groups is the value of all groups minus the value of none.
    pairs : tuple of (str, str)
        The pairs of groups, in the order of `interaction`.
    interaction : array (pair, ...)
        What two groups give together beyond what each gives alone, averaged over the other groups present. Positive:
        they complement each other. Negative: they hold the same information.
    """

    groups: tuple[str, ...]
    shapley: Float[np.ndarray, "group *rest"]
    pairs: tuple[tuple[str, str], ...]
    interaction: Float[np.ndarray, "pair *rest"]


def all_subsets(groups: Sequence[str]) -> list[tuple[str, ...]]:
    """List all subsets of the groups: the empty one first, then by size, each in the order of `groups`.

    Examples
    --------
    >>> all_subsets(["object", "scene"])
    [(), ('object',), ('scene',), ('object', 'scene')]
    """
    return list(chain.from_iterable(combinations(groups, size) for size in range(len(groups) + 1)))


def shapley_values(
    values: Real[np.ndarray, "subset *rest"], subsets: Sequence[Collection[str]], groups: Sequence[str]
) -> Contributions:
    r"""Share the value of all groups among them (Shapley 1953), and find how pairs interact (Grabisch & Roubens 1999).

    With n groups and value v(S) of subset S, group i contributes

    .. math:: \phi_i = \sum_{S \not\ni i} \frac{|S|!\,(n-|S|-1)!}{n!} [v(S \cup i) - v(S)]

    and the pair i, j interacts by

    .. math:: I_{ij} = \sum_{S \not\ni i,j} \frac{|S|!\,(n-|S|-2)!}{(n-1)!}
        [v(S \cup ij) - v(S \cup i) - v(S \cup j) + v(S)].

    Ours; the paper (003, section 3.2) compares some subsets only.

    Parameters
    ----------
    values : array (subset, ...)
        Value of each subset, in any unit: R2, or minus the mean squared error. Other axes (fold, target, picture) are
        computed alike. NaN makes the results NaN at its place.
    subsets : sequence of collections of str
        The groups in each subset, in any order; all :math:`2^n` subsets, the empty one among them. The empty one has
        the value of a model without features, for example R2 = 0 of the mean.
    groups : sequence of str
        Names of the groups.

    Returns
    -------
    Contributions

    Raises
    ------
    InputError
        A subset is missing (it is named), or is there twice, or has an unknown group; a group is named twice; lengths
        differ.

    Examples
    --------
    >>> r2 = np.array([0.0, 0.3, 0.2, 0.4])
    >>> result = shapley_values(r2, [(), ("object",), ("scene",), ("object", "scene")], ["object", "scene"])
    >>> result.shapley.round(2).tolist(), result.interaction.round(2).tolist()
    ([0.25, 0.15], [-0.1])
    """
    values = np.asarray(values, dtype=np.float64)
    groups = tuple(groups)
    ordered = values[_rows(values, subsets, groups)]
    n, every = len(groups), [frozenset(subset) for subset in all_subsets(groups)]
    share = np.array([[_share(group, subset, n) for subset in every] for group in groups])
    pairs = tuple(combinations(groups, 2))
    joint = np.array([[_joint(pair, subset, n) for subset in every] for pair in pairs]).reshape(len(pairs), len(every))
    return Contributions(groups, np.tensordot(share, ordered, 1), pairs, np.tensordot(joint, ordered, 1))


def _share(group: str, subset: frozenset[str], n: int) -> float:
    """Return the weight of a subset's value in the Shapley value of a group."""
    others = len(subset - {group})
    weight = factorial(others) * factorial(n - others - 1) / factorial(n)
    return weight if group in subset else -weight


def _joint(pair: tuple[str, str], subset: frozenset[str], n: int) -> float:
    """Return the weight of a subset's value in the interaction of a pair."""
    others = len(subset.difference(pair))
    weight = factorial(others) * factorial(n - others - 2) / factorial(n - 1)
    return -weight if len(subset.intersection(pair)) == 1 else weight


def _rows(values: np.ndarray, subsets: Sequence[Collection[str]], groups: tuple[str, ...]) -> list[int]:
    """Return the row of each subset, in the order of `all_subsets`."""
    if len(set(groups)) != len(groups) or not groups:
        _refuse("The groups are not told apart", list(groups), "at least one group, each named once", "rename groups")
    if values.ndim < 1 or len(values) != len(subsets):
        _refuse(
            "Values and subsets do not belong together",
            f"values of shape {values.shape} and {len(subsets)} subsets",
            "one row of values for each subset",
            "line both up",
        )
    row: dict[frozenset[str], int] = {}
    for number, subset in enumerate(subsets):
        unknown = [name for name in subset if name not in groups]
        if unknown or frozenset(subset) in row:
            _refuse(
                "A subset has an unknown group" if unknown else "A subset is there twice",
                _named(subset),
                f"each subset of {', '.join(groups)} once",
                "correct the subsets",
            )
        row[frozenset(subset)] = number
    missing = [subset for subset in all_subsets(groups) if frozenset(subset) not in row]
    if missing:
        _refuse(
            "Shapley values need the value of every subset of the groups",
            f"no value of {'; '.join(map(_named, missing))}",
            f"all {2 ** len(groups)} subsets of {', '.join(groups)}, the empty one among them",
            "train a model on each missing subset",
        )
    return [row[frozenset(subset)] for subset in all_subsets(groups)]


def _named(subset: Collection[str]) -> str:
    return " + ".join(subset) or "no group (the empty subset)"


def _refuse(problem: str, value: object, expected: str, remedy: str) -> None:
    raise InputError(problem, value=value, expected=expected, remedy=remedy)
