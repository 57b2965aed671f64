"""What heads learn from: which images train and which test in each run, and how features are scaled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from o2b_helpers.errors import InputError, ParameterError

BYTES_AT_ONCE = 256 * 2**20


def stratified_splits(labels: np.ndarray, runs: int, test_share: float, seed: int) -> np.ndarray:
    """Draw the test images of each run, the same share of every label (METHODS 2: 80/20).

    Parameters
    ----------
    labels : array (image,)
        Labels, or any value to stratify by; every different value is one stratum.
    runs : int
        Number of splits.
    test_share : float
        Share of the images that test, between 0 and 1.
    seed : int
        Run r draws from ``default_rng([seed, 0, r])``, so that more runs leave the first ones as they were.

    Returns
    -------
    array (run, image) of bool
        True where an image tests. Each stratum gives its share, rounded; at least one image on either side where it
        has two or more.

    Raises
    ------
    ParameterError
        `runs` or `test_share` is out of range.
    InputError
        A label is NaN, or all labels are of one kind.
    """
    if not 0 < test_share < 1 or runs < 1:
        raise ParameterError(
            "These splits cannot be drawn",
            value=f"runs {runs}, test_share {test_share}",
            expected="at least one run and a share between 0 and 1, both excluded",
            remedy="correct the parameters of the heads",
        )
    labels = np.asarray(labels)
    kinds = _kinds(labels)
    test = np.zeros((runs, len(labels)), dtype=bool)
    for run in range(runs):
        rng = np.random.default_rng([seed, 0, run])
        for kind in kinds:
            members = np.flatnonzero(labels == kind)
            count = round(test_share * len(members))
            if len(members) > 1:
                count = min(max(count, 1), len(members) - 1)
            test[run, rng.permutation(members)[:count]] = True
    return test


def check_labels(labels: np.ndarray, ratings: np.ndarray, test: np.ndarray, features: object) -> None:
    """Refuse labels, ratings and splits that no head can learn from.

    Raises
    ------
    InputError
        Lengths differ, values are not finite, labels lie outside 0..1 or are all of one kind, in the whole or in the
        training part of a run, or a run has no test image.
    """
    lengths = {"features": len(features), "labels": len(labels), "ratings": len(ratings), "test": test.shape[-1]}
    if len(set(lengths.values())) > 1 or test.ndim != 2:
        _refuse("Features, labels, ratings and splits do not belong together", lengths, "one entry per image in each")
    _kinds(labels)
    if labels.min() < 0 or labels.max() > 1:
        _refuse("Labels are out of range", f"{labels.min():g} to {labels.max():g}", "labels from 0 to 1")
    if not np.isfinite(ratings).all():
        _refuse("Some ratings are not finite", f"{int((~np.isfinite(ratings)).sum())} ratings", "finite numbers")
    for run, one in enumerate(test):
        if not one.any() or len(np.unique(labels[~one])) < 2:
            _refuse(
                f"Run {run} cannot be trained",
                f"{int(one.sum())} test images, {len(np.unique(labels[~one]))} kinds of training labels",
                "at least one test image and two kinds of training labels",
            )


def _kinds(labels: np.ndarray) -> np.ndarray:
    if not np.isfinite(labels).all():
        _refuse("Some labels are missing", f"{int((~np.isfinite(labels)).sum())} labels", "a label for every image")
    kinds = np.unique(labels)
    if len(kinds) < 2:
        _refuse("All labels are of one kind", f"{len(labels)} labels, all {kinds}", "at least two kinds of labels")
    return kinds


def _refuse(problem: str, value: object, expected: str) -> None:
    raise InputError(
        problem, value=value, expected=expected, remedy="check the corpus: its ratings, range and neutral value"
    )


@dataclass
class ScaledFeatures:
    """Features in blocks of images, scaled once for all heads, and what scales them further for each run.

    A head of run r reads ``z = (x - mean_r) / deviation_r / sqrt(number of features)``, with mean and deviation over
    the training images of the run; a feature that is constant there is left out (0). The scaling is ours; it
    makes one learning rate mean the same for features of any size and number, and is folded back into the head
    afterwards.

    To keep one matrix product for all runs, blocks hold ``(x - centre) / spread`` with centre and spread over
    all images, and `mean` and `inverse` scale from there; the two steps together are the line above.
    """

    features: np.ndarray
    centre: torch.Tensor
    spread: torch.Tensor
    mean: torch.Tensor
    inverse: torch.Tensor
    device: str
    kept: torch.Tensor | None

    @classmethod
    def of(cls, features: np.ndarray, test: np.ndarray, device: str) -> ScaledFeatures:
        """Measure means and deviations in one pass over the features (image, feature)."""
        n, f = features.shape
        step = max(1, BYTES_AT_ONCE // (8 * f))
        train = torch.from_numpy(~test).to(torch.float64)
        total, centre, squares = 0, torch.zeros(f, dtype=torch.float64), torch.zeros(f, dtype=torch.float64)
        for start in range(0, n, step):  # Chan's update, so that large means cost no digits
            block = torch.from_numpy(np.array(features[start : start + step], dtype=np.float64))
            if not torch.isfinite(block).all():
                _refuse("Some features are not finite", f"images {start} to {start + len(block) - 1}", "finite numbers")
            mean, many = block.mean(0), len(block)
            squares += ((block - mean) ** 2).sum(0) + (mean - centre) ** 2 * (total * many / (total + many))
            centre += (mean - centre) * (many / (total + many))
            total += many
        spread = (squares / n).sqrt()
        spread[spread <= 1e-12 * centre.abs()] = 0
        usable = torch.where(spread > 0, spread, 1.0)
        sums, sums2 = torch.zeros(len(test), f, dtype=torch.float64), torch.zeros(len(test), f, dtype=torch.float64)
        for start in range(0, n, step):
            block = torch.from_numpy(np.array(features[start : start + step], dtype=np.float64))
            block = (block - centre) / usable
            sums += train[:, start : start + step] @ block
            sums2 += train[:, start : start + step] @ block**2
        counts = train.sum(1, keepdim=True)
        means = sums / counts
        variances = (sums2 / counts - means**2).clamp_min(0)
        live = (variances > 1e-10) & (spread > 0)
        inverse = torch.where(live, 1 / torch.where(live, variances, 1.0).sqrt(), 0.0) / f**0.5
        kept = None
        if not isinstance(features, np.memmap):
            scaled = (torch.tensor(features, dtype=torch.float32) - centre.float()) / usable.float()
            kept = scaled.to(device)
        parts = [part.float().to(device) for part in (means, inverse)]
        return cls(features, centre, usable, *parts, device=device, kept=kept)

    def block(self, images: np.ndarray | slice) -> torch.Tensor:
        """Return some images' features (image, feature), scaled once."""
        if self.kept is not None:
            return self.kept[images if isinstance(images, slice) else torch.from_numpy(images).to(self.device)]
        if isinstance(images, slice):
            rows = np.array(self.features[images], dtype=np.float32)
        else:
            order = np.argsort(images)  # a file is read forwards
            rows = np.empty((len(images), self.features.shape[1]), dtype=np.float32)
            rows[order] = self.features[images[order]]
        return ((torch.from_numpy(rows) - self.centre.float()) / self.spread.float()).to(self.device)

    def fold(self, weight: torch.Tensor, bias: torch.Tensor, run: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Turn heads on scaled features into heads on raw ones: weight (head, feature) and bias (head,), float32."""
        run = run.to(self.mean.device)
        mean = self.mean[run].cpu().double() * self.spread + self.centre  # of the raw features in training
        raw = (weight.cpu().double() * self.inverse[run].cpu().double() / self.spread).float()
        # from the rounded weights, so that the prediction for the mean image is not moved by the rounding
        bias = bias.cpu().double() - (raw.double() * mean).sum(1)
        return raw.numpy(), bias.float().numpy()
