"""Many heads that learn at once from the same blocks of images: one matrix product serves all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from o2b_helpers.models.adam import Adam
from o2b_helpers.models.head_data import ScaledFeatures


class LearningHeads:
    """Weights of all heads (head = run x rate) that still learn, and their optimiser.

    Parameters
    ----------
    scaled : ScaledFeatures
        What the heads read.
    runs : int
        Number of runs.
    learning_rates : sequence of float
        Each is tried in every run.
    sigmoid : bool
        Whether a sigmoid follows the linear layer.
    seed : int
        Run r starts from ``default_rng([seed, r])``.
    """

    def __init__(
        self, scaled: ScaledFeatures, runs: int, learning_rates: Sequence[float], sigmoid: bool, seed: int
    ) -> None:
        rates, features, device = len(learning_rates), scaled.mean.shape[1], scaled.device
        drawn = [np.random.default_rng([seed, run]).uniform(-1, 1, features + 1) for run in range(runs)]
        start = torch.from_numpy(np.repeat(np.stack(drawn), rates, 0)).float().to(device) / features**0.5
        self.weight = start[:, :-1].clone()
        self.bias = start[:, -1:].clone()
        self.run = torch.arange(runs).repeat_interleave(rates).to(device)
        self.mean, self.inverse = scaled.mean[self.run], scaled.inverse[self.run]
        self.rate = torch.tensor(list(learning_rates) * runs, dtype=torch.float64)
        self.active = np.arange(runs * rates)
        self.sigmoid = sigmoid
        self.optimiser = Adam(self.weight, self.bias)

    def step(self, block: torch.Tensor, truth: torch.Tensor, learning: torch.Tensor, factor: float) -> None:
        """Take one step: block (image, feature), truth (image,), learning (run, image) = weight in the loss."""
        values = self._values(block)
        there = learning[self.run]
        slope = 2 * there * (values - truth) / (there > 0).sum(1, keepdim=True).clamp_min(1)
        if self.sigmoid:
            slope = slope * values * (1 - values)
        total = slope.sum(1, keepdim=True)
        gradient = (slope @ block - total * self.mean) * self.inverse
        rate = (self.rate[self.active] * factor).to(block.dtype).to(block.device)[:, None]
        self.optimiser.step((self.weight, self.bias), (gradient, total), rate)

    def predict_all(self, scaled: ScaledFeatures, n: int) -> np.ndarray:
        """Predict with all learning heads for all images: (head, image)."""
        rows = max(64, 2**26 // (4 * self.weight.shape[1]))
        parts = [self._values(scaled.block(slice(start, start + rows))) for start in range(0, n, rows)]
        return torch.cat(parts, 1).cpu().numpy().astype(np.float64)

    def keep(self, going_on: np.ndarray) -> None:
        """Go on with some of the heads (bool, one per learning head) and drop the others."""
        if not going_on.all():
            rows = torch.from_numpy(np.flatnonzero(going_on)).to(self.weight.device)
            self.weight, self.bias, self.run = self.weight[rows], self.bias[rows], self.run[rows]
            self.mean, self.inverse = self.mean[rows], self.inverse[rows]
            self.active = self.active[going_on]
            self.optimiser.keep(rows)

    def _values(self, block: torch.Tensor) -> torch.Tensor:
        reading = self.weight * self.inverse
        values = reading @ block.T + (self.bias - (reading * self.mean).sum(1, keepdim=True))
        return values.sigmoid() if self.sigmoid else values
