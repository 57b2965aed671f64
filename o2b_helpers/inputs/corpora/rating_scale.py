"""One scale for ratings of all corpora: 1 to 9, as published norms have it."""

from __future__ import annotations

import numpy as np

LOWEST, HIGHEST = 1.0, 9.0


def scaled_ratings(ratings: np.ndarray, rating_range: tuple[float, float]) -> np.ndarray:
    """Map ratings linearly from their scale to 1..9.

    Parameters
    ----------
    ratings : array (picture,)
        In units of their own scale.
    rating_range : tuple of float
        Lowest and highest rating that the scale has.

    Returns
    -------
    array (picture,), float64

    Examples
    --------
    >>> scaled_ratings(np.array([-3.0, 0.0, 3.0]), (-3, 3)).tolist()
    [1.0, 5.0, 9.0]
    """
    low, high = rating_range
    return LOWEST + (HIGHEST - LOWEST) * (np.asarray(ratings, dtype=np.float64) - low) / (high - low)
