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

from o2b_helpers.errors import ParameterError
from o2b_helpers.models.head_data import ScaledFeatures, check_labels, stratified_splits
from o2b_helpers.models.head_scores import Scores
from o2b_helpers.models.learning_heads import LearningHeads

__all__ = ["HeadSettings", "TrainedHeads", "predict", "stratified_splits", "train_heads"]


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
    heads = LearningHeads(scaled, len(test), settings.learning_rates, settings.output == "sigmoid", seed)
    scores = Scores(labels, ratings, test, image_weight, heads)
    n = len(labels)
    share = float((~test).mean())
    blocks = max(1, round(n * share / settings.batch_size))
    truth = torch.tensor(labels).float().to(device)
    learning = torch.from_numpy(np.where(test, 0.0, image_weight)).float().to(device)  # (run, image)
    for epoch in range(settings.epochs):
        order = np.random.default_rng([seed, 2**32 - 1, epoch]).permutation(n)
        factor = 1 / math.sqrt(1 + epoch / settings.decay_epochs)
        for images in np.array_split(order, blocks):
            at = torch.from_numpy(images).to(device)
            heads.step(scaled.block(images), truth[at], learning[:, at], factor)
        predictions = heads.predict_all(scaled, n)
        going_on = scores.add(epoch, predictions, settings.patience)
        heads.keep(going_on)
        if not len(heads.active):
            break
    chosen = scores.best(settings.learning_rates)
    weight, bias = scores.folded(chosen, scaled)
    rate = np.asarray(settings.learning_rates, np.float64)[chosen % len(settings.learning_rates)]
    return TrainedHeads(weight, bias, rate, scores.best_epoch[chosen], scores.history())


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
