"""Score heads after every epoch, keep the best weights of each, and choose among learning rates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.heads.learning_heads import LearningHeads
from o2b_helpers.models.heads.split_ranks import split_ranks

SPLITS = ("train", "test")
WITH_VALIDATION = ("train", "validation", "test")  # the second split always chooses epoch and rate


class EpochScores(ABC):
    """Scores of every head in every epoch, and the weights of its best one; what is scored is left to subclasses.

    Parameters
    ----------
    heads : LearningHeads
        The heads, before their first step.
    outputs : int
        Rows of weights of each head.

    Attributes
    ----------
    columns : tuple of str
        Names of the scores, as `_score` gives them.
    splits : tuple of str
        What images do in a run; those of the second split choose the epoch and the rate.
    best_epoch : array (head,)
        The epoch with the smallest loss on the second split so far; -1 for none.
    """

    columns: tuple[str, ...] = ()
    splits: tuple[str, ...] = SPLITS
    error = "loss"  # the score by which learning rates are compared, the smallest wins

    def __init__(self, heads: LearningHeads, outputs: int = 1) -> None:
        self.heads, self.outputs = heads, outputs
        count = len(heads.active) // outputs
        # a loss that single precision cannot hold is none: the head has diverged
        self.best_loss, self.best_error = np.full(count, float(np.finfo(np.float32).max)), np.full(count, np.inf)
        self.best_epoch = np.full(count, -1)
        self.best_weight, self.best_bias = torch.zeros_like(heads.kept_weight), torch.zeros_like(heads.kept_bias)
        self.all_runs = heads.run.clone()
        self.epochs: list[tuple[int, np.ndarray, np.ndarray]] = []

    @abstractmethod
    def _score(self, predictions: np.ndarray, run: np.ndarray) -> np.ndarray:
        """Return the scores (split, score, head) of predictions (row, image) of heads of these runs (head,)."""

    def add(self, epoch: int, predictions: np.ndarray, patience: int) -> np.ndarray:
        """Score what the heads kept at the end of an epoch; return which of them go on.

        Parameters
        ----------
        epoch : int
            From 0.
        predictions : array (row, image)
            Of the learning heads, with what they kept.
        patience : int
            Epochs without a smaller loss on the second split.

        Returns
        -------
        array (row,) of bool
        """
        heads, outputs = self.heads, self.outputs
        active = heads.active[::outputs] // outputs
        scores = self._score(predictions, heads.run[::outputs].cpu().numpy())
        self.epochs.append((epoch, active, scores))
        error, loss = (scores[1, self.columns.index(column)] for column in (self.error, "loss"))
        improved = loss < self.best_loss[active]  # NaN is never smaller
        better = active[improved]
        self.best_loss[better], self.best_error[better] = loss[improved], error[improved]
        self.best_epoch[better] = epoch
        for place, head in zip(np.flatnonzero(improved), better, strict=True):
            own, kept = (slice(number * outputs, (number + 1) * outputs) for number in (head, place))
            self.best_weight[own], self.best_bias[own] = heads.kept_weight[kept], heads.kept_bias[kept]
        return np.repeat(epoch - self.best_epoch[active] < patience, outputs)

    def best(self, learning_rates: Sequence[float]) -> np.ndarray:
        """Return the number of each run's head with the smallest error on the second split (the first of equals).

        Raises
        ------
        ModelError
            All heads of a run diverged.
        """
        error = self.best_error.reshape(-1, len(learning_rates))
        diverged = np.flatnonzero(~np.isfinite(error).any(1))
        if len(diverged):
            raise ModelError(
                "No learning rate trains a head",
                value=f"run {diverged[0]}: the loss is not finite at rates {list(learning_rates)}",
                expected=f"a finite {self.splits[1]} loss for at least one rate",
                remedy="add a smaller learning rate",
            )
        return np.arange(len(error)) * len(learning_rates) + error.argmin(1)

    def best_heads(self, chosen: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the best weights (row, feature), biases (row,) and the runs (row,) of some heads."""
        rows = (chosen[:, None] * self.outputs + np.arange(self.outputs)).ravel()
        at = torch.from_numpy(rows).to(self.best_weight.device)
        return self.best_weight[at], self.best_bias[at, 0], self.all_runs[at]

    def history(self, learning_rates: Sequence[float]) -> pd.DataFrame:
        """Return every score, by run, rate, epoch and split."""
        heads = np.concatenate([active for _, active, _ in self.epochs])
        epochs = np.repeat([epoch for epoch, _, _ in self.epochs], [len(active) for _, active, _ in self.epochs])
        scores = np.concatenate([scores for _, _, scores in self.epochs], 2)  # (split, score, row)
        order = np.lexsort((epochs, heads))
        run, rate = np.divmod(np.repeat(heads[order], len(self.splits)), len(learning_rates))
        columns = {"run": run, "learning_rate": np.asarray(learning_rates, np.float64)[rate]}
        columns |= {"epoch": np.repeat(epochs[order], len(self.splits)), "split": np.tile(self.splits, len(order))}
        of_rows = scores[:, :, order].transpose(1, 2, 0).reshape(len(self.columns), -1)
        return pd.DataFrame(columns | dict(zip(self.columns, of_rows, strict=True)))


class Scores(EpochScores):
    """Scores of heads with one output.

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
    validation : array (run, image) of bool, optional
        The images of each run that choose epoch and rate; without it the test images do.
    """

    columns = ("mae", "loss", "rho")
    error = "mae"

    def __init__(
        self,
        labels: np.ndarray,
        ratings: np.ndarray,
        test: np.ndarray,
        image_weight: np.ndarray,
        heads: LearningHeads,
        validation: np.ndarray | None = None,
    ) -> None:
        super().__init__(heads)
        self.labels, self.split = labels, test.astype(np.int8)
        if validation is not None:
            self.splits, self.split = WITH_VALIDATION, 2 * self.split + validation
        member = np.stack([self.split == number for number in range(len(self.splits))])
        share = member / member.sum(2, keepdims=True)  # (split, run, image): a sum with it is a mean
        self.means = [part.reshape(-1, len(labels)).T.copy() for part in (share, share * image_weight)]
        self.ranks = np.empty(test.shape)  # of the ratings, around 0, in each split by itself
        for part in member:
            for run, rows in enumerate(part):
                self.ranks[run, rows] = rankdata(ratings[rows]) - (rows.sum() + 1) / 2
        self.spread = (member * self.ranks**2).sum(2)  # (split, run)

    def _score(self, predictions: np.ndarray, run: np.ndarray) -> np.ndarray:
        """Return mean absolute error, loss and Spearman's rho: (split, score, head)."""
        error = np.abs(predictions.astype(np.float64) - self.labels)
        # for every head the means over the splits of all runs, of which its own run's are wanted: (split, head)
        own = np.arange(len(run)), np.arange(len(self.splits))[:, None] * len(self.split) + run
        mae, loss = (each @ mean for each, mean in zip((error, error * error), self.means, strict=True))
        mae, loss = mae[own], loss[own]
        products, spreads = split_ranks(predictions, self.split[run], self.ranks[run], len(self.splits))
        spread = spreads * self.spread[:, run]
        ranked = np.isfinite(loss) & (spread > 0)
        rho = np.where(ranked, products / np.sqrt(np.where(ranked, spread, 1.0)), np.nan)
        return np.stack([mae, loss, rho], 1)
