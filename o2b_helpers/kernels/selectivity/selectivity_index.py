"""How well a filter tells the pictures of one emotion from the others: d', and its largest value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer, Real

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.kernels.selectivity.tuning import constant_filters, members_of

AT_ONCE = 2**21  # values of d' that are worked out together
NONE = -1  # the preferred emotion of a filter that has none


@dataclass(frozen=True)
class Selectivity:
    """What filters prefer.

    Attributes
    ----------
    separation : array (..., emotion, filter)
        d' of each emotion against the others; NaN for a constant filter.
    """

    separation: Float[np.ndarray, "*sample emotion filter"]

    @property
    def index(self) -> Float[np.ndarray, "*sample filter"]:
        """The selectivity index: the largest d'; NaN for a constant filter."""
        return self.separation.max(-2)

    @property
    def preferred(self) -> Integer[np.ndarray, "*sample filter"]:
        """The number of the emotion with the largest d'; `NONE` for a constant filter."""
        constant = np.isnan(self.separation).any(-2)
        return np.where(constant, NONE, np.where(constant[..., None, :], 0, self.separation).argmax(-2))


def selectivity_index(
    responses: Real[np.ndarray, "picture filter"],
    emotions: Integer[np.ndarray, " picture"],
    kinds: int = 3,
    *,
    pooled: bool = False,
) -> Selectivity:
    """Work out d' of every emotion for every filter (METHODS 6; Liu et al. 2024).

    d'(e) = (mean of e - mean of the other emotions' means) / sqrt(sum of the emotions' variances / 2). Variances are
    those of 1/N.

    Parameters
    ----------
    responses : array (picture, filter)
        Spatial means of the filters' maps.
    emotions : array (picture,)
        Number of each picture's emotion, 0..kinds - 1.
    kinds : int
        How many emotions there are.
    pooled : bool
        Divide the sum of variances by their number, which makes it their mean, and not by 2, as printed in the paper.

    Returns
    -------
    Selectivity
        Of shape (emotion, filter); infinite where the responses to each emotion's pictures are all alike.

    Raises
    ------
    InputError
        As for `tuning_values`.

    Examples
    --------
    >>> responses = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [2.0, 0.0]])
    >>> found = selectivity_index(responses, np.array([0, 0, 1, 1, 2, 2]))
    >>> found.index.round(3).tolist(), found.preferred.tolist()
    ([1.5, 2.121], [0, 1])
    """
    members = members_of(np.asarray(responses), emotions, kinds)
    (separation,) = weighted_separations(responses, members[None], pooled=pooled)
    return Selectivity(separation[0])


def weighted_separations(
    responses: Real[np.ndarray, "picture filter"],
    weights: Real[np.ndarray, "sample emotion picture"] | Bool[np.ndarray, "sample emotion picture"],
    *,
    pooled: bool = False,
) -> Iterator[Float[np.ndarray, "some emotion filter"]]:
    """Work out d' in many samples of the pictures, some samples at a time.

    Parameters
    ----------
    responses : array (picture, filter)
        Spatial means of the filters' maps.
    weights : array (sample, emotion, picture)
        How often each picture counts for each emotion: its bootstrap count, or 1 under an exchanged label.
    pooled : bool
        As for `selectivity_index`.

    Yields
    ------
    array (some samples, emotion, filter)
        NaN for a constant filter, and in samples in which an emotion has no picture or all responses are alike.
    """
    responses = np.asarray(responses, dtype=np.float64)
    samples, kinds, _ = weights.shape
    centred = responses - responses.mean(0)  # so that squares lose nothing where the mean is large
    squares, constant = centred**2, constant_filters(responses)
    step = max(1, AT_ONCE // (kinds * responses.shape[1]))
    for start in range(0, samples, step):
        own = np.asarray(weights[start : start + step], dtype=np.float64)
        flat, total = own.reshape(-1, own.shape[-1]), own.sum(-1)[..., None]
        with np.errstate(invalid="ignore", divide="ignore"):
            means, seconds = ((flat @ values).reshape(*own.shape[:2], -1) / total for values in (centred, squares))
            variance = np.maximum(seconds - means**2, 0).sum(1, keepdims=True) / (kinds if pooled else 2)
            others = (means.sum(1, keepdims=True) - means) / (kinds - 1)
            separation = (means - others) / np.sqrt(variance)
        separation[..., constant] = np.nan
        yield separation


def selective_filters(
    index: Real[np.ndarray, "*sample filter"], lowest_share: float
) -> Bool[np.ndarray, "*sample filter"]:
    """Say which filters of one layer are selective: their index is not among the lowest ones.

    Parameters
    ----------
    index : array (..., filter)
        Selectivity indices of the filters of one layer; NaN for constant ones, which are never selective.
    lowest_share : float
        Share of the filters that is taken away, 0..1 (1 excluded), rounded down to whole filters. Filters with the same
        index as the last of them are taken away, too.

    Raises
    ------
    ParameterError
        The share is out of range.

    Examples
    --------
    >>> selective_filters(np.array([0.4, 0.1, np.nan, 0.3, 0.2, 0.5]), 0.2).tolist()
    [True, False, False, True, True, True]
    """
    if not 0 <= lowest_share < 1:
        raise ParameterError(
            "lowest_share is not usable",
            value=lowest_share,
            expected="a share of the filters, from 0 to below 1",
            remedy="correct analysis.selectivity.lowest_share",
        )
    index = np.asarray(index, dtype=np.float64)
    known = ~np.isnan(index)
    if not index.shape[-1]:
        return known
    taken = np.floor(lowest_share * known.sum(-1, keepdims=True) + 1e-9).astype(np.int64)
    ordered = np.sort(index, axis=-1)  # NaN comes last
    cut = np.take_along_axis(ordered, np.maximum(taken - 1, 0), -1)
    return known & ((index > cut) | (taken == 0))


def mean_index(
    separation: Float[np.ndarray, "*sample emotion filter"], layers: Sequence[slice]
) -> Float[np.ndarray, "*sample layer"]:
    """Return the mean selectivity index over the filters of each layer; constant filters are left out.

    Examples
    --------
    >>> mean_index(np.array([[0.5, 0.1, np.nan], [0.2, 0.3, np.nan]]), [slice(0, 2), slice(2, 3)]).round(3).tolist()
    [0.4, nan]
    """
    index = Selectivity(separation).index
    known = ~np.isnan(index)
    sums = (np.where(known, index, 0)[..., own].sum(-1) for own in layers)
    counts = (known[..., own].sum(-1) for own in layers)
    means = [np.where(n > 0, total / np.maximum(n, 1), np.nan) for total, n in zip(sums, counts, strict=True)]
    return np.stack(means, axis=-1)
