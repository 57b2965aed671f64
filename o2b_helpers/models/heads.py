"""Train heads: one linear output on frozen features, for every run and learning rate at once.

The rules are the paper's (section 2.2): mean squared error, early stopping on the test loss, best epoch kept, best mean
absolute error over the learning rates. Open there and ours: Adam, the batch size, the rates and their decay, and
the scaling of the features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata

from ..errors import ModelError, ParameterError
from .adam import Adam
from .head_data import ScaledFeatures, check_labels


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
        ``"linear"`` or ``"sigmoid"``.
    class_weighted : bool
        Weigh images by the inverse frequency of their label among the training images, mean 1; labels 0 and 1 only.
    batch_size : int
        Training images per step, on average (ours: 64).
    learning_rates : sequence of float
        Each is tried in every run (ours: 1e-3, 1e-2, 1e-1).
    decay_epochs : float
        The rate of epoch e (from 0) is rate / sqrt(1 + e / decay_epochs) (ours: 3).
    """

    epochs: int = 250
    patience: int = 8
    output: str = "linear"
    class_weighted: bool = False
    batch_size: int = 64
    learning_rates: Sequence[float] = (1e-3, 1e-2, 1e-1)
    decay_epochs: float = 3.0

    def __post_init__(self) -> None:
        positive = [self.epochs, self.patience, self.batch_size, self.decay_epochs, *self.learning_rates]
        if not self.learning_rates or not all(math.isfinite(one) and one > 0 for one in positive):
            raise ParameterError(
                "These settings train no head",
                value=self,
                expected="epochs, patience, batch size, learning rates and decay above 0",
                remedy="correct the parameters of the heads",
            )
        if self.output not in ("linear", "sigmoid"):
            raise ParameterError(
                "Unknown output of a head", value=self.output, expected="linear or sigmoid", remedy="correct the output"
            )


@dataclass(frozen=True)
class TrainedHeads:
    """The head of each run, for raw features.

    Parameters
    ----------
    weight : array (run, feature), float32
    bias : array (run,), float32
    learning_rate : array (run,)
        The rate whose best epoch has the smallest mean absolute error on the run's test images.
    epoch : array (run,)
        The epoch (from 0) with the smallest test loss, whose weights are kept.
    history : DataFrame [run, learning_rate, epoch, split, mae, loss, rho]
        Every epoch of every run and rate on ``train`` and ``test`` images: mean absolute error and loss of the
        prediction against the label, Spearman's rho of the prediction with the rating (NaN for constant predictions).
    """

    weight: np.ndarray
    bias: np.ndarray
    learning_rate: np.ndarray
    epoch: np.ndarray
    history: pd.DataFrame


def predict(features: np.ndarray, weight: np.ndarray, bias: np.ndarray, output: str = "linear") -> np.ndarray:
    """Predict with heads: features (image, feature), weight (run, feature), bias (run,) -> (run, image)."""
    values = np.asarray(weight, np.float64) @ np.asarray(features, np.float64).T + np.asarray(bias, np.float64)[:, None]
    return 0.5 * (1 + np.tanh(0.5 * values)) if output == "sigmoid" else values  # the sigmoid, without overflow


