"""What a category's weight may be by chance, when its classes are chosen by chance as well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Real

from o2b_helpers.kernels.statistics.permutation_null import EQUAL


def category_sums(
    weights: Real[np.ndarray, "row label"], members: Real[np.ndarray, "label category"], count: int
) -> tuple[Float[np.ndarray, "row category"], Float[np.ndarray, "row category"]]:
    """Sum the highest and the lowest class weights by category (the paper, section 3.2), row by row.

    Parameters
    ----------
    weights : array (row, class)
        Class weights without NaN.
    members : array (class, category)
        1 where the class is of the category, else 0.
    count : int
        Classes taken from either end; of them only those above 0 (highest) or below 0 (lowest) count.

    Returns
    -------
    positive, negative : array (row, category)
        Sums, 0 where no class of the category is among those taken.

    Examples
    --------
    >>> import numpy as np
    >>> weights, members = np.array([[3, 2, -1, -4]]), np.array([[1, 0], [1, 1], [1, 0], [0, 1]])
    >>> positive, negative = category_sums(weights, members, count=2)
    >>> positive.tolist(), negative.tolist()
    ([[5.0, 2.0]], [[-1.0, -4.0]])
    """
    sums = []
    for sign in (1, -1):
        signed = sign * weights
        edge = np.partition(signed, signed.shape[1] - count, axis=1)[:, signed.shape[1] - count, None]
        sums.append(sign * (np.where((signed >= edge) & (signed > 0), signed, 0.0) @ members))
    return sums[0], sums[1]


def category_p(
    observed: tuple[Real[np.ndarray, " category"], Real[np.ndarray, " category"]],
    null: Sequence[tuple[Real[np.ndarray, "permutation category"], Real[np.ndarray, "permutation category"]]],
) -> tuple[Float[np.ndarray, " category"], Float[np.ndarray, " category"]]:
    """Compare sums (category,) with those under permutations, each end with its own.

    Parameters
    ----------
    observed : pair of array (category,)
        Positive and negative sums.
    null : sequence of pairs of array (permutation, category)
        The same under the permutations, block by block; in each the classes are chosen anew.

    Returns
    -------
    positive, negative : array (category,)
        (1 + permutations with a sum at least as far from 0) / (1 + permutations); 1 for a sum of 0.

    Examples
    --------
    >>> import numpy as np
    >>> observed = np.array([2.0]), np.array([-1.0])
    >>> null = [(np.array([[0.5], [3.0], [1.0]]), np.array([[0.0], [0.0], [-0.5]]))]
    >>> positive, negative = category_p(observed, null)
    >>> positive.tolist(), negative.tolist()
    ([0.5], [0.25])
    """
    p = []
    for side in (0, 1):
        size = np.abs(observed[side]) * (1 - EQUAL)
        above = sum((np.abs(block[side]) >= size).sum(0) for block in null)
        p.append((1 + above) / (1 + sum(len(block[side]) for block in null)))
    return p[0], p[1]
