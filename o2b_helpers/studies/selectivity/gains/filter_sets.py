"""Which sets of filters of a layer are lesioned and strengthened: selective ones, and those they are held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from o2b_helpers.kernels.selectivity.control_sets import matched_sets, random_sets
from o2b_helpers.studies.selectivity.found import Found
from o2b_helpers.studies.selectivity.options import EMOTIONS

SELECTIVE, RANDOM, MATCHED, OTHERS = KINDS = ("selective", "random", "matched", "non-selective")
CONTROLS = KINDS[1:]


@dataclass(frozen=True)
class FilterSets:
    """Sets of one kind that stand for one emotion.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    emotion : int
        The number of the emotion.
    members : array (set, filter) of bool
        One selective set, or as many draws.
    """

    kind: str
    emotion: int
    members: np.ndarray


def filter_sets(
    found: Found, response: np.ndarray, of_layer: slice, draws: int, seed: tuple[int, ...], controls: tuple[str, ...]
) -> Iterator[FilterSets]:
    """Give the emotion-selective sets of a layer and the draws of each control; an emotion without filters has none.

    Parameters
    ----------
    found : Found
        What was selected.
    response : array (filter,)
        Mean response of all filters to the pictures that are judged; matched sets respond as strongly to them.
    of_layer : slice
        The layer's filters among all.
    draws : int
        Of each control.
    seed : tuple of int
        For this layer and these pictures. It is the same in every split: selective sets of several splits have most
        filters in common, and draws that had not would cancel out in the mean over splits, and p would be too small.
    controls : tuple of str
        Which of `CONTROLS`. There are no non-selective sets where a layer has too few such filters.
    """
    selective = found.emotion_selective[:, of_layer]
    candidates, response = ~found.constant[of_layer], response[of_layer]
    others = candidates & ~selective.any(0)
    for emotion in range(len(EMOTIONS)):
        own = selective[emotion]
        size, from_ = int(own.sum()), (*seed, emotion)
        if not size:
            continue
        yield FilterSets(SELECTIVE, emotion, own[None])
        if RANDOM in controls:
            yield FilterSets(RANDOM, emotion, random_sets(candidates, size, draws, (*from_, 0)))
        if MATCHED in controls:
            yield FilterSets(MATCHED, emotion, matched_sets(own, response, candidates, draws, (*from_, 1)))
        if OTHERS in controls and others.sum() >= size:
            yield FilterSets(OTHERS, emotion, random_sets(others, size, draws, (*from_, 2)))
