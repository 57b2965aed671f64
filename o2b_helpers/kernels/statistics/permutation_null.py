"""What a correlation, or a class weight, may be by chance: stimuli are exchanged, and it is worked out again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.ranks import centred_ranks

BLOCK_BYTES = 8 * 2**20  # of a block of null values; about what a processor's cache holds
EQUAL = 1e-9  # null values that differ from the observed one by rounding count as equal


def unit_ranks(values: Real[np.ndarray, "*row n"]) -> Float[np.ndarray, "*row n"]:
    """Return ranks centred and scaled to length 1: Spearman's rho of two series is the product of theirs.

    Parameters
    ----------
    values : array (..., n)
        Series without missing values; ties get their average rank.

    Returns
    -------
    array (..., n)
        float64; NaN for a constant series.

    Examples
    --------
    >>> import numpy as np
    >>> ratings, predictions = unit_ranks(np.array([1.0, 5.0, 9.0])), unit_ranks(np.array([2.0, 7.0, 6.0]))
    >>> round(float(ratings @ predictions), 2)  # Spearman's rho
    0.5
    """
    values = np.asarray(values, dtype=np.float64)
    ranks = centred_ranks(values.reshape(-1, values.shape[-1])).reshape(values.shape)
    length = np.sqrt((ranks * ranks).sum(-1, keepdims=True))
    return ranks / np.where(length > 0, length, np.nan)


@dataclass(frozen=True)
class LinearStatistics:
    """Values that are linear in the ranks of some targets that share their stimuli.

    A correlation with a target is linear in the target's ranks, and so is every sum of correlations, such as a class
    weight: the value under an exchange of the stimuli is one product.

    Parameters
    ----------
    coefficients : array (row, stimulus)
        Row r's value for a target is ``coefficients[r] @ unit_ranks(target)``; NaN rows stay NaN.
    targets : array (target, stimulus)
        Values of the targets, none missing.
    places : array (stimulus,) of int
        Which of the permuted stimuli these are.

    Examples
    --------
    >>> import numpy as np
    >>> predictions, target = np.array([[1.0, 2.0, 3.0]]), np.array([[4.0, 5.0, 6.0]])
    >>> rho = LinearStatistics(unit_ranks(predictions), target, np.arange(3))
    >>> rho.observed().round(2).tolist(), rho.permuted(np.array([[2, 1, 0]])).round(2).tolist()
    ([[1.0]], [[[-1.0]]])
    """

    coefficients: Real[np.ndarray, "row stimulus"]
    targets: Real[np.ndarray, "target stimulus"]
    places: Integer[np.ndarray, " stimulus"]

    def __post_init__(self) -> None:
        stimuli = {np.shape(self.coefficients)[-1], np.shape(self.targets)[-1], len(self.places)}
        if len(stimuli) != 1 or np.ndim(self.coefficients) != 2 or np.ndim(self.targets) != 2:
            raise InputError(
                "Coefficients and targets do not fit",
                value=f"{np.shape(self.coefficients)}, {np.shape(self.targets)}, {len(self.places)} places",
                expected="(row, stimulus), (target, stimulus) and a place for each stimulus",
                remedy="line all of them up by stimulus first",
            )

    def observed(self) -> Float[np.ndarray, "target row"]:
        """Return the values as they are, (target, row)."""
        return unit_ranks(self.targets) @ self.coefficients.T

    def permuted(
        self, permutations: Integer[np.ndarray, "permutation all"]
    ) -> Float[np.ndarray, "target permutation row"]:
        """Return the values under permutations (permutation, all stimuli): (target, permutation, row).

        A target that misses some of the exchanged stimuli keeps to its own: they follow each other in the order in
        which the permutation names them.
        """
        order = own_order(permutations, self.places)
        ranks = unit_ranks(self.targets)
        values = np.empty((len(ranks), len(order), len(self.coefficients)))
        for number, target in enumerate(ranks):
            np.matmul(target[order], self.coefficients.T, out=values[number])
        return values


def own_order(
    permutations: Integer[np.ndarray, "permutation all"], places: Integer[np.ndarray, " kept"]
) -> Integer[np.ndarray, "permutation kept"]:
    """Keep some places of each permutation, in its order: (permutation, all) -> (permutation, kept), from 0."""
    place = np.full(permutations.shape[1], -1)
    place[places] = np.arange(len(places))
    kept = place[permutations]
    return kept[kept >= 0].reshape(len(permutations), len(places))


@dataclass(frozen=True)
class NullTest:
    """What a permutation test found.

    Attributes
    ----------
    observed : list of array (target, row)
        The values, for every group of targets that was tested.
    p : list of array (target, row)
        (1 + permutations whose value is at least as far from 0) / (1 + permutations); NaN where the value is NaN.
    p_familywise : list of array (target, row), or None
        The same against the largest value over all groups, targets and rows in each permutation.
    """

    observed: list[np.ndarray]
    p: list[np.ndarray]
    p_familywise: list[np.ndarray] | None


def permutation_test(
    groups: Sequence[LinearStatistics],
    permutations: Integer[np.ndarray, "permutation stimulus"],
    familywise: bool = True,
) -> NullTest:
    """Test every row of every group against the same permutations, two-sided.

    Parameters
    ----------
    groups : sequence of LinearStatistics
        Targets that share their stimuli, and the rows' coefficients on them.
    permutations : array (permutation, stimulus) of int
        See :func:`~o2b_helpers.kernels.statistics.permutations.permutations_within`; all groups are exchanged by
        the same ones, so that the largest value of each permutation is one of the whole family.
    familywise : bool
        Whether the largest values are wanted, too.

    Returns
    -------
    NullTest

    Notes
    -----
    The family-wise p follows Westfall and Young (1993): the chance that anything in the family comes out as large.

    Examples
    --------
    >>> import numpy as np
    >>> predictions, target = np.array([[1.0, 2.0, 3.0]]), np.array([[4.0, 5.0, 6.0]])
    >>> rho = LinearStatistics(unit_ranks(predictions), target, np.arange(3))
    >>> test = permutation_test([rho], np.array([[2, 1, 0], [1, 0, 2], [1, 2, 0]]))  # rho -1, 0.5, -0.5
    >>> test.observed[0].round(2).tolist(), test.p[0].tolist()
    ([[1.0]], [[0.5]])
    """
    permutations = np.asarray(permutations)
    count, largest = len(permutations), np.zeros(len(permutations))
    observed, p = [], []
    for group in groups:
        values = group.observed()
        known = ~np.isnan(values).any(axis=0)  # a row that is missing is missing for all targets
        tested = LinearStatistics(np.asarray(group.coefficients)[known], group.targets, group.places)
        size = np.abs(values[:, known]) * (1 - EQUAL)
        above = np.zeros(size.shape, dtype=np.int64)
        for some, null in null_blocks(tested, permutations):
            np.abs(null, out=null)
            above += (null >= size[:, None]).sum(1)
            if familywise and null.size:
                np.maximum(largest[some], null.max(axis=(0, 2)), out=largest[some])
        observed.append(values)
        p.append(np.full(values.shape, np.nan))
        p[-1][:, known] = (1 + above) / (1 + count)
    return NullTest(observed, p, _against(observed, np.sort(largest)) if familywise else None)


def _against(observed: Sequence[np.ndarray], largest: np.ndarray) -> list[np.ndarray]:
    """Compare values with the largest of every permutation, sorted."""
    p = []
    for values in observed:
        beyond = len(largest) - np.searchsorted(largest, np.abs(values) * (1 - EQUAL), side="left")
        p.append(np.where(np.isnan(values), np.nan, (1 + beyond) / (1 + len(largest))))
    return p


def null_blocks(group: LinearStatistics, permutations: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield some permutations and the values under them, (target, permutation, row), a block at a time."""
    size = max(1, BLOCK_BYTES // (8 * max(1, len(group.targets) * len(group.coefficients))))
    for start in range(0, len(permutations), size):
        some = slice(start, start + size)
        yield some, group.permuted(permutations[some])
