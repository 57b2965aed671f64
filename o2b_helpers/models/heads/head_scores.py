"""Score heads after every epoch, keep the best weights of each, and choose among learning rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.heads.learning_heads import LearningHeads
from o2b_helpers.models.heads.split_ranks import split_ranks

SPLITS = ("train", "test")


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
        self.labels, self.heads, self.test = labels, heads, test
        member = np.stack([~test, test])
        share = member / member.sum(2, keepdims=True)  # (split, run, image): a sum with it is a mean
        self.means = [part.reshape(-1, len(labels)).T.copy() for part in (share, share * image_weight)]
        self.ranks = np.empty(test.shape)  # of the ratings, around 0, in each split by itself
        for part in member:
            for run, rows in enumerate(part):
                self.ranks[run, rows] = rankdata(ratings[rows]) - (rows.sum() + 1) / 2
        self.spread = (member * self.ranks**2).sum(2)  # (split, run)
        count = len(heads.active)
        # a loss that single precision cannot hold is none: the head has diverged
        self.best_loss, self.best_mae = np.full(count, float(np.finfo(np.float32).max)), np.full(count, np.inf)
        self.best_epoch = np.full(count, -1)
        self.best_weight, self.best_bias = torch.zeros_like(heads.kept_weight), torch.zeros_like(heads.kept_bias)
        self.all_runs = heads.run.clone()
        self.epochs: list[tuple[int, np.ndarray, np.ndarray]] = []

    def add(self, epoch: int, predictions: np.ndarray, patience: int) -> np.ndarray:
        """Score what the heads kept at the end of an epoch; return which of them go on.

        Parameters
        ----------
        epoch : int
            From 0.
        predictions : array (head, image)
            Of the learning heads, with what they kept.
        patience : int
            Epochs without a smaller test loss.
        """
        heads, active = self.heads, self.heads.active
        scores = self._score(predictions, heads.run.cpu().numpy())
        self.epochs.append((epoch, active, scores))
        mae, loss = scores[1, :2]
        improved = loss < self.best_loss[active]  # NaN is never smaller
        better = active[improved]
        self.best_loss[better], self.best_mae[better], self.best_epoch[better] = loss[improved], mae[improved], epoch
        for row, head in zip(np.flatnonzero(improved), better, strict=True):
            self.best_weight[head], self.best_bias[head] = heads.kept_weight[row], heads.kept_bias[row]
        return epoch - self.best_epoch[active] < patience

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

    def best_heads(self, chosen: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the best weights (head, feature), biases (head,) and the runs of some heads."""
        at = torch.from_numpy(chosen).to(self.best_weight.device)
        return self.best_weight[at], self.best_bias[at, 0], self.all_runs[at]

    def history(self, learning_rates: Sequence[float]) -> pd.DataFrame:
        """Return every score, by run, rate, epoch and split."""
        heads = np.concatenate([active for _, active, _ in self.epochs])
        epochs = np.repeat([epoch for epoch, _, _ in self.epochs], [len(active) for _, active, _ in self.epochs])
        scores = np.concatenate([scores for _, _, scores in self.epochs], 2)  # (split, score, row)
        order = np.lexsort((epochs, heads))
        run, rate = np.divmod(np.repeat(heads[order], len(SPLITS)), len(learning_rates))
        columns = {"run": run, "learning_rate": np.asarray(learning_rates, np.float64)[rate]}
        columns |= {"epoch": np.repeat(epochs[order], len(SPLITS)), "split": np.tile(SPLITS, len(order))}
        of_rows = scores[:, :, order].transpose(1, 2, 0).reshape(3, -1)
        return pd.DataFrame(columns | dict(zip(("mae", "loss", "rho"), of_rows, strict=True)))

    def _score(self, predictions: np.ndarray, run: np.ndarray) -> np.ndarray:
        """Return mean absolute error, loss and Spearman's rho: (split, score, head)."""
        error = np.abs(predictions.astype(np.float64) - self.labels)
        # for every head the means over the splits of all runs, of which its own run's are wanted: (split, head)
        own = np.arange(len(run)), np.arange(len(SPLITS))[:, None] * len(self.test) + run
        mae, loss = (each @ mean for each, mean in zip((error, error * error), self.means, strict=True))
        mae, loss = mae[own], loss[own]
        products, spreads = split_ranks(predictions, self.test[run], self.ranks[run])
        spread = spreads * self.spread[:, run]
        ranked = np.isfinite(loss) & (spread > 0)
        rho = np.where(ranked, products / np.sqrt(np.where(ranked, spread, 1.0)), np.nan)
        return np.stack([mae, loss, rho], 1)
