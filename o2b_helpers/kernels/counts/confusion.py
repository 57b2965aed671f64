"""How often a network names the right label, which it takes for which, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from o2b_helpers.kernels.statistics.bootstrap import interval

PERMUTATIONS_AT_ONCE = 2**22  # labels


@dataclass(frozen=True)
class Confusion:
    """Counts of true and predicted labels.

    Parameters
    ----------
    counts : array (label, predicted)
        Pictures of each label by what is predicted; whole numbers.

    Examples
    --------
    >>> confusion = Confusion.of(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2)
    >>> confusion.counts.tolist(), confusion.accuracy, confusion.balanced_accuracy
    ([[1.0, 1.0], [0.0, 2.0]], 0.75, 0.75)
    """

    counts: Float[np.ndarray, "label predicted"]

    @classmethod
    def of(
        cls, labels: Integer[np.ndarray, " picture"], predicted: Integer[np.ndarray, " picture"], n: int
    ) -> Confusion:
        """Count pairs of labels, each 0..n - 1."""
        counts = np.zeros((n, n))
        np.add.at(counts, (labels, predicted), 1)
        return cls(counts)

    @property
    def shares(self) -> Float[np.ndarray, "label predicted"]:
        """Share of a label's pictures that are given each label; rows add up to 1, NaN for a label without pictures."""
        return _shares(self.counts)

    @property
    def accuracy(self) -> float:
        """Share of pictures with the right label."""
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def balanced_accuracy(self) -> float:
        """Mean over labels of the share of their pictures with the right label."""
        return float(np.nanmean(np.diag(self.shares)))

    @property
    def most_frequent(self) -> float:
        """Accuracy of always naming the most frequent label."""
        return float(self.counts.sum(1).max() / self.counts.sum())

    def intervals(self, samples: int, seed: int, confidence: float = 0.95) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return intervals of accuracy, balanced_accuracy and shares by bootstrap over pictures.

        Pictures with the same pair of labels are alike, so a sample of pictures is a multinomial draw of the counts.

        Returns
        -------
        dict of str to (low, high)
            Numbers, and for ``shares`` arrays (label, predicted).
        """
        total = int(self.counts.sum())
        rng = np.random.default_rng([seed, 0])
        drawn = rng.multinomial(total, (self.counts / total).ravel(), size=samples).reshape(-1, *self.counts.shape)
        shares = _shares(drawn.astype(np.float64))
        right = np.diagonal(shares, axis1=1, axis2=2)
        values = {
            "accuracy": np.trace(drawn, axis1=1, axis2=2) / total,
            "balanced_accuracy": np.nanmean(right, axis=1),
            "shares": shares,
        }
        return {name: interval(of_samples, confidence) for name, of_samples in values.items()}


def balanced_accuracy_p(
    labels: Integer[np.ndarray, " picture"], predicted: Integer[np.ndarray, " picture"], permutations: int, seed: int
) -> float:
    """Return the one-sided p of balanced accuracy when predictions are exchanged between pictures.

    Examples
    --------
    >>> labels = np.repeat([0, 1], 20)
    >>> balanced_accuracy_p(labels, labels, 99, 0), balanced_accuracy_p(labels, labels[::-1].copy(), 99, 0)
    (0.01, 1.0)
    """
    weight = 1 / np.bincount(labels)[labels]
    rng = np.random.default_rng([seed, 1])
    observed, as_high = float(weight[labels == predicted].sum()), 0
    step = max(1, PERMUTATIONS_AT_ONCE // len(labels))
    for start in range(0, permutations, step):
        many = min(step, permutations - start)
        exchanged = rng.permuted(np.tile(predicted, (many, 1)), axis=1)
        as_high += int(((exchanged == labels) @ weight >= observed * (1 - 1e-12)).sum())
    return (1 + as_high) / (1 + permutations)


def _shares(counts: np.ndarray) -> np.ndarray:
    rows = counts.sum(-1, keepdims=True)
    return np.divide(counts, rows, out=np.full(counts.shape, np.nan), where=rows > 0)
