"""Permutations of the stimuli that stay within groups."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer, Shaped


def permutations_within(
    groups: Shaped[np.ndarray, " stimulus"], count: int, seed: int
) -> Integer[np.ndarray, "{count} stimulus"]:
    """Draw permutations that exchange stimuli within their group only, such as a condition.

    Parameters
    ----------
    groups : array (stimulus,)
        The group of each stimulus, numbers or names.
    count : int
        How many to draw.
    seed : int
        The g-th group, sorted, draws from ``default_rng([seed, g])``; more permutations leave the first ones as they
        were.

    Returns
    -------
    array (permutation, stimulus) of int
        ``values[permutation]`` is the permuted series. The order as it was is not put in; it may be drawn.

    Examples
    --------
    >>> import numpy as np
    >>> conditions = np.array(["happy", "sad", "happy", "sad"])
    >>> permutations = permutations_within(conditions, 100, seed=0)
    >>> permutations.shape, bool((conditions[permutations] == conditions).all())
    ((100, 4), True)
    """
    groups = np.asarray(groups)
    drawn = np.empty((count, len(groups)), dtype=np.intp)
    for number, group in enumerate(np.unique(groups)):
        members = np.flatnonzero(groups == group)
        drawn[:, members] = np.random.default_rng([seed, number]).permuted(np.tile(members, (count, 1)), axis=1)
    return drawn
