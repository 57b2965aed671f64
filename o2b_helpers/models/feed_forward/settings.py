"""The network and the rules of its training (003, section 2.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from o2b_helpers.core.errors import ParameterError


@dataclass(frozen=True)
class NetworkSettings:
    """How a feed-forward network looks and is trained; the defaults are the paper's (003, section 2.3).

    Parameters
    ----------
    hidden : tuple of int
        Units of each hidden layer, each followed by ReLU and dropout.
    dropout : float
        Share of hidden units that are off in a training step, 0 to below 1, drawn for each picture anew.
    batch_size : int
        Pictures in a step. The last step of an epoch takes what is left.
    learning_rate : float
        Of stochastic gradient descent, at the start.
    momentum : float
        0 to below 1.
    rate_factor, rate_patience, least_rate : float, int, float
        The rate is multiplied by `rate_factor` after `rate_patience` epochs without gain, not below `least_rate`.
    stop_patience : int
        Training stops after this many epochs without gain.
    epochs : int
        It stops after this many epochs at the latest (ours; the paper has no limit).
    """

    hidden: tuple[int, ...] = (3000, 1000, 500)
    dropout: float = 0.5
    batch_size: int = 25
    learning_rate: float = 4e-4
    momentum: float = 0.9
    rate_factor: float = 0.1
    rate_patience: int = 4
    least_rate: float = 6e-6
    stop_patience: int = 6
    epochs: int = 1000

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        counts = *self.hidden, self.batch_size, self.rate_patience, self.stop_patience, self.epochs
        if not self.hidden or min(self.hidden) < 2 or any(int(count) != count or count < 1 for count in counts):
            _refuse(f"{counts}", "at least one hidden layer, of at least 2 units; whole numbers of at least 1")
        if not (0 <= self.dropout < 1 and 0 <= self.momentum < 1 and 0 < self.rate_factor < 1):
            _refuse(
                f"dropout {self.dropout}, momentum {self.momentum}, rate_factor {self.rate_factor}",
                "dropout and momentum from 0 to below 1, rate_factor between 0 and 1",
            )
        if not 0 < self.least_rate <= self.learning_rate < math.inf:
            _refuse(
                f"learning_rate {self.learning_rate}, least_rate {self.least_rate}",
                "rates above 0, the least not above the first",
            )


def _refuse(value: str, expected: str) -> None:
    raise ParameterError(
        "These settings train no network", value=value, expected=expected, remedy="correct the network's options"
    )
