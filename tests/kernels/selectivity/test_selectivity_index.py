"""Tuning values, d' and selection against plain loops, and d' in samples against d' of the samples themselves."""

from __future__ import annotations

import numpy as np
import pytest

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.kernels.selectivity.overlap import Selected
from o2b_helpers.kernels.selectivity.samples import exchanged_separations, resampled_separations
from o2b_helpers.kernels.selectivity.selectivity_index import (
    NONE,
    Selectivity,
    mean_index,
    selective_filters,
    selectivity_index,
)
from o2b_helpers.kernels.selectivity.tuning import constant_filters, tuning_values
from o2b_helpers.kernels.statistics.bootstrap import draw_counts

PICTURES, FILTERS, CONSTANT = 90, 40, [3, 17]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    emotions = rng.permutation(np.repeat([0, 1, 2], [20, 30, 40]))
    responses = np.maximum(rng.normal(size=(PICTURES, FILTERS)) + rng.normal(size=(3, FILTERS))[emotions], 0)
    responses[:, 0] += 1e4  # a large mean must not cost digits
    responses[:, CONSTANT] = [0.0, 2.5]
    return responses, emotions


def _loops(responses, emotions, pooled):
    tuning, separation = np.full((3, FILTERS), np.nan), np.full((3, FILTERS), np.nan)
    for k in range(FILTERS):
        column = responses[:, k]
        if column.max() == column.min():
            continue
        means = [np.mean([r for r, e in zip(column, emotions, strict=True) if e == kind]) for kind in range(3)]
        variances = [np.var([r for r, e in zip(column, emotions, strict=True) if e == kind]) for kind in range(3)]
        spread = np.sqrt(sum((r - column.mean()) ** 2 for r in column) / PICTURES)
        for kind in range(3):
            one, other = (means[j] for j in range(3) if j != kind)
            tuning[kind, k] = (means[kind] - column.mean()) / spread
            separation[kind, k] = (means[kind] - (one + other) / 2) / np.sqrt(sum(variances) / (3 if pooled else 2))
    return tuning, separation


@pytest.mark.parametrize("pooled", [False, True])
def test_tuning_values_and_separations_are_those_of_plain_loops(data, pooled):
    tuning, separation = _loops(*data, pooled)
    np.testing.assert_allclose(tuning_values(*data), tuning, rtol=0, atol=1e-10)
    found = selectivity_index(*data, pooled=pooled)
    np.testing.assert_allclose(found.separation, separation, rtol=0, atol=1e-10)
    for k in range(FILTERS):
        if k in CONSTANT:
            assert np.isnan(found.index[k]) and found.preferred[k] == NONE
        else:
            assert found.index[k] == max(found.separation[:, k])
            assert found.preferred[k] == list(found.separation[:, k]).index(found.index[k])
    assert np.flatnonzero(constant_filters(data[0])).tolist() == CONSTANT


@pytest.mark.parametrize("share", [0.0, 0.2, 0.35, 0.9])
def test_the_filters_with_the_lowest_indices_of_a_layer_are_not_selective(data, share):
    index = selectivity_index(*data).index
    chosen = selective_filters(index, share)
    known = [k for k in range(FILTERS) if k not in CONSTANT]
    lowest = sorted(known, key=lambda k: index[k])[: int(share * len(known) + 1e-9)]
    assert [k for k in range(FILTERS) if chosen[k]] == [k for k in known if k not in lowest]
    assert selective_filters(np.stack([index, index[::-1]]), share).tolist() == [chosen.tolist(), chosen[::-1].tolist()]


def test_filters_of_the_same_index_are_taken_away_together():
    assert selective_filters(np.array([1.0, 1.0, 1.0, 2.0, 3.0]), 0.2).tolist() == [False] * 3 + [True] * 2
    assert selective_filters(np.empty(0), 0.2).shape == (0,)


def test_layers_are_selected_apart_and_averaged_apart(data):
    layers, separation = [slice(0, 10), slice(10, FILTERS)], selectivity_index(*data).separation
    members = Selected.of(separation, layers, 0.2).members
    index, preferred = Selectivity(separation).index, Selectivity(separation).preferred
    for own in layers:
        for k in range(own.start, own.stop):
            selective = selective_filters(index[own], 0.2)[k - own.start]
            assert members[:, k].tolist() == [selective and preferred[k] == kind for kind in range(3)]
    np.testing.assert_allclose(mean_index(separation, layers), [np.nanmean(index[own]) for own in layers], atol=1e-12)


@pytest.mark.parametrize("pooled", [False, True])
def test_exchanged_emotions_give_what_the_exchanged_labels_give(data, pooled, monkeypatch):
    monkeypatch.setattr("o2b_helpers.kernels.selectivity.samples.AT_ONCE", 3 * PICTURES * 7)
    monkeypatch.setattr("o2b_helpers.kernels.selectivity.selectivity_index.AT_ONCE", 3 * FILTERS * 2)
    responses, emotions = data
    found = np.concatenate(list(exchanged_separations(responses, emotions, 3, 20, seed=4, pooled=pooled)))
    rng = np.random.default_rng([4, 0])
    drawn = np.concatenate([rng.permuted(np.tile(emotions, (many, 1)), axis=1) for many in (7, 7, 6)])
    assert len(found) == 20 and (np.sort(drawn, axis=1) == np.sort(emotions)).all()
    for own, labels in zip(found, drawn, strict=True):
        np.testing.assert_allclose(own, selectivity_index(responses, labels, pooled=pooled).separation, atol=1e-10)


def test_drawn_pictures_give_what_the_pictures_repeated_give(data):
    responses, emotions = data
    counts = draw_counts(emotions, 12, seed=1)
    found = np.concatenate(list(resampled_separations(responses, emotions, 3, counts)))
    for own, many in zip(found, counts.astype(int), strict=True):
        rows = np.repeat(np.arange(PICTURES), many)
        np.testing.assert_allclose(own, selectivity_index(responses[rows], emotions[rows]).separation, atol=1e-9)


def test_what_does_not_fit_is_refused(data):
    responses, emotions = data
    with pytest.raises(InputError, match="do not fit"):
        tuning_values(responses, emotions[:-1])
    with pytest.raises(InputError, match="do not fit"):
        selectivity_index(responses, emotions + 1)
    with pytest.raises(InputError, match="no picture"):
        selectivity_index(responses, np.where(emotions == 2, 1, emotions))
    with pytest.raises(ParameterError, match="lowest_share"):
        selective_filters(responses[0], 1.0)
