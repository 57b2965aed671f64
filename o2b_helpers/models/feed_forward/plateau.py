"""When the learning rate falls and when training stops."""

from __future__ import annotations

import math

from o2b_helpers.models.feed_forward.settings import NetworkSettings


class Plateau:
    """Follow one network's loss from epoch to epoch (003, section 2.3).

    An epoch is a gain where its loss is below all losses before. After `rate_patience` epochs without gain the rate
    falls, and these epochs are counted anew. After `stop_patience` epochs since the last gain training stops. These are
    the rules of Keras, in which the paper's network was written; torch's ``ReduceLROnPlateau(patience=p)`` waits one
    epoch longer, p + 1. A loss that is not a number is no gain.

    Parameters
    ----------
    settings : NetworkSettings
        Its rates and patiences.

    Attributes
    ----------
    rate : float
        Of the next epoch.
    best_loss, best_epoch : float, int
        The smallest loss and its epoch, from 0; infinity and -1 as long as there is none.
    stopped : bool
        Whether training is over.

    Examples
    --------
    >>> plateau = Plateau(NetworkSettings())
    >>> rates = []
    >>> for loss in (2.0, 1.9, 1.9, 1.9, 1.9, 1.9, 1.8, 1.8, 1.8, 1.8, 1.8):
    ...     gain = plateau.add(loss)
    ...     rates.append(round(plateau.rate, 6))
    >>> rates
    [0.0004, 0.0004, 0.0004, 0.0004, 0.0004, 4e-05, 4e-05, 4e-05, 4e-05, 4e-05, 6e-06]
    >>> plateau.best_epoch, plateau.stopped, plateau.add(1.8), plateau.add(1.8), plateau.stopped
    (6, False, False, False, True)
    """

    def __init__(self, settings: NetworkSettings) -> None:
        self.settings, self.rate = settings, settings.learning_rate
        self.best_loss, self.best_epoch, self.epochs = math.inf, -1, 0
        self._without_gain = 0  # epochs since the last gain or the last fall of the rate

    def add(self, loss: float) -> bool:
        """Take the loss of the next epoch; return whether it is a gain."""
        gain = loss < self.best_loss
        if gain:
            self.best_loss, self.best_epoch, self._without_gain = loss, self.epochs, 0
        else:
            self._without_gain += 1
            if self._without_gain >= self.settings.rate_patience:
                self.rate = max(self.rate * self.settings.rate_factor, self.settings.least_rate)
                self._without_gain = 0
        self.epochs += 1
        return gain

    @property
    def stopped(self) -> bool:
        """Whether training is over: too long without gain, or all epochs done."""
        since_gain = self.epochs - 1 - self.best_epoch
        return self.epochs >= self.settings.epochs or since_gain >= self.settings.stop_patience
