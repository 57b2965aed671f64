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
from o2b_helpers.models.heads.head_scores import EpochScores, Scores
from o2b_helpers.models.heads.learning_heads import LearningHeads
from o2b_helpers.models.heads.readout import LINKS, OutputChoice, Readout
from o2b_helpers.models.heads.scaled_features import ScaledFeatures, pieces

__all__ = ["HeadSettings", "TrainedHeads", "predict", "predict_readout", "stratified_splits", "train_heads"]

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
        What follows the linear layer: ``"linear"`` or ``"sigmoid"`` for one output and mean squared error,
        ``"softmax"`` for several and cross-entropy (:mod:`softmax_training`).
    class_weighted : bool
        Weigh images by the inverse frequency of their label among the training images, mean 1; not for ratings.
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
    link : str
        What follows the linear layer.
    """

    weight: np.ndarray
    bias: np.ndarray
    learning_rate: np.ndarray
    epoch: np.ndarray
    history: pd.DataFrame
    link: str = "linear"

    @property
    def readout(self) -> Readout:
        """The heads as a readout with one output."""
        return Readout.valence(self.weight, self.bias, self.link)


def predict(
    features: np.ndarray | FeatureSource, weight: np.ndarray, bias: np.ndarray, output: str = "linear"
) -> np.ndarray:
    """Predict with heads: features (image, feature), weight (run, feature), bias (run,) -> (run, image).

    Examples
    --------
    >>> predict(np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[0.5, 0.5]]), np.array([0.25])).tolist()
    [[1.75, 0.25]]
    """
    values = _linear_values(as_source(features), weight, bias)
    return 0.5 * (1 + np.tanh(0.5 * values)) if output == "sigmoid" else values  # the sigmoid, without overflow


def predict_readout(features: np.ndarray | FeatureSource, readout: Readout, output: OutputChoice = "all") -> np.ndarray:
    """Predict with a readout, whatever keeps the features.

    Parameters
    ----------
    features : array (image, feature), or FeatureSource
        Raw features, or where to read them.
    readout : Readout
        Of those features.
    output : int, "predicted" or "all"
        The output to look at.

    Returns
    -------
    array (run, output, image) with ``"all"``, or (run, image)
        float64.

    Raises
    ------
    InputError, ParameterError
        Another number of features; an output that is not there.
    """
    source = as_source(features)
    output = readout.checked(output, source.shape[1])
    bias = torch.as_tensor(readout.bias).cpu().flatten().numpy()
    values = torch.from_numpy(_linear_values(source, readout.rows().numpy(), bias))
    values = values.unflatten(0, (readout.n_runs, readout.n_outputs))
    return readout.pick(readout.after_link(values), output, values).numpy()


def _linear_values(source: FeatureSource, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Give weight (row, feature) times the features plus bias (row,), float64 (row, image)."""
    weight = np.asarray(weight, np.float64)
    bounds, _ = pieces([source.shape[0]], 4 * source.shape[1])  # they are widened to float64
    room = torch.empty(max(stop - start for start, stop in bounds), source.shape[1], device=source.device)
    blocks = source.read(np.arange(source.shape[0]), bounds, room)
    values = np.concatenate([weight @ block.cpu().numpy().astype(np.float64).T for block in blocks], 1)
    values += np.asarray(bias, np.float64)[:, None]
    return values


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
    ParameterError
        Settings for a softmax, or class weights for ratings.

    Notes
    -----
    All runs share one order of the images in an epoch, cut into blocks of nearly equal size that hold on average
    `batch_size` training images of each run; in a block each run learns from its own training images. So one
    matrix product serves all heads, and each head still is what a plain loop over the same blocks would give.

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(10, 4))
    >>> labels = np.arange(10) % 2
    >>> test = stratified_splits(labels, runs=2, test_share=0.2, seed=0)
    >>> heads = train_heads(features, labels, labels, test, HeadSettings(epochs=5), seed=0)
    >>> heads.weight.shape, heads.bias.shape
    ((2, 4), (2,))
    """
    if settings.output == "softmax":
        raise ParameterError(
            "A softmax has several outputs",
            value=settings.output,
            expected="linear or sigmoid for one output",
            remedy="train it with train_softmax, from numbers of classes",
        )
    source = as_source(features, device)
    labels, ratings = np.asarray(labels, np.float64), np.asarray(ratings, np.float64)
    test = np.asarray(test, bool)
    check_labels(labels, ratings, test, source.shape[0])
    image_weight = image_weights(labels, test, settings.class_weighted)
    with one_thread(is_small(source, settings)):
        scaled = ScaledFeatures.of(source, test)
        heads = LearningHeads(scaled, len(test), settings.learning_rates, settings.output == "sigmoid", seed)
        scores = Scores(labels, ratings, test, image_weight, heads)
        passes = Passes(scaled, heads, labels, np.where(test, 0.0, image_weight), settings.batch_size, seed)
        learn(heads, scores, passes, settings)
    chosen = scores.best(settings.learning_rates)
    weight, bias = scaled.fold(*scores.best_heads(chosen))
    rate = np.asarray(settings.learning_rates, np.float64)[chosen % len(settings.learning_rates)]
    history = scores.history(settings.learning_rates)
    return TrainedHeads(weight, bias, rate, scores.best_epoch[chosen], history, settings.output)


def is_small(source: FeatureSource, settings: HeadSettings) -> bool:
    """Whether the steps are too small for a second thread."""
    return isinstance(source, InMemory) and 4 * source.shape[1] * settings.batch_size <= SMALL_BLOCK_BYTES


def learn(heads: LearningHeads, scores: EpochScores, passes: Passes, settings: HeadSettings) -> None:
    """Let heads learn, epoch by epoch, until none gets better; `scores` keeps the best of each."""
    said = time.monotonic()
    for epoch in range(settings.epochs + 1):
        factor = 1 / math.sqrt(1 + epoch / settings.decay_epochs) if epoch < settings.epochs else None
        predictions = passes.go(epoch, factor)  # of the weights at the end of the epoch before
        if epoch:
            heads.keep(scores.add(epoch - 1, predictions, settings.patience))
        if not len(heads.active):
            break
        if time.monotonic() - said >= SECONDS_BETWEEN_LINES:
            said, left = time.monotonic(), len(heads.active) // scores.outputs
            say(f"  training heads: {epoch} of at most {settings.epochs} epochs, {left} still learn")
