"""How strongly filters respond to the pictures of each emotion, on a scale that is the same for all filters."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Integer, Real

from o2b_helpers.core.errors import InputError

ROUNDING = 1e-6  # of the largest response: what differs by less is the same number, rounded otherwise


def constant_filters(responses: Real[np.ndarray, "picture filter"]) -> Bool[np.ndarray, " filter"]:
    """Say which filters respond to all pictures alike, so that nothing can be said of what they prefer.

    Parameters
    ----------
    responses : array (picture, filter)
        Spatial means of the filters' maps.

    Returns
    -------
    array (filter,) of bool

    Examples
    --------
    >>> constant_filters(np.array([[0.0, 0.5, 2.0], [0.0, 0.5, 3.0]])).tolist()
    [True, True, False]
    """
    responses = np.asarray(responses, dtype=np.float64)
    return np.ptp(responses, axis=0) <= ROUNDING * np.abs(responses).max(axis=0)


def tuning_values(
    responses: Real[np.ndarray, "picture filter"], emotions: Integer[np.ndarray, " picture"], kinds: int = 3
) -> Float[np.ndarray, "{kinds} filter"]:
    """Return the tuning curve of every filter (METHODS 6; Liu et al. 2024).

    Parameters
    ----------
    responses : array (picture, filter)
        Spatial means of the filters' maps.
    emotions : array (picture,)
        Number of each picture's emotion, 0..kinds - 1; each at least once.
    kinds : int
        How many emotions there are.

    Returns
    -------
    array (emotion, filter)
        Mean response to the emotion's pictures less that to all, by the standard deviation (1/N) over all pictures; NaN
        for a constant filter.

    Raises
    ------
    InputError
        Pictures and emotions do not fit, or an emotion has no picture.

    Examples
    --------
    >>> tuning_values(np.array([[0.0], [2.0], [1.0], [1.0]]), np.array([0, 1, 2, 2])).round(3)[:, 0].tolist()
    [-1.414, 1.414, 0.0]
    """
    responses, members = np.asarray(responses, dtype=np.float64), members_of(responses, emotions, kinds)
    centred = responses - responses.mean(0)
    means = members @ centred / members.sum(1, keepdims=True)
    spread = np.where(constant_filters(responses), np.nan, centred.std(0))
    return means / spread


def members_of(responses: np.ndarray, emotions: np.ndarray, kinds: int) -> np.ndarray:
    """Return which pictures belong to each emotion, (emotion, picture) of 0 and 1.

    Raises
    ------
    InputError
        Pictures and emotions do not fit, or an emotion has no picture.
    """
    emotions = np.asarray(emotions)
    members = (np.arange(kinds)[:, None] == emotions).astype(np.float64)
    if responses.ndim != 2 or emotions.shape != responses.shape[:1] or members.sum() != len(emotions):
        raise InputError(
            "Responses and emotions do not fit",
            value=f"responses {responses.shape}, emotions {emotions.shape}",
            expected=f"(picture, filter) and, for each picture, a number from 0 to {kinds - 1}",
            remedy="give the emotion of each picture, in the order of the pictures",
        )
    if not members.any(1).all():
        raise InputError(
            "An emotion has no picture",
            value=f"emotions {np.unique(emotions).tolist()}",
            expected=f"each number from 0 to {kinds - 1} at least once",
            remedy="add pictures of it",
        )
    return members
