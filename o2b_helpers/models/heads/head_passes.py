"""Passes through the images: in which order, in which blocks, and what each image weighs there."""

from __future__ import annotations

import numpy as np
import torch

from o2b_helpers.models.heads.learning_heads import LearningHeads
from o2b_helpers.models.heads.scaled_features import ScaledFeatures, pieces


class Passes:
    """What leads heads through the images, once per epoch.

    Parameters
    ----------
    scaled : ScaledFeatures
        What the heads read.
    heads : LearningHeads
        They learn in place.
    labels : array (image,)
        What is learnt, 0..1.
    learning : array (run, image)
        Weight of each image in the loss; 0 where it tests.
    batch_size : int
        Training images per step, on average over runs and blocks.
    seed : int
        The order of epoch e is drawn from ``default_rng([seed, 2**32 - 1, e])``.
    """

    def __init__(
        self,
        scaled: ScaledFeatures,
        heads: LearningHeads,
        labels: np.ndarray,
        learning: np.ndarray,
        batch_size: int,
        seed: int,
    ) -> None:
        self.scaled, self.heads, self.labels, self.learning, self.seed = scaled, heads, labels, learning, seed
        images = len(labels)
        blocks = max(1, round((learning > 0).mean() * images / batch_size))
        self.sizes = np.array([len(block) for block in np.array_split(np.arange(images), blocks)])
        self.bounds, self.ends = pieces(self.sizes, scaled.source.shape[1])
        most = max(stop - start for start, stop in self.bounds)
        self.room = torch.empty(len(learning) + most, scaled.source.shape[1], device=scaled.mean.device)

    def go(self, epoch: int, factor: float | None) -> np.ndarray:
        """Go through all images once.

        Parameters
        ----------
        epoch : int
            From 0.
        factor : float or None
            What is left of the learning rates in this epoch; nothing is learnt where there is none.

        Returns
        -------
        array (head, image), float32
            What the heads, as they were before, predict for each image.
        """
        heads, device = self.heads, self.room.device
        order = np.random.default_rng([self.seed, 2**32 - 1, epoch]).permutation(len(self.labels))
        heads.begin_pass()
        read = self.scaled.read(order, self.bounds, self.room)
        if factor is None:
            predictions = [heads.predict(piece) for piece in read]
        else:
            lengths = [stop - start for start, stop in self.bounds]
            truths = torch.from_numpy(self.labels[order]).float().to(device).split(lengths)
            pulls = heads.pull(torch.from_numpy(self._pull(order)).float().to(device)).split(lengths, 1)
            predictions, begins = [], True
            for ends, truth, pull, piece in zip(self.ends, truths, pulls, read, strict=True):
                predictions.append(heads.learn(piece, truth, pull, begins))
                if ends:
                    heads.step(factor)
                begins = ends
        result = np.empty((len(heads.active), len(order)), np.float32)
        result[:, order] = torch.cat(predictions, 1).cpu().numpy()
        return result

    def _pull(self, order: np.ndarray) -> np.ndarray:
        """Weight of each image in each run's gradient, in this order: the loss is a mean over the block's images."""
        weight = self.learning[:, order]
        starts = np.cumsum(self.sizes) - self.sizes
        counts = np.add.reduceat((weight > 0).astype(np.float64), starts, axis=1)
        return 2 * weight / np.repeat(np.maximum(counts, 1), self.sizes, axis=1)