def train_heads(
    features: np.ndarray,
    labels: np.ndarray,
    ratings: np.ndarray,
    test: np.ndarray,
    settings: HeadSettings,
    seed: int,
    device: str = "cpu",
) -> TrainedHeads:
    """Train one head per run and learning rate, and keep the best rate of each run.

    Parameters
    ----------
    features : array (image, feature)
        Raw features; a memory map is read block by block.
    labels : array (image,)
        What is learnt, 0..1: two classes or a rating scaled to 0..1.
    ratings : array (image,)
        What predictions are compared with by rank.
    test : array (run, image) of bool
        The test images of each run, see `stratified_splits`; all others train.
    settings : HeadSettings
        The rules.
    seed : int
        Run r starts from weights drawn from ``default_rng([seed, r])``, as torch's linear layer draws them, for all
        rates alike. The images' order in epoch e is drawn from ``default_rng([seed, 2**32 - 1, e])``.
    device : str
        As torch names it.

    Returns
    -------
    TrainedHeads

    Raises
    ------
    InputError
        All labels of one kind, lengths that differ, values that are not finite.
    ModelError
        A run whose every rate diverged.

    Notes
    -----
    All runs share one order of the images in an epoch, cut into blocks of nearly equal size that hold on average
    `batch_size` training images of each run; in a block each run learns from its own training images. So one
    matrix product serves all heads, and each head still is what a plain loop over the same blocks would give.
    """
    labels, ratings = np.asarray(labels, np.float64), np.asarray(ratings, np.float64)
    test = np.asarray(test, bool)
    check_labels(labels, ratings, test, features)
    image_weight = _image_weights(labels, test, settings.class_weighted)
    scaled = ScaledFeatures.of(features, test, device)
    heads = _Heads(features.shape[1], len(test), settings, seed, device)
    scores = _Scores(labels, ratings, test, image_weight, heads)
    n = len(labels)
    share = float((~test).mean())
    blocks = max(1, round(n * share / settings.batch_size))
    truth = torch.from_numpy(labels).float().to(device)
    learning = torch.from_numpy(np.where(test, 0.0, image_weight)).float().to(device)  # (run, image)
    for epoch in range(settings.epochs):
        order = np.random.default_rng([seed, 2**32 - 1, epoch]).permutation(n)
        factor = 1 / math.sqrt(1 + epoch / settings.decay_epochs)
        for images in np.array_split(order, blocks):
            at = torch.from_numpy(images).to(device)
            heads.step(scaled.block(images), truth[at], learning[:, at], scaled, factor)
        predictions = heads.predict_all(scaled, n)
        going_on = scores.add(epoch, predictions, settings.patience)
        heads.keep(going_on)
        if not len(heads.active):
            break
    return scores.best(scaled, settings)


def _image_weights(labels: np.ndarray, test: np.ndarray, class_weighted: bool) -> np.ndarray:
    """Weight of each image in each run's loss (run, image): 1, or the inverse frequency of its label, mean 1."""
    if not class_weighted:
        return np.ones(test.shape)
    if not np.isin(labels, (0, 1)).all():
        raise ParameterError(
            "Classes cannot be weighted where labels are ratings",
            value=f"{len(np.unique(labels))} different labels",
            expected="labels 0 and 1",
            remedy="set class_weighted to false, or learn from binary labels",
        )
    train = (~test).sum(1, keepdims=True)
    positive = (~test & (labels == 1)).sum(1, keepdims=True)
    return np.where(labels == 1, train / (2 * positive), train / (2 * (train - positive)))


