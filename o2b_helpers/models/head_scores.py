"""Score heads after every epoch, keep the best weights of each, and choose among learning rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata

from o2b_helpers.errors import ModelError
from o2b_helpers.models.head_data import ScaledFeatures
from o2b_helpers.models.learning_heads import LearningHeads


class Scores:
    """How well each head does in each epoch, and the weights of its best one.

    Parameters
    ----------
    labels, ratings : array (image,)
        What is learnt, and what predictions are compared with by rank.
    test : array (run, image) of bool
        The test images of each run.
    image_weight : array (run, image)
        Weight of each image in the loss.
    heads : LearningHeads
        The heads, before their first step.
    """

    def __init__(
        self,
        labels: np.ndarray,
        ratings: np.ndarray,
        test: np.ndarray,
        image_weight: np.ndarray,
        heads: LearningHeads,
    ) -> None:
        self.labels, self.heads = labels, heads
        self.splits = {"train": ~test, "test": test}
        self.weight = image_weight
        self.ranks = {split: [rankdata(ratings[rows]) for rows in part] for split, part in self.splits.items()}
        count = len(heads.active)
        self.best_loss, self.best_mae = np.full(count, np.inf), np.full(count, np.inf)
        self.best_epoch = np.full(count, -1)
        self.best_weight, self.best_bias = heads.weight.clone(), heads.bias.clone()
        self.all_runs = heads.run.clone()
        self.rows: list[tuple] = []

    def add(self, epoch: int, predictions: np.ndarray, patience: int) -> np.ndarray:
        """Score one epoch; return which of the learning heads go on."""
        heads, runs = self.heads, self.heads.run.cpu().numpy()
        improved = np.zeros(len(heads.active), dtype=bool)
        for row, head in enumerate(heads.active):
            for split, part in self.splits.items():
                mae, loss, rho = self._score(predictions[row], runs[row], part[runs[row]], split)
                self.rows.append((runs[row], float(heads.rate[head]), epoch, split, mae, loss, rho))
            if loss < self.best_loss[head]:  # the test part is scored last; NaN is never smaller
                self.best_loss[head], self.best_mae[head], self.best_epoch[head] = loss, mae, epoch
                improved[row] = True
        rows = torch.from_numpy(np.flatnonzero(improved)).to(heads.weight.device)
        kept = torch.from_numpy(heads.active[improved]).to(heads.weight.device)
        self.best_weight[kept], self.best_bias[kept] = heads.weight[rows], heads.bias[rows]
        return epoch - self.best_epoch[heads.active] < patience

    def best(self, learning_rates: Sequence[float]) -> np.ndarray:
        """Return the number of each run's head with the smallest test error (the first of equals).

        Raises
        ------
        ModelError
            All heads of a run diverged.
        """
        mae = self.best_mae.reshape(-1, len(learning_rates))
        diverged = np.flatnonzero(~np.isfinite(mae).any(1))
        if len(diverged):
            raise ModelError(
                "No learning rate trains a head",
                value=f"run {diverged[0]}: the loss is not finite at rates {list(learning_rates)}",
                expected="a finite test loss for at least one rate",
                remedy="add a smaller learning rate",
            )
        return np.arange(len(mae)) * len(learning_rates) + mae.argmin(1)

    def folded(self, chosen: np.ndarray, scaled: ScaledFeatures) -> tuple[np.ndarray, np.ndarray]:
        """Return the best weights (head, feature) and biases (head,) of some heads, for raw features."""
        at = torch.from_numpy(chosen).to(self.best_weight.device)
        return scaled.fold(self.best_weight[at], self.best_bias[at, 0], self.all_runs[at])

    def history(self) -> pd.DataFrame:
        """Return every score, by run, rate and epoch."""
        columns = ["run", "learning_rate", "epoch", "split", "mae", "loss", "rho"]
        table = pd.DataFrame(self.rows, columns=columns)
        return table.sort_values(["run", "learning_rate", "epoch"], kind="stable", ignore_index=True)

    def _score(self, prediction: np.ndarray, run: int, part: np.ndarray, split: str) -> tuple[float, float, float]:
        prediction, label = prediction[part], self.labels[part]
        error = prediction - label
        loss = float(np.mean(self.weight[run][part] * error**2))
        ranks, wanted = rankdata(prediction), self.ranks[split][run]
        constant = np.ptp(ranks) == 0 or np.ptp(wanted) == 0 or not np.isfinite(loss)
        rho = float("nan") if constant else float(np.corrcoef(ranks, wanted)[0, 1])
        return float(np.mean(np.abs(error))), loss, rho
