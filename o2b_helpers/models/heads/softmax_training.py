"""Train readouts with several outputs: a softmax over classes, for every run and learning rate at once.

The paper of the valence models has no such readout; ours follows the same rules (METHODS 2 and 5): early stopping on
the test loss, best epoch kept, Adam, the same blocks of images. The loss is cross-entropy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.models.fast.matrix_product import one_thread
from o2b_helpers.models.heads.feature_sources import FeatureSource, as_source
from o2b_helpers.models.heads.head_data import check_classes, class_weights, held_out_images
from o2b_helpers.models.heads.head_passes import HeadGroup, Passes
from o2b_helpers.models.heads.head_scores import WITH_VALIDATION, EpochScores
from o2b_helpers.models.heads.head_settings import HeadSettings
from o2b_helpers.models.heads.learning_heads import LearningHeads
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.models.heads.scaled_features import ScaledFeatures
from o2b_helpers.models.heads.training import is_small, learn


@dataclass(frozen=True)
class TrainedReadout:
    """The softmax readout of all runs, for raw features.

    Parameters
    ----------
    readout : Readout
        (run, class, feature) with a softmax.
    learning_rate : array (run,)
        The rate whose best epoch has the smallest loss on the images that choose: the run's validation images, or its
        test images where there are none. Accuracies of few images are often equal; the loss is not.
    epoch : array (run,)
        The epoch (from 0) with the smallest loss on those images, whose weights are kept.
    history : DataFrame [run, learning_rate, epoch, split, loss, accuracy, balanced_accuracy]
        Every epoch of every run and rate on ``train``, ``validation`` (if there are any) and ``test`` images: mean
        cross-entropy in nats, weighted as in learning; share of images whose highest output is their class; the mean
        over classes of that share among the images of the class, over the classes that the split has.
    """

    readout: Readout
    learning_rate: np.ndarray
    epoch: np.ndarray
    history: pd.DataFrame


def train_softmax(
    features: np.ndarray | FeatureSource,
    labels: np.ndarray,
    test: np.ndarray,
    settings: HeadSettings,
    seed: int,
    device: str = "cpu",
    validation: np.ndarray | None = None,
) -> TrainedReadout:
    """Train one softmax readout per run and learning rate, and keep the best rate of each run.

    Parameters
    ----------
    features : array (image, feature), or FeatureSource
        Raw features, or where to read them.
    labels : array (image,) or (run, image)
        Number of each image's class, 0..K-1; each run may have labels of its own, so that all emotions of all splits
        are learnt in the same passes.
    test : array (run, image) of bool
        The test images of each run, see `stratified_splits`; all others train.
    settings : HeadSettings
        The rules, with output ``"softmax"``.
    seed : int
        Run r starts from weights (class, feature) and biases drawn from ``default_rng([seed, r])``, class after class,
        each with its bias behind its weights. The images' order in epoch e is drawn from
        ``default_rng([seed, 2**32 - 1, e])``.
    device : str
        As torch names it; a source brings its own.
    validation : array (run, image) of bool, optional
        Images of each run that choose epoch and rate and from which nothing is learnt. Without them the test images
        choose (the paper's way), which makes their loss a little too low.

    Returns
    -------
    TrainedReadout

    Raises
    ------
    InputError
        Labels that are no numbers of classes, a class that a run cannot learn, values that are not finite.
    ModelError
        A run whose every rate diverged.
    ParameterError
        Settings for another output.

    Notes
    -----
    Blocks of images are those of :func:`~o2b_helpers.models.heads.training.train_heads`: each head is what a plain loop
    over the same blocks would give.

    Examples
    --------
    >>> features, labels = np.random.default_rng(0).normal(size=(12, 4)), np.arange(12) % 3
    >>> test = np.arange(12) < np.array([[3], [6]])  # of two runs
    >>> trained = train_softmax(features, labels, test, HeadSettings(epochs=5, output="softmax"), seed=0)
    >>> trained.readout.weight.shape
    (2, 3, 4)
    """
    if settings.output != "softmax":
        raise ParameterError(
            "These settings are for heads with one output",
            value=settings.output,
            expected="softmax",
            remedy="set output to softmax, or use train_heads",
        )
    source, rates = as_source(features, device), settings.learning_rates
    labels, test = np.asarray(labels, np.float64), np.asarray(test, bool)
    held_out = held_out_images(test, validation)
    classes = check_classes(labels, held_out, source.shape[0])
    image_weight = class_weights(labels, held_out, settings.class_weighted)
    with one_thread(is_small(source, settings)):
        scaled = ScaledFeatures.of(source, held_out, settings.standardise)
        heads = SoftmaxHeads(scaled, len(test), settings, seed, classes)
        scores = ClassScores(labels, test, image_weight, heads, validation)
        # passes weigh for squares, whose derivative has a factor of 2 that cross-entropy has not
        groups = [HeadGroup(heads, scores, settings, np.where(held_out, 0.0, image_weight / 2))]
        learn(groups, Passes(scaled, groups, labels, settings.batch_size, seed))
    chosen = scores.best(rates)
    weight, bias = scaled.fold(*scores.best_heads(chosen))
    readout = Readout(weight.reshape(len(test), classes, -1), bias.reshape(len(test), classes), "softmax")
    rate = np.asarray(rates, np.float64)[chosen % len(rates)]
    return TrainedReadout(readout, rate, scores.best_epoch[chosen], scores.history(rates))


class SoftmaxHeads(LearningHeads):
    """Heads of several outputs, each a group of rows; they predict logarithms of probabilities.

    Parameters
    ----------
    scaled, runs, settings, seed, outputs
        As for `LearningHeads`.
    """

    def __init__(self, scaled: ScaledFeatures, runs: int, settings: HeadSettings, seed: int, outputs: int) -> None:
        super().__init__(scaled, runs, settings, seed, outputs)
        self.outputs = outputs

    def _values(self, piece: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, run: torch.Tensor) -> torch.Tensor:
        values = super()._values(piece, weight, bias, run)
        return values.unflatten(0, (-1, self.outputs)).log_softmax(1).flatten(0, 1)

    def _slope(self, values: torch.Tensor, truth: torch.Tensor, pull: torch.Tensor) -> torch.Tensor:
        own = torch.arange(self.outputs, device=values.device).repeat(len(values) // self.outputs)
        truth = truth[self.run] if truth.ndim == 2 else truth  # each run's own labels
        return (values.exp() - (own[:, None] == truth).to(values)) * pull


class ClassScores(EpochScores):
    """Scores of softmax heads: loss, accuracy, balanced accuracy.

    Parameters
    ----------
    labels : array (image,) or (run, image)
        Number of each image's class.
    test : array (run, image) of bool
        The test images of each run.
    image_weight : array (run, image)
        Weight of each image in the loss.
    heads : SoftmaxHeads
        The heads, before their first step.
    validation : array (run, image) of bool, optional
        The images of each run that choose epoch and rate; without it the test images do.
    """

    columns = ("loss", "accuracy", "balanced_accuracy")

    def __init__(
        self,
        labels: np.ndarray,
        test: np.ndarray,
        image_weight: np.ndarray,
        heads: SoftmaxHeads,
        validation: np.ndarray | None = None,
    ) -> None:
        super().__init__(heads, heads.outputs)
        self.labels = np.broadcast_to(labels.astype(np.int64), test.shape)
        of_class = np.eye(heads.outputs)[self.labels]  # (run, image, class)
        member = np.stack([~test, test]).astype(np.float64)  # (split, run, image)
        if validation is not None:
            self.splits = WITH_VALIDATION
            member = np.stack([~test & ~validation, validation, test]).astype(np.float64)
        share = member / member.sum(2, keepdims=True)
        counts = np.einsum("sri,rik->srk", member, of_class)
        inverse = np.where(counts > 0, 1 / np.maximum(counts, 1), 0.0) / (counts > 0).sum(2, keepdims=True)
        # a sum over images with one of these is a mean, (split, run, image) each
        self.means = share * image_weight, share, member * np.einsum("srk,rik->sri", inverse, of_class)

    def _score(self, predictions: np.ndarray, run: np.ndarray) -> np.ndarray:
        """Score logarithms of probabilities (head * class, image): (split, score, head)."""
        logarithms, labels = predictions.reshape(len(run), self.outputs, -1), self.labels[run]
        of_truth = np.take_along_axis(logarithms, labels[:, None], 1)[:, 0].astype(np.float64)
        hit = (logarithms.argmax(1) == labels).astype(np.float64)
        scores = np.empty((len(self.splits), len(self.columns), len(run)))
        for number, (values, mean) in enumerate(zip((-of_truth, hit, hit), self.means, strict=True)):
            scores[:, number] = np.einsum("hi,shi->sh", values, mean[:, run])
        return scores