class _Heads:
    """Weights of all heads (head = run x rate) that still learn, and their optimiser."""

    def __init__(self, features: int, runs: int, settings: HeadSettings, seed: int, device: str) -> None:
        rates = len(settings.learning_rates)
        drawn = [np.random.default_rng([seed, run]).uniform(-1, 1, features + 1) for run in range(runs)]
        start = torch.from_numpy(np.repeat(np.stack(drawn), rates, 0)).float().to(device) / features**0.5
        self.weight = start[:, :-1].clone()
        self.bias = start[:, -1:].clone()
        self.run = torch.arange(runs).repeat_interleave(rates).to(device)
        self.rate = torch.tensor(list(settings.learning_rates) * runs, dtype=torch.float64)
        self.active = np.arange(runs * rates)
        self.sigmoid = settings.output == "sigmoid"
        self.optimiser = Adam(self.weight, self.bias)

    def step(self, block, truth, learning, scaled: ScaledFeatures, factor: float) -> None:
        """Take one step: block (image, feature), truth (image,), learning (run, image) = weight in the loss."""
        mean, inverse = scaled.mean[self.run], scaled.inverse[self.run]
        values = self._values(block, mean, inverse)
        there = learning[self.run]
        slope = 2 * there * (values - truth) / (there > 0).sum(1, keepdim=True).clamp_min(1)
        if self.sigmoid:
            slope = slope * values * (1 - values)
        total = slope.sum(1, keepdim=True)
        gradient = (slope @ block - total * mean) * inverse
        rate = (self.rate[self.active] * factor).to(block.dtype).to(block.device)[:, None]
        self.optimiser.step((self.weight, self.bias), (gradient, total), rate)

    def predict_all(self, scaled: ScaledFeatures, n: int) -> np.ndarray:
        """Predictions of all learning heads for all images: (head, image)."""
        mean, inverse = scaled.mean[self.run], scaled.inverse[self.run]
        rows = max(64, 2**26 // (4 * self.weight.shape[1]))
        parts = [
            self._values(scaled.block(np.arange(start, min(start + rows, n))), mean, inverse)
            for start in range(0, n, rows)
        ]
        return torch.cat(parts, 1).cpu().numpy().astype(np.float64)

    def keep(self, going_on: np.ndarray) -> None:
        """Go on with some of the heads (bool, one per learning head) and drop the others."""
        if not going_on.all():
            rows = torch.from_numpy(np.flatnonzero(going_on)).to(self.weight.device)
            self.weight, self.bias, self.run = self.weight[rows], self.bias[rows], self.run[rows]
            self.active = self.active[going_on]
            self.optimiser.keep(rows)

    def _values(self, block, mean, inverse):
        reading = self.weight * inverse
        values = reading @ block.T + (self.bias - (reading * mean).sum(1, keepdim=True))
        return values.sigmoid() if self.sigmoid else values


class _Scores:
    """How well each head does in each epoch, and the weights of its best one."""

    def __init__(self, labels, ratings, test, image_weight, heads: _Heads) -> None:
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

    def best(self, scaled: ScaledFeatures, settings: HeadSettings) -> TrainedHeads:
        """Keep the best rate of each run and fold the scaling into its head."""
        rates = len(settings.learning_rates)
        mae = self.best_mae.reshape(-1, rates)
        diverged = np.flatnonzero(~np.isfinite(mae).any(1))
        if len(diverged):
            raise ModelError(
                "No learning rate trains a head",
                value=f"run {diverged[0]}: the loss is not finite at rates {list(settings.learning_rates)}",
                expected="a finite test loss for at least one rate",
                remedy="add a smaller learning rate",
            )
        chosen = np.arange(len(mae)) * rates + mae.argmin(1)
        at = torch.from_numpy(chosen).to(self.best_weight.device)
        weight, bias = scaled.fold(self.best_weight[at], self.best_bias[at, 0], self.all_runs[at])
        columns = ["run", "learning_rate", "epoch", "split", "mae", "loss", "rho"]
        history = pd.DataFrame(self.rows, columns=columns)
        history = history.sort_values(["run", "learning_rate", "epoch"], kind="stable", ignore_index=True)
        return TrainedHeads(
            weight.astype(np.float32),
            bias.astype(np.float32),
            np.asarray(settings.learning_rates, np.float64)[mae.argmin(1)],
            self.best_epoch[chosen],
            history,
        )

    def _score(self, prediction: np.ndarray, run: int, part: np.ndarray, split: str) -> tuple[float, float, float]:
        prediction, label = prediction[part], self.labels[part]
        error = prediction - label
        loss = float(np.mean(self.weight[run][part] * error**2))
        ranks, wanted = rankdata(prediction), self.ranks[split][run]
        constant = np.ptp(ranks) == 0 or np.ptp(wanted) == 0 or not np.isfinite(loss)
        rho = float("nan") if constant else float(np.corrcoef(ranks, wanted)[0, 1])
        return float(np.mean(np.abs(error))), loss, rho
