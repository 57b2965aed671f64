"""The regions of a class, exchanged between the pictures that show it: what is important there by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer

from o2b_helpers.kernels import checks
from o2b_helpers.kernels.regions.region import Regions
from o2b_helpers.kernels.regions.region_importance import IMPORTANCES, mean_weights, region_importance, whole_inputs

REGIONS_AT_ONCE, VALUES_AT_ONCE, DRAWN_AT_ONCE = 100_000, 2**25, 2**22
PAIRS_PER_EXCHANGE = 20  # up to so many hosts for each exchange, a matrix product over all pairs is faster
MOST_PAIRS = 2**30  # of donors and hosts that are kept, a byte each


class ClassExchanges:
    """Random exchanges of the regions of one class, drawn when they are asked for.

    What is left of the importance is due to how large the regions of the class are, how many a picture has and where
    in a picture they lie; what is lost is that the map belongs to the same picture. In each exchange every picture
    gives its regions of the class once, to a picture drawn by chance, itself among them: a random permutation.

    Attributes
    ----------
    label : int
        The class.
    hosts : array (host,)
        The pictures that show it.
    """

    def __init__(
        self,
        label: int,
        regions: Regions,
        weights: Float[torch.Tensor, "region place"] | None,
        maps: Float[torch.Tensor, "picture map_height map_width"],
        flat: Float[torch.Tensor, "picture place"],
        rules: tuple[tuple[int, int], str, float],
        seed: int,
    ) -> None:
        image = np.asarray(regions.image)
        self.label = label
        self.hosts, self._start, self._many = np.unique(image, return_index=True, return_counts=True)
        self._regions, self._weights, self._maps, self._flat = regions, weights, maps, flat
        self._size, self._importance, self._threshold = rules
        self._rng = np.random.default_rng([seed, label])
        self._pairs: Bool[np.ndarray, "donor host"] | None = None

    def draw(self, exchanges: int) -> Bool[np.ndarray, "exchange host"]:
        """Draw more exchanges; two draws give what one draw of as many does.

        Returns
        -------
        array (exchange, host)
            Whether any region that a picture was given is important there.
        """
        hits = np.empty((exchanges, len(self.hosts)), dtype=bool)
        step = max(1, DRAWN_AT_ONCE // len(self.hosts))
        for first in range(0, exchanges, step):
            block = hits[first : first + step]
            donors = self._rng.permuted(np.tile(np.arange(len(self.hosts)), (len(block), 1)), axis=1)
            block[:] = self._hits(donors, exchanges)
        return hits

    def counts(self, member: Float[np.ndarray, "label host"], exchanges: int) -> Float[np.ndarray, "exchange label"]:
        """Draw more exchanges, and return in how many pictures of each label a region is important.

        Parameters
        ----------
        member : array (label, host)
            1 where a host has a label.
        exchanges : int
            How many are drawn.
        """
        step = max(1, DRAWN_AT_ONCE // len(self.hosts))
        blocks = [min(step, exchanges - first) for first in range(0, exchanges, step)]
        return np.concatenate([self.draw(many).astype(np.float64) @ member.T for many in blocks])

    def _hits(self, donors: np.ndarray, exchanges: int) -> np.ndarray:
        hosts = len(self.hosts)
        most = exchanges if self._weights is None else PAIRS_PER_EXCHANGE * exchanges
        if self._pairs is None and hosts <= most and hosts**2 <= MOST_PAIRS:
            self._pairs = np.concatenate(list(self._of_pairs()), axis=1)
        return self._one_by_one(donors) if self._pairs is None else self._pairs[donors, np.arange(hosts)]

    def _of_pairs(self) -> Iterator[Bool[np.ndarray, "donor host"]]:
        """Whether any region of each donor is important in each host, some hosts at a time."""
        regions = len(self._regions)
        step = max(1, (REGIONS_AT_ONCE if self._weights is None else VALUES_AT_ONCE) // regions)
        for first in range(0, len(self.hosts), step):
            hosts = self.hosts[first : first + step]
            if self._weights is not None:
                important = ((self._weights @ self._flat[hosts].T) > self._threshold).cpu().numpy()
            else:
                given = np.repeat(np.arange(regions), len(hosts))
                important = self._important(given, np.tile(hosts, regions)).reshape(regions, -1)
            yield np.logical_or.reduceat(important, self._start, axis=0)

    def _one_by_one(self, donors: np.ndarray) -> np.ndarray:
        hits = np.zeros(donors.shape, dtype=bool)
        step = max(1, REGIONS_AT_ONCE // len(self._regions))
        for first in range(0, len(donors), step):
            block = hits[first : first + step]
            donor = donors[first : first + step].ravel()
            many = self._many[donor]
            given = np.repeat(self._start[donor] - np.cumsum(many) + many, many) + np.arange(many.sum())
            cell = np.repeat(np.arange(len(donor)), many)
            at = self.hosts[cell % len(self.hosts)]
            if self._weights is None:
                important = self._important(given, at)
            else:
                values = torch.einsum("rp,rp->r", self._weights[given], self._flat[at])
                important = (values > self._threshold).cpu().numpy()
            block.ravel()[cell[important]] = True
        return hits

    def _important(self, given: np.ndarray, at: np.ndarray) -> np.ndarray:
        own = self._regions
        masks: Sequence | None = None if own.masks is None else [own.masks[row] for row in given]
        moved = Regions(np.asarray(own.boxes)[given], at, masks)
        return region_importance(moved, self._maps, self._size, self._importance) > self._threshold


def class_exchanges(
    regions: Regions,
    label: Integer[np.ndarray, " region"],
    maps: Float[torch.Tensor, "picture map_height map_width"],
    size: tuple[int, int],
    threshold: float,
    importance: str = "mean",
    seed: int = 0,
) -> Iterator[ClassExchanges]:
    """Exchange the regions of each class between the pictures that show it, and ask again whether any is important.

    Parameters
    ----------
    regions : Regions
        Their images are rows of `maps`; all have a pixel inside the input.
    label : array (region,) of int
        Class of each region, from 0.
    maps, size, importance
        As for :func:`~o2b_helpers.kernels.regions.region_importance.region_importance`.
    threshold : float
        Important is what lies above.
    seed : int
        Class c draws from ``default_rng([seed, c])``.

    Yields
    ------
    ClassExchanges
        One for each class, in order.

    Examples
    --------
    >>> maps = torch.tensor([[[0.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]])
    >>> right = Regions(np.array([[1, 0, 2, 2], [1, 0, 2, 2]]), np.array([0, 1]))
    >>> (own,) = class_exchanges(right, np.array([3, 3]), maps, (2, 2), 0.5)
    >>> own.label, own.hosts.tolist(), own.draw(2).tolist()
    (3, [0, 1], [[True, False], [True, False]])
    """
    checks.choice("importance", importance, IMPORTANCES)
    label, image, flat = np.asarray(label), np.asarray(regions.image), maps.flatten(1)
    by_mean = importance != "homogeneity"
    if importance == "share":
        flat = flat / whole_inputs(len(maps), size).statistics(maps[:, None], size, scale="none")[0].clamp(min=1e-30)
    for number in np.unique(label):
        own = np.flatnonzero(label == number)
        own = own[np.argsort(image[own], kind="stable")]
        masks = None if regions.masks is None else [regions.masks[row] for row in own.tolist()]
        mine = Regions(np.asarray(regions.boxes)[own], image[own], masks)
        weights = mean_weights(mine, (maps.shape[1], maps.shape[2]), size).to(maps) if by_mean else None
        yield ClassExchanges(int(number), mine, weights, maps, flat, (size, importance, threshold), seed)
