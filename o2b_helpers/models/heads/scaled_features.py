"""Features as heads read them: centred, scaled for each run, block by block from wherever they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from o2b_helpers.core.errors import InputError
from o2b_helpers.models.fast.matrix_product import product
from o2b_helpers.models.heads.feature_sources import Bounds, FeatureSource, InMemory

PIECE_BYTES = 64 * 2**20  # of features at a time
FIRST_IMAGES = 15


def pieces(blocks: Sequence[int] | np.ndarray, n_features: int) -> tuple[Bounds, list[bool]]:
    """Cut blocks of so many images each into pieces that `PIECE_BYTES` hold.

    Returns
    -------
    bounds : list of (int, int)
        First image of each piece and the one behind its last.
    ends : list of bool
        Whether a block ends with the piece.

    Examples
    --------
    >>> pieces([2, 3], n_features=PIECE_BYTES // 8)  # float32: two images fit
    ([(0, 2), (2, 4), (4, 5)], [True, False, True])
    """
    most = max(1, PIECE_BYTES // (4 * n_features))
    bounds, ends, start = [], [], 0
    for images in blocks:
        parts = np.array_split(np.arange(images), -(-images // most))
        for number, part in enumerate(parts):
            bounds.append((start, start + len(part)))
            ends.append(number == len(parts) - 1)
            start += len(part)
    return bounds, ends


@dataclass
class ScaledFeatures:
    """A source of features, and what scales them for each run.

    A head of run r reads ``z = (x - mean_r) / deviation_r / sqrt(number of features)``, with mean and deviation over
    the training images of the run; a feature that is constant there is left out (0). The scaling is ours; it
    makes one learning rate mean the same for features of any size and number, and is folded back into the head
    afterwards. Features that stay raw have ``z = x``.

    Parameters
    ----------
    source : FeatureSource
        Where they come from.
    centre : Tensor (feature,)
        Mean over all images. Blocks hold ``x - centre``, so that large means cost no digits.
    mean : Tensor (run, feature)
        Mean over the training images of each run, minus `centre`.
    inverse : Tensor (run, feature)
        1 / deviation / sqrt(number of features); 0 where a feature is constant.
    centred : bool
        Whether the source's own features are centred already.
    """

    source: FeatureSource
    centre: torch.Tensor
    mean: torch.Tensor
    inverse: torch.Tensor
    centred: bool

    @classmethod
    def of(cls, source: FeatureSource, held_out: np.ndarray, standardise: bool = True) -> ScaledFeatures:
        """Measure means and deviations in one pass over the features; images that are held out do not count.

        Parameters
        ----------
        source : FeatureSource
            Where they come from.
        held_out : array (run, image) of bool
            The images from which a run does not learn.
        standardise : bool
            Whether to scale; raw features are only looked through for values that are not finite.
        """
        (n, f), device = source.shape, source.device
        bounds, _ = pieces([n], f)
        room = torch.empty(max(stop - start for start, stop in bounds), f, device=device)
        member = (
            torch.from_numpy(np.vstack([np.ones((1, n), bool), ~held_out])).float().to(device)
        )  # all, then each run
        sums = torch.zeros(2, len(member), f, dtype=torch.float64, device=device)
        shift = torch.zeros(f, device=device)
        for (start, stop), block in zip(bounds, source.read(np.arange(n), bounds, room), strict=True):
            if start == 0:  # near the mean, and no outlier: what is summed below then loses no digits
                shift = block[:FIRST_IMAGES].median(0).values
            block -= shift
            own = member[:, start:stop].contiguous()
            sums[0] += product(own, block.T)
            sums[1] += product(own, block.square_().T)
            if not torch.isfinite(sums).all():
                _refuse(f"among images {start} to {stop - 1}")
        if not standardise:
            runs = len(held_out)
            nothing = torch.zeros(runs, f, device=device)
            return cls(source, torch.zeros(f, device=device), nothing, torch.ones_like(nothing), True)
        sums /= member.sum(1).double()[:, None]
        mean, variance = sums[0], sums[1].sub_(sums[0] ** 2).clamp_(min=0)
        centre = (shift.double() + mean[0]).float()
        live = (variance[1:] > 1e-10 * variance[0]) & (variance[0] > 0)
        inverse = torch.where(live, variance[1:].clamp_(min=1e-300).rsqrt_() / f**0.5, 0.0).float()
        means = (mean[1:] + (shift.double() - centre.double())).float()
        centred = isinstance(source, InMemory)
        if isinstance(source, InMemory):
            source.values -= centre
        return cls(source, centre, means, inverse, centred)

    def read(self, order: np.ndarray, bounds: Bounds, room: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield, for each of the bounds, the runs' means and below them the images (run + image, feature), centred.

        One matrix product with both gives a head's values and what the mean of its run takes from them.

        Parameters
        ----------
        order : array (image,)
            Numbers of images.
        bounds : sequence of (int, int)
            Which part of the order to read at a time.
        room : Tensor (run + largest part, feature)
            Where to put them.
        """
        runs = len(self.mean)
        room[:runs] = self.mean
        for block in self.source.read(order, bounds, room[runs:]):
            if not self.centred:
                block -= self.centre
            yield room[: runs + len(block)]

    def fold(self, weight: torch.Tensor, bias: torch.Tensor, run: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Turn weight (head, feature) and bias (head,) for ``x - centre - mean_r`` into those for x, float32."""
        mean = self.centre.double() + self.mean[run].double()
        # from the rounded weights, so that the prediction for the mean image is not moved by the rounding
        raw = bias.double() - (weight.double() * mean).sum(1)
        return weight.cpu().numpy(), raw.float().cpu().numpy()


def _refuse(where: str) -> None:
    raise InputError(
        "Some features are not finite",
        value=where,
        expected="finite numbers (below 1e19, so that their squares are)",
        remedy="check the weights of the backbone",
    )
