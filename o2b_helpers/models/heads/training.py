"""Train heads: one linear output on frozen features, for every run and learning rate at once.

The rules are the paper's (section 2.2): mean squared error, early stopping on the test loss, best epoch kept, best mean
absolute error over the learning rates. Open there and ours: Adam, the batch size, the rates and their decay, and
the scaling of the features.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.progress import SECONDS_BETWEEN_LINES, say
from o2b_helpers.models.fast.matrix_product import one_thread
from o2b_helpers.models.heads.feature_sources import FeatureSource, InMemory, as_source
from o2b_helpers.models.heads.head_data import check_labels, image_weights, stratified_splits
from o2b_helpers.models.heads.head_passes import Passes
from o2b_helpers.models.heads.head_scores import Scores
from o2b_helpers.models.heads.learning_heads import LearningHeads
from o2b_helpers.models.heads.scaled_features import ScaledFeatures, pieces

__all__ = ["HeadSettings", "TrainedHeads", "predict", "stratified_splits", "train_heads"]

SMALL_BLOCK_BYTES = 2 * 2**20  # of the training images of a step: below, a second thread does not pay


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


def predict(
    features: np.ndarray | FeatureSource, weight: np.ndarray, bias: np.ndarray, output: str = "linear"
) -> np.ndarray:
    """Predict with heads: features (image, feature), weight (run, feature), bias (run,) -> (run, image)."""
    source = as_source(features)
    weight = np.asarray(weight, np.float64)
    bounds, _ = pieces([source.shape[0]], 4 * source.shape[1])  # they are widened to float64
    room = torch.empty(max(stop - start for start, stop in bounds), source.shape[1], device=source.device)
    blocks = source.read(np.arange(source.shape[0]), bounds, room)
    values = np.concatenate([weight @ block.cpu().numpy().astype(np.float64).T for block in blocks], 1)
    values += np.asarray(bias, np.float64)[:, None]
    return 0.5 * (1 + np.tanh(0.5 * values)) if output == "sigmoid" else values  # the sigmoid, without overflow


def train_heads(
    features: np.ndarray | FeatureSource,
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
    features : array (image, feature), or FeatureSource
        Raw features, or where to read them: features that memory cannot hold come from a file or from the backbone
        itself, which then runs once per epoch for all heads.
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
        As torch names it; a source brings its own.

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
    source = as_source(features, device)
    labels, ratings = np.asarray(labels, np.float64), np.asarray(ratings, np.float64)
    test = np.asarray(test, bool)
    check_labels(labels, ratings, test, source.shape[0])
    image_weight = image_weights(labels, test, settings.class_weighted)
    small = isinstance(source, InMemory) and 4 * source.shape[1] * settings.batch_size <= SMALL_BLOCK_BYTES
    with one_thread(small):
        scaled = ScaledFeatures.of(source, test)
        heads = LearningHeads(scaled, len(test), settings.learning_rates, settings.output == "sigmoid", seed)
        scores = Scores(labels, ratings, test, image_weight, heads)
        passes = Passes(scaled, heads, labels, np.where(test, 0.0, image_weight), settings.batch_size, seed)
        said = time.monotonic()
        for epoch in range(settings.epochs + 1):
            factor = 1 / math.sqrt(1 + epoch / settings.decay_epochs) if epoch < settings.epochs else None
            predictions = passes.go(epoch, factor)  # of the weights at the end of the epoch before
            if epoch:
                heads.keep(scores.add(epoch - 1, predictions, settings.patience))
            if not len(heads.active):
                break
            if time.monotonic() - said >= SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                say(f"  training heads: {epoch} of at most {settings.epochs} epochs, {len(heads.active)} still learn")
    chosen = scores.best(settings.learning_rates)
    weight, bias = scaled.fold(*scores.best_heads(chosen))
    rate = np.asarray(settings.learning_rates, np.float64)[chosen % len(settings.learning_rates)]
    return TrainedHeads(weight, bias, rate, scores.best_epoch[chosen], scores.history(settings.learning_rates))
