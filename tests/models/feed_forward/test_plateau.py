"""Learning rate and stopping rule, epoch by epoch: by hand, and against torch's scheduler."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from o2b_helpers.models.feed_forward.plateau import Plateau
from o2b_helpers.models.feed_forward.settings import NetworkSettings

PAPER = NetworkSettings()
# loss of an epoch, then: gain, rate of the next epoch, stopped (003, section 2.3)
EPOCHS = [
    (3.0, True, 4e-4, False),
    (2.5, True, 4e-4, False),
    (2.6, False, 4e-4, False),
    (2.5, False, 4e-4, False),  # as low as the best is no gain
    (2.7, False, 4e-4, False),
    (2.6, False, 4e-5, False),  # the fourth without gain: a tenth of the rate
    (2.4, True, 4e-5, False),  # the fifth would have been; a gain starts both counts anew
    (2.4, False, 4e-5, False),
    (2.4, False, 4e-5, False),
    (2.4, False, 4e-5, False),
    (2.4, False, 6e-6, False),  # a tenth of the rate, but not below the least
    (2.3, True, 6e-6, False),
    (float("nan"), False, 6e-6, False),
    (2.3, False, 6e-6, False),
    (2.3, False, 6e-6, False),
    (2.3, False, 6e-6, False),  # stays at the least
    (2.3, False, 6e-6, False),
    (2.3, False, 6e-6, True),  # the sixth without gain: the end
]


def test_every_epoch_by_hand():
    plateau = Plateau(PAPER)
    for loss, gain, rate, stopped in EPOCHS:
        assert (plateau.add(loss), plateau.stopped) == (gain, stopped)
        assert plateau.rate == pytest.approx(rate, rel=1e-12)
    assert (plateau.best_epoch, plateau.best_loss) == (11, 2.3)


@pytest.mark.parametrize("seed", range(20))
def test_rates_are_those_of_torchs_scheduler_with_one_epoch_less_patience(seed):
    losses = np.random.default_rng(seed).normal(size=60).cumsum() * 0.1 + np.linspace(5, 3, 60)
    settings = NetworkSettings(stop_patience=60)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.1, patience=3, threshold=0.0, min_lr=6e-6)
    plateau = Plateau(settings)
    for loss in losses:
        plateau.add(float(loss))
        schedule.step(float(loss))
        assert plateau.rate == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-12)


def test_without_any_gain_it_stops_as_well():
    plateau = Plateau(PAPER)
    for _ in range(6):
        assert not plateau.stopped
        plateau.add(float("nan"))
    assert plateau.stopped and plateau.best_epoch == -1


def test_the_last_epoch_is_the_end():
    plateau = Plateau(NetworkSettings(epochs=2))
    plateau.add(2.0)
    assert not plateau.stopped
    plateau.add(1.0)
    assert plateau.stopped
