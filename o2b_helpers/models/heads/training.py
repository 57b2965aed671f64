"""Train heads: one linear output on frozen features, for every run and learning rate at once.

The rules are the paper's (section 2.2): mean squared error, early stopping on the test loss, best epoch kept, best mean
absolute error over the learning rates. Open there and ours: Adam, the batch size, the rates and their decay, and
the scaling of the features.
"""

from __future__ import annotations

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
from o2b_helpers.models.heads.head_data import (
    check_labels,
    held_out_images,
    image_weights,
    stratified_splits,
    validation_splits,
)
from o2b_helpers.models.heads.head_passes import HeadGroup, Passes
from o2b_helpers.models.heads.head_scores import Scores
from o2b_helpers.models.heads.head_settings import HeadSettings
from o2b_helpers.models.heads.learning_heads import LearningHeads
from o2b_helpers.models.heads.readout import OutputChoice, Readout
from o2b_helpers.models.heads.scaled_features import ScaledFeatures, pieces

__all__ = [
    "HeadSettings",
    "TrainedHeads",
    "predict",
    "predict_readout",
    "stratified_splits",
    "train_heads",
    "train_heads_together",
    "validation_splits",
]

SMALL_BLOCK_BYTES = 2 * 2**20  # of the training images of a step: below, a second thread does not pay


@dataclass(frozen=True)
class TrainedHeads:
    """The head of each run, for raw features.

    Parameters
    ----------
    weight : array (run, feature), float32
    bias : array (run,), float32
    learning_rate : array (run,)
        The rate whose best epoch has the smallest mean absolute error on the images that choose: the run's
        validation images, or its test images where there are none.
    epoch : array (run,)
        The epoch (from 0) with the smallest loss on those images, whose weights are kept.
    history : DataFrame [run, learning_rate, epoch, split, mae, loss, rho]
        Every epoch of every run and rate on ``train``, ``validation`` (if there are any) and ``test`` images: mean
        absolute error and loss of the prediction against the label, Spearman's rho of the prediction with the rating
        (NaN for constant predictions).
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
    validation: np.ndarray | None = None,
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
    validation : array (run, image) of bool, optional
        Images of each run that choose epoch and rate and from which nothing is learnt, see `validation_splits`. Without
        them the test images choose (the paper's way), which makes their error a little too low.

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
    return train_heads_together(features, labels, ratings, test, [settings], seed, device, validation)[0]


def train_heads_together(
    features: np.ndarray | FeatureSource,
    labels: np.ndarray,
    ratings: np.ndarray,
    test: np.ndarray,
    rules: Sequence[HeadSettings],
    seed: int,
    device: str = "cpu",
    validation: np.ndarray | None = None,
) -> list[TrainedHeads]:
    """Train heads by several sets of rules in the same passes through the features.

    Parameters
    ----------
    features, labels, ratings, test, seed, device, validation
        As for `train_heads`.
    rules : sequence of HeadSettings
        They may differ in all but `batch_size` and `standardise`.

    Returns
    -------
    list of TrainedHeads
        For each set of rules, to the last bit what `train_heads` gives for it alone.

    Raises
    ------
    InputError, ModelError, ParameterError
        As `train_heads`; rules that need other blocks of images or other features.

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(10, 4))
    >>> labels = np.arange(10) % 2
    >>> test = stratified_splits(labels, runs=2, test_share=0.2, seed=0)
    >>> rules = HeadSettings(epochs=5), HeadSettings(epochs=3, class_weighted=True)
    >>> trained = train_heads_together(features, labels, labels, test, rules, 0)
    >>> [int(heads.history["epoch"].max()) for heads in trained]
    [4, 2]
    """
    for settings in rules:
        if settings.output == "softmax":
            raise ParameterError(
                "A softmax has several outputs",
                value=settings.output,
                expected="linear or sigmoid for one output",
                remedy="train it with train_softmax, from numbers of classes",
            )
    shared = {(settings.batch_size, settings.standardise) for settings in rules}
    if len(shared) != 1:
        raise ParameterError(
            "These rules do not share their passes through the features",
            value=f"batch size and standardise: {sorted(shared)}",
            expected="at least one set of rules, all with the same batch size and features",
            remedy="train them one after the other",
        )
    source = as_source(features, device)
    labels, ratings = np.asarray(labels, np.float64), np.asarray(ratings, np.float64)
    test = np.asarray(test, bool)
    held_out = held_out_images(test, validation)
    check_labels(labels, ratings, held_out, source.shape[0])
    with one_thread(is_small(source, rules[0])):
        scaled, groups = ScaledFeatures.of(source, held_out, rules[0].standardise), []
        for settings in rules:
            weight = image_weights(labels, held_out, settings.class_weighted)
            heads = LearningHeads(scaled, len(test), settings, seed)
            scores = Scores(labels, ratings, test, weight, heads, validation)
            groups.append(HeadGroup(heads, scores, settings, np.where(held_out, 0.0, weight)))
        learn(groups, Passes(scaled, groups, labels, rules[0].batch_size, seed))
    return [_trained(group, scaled) for group in groups]


def _trained(group: HeadGroup, scaled: ScaledFeatures) -> TrainedHeads:
    """Keep the best rate of each run."""
    scores, rates = group.scores, group.settings.learning_rates
    chosen = scores.best(rates)
    weight, bias = scaled.fold(*scores.best_heads(chosen))
    rate = np.asarray(rates, np.float64)[chosen % len(rates)]
    return TrainedHeads(weight, bias, rate, scores.best_epoch[chosen], scores.history(rates), group.settings.output)


def is_small(source: FeatureSource, settings: HeadSettings) -> bool:
    """Whether the steps are too small for a second thread."""
    return isinstance(source, InMemory) and 4 * source.shape[1] * settings.batch_size <= SMALL_BLOCK_BYTES


def learn(groups: Sequence[HeadGroup], passes: Passes) -> None:
    """Let heads learn, epoch by epoch, until none gets better; the scores of each group keep its best."""
    said, epoch, learning = time.monotonic(), 0, list(groups)
    while learning:
        predictions = passes.go(epoch, learning)  # of the weights at the end of the epoch before
        for group, predicted in zip(learning, predictions, strict=True):
            if epoch:
                group.heads.keep(group.scores.add(epoch - 1, predicted, group.settings.patience))
        learning = [group for group in learning if epoch < group.settings.epochs and len(group.heads.active)]
        epoch += 1
        if learning and time.monotonic() - said >= SECONDS_BETWEEN_LINES:
            left = sum(len(group.heads.active) // group.scores.outputs for group in learning)
            most = max(group.settings.epochs for group in learning)
            said = time.monotonic()
            say(f"  training heads: {epoch} of at most {most} epochs, {left} still learn")
