"""d' in many samples of the pictures: with exchanged emotions, and with pictures drawn anew."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Integer, Real

from o2b_helpers.kernels.selectivity.selectivity_index import AT_ONCE, weighted_separations
from o2b_helpers.kernels.selectivity.tuning import members_of


def exchanged_separations(
    responses: Real[np.ndarray, "picture filter"],
    emotions: Integer[np.ndarray, " picture"],
    kinds: int,
    exchanges: int,
    seed: int,
    *,
    pooled: bool = False,
) -> Iterator[Float[np.ndarray, "some emotion filter"]]:
    """Work out d' with the emotions exchanged between the pictures, some exchanges at a time.

    Unlike the hypergeometric distribution of an overlap, this keeps filters that respond alike together.

    Parameters
    ----------
    responses : array (picture, filter)
        Spatial means of the filters' maps.
    emotions : array (picture,)
        Number of each picture's emotion, 0..kinds - 1.
    kinds : int
        How many emotions there are.
    exchanges : int
        How often they are exchanged.
    seed : int
        Exchanges draw from ``default_rng([seed, 0])``, one after the other.
    pooled : bool
        As for `selectivity_index`.

    Yields
    ------
    array (some exchanges, emotion, filter)

    Raises
    ------
    InputError
        As for `tuning_values`.

    Examples
    --------
    >>> responses, emotions = np.arange(12.0)[:, None], np.repeat([0, 1, 2], 4)
    >>> blocks = list(exchanged_separations(responses, emotions, 3, exchanges=99, seed=0))
    >>> sum(map(len, blocks)), blocks[0].shape[1:]
    (99, (3, 1))
    """
    members_of(np.asarray(responses), emotions, kinds)  # refuses what does not fit
    rng, emotions = np.random.default_rng([seed, 0]), np.asarray(emotions)
    step = max(1, AT_ONCE // (kinds * max(responses.shape)))
    for start in range(0, exchanges, step):
        drawn = rng.permuted(np.tile(emotions, (min(step, exchanges - start), 1)), axis=1)
        yield from weighted_separations(responses, drawn[:, None, :] == np.arange(kinds)[:, None], pooled=pooled)


def resampled_separations(
    responses: Real[np.ndarray, "picture filter"],
    emotions: Integer[np.ndarray, " picture"],
    kinds: int,
    counts: Real[np.ndarray, "sample picture"],
    *,
    pooled: bool = False,
) -> Iterator[Float[np.ndarray, "some emotion filter"]]:
    """Work out d' with pictures drawn anew, some samples at a time.

    Parameters
    ----------
    responses, emotions, kinds, pooled
        As for `exchanged_separations`.
    counts : array (sample, picture)
        How often each picture was drawn, see `bootstrap.draw_counts`.

    Yields
    ------
    array (some samples, emotion, filter)

    Raises
    ------
    InputError
        As for `tuning_values`.
    """
    members = members_of(np.asarray(responses), emotions, kinds)
    step = max(1, AT_ONCE // (kinds * max(responses.shape)))
    for start in range(0, len(counts), step):
        weights = counts[start : start + step, None, :] * members
        yield from weighted_separations(responses, weights, pooled=pooled)
