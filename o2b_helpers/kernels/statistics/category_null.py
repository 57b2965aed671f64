"""What a category's weight may be by chance, when its classes are chosen by chance as well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Real

from o2b_helpers.kernels import checks
from o2b_helpers.kernels.statistics.category_weights import MEMBERS, STATISTICS
from o2b_helpers.kernels.statistics.permutation_null import EQUAL


def weights_by_category(
    weights: Real[np.ndarray, "row label"],
    category: Real[np.ndarray, "label category"],
    count: int,
    *,
    statistic: str = "mean",
    members: str = "chosen",
) -> tuple[Float[np.ndarray, "row category"], Float[np.ndarray, "row category"]]:
    """Average (or sum) the highest and the lowest class weights by category (the paper, section 3.2), row by row.

    The same as :func:`~o2b_helpers.kernels.statistics.category_weights.category_weights`, for many rows at once.

    Parameters
    ----------
    weights : array (row, class)
        Class weights without NaN.
    category : array (class, category)
        1 where the class is of the category, else 0. Classes of equal weight are taken in their order here.
    count : int
        Classes taken from either end, whatever their sign.
    statistic, members
        As for ``category_weights``.

    Returns
    -------
    highest, lowest : array (row, category)
        0 where no class of the category is among those taken.

    Raises
    ------
    ParameterError
        An unknown statistic or kind of members.

    Examples
    --------
    >>> import numpy as np
    >>> weights, category = np.array([[3, 2, -1, -4]]), np.array([[1, 0], [1, 0], [1, 0], [0, 1]])
    >>> highest, lowest = weights_by_category(weights, category, count=2)
    >>> highest.tolist(), lowest.tolist()
    ([[2.5, 0.0]], [[-1.0, -4.0]])
    """
    checks.choice("statistic", statistic, STATISTICS)
    checks.choice("members", members, MEMBERS)
    weights, category = np.asarray(weights, dtype=np.float64), np.asarray(category, dtype=np.float64)
    highest = _lowest(-weights, count)
    lowest = _lowest(np.where(highest, np.inf, weights), count) & ~highest  # a class stands at one end only
    result = []
    for taken in (highest, lowest):
        number = taken @ category
        if members == "chosen":
            total = np.where(taken, weights, 0.0) @ category
        else:
            present = number > 0
            total, number = np.where(present, weights @ category, 0.0), np.where(present, category.sum(0), 0.0)
        result.append(total / np.maximum(number, 1) if statistic == "mean" else total)
    return result[0], result[1]


def _lowest(values: Real[np.ndarray, "row label"], count: int) -> Bool[np.ndarray, "row label"]:
    """Mark the `count` lowest values of every row; of equal ones the first."""
    edge = np.partition(values, count - 1, axis=1)[:, count - 1, None]
    below, equal = values < edge, values == edge
    room = count - below.sum(1, keepdims=True)
    crowded = equal.sum(1) > room[:, 0]
    equal[crowded] &= equal[crowded].cumsum(1) <= room[crowded]
    return below | equal


def category_p(
    observed: tuple[Real[np.ndarray, " category"], Real[np.ndarray, " category"]],
    null: Sequence[tuple[Real[np.ndarray, "permutation category"], Real[np.ndarray, "permutation category"]]],
) -> tuple[Float[np.ndarray, " category"], Float[np.ndarray, " category"]]:
    """Compare category weights (category,) with those under permutations, each end with its own.

    Parameters
    ----------
    observed : pair of array (category,)
        Weights at the highest and at the lowest end.
    null : sequence of pairs of array (permutation, category)
        The same under the permutations, block by block; in each the classes are chosen anew.

    Returns
    -------
    highest, lowest : array (category,)
        (1 + permutations with a weight at least as far from 0) / (1 + permutations); 1 for a weight of 0.

    Examples
    --------
    >>> import numpy as np
    >>> observed = np.array([2.0]), np.array([-1.0])
    >>> null = [(np.array([[0.5], [3.0], [1.0]]), np.array([[0.0], [0.0], [-0.5]]))]
    >>> highest, lowest = category_p(observed, null)
    >>> highest.tolist(), lowest.tolist()
    ([0.5], [0.25])
    """
    p = []
    for side in (0, 1):
        size = np.abs(observed[side]) * (1 - EQUAL)
        above = sum((np.abs(block[side]) >= size).sum(0) for block in null)
        p.append((1 + above) / (1 + sum(len(block[side]) for block in null)))
    return p[0], p[1]
