"""What is drawn for a network: first weights, orders, and dropout."""

from __future__ import annotations

import numpy as np
import pytest

from o2b_helpers.models.feed_forward.draws import KeptUnits, epoch_order, first_weights


@pytest.mark.parametrize("dropout", [0.5, 0.2, 0.75, 0.1])
def test_dropout_keeps_its_share_and_units_are_independent(dropout):
    units = KeptUnits((40, 30), batch_size=25, dropout=dropout)
    words = units.words(3, 0, 400)[None]
    steps = [units.of_step(words, step) for step in range(400)]
    for layer in range(2):
        kept = np.stack([step[layer][0] for step in steps]).astype(float)  # (step, picture, unit)
        assert set(np.unique(kept)) == {0, 1}
        assert abs(kept.mean() - (1 - dropout)) < 5 * np.sqrt(dropout * (1 - dropout) / kept.size)
        correlation = np.corrcoef(kept.reshape(-1, kept.shape[-1]).T)
        assert np.abs(correlation - np.eye(len(correlation))).max() < 0.06


def test_networks_and_epochs_draw_apart_and_again_the_same():
    units = KeptUnits((8,), batch_size=4, dropout=0.5)
    assert np.array_equal(units.words(1, 0, 3), units.words(1, 0, 3))
    assert not np.array_equal(units.words(1, 0, 3), units.words(1, 1, 3))
    assert not np.array_equal(units.words(1, 0, 3), units.words(2, 0, 3))
    both = np.stack([units.words(1, 0, 3), units.words(2, 0, 3)])
    alone = units.of_step(both[1:], 2)[0]
    assert np.array_equal(units.of_step(both, 2)[0][1:], alone) and alone.shape == (1, 4, 8)


def test_first_weights_are_glorots():
    weights = first_weights(5, (300, 200, 2))
    assert [layer.shape for layer in weights] == [(300, 200), (200, 2)]
    limit = np.sqrt(6 / 500)
    assert np.abs(weights[0]).max() <= limit and weights[0].std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert not np.array_equal(weights[0], first_weights(6, (300, 200, 2))[0])


def test_orders_hold_every_picture_once():
    pictures = np.array([4, 7, 9, 1])
    orders = [epoch_order(0, epoch, pictures).tolist() for epoch in range(30)]
    assert all(sorted(order) == [1, 4, 7, 9] for order in orders) and len(set(map(tuple, orders))) > 10
