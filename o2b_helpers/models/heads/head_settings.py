"""The rules by which heads are trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.models.heads.readout import LINKS

OPTIMISERS = ("adam", "sgd")


@dataclass(frozen=True)
class HeadSettings:
    """How heads are trained.

    Parameters
    ----------
    epochs : int
        At most this many passes through the training images (METHODS 2: 250 full models, 75 layer models).
    patience : int
        Stop after this many epochs without a smaller test loss (8, 6).
    output : str
        What follows the linear layer: ``"linear"`` or ``"sigmoid"`` for one output and mean squared error,
        ``"softmax"`` for several and cross-entropy (:mod:`softmax_training`).
    class_weighted : bool
        Weigh images by the inverse frequency of their label among the training images, mean 1; not for ratings.
    batch_size : int
        Training images per step, on average (ours: 64).
    learning_rates : sequence of float
        Each is tried in every run (ours: 1e-3, 1e-2, 1e-1).
    decay_epochs : float or None
        The rate of epoch e (from 0) is rate / sqrt(1 + e / decay_epochs) (ours: 3); None keeps it as it is.
    optimiser : str
        ``"adam"`` or ``"sgd"``, each as torch has it (ours: Adam).
    momentum : float
        Of SGD, 0 to below 1.
    weight_decay : float
        How much of each weight and bias is added to its gradient, as torch's optimisers do it, in the units that the
        head learns in.
    standardise : bool
        Whether heads learn from features that are standardised over each run's training images and divided by the root
        of their number (ours), or from raw ones.
    """

    epochs: int = 250
    patience: int = 8
    output: str = "linear"
    class_weighted: bool = False
    batch_size: int = 64
    learning_rates: Sequence[float] = (1e-3, 1e-2, 1e-1)
    decay_epochs: float | None = 3.0
    optimiser: str = "adam"
    momentum: float = 0.0
    weight_decay: float = 0.0
    standardise: bool = True

    def __post_init__(self) -> None:
        positive = [self.epochs, self.patience, self.batch_size, *self.learning_rates]
        positive += [] if self.decay_epochs is None else [self.decay_epochs]
        if not self.learning_rates or not all(math.isfinite(each) and each > 0 for each in positive):
            raise ParameterError(
                "These settings train no head",
                value=self,
                expected="epochs, patience, batch size, learning rates and decay above 0",
                remedy="correct the parameters of the heads",
            )
        if self.output not in LINKS:
            raise ParameterError(
                "Unknown output of a head", value=self.output, expected=" or ".join(LINKS), remedy="correct the output"
            )
        if self.optimiser not in OPTIMISERS:
            raise ParameterError(
                "Unknown optimiser",
                value=self.optimiser,
                expected=" or ".join(OPTIMISERS),
                remedy="correct the optimiser of the heads",
            )
        if not (0 <= self.momentum < 1 and 0 <= self.weight_decay < math.inf) or (
            self.momentum and self.optimiser != "sgd"
        ):
            raise ParameterError(
                "This optimiser cannot learn so",
                value=f"{self.optimiser}, momentum {self.momentum}, weight decay {self.weight_decay}",
                expected="a momentum from 0 to below 1, with sgd only, and a weight decay of at least 0",
                remedy="correct the parameters of the heads",
            )

    def factor(self, epoch: int) -> float | None:
        """Return what is left of the learning rates in an epoch (from 0); None where nothing is learnt any more.

        Examples
        --------
        >>> settings = HeadSettings(epochs=10)
        >>> settings.factor(0), settings.factor(9), settings.factor(10)
        (1.0, 0.5, None)
        """
        if epoch >= self.epochs:
            return None
        return 1.0 if self.decay_epochs is None else 1 / math.sqrt(1 + epoch / self.decay_epochs)
