"""Passes through the images: in which order, in which blocks, and what each image weighs there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from o2b_helpers.models.heads.head_scores import EpochScores
from o2b_helpers.models.heads.head_settings import HeadSettings
from o2b_helpers.models.heads.learning_heads import LearningHeads
from o2b_helpers.models.heads.scaled_features import ScaledFeatures, pieces


@dataclass(frozen=True)
class HeadGroup:
    """Heads that learn by the same rules.

    Parameters
    ----------
    heads : LearningHeads
        They learn in place.
    scores : EpochScores
        Keeps the best of each.
    settings : HeadSettings
        The rules.
    learning : array (run, image)
        Weight of each image in the loss; 0 where nothing is learnt from it.
    """

    heads: LearningHeads
    scores: EpochScores
    settings: HeadSettings
    learning: np.ndarray


class Passes:
    """What leads heads through the images, once per epoch.

    All groups read the same blocks, but each has matrix products of its own: so its numbers are, to the last bit, those
    that it has without the others.

    Parameters
    ----------
    scaled : ScaledFeatures
        What the heads read.
    groups : sequence of HeadGroup
        Their heads learn in place. All learn from the same images.
    labels : array (image,) or (run, image)
        What is learnt, 0..1; each run may have labels of its own.
    batch_size : int
        Training images per step, on average over runs and blocks.
    seed : int
        The order of epoch e is drawn from ``default_rng([seed, 2**32 - 1, e])``.
    """

    def __init__(
        self,
        scaled: ScaledFeatures,
        groups: Sequence[HeadGroup],
        labels: np.ndarray,
        batch_size: int,
        seed: int,
    ) -> None:
        self.scaled, self.labels, self.seed = scaled, labels, seed
        images, learning = labels.shape[-1], groups[0].learning
        blocks = max(1, round((learning > 0).mean() * images / batch_size))
        self.sizes = np.array([len(block) for block in np.array_split(np.arange(images), blocks)])
        self.bounds, self.ends = pieces(self.sizes, scaled.source.shape[1])
        most = max(stop - start for start, stop in self.bounds)
        self.room = torch.empty(len(learning) + most, scaled.source.shape[1], device=scaled.mean.device)

    def go(self, epoch: int, groups: Sequence[HeadGroup]) -> list[np.ndarray]:
        """Go through all images once.

        Parameters
        ----------
        epoch : int
            From 0. A group whose epochs are over predicts only.
        groups : sequence of HeadGroup
            Those that still learn, or whose last epoch is not scored yet.

        Returns
        -------
        list of array (head, image), float32
            For each group what its heads, as they were before, predict for each image.
        """
        device, lengths = self.room.device, [stop - start for start, stop in self.bounds]
        order = np.random.default_rng([self.seed, 2**32 - 1, epoch]).permutation(self.labels.shape[-1])
        truths = torch.from_numpy(self.labels[..., order]).float().to(device).split(lengths, -1)
        factors, pulls = [group.settings.factor(epoch) for group in groups], []
        for group in groups:
            group.heads.begin_pass()
            pull = torch.from_numpy(self._pull(group.learning[:, order])).float().to(device)
            pulls.append(group.heads.pull(pull).split(lengths, 1))
        predictions: list[list[torch.Tensor]] = [[] for _ in groups]
        begins, read = True, self.scaled.read(order, self.bounds, self.room)
        for number, (ends, truth, piece) in enumerate(zip(self.ends, truths, read, strict=True)):
            for group, factor, pull, own in zip(groups, factors, pulls, predictions, strict=True):
                if factor is None:
                    own.append(group.heads.predict(piece))
                    continue
                own.append(group.heads.learn(piece, truth, pull[number], begins))
                if ends:
                    group.heads.step(factor)
            begins = ends
        results = []
        for own in predictions:
            by_image = torch.cat(own, 1).cpu().numpy()
            results.append(np.empty_like(by_image))
            results[-1][:, order] = by_image
        return results

    def _pull(self, weight: np.ndarray) -> np.ndarray:
        """Weight of each image in each run's gradient: the loss is a mean over the images of a block."""
        starts = np.cumsum(self.sizes) - self.sizes
        counts = np.add.reduceat((weight > 0).astype(np.float64), starts, axis=1)
        return 2 * weight / np.repeat(np.maximum(counts, 1), self.sizes, axis=1)
