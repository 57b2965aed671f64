"""Filters that are selective for the same emotion in two image sets, and how many chance alone would give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.special import gammaln

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.selectivity.selectivity_index import Selectivity, selective_filters


@dataclass(frozen=True)
class Selected:
    """The filters that are selective for each emotion in one image set.

    Attributes
    ----------
    members : array (..., emotion, filter) of bool
        Each filter is selective for one emotion at most.
    """

    members: Bool[np.ndarray, "*sample emotion filter"]

    @classmethod
    def of(cls, separation: np.ndarray, layers: Sequence[slice], lowest_share: float) -> Selected:
        """Select filters of each layer from d' (..., emotion, filter); see `selective_filters`."""
        found = Selectivity(separation)
        index = found.index
        selective = np.concatenate([selective_filters(index[..., own], lowest_share) for own in layers], axis=-1)
        kinds = np.arange(separation.shape[-2])[:, None]
        return cls((found.preferred[..., None, :] == kinds) & selective[..., None, :])

    def counts(self, layers: Sequence[slice]) -> Integer[np.ndarray, "*sample layer emotion"]:
        """Count the filters of each layer."""
        return np.stack([self.members[..., own].sum(-1) for own in layers], axis=-2)

    def sums(
        self, values: Float[np.ndarray, "*sample filter"], layers: Sequence[slice]
    ) -> Float[np.ndarray, "*sample layer emotion"]:
        """Add up a value of the selected filters of each layer."""
        chosen = np.where(self.members, values[..., None, :], 0.0)
        return np.stack([chosen[..., own].sum(-1) for own in layers], axis=-2)

    def both(self, other: Selected) -> Selected:
        """Return the filters that are selective for the same emotion in this set and in another one."""
        return Selected(self.members & other.members)


@dataclass(frozen=True)
class ChanceOverlap:
    """How many filters two random sets of filters have in common.

    Attributes
    ----------
    probability : array (count + 1,)
        Of each overlap, from 0.

    Examples
    --------
    >>> chance = ChanceOverlap.of(filters=10, first=5, second=4)
    >>> round(chance.mean, 6), chance.interval(0.95), round(chance.p(4), 4)
    (2.0, (1, 3), 0.0238)
    """

    probability: Float[np.ndarray, " overlap"]

    @classmethod
    def of(cls, filters: int, first: int, second: int) -> ChanceOverlap:
        """Return the hypergeometric distribution: `second` filters are drawn of which `first` are marked.

        Raises
        ------
        InputError
            A set is larger than the number of filters, or smaller than 0.
        """
        if not (0 <= first <= filters and 0 <= second <= filters):
            raise InputError(
                "These sets of filters are impossible",
                value=f"{first} and {second} of {filters} filters",
                expected="sets of some of the filters",
                remedy="count both among the same filters",
            )
        overlap = np.arange(min(first, second) + 1)
        rest = filters - first - second + overlap  # in neither
        possible = rest >= 0
        parts = (overlap, first - overlap, second - overlap, np.where(possible, rest, 0))
        logarithm = sum(gammaln(np.array([n + 1.0])) for n in (first, filters - first, second, filters - second))
        logarithm = logarithm - gammaln(filters + 1.0) - sum(gammaln(part + 1.0) for part in parts)
        probability = np.where(possible, np.exp(logarithm), 0.0)
        return cls(probability / probability.sum())

    @classmethod
    def summed(cls, chances: Iterable[ChanceOverlap]) -> ChanceOverlap:
        """Return the distribution of the sum of independent overlaps, such as those of several layers."""
        return cls(reduce(np.convolve, [chance.probability for chance in chances], np.ones(1)))

    @property
    def mean(self) -> float:
        """The overlap on average."""
        return float(self.probability @ np.arange(len(self.probability)))

    def interval(self, confidence: float) -> tuple[int, int]:
        """Return the smallest overlaps whose cumulative probabilities reach both ends of an interval."""
        reached = np.cumsum(self.probability)
        ends = np.array([1 - confidence, 1 + confidence]) / 2
        low, high = np.searchsorted(reached, ends - 1e-12).clip(max=len(reached) - 1)
        return int(low), int(high)

    def p(self, overlap: int) -> float:
        """Return the probability of an overlap of this size or a larger one (one-sided)."""
        return float(min(1.0, self.probability[overlap:].sum()))
