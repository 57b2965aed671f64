"""The emotion-selective filters of a network: from its responses to two sets of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from o2b_helpers.kernels.selectivity.overlap import ChanceOverlap, Selected
from o2b_helpers.kernels.selectivity.samples import exchanged_separations, resampled_separations
from o2b_helpers.kernels.selectivity.selectivity_index import Selectivity, mean_index, selectivity_index
from o2b_helpers.kernels.selectivity.tuning import constant_filters, tuning_values
from o2b_helpers.kernels.statistics.bootstrap import draw_counts
from o2b_helpers.studies.selectivity.options import EMOTIONS

KINDS = len(EMOTIONS)
Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Found:
    """What the filters of a network prefer in two sets of pictures, and where both sets agree.

    Parameters
    ----------
    responses : two arrays (picture, filter)
        To the pictures of each set.
    emotions : two arrays (picture,)
        The number of each picture's emotion, in the order of `EMOTIONS`.
    filters : dict of str to int
        Number of filters of each layer, first to last.
    lowest_share : float
        Share of each layer's filters that count as not selective.
    pooled : bool
        How d' divides the variances, see `selectivity_index`.
    """

    responses: Pair
    emotions: Pair
    filters: dict[str, int]
    lowest_share: float
    pooled: bool

    @cached_property
    def constant(self) -> np.ndarray:
        """Filters that are constant in one of the sets, (filter,) of bool; they are left out of all that follows."""
        return constant_filters(self.responses[0]) | constant_filters(self.responses[1])

    @cached_property
    def kept(self) -> Pair:
        """The responses of the other filters."""
        first, second = (values[:, ~self.constant] for values in self.responses)
        return first, second

    @cached_property
    def layers(self) -> list[slice]:
        """Where the filters of each layer stand among those that are kept."""
        ends = np.cumsum([0, *self.filters.values()])
        many = [int((~self.constant[start:stop]).sum()) for start, stop in zip(ends, ends[1:], strict=False)]
        starts = np.cumsum([0, *many])
        return [slice(int(start), int(stop)) for start, stop in zip(starts, starts[1:], strict=False)]

    @cached_property
    def separations(self) -> Pair:
        """D' of each set, (emotion, kept filter)."""
        first, second = (
            selectivity_index(own, emotions, KINDS, pooled=self.pooled).separation
            for own, emotions in zip(self.kept, self.emotions, strict=True)
        )
        return first, second

    @cached_property
    def tuning(self) -> Pair:
        """Tuning values of each set, (emotion, kept filter)."""
        first, second = (
            tuning_values(own, emotions, KINDS) for own, emotions in zip(self.kept, self.emotions, strict=True)
        )
        return first, second

    def selected(self, lowest_share: float | None = None) -> tuple[Selected, Selected]:
        """Return the selective filters of each set, at another threshold where one is given."""
        share = self.lowest_share if lowest_share is None else lowest_share
        first, second = (Selected.of(own, self.layers, share) for own in self.separations)
        return first, second

    @cached_property
    def emotion_selective(self) -> np.ndarray:
        """Filters that are selective for an emotion in both sets, (emotion, filter) of bool, constant ones included."""
        first, second = self.selected()
        result = np.zeros((KINDS, len(self.constant)), dtype=bool)
        result[:, ~self.constant] = first.both(second).members
        return result

    def mean_index(self, number: int) -> np.ndarray:
        """Return the mean selectivity index of each layer in one of the sets (0, 1)."""
        return mean_index(self.separations[number], self.layers)

    def resampled(self, number: int, samples: int, seed: int) -> np.ndarray:
        """Return the mean d' of the preferred emotions by layer, with pictures drawn anew: (sample, layer).

        The preferred emotion is that of all pictures: the largest of three values that are drawn anew would be too
        large in every sample. A filter that answers to few pictures may answer to each emotion's in a sample alike: its
        d' is infinite there, and the filter is left out of that sample.
        """
        preferred = Selectivity(self.separations[number]).preferred[None, None, :]
        counts = draw_counts(self.emotions[number], samples, seed)
        blocks = resampled_separations(self.kept[number], self.emotions[number], KINDS, counts, pooled=self.pooled)
        chosen = (np.take_along_axis(own, preferred, 1) for own in blocks)
        means = [mean_index(np.where(np.isfinite(own), own, np.nan), self.layers) for own in chosen]
        return np.concatenate(means)

    @cached_property
    def strength(self) -> np.ndarray:
        """How strongly both sets agree on an emotion, (layer, emotion).

        The sum over the emotion-selective filters of the smaller index of the two sets.
        """
        first, second = (Selectivity(own).index for own in self.separations)
        of_first, of_second = self.selected()
        return of_first.both(of_second).sums(np.minimum(first, second), self.layers)

    def exchanged(self, number: int, exchanges: int, seed: int) -> Exchanged:
        """Exchange the emotions of the pictures of one set (0, 1), and select again; the other one stays as it is."""
        other, other_index = self.selected()[1 - number], Selectivity(self.separations[1 - number]).index
        index, count, strength = [], [], []
        for own in exchanged_separations(
            self.kept[number], self.emotions[number], KINDS, exchanges, seed, pooled=self.pooled
        ):
            both = Selected.of(own, self.layers, self.lowest_share).both(other)
            index.append(mean_index(own, self.layers))
            count.append(both.counts(self.layers))
            strength.append(both.sums(np.minimum(Selectivity(own).index, other_index), self.layers))
        return Exchanged(np.concatenate(index), np.concatenate(count), np.concatenate(strength))

    def overlaps(self, lowest_share: float | None = None) -> list[list[Overlap]]:
        """Return the overlap of both sets in each layer, and last in all layers, for each emotion."""
        first, second = self.selected(lowest_share)
        of_first, of_second, of_both = (own.counts(self.layers) for own in (first, second, first.both(second)))
        rows = []
        for place, own in enumerate(self.layers):
            filters = own.stop - own.start
            counts = zip(of_first[place], of_second[place], of_both[place], strict=True)
            rows.append([Overlap.of(filters, int(a), int(b), int(both)) for a, b, both in counts])
        return [*rows, [Overlap.summed(of_emotion) for of_emotion in zip(*rows, strict=True)]]


@dataclass(frozen=True)
class Exchanged:
    """What is found when the emotions of one set's pictures are exchanged.

    Attributes
    ----------
    index : array (exchange, layer)
        Mean selectivity index in that set.
    both : array (exchange, layer, emotion)
        Filters that are then selective for the emotion in that set and are so in the other one as it is.
    strength : array (exchange, layer, emotion)
        Of these filters, as `Found.strength`.
    """

    index: np.ndarray
    both: np.ndarray
    strength: np.ndarray


@dataclass(frozen=True)
class Overlap:
    """Filters of a layer that are selective for an emotion in each set and in both, and what chance would give."""

    filters: int
    first: int
    second: int
    both: int
    chance: ChanceOverlap

    @classmethod
    def of(cls, filters: int, first: int, second: int, both: int) -> Overlap:
        """Add what chance gives in one layer."""
        return cls(filters, first, second, both, ChanceOverlap.of(filters, first, second))

    @classmethod
    def summed(cls, overlaps: Sequence[Overlap]) -> Overlap:
        """Add up layers; chance is that of independent layers."""
        filters, first, second, both = (
            sum(getattr(own, name) for own in overlaps) for name in ("filters", "first", "second", "both")
        )
        return cls(filters, first, second, both, ChanceOverlap.summed(own.chance for own in overlaps))
