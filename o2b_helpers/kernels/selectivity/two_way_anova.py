"""Two-way analysis of variance of many filters at once: what emotion explains that the object category does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, Real
from scipy.stats import f as f_distribution

from o2b_helpers.core.errors import InputError

TERMS = ("first", "second", "interaction")


@dataclass(frozen=True)
class TwoWayAnova:
    """F, p and partial eta squared of both factors and their interaction (`TERMS`).

    Attributes
    ----------
    f, p, eta : array (term, filter)
        NaN for a filter that the model explains wholly, such as a constant one.
    freedom : tuple of int
        Degrees of freedom of each term.
    residual : int
        Those of what is left.
    """

    f: Float[np.ndarray, "term filter"]
    p: Float[np.ndarray, "term filter"]
    eta: Float[np.ndarray, "term filter"]
    freedom: tuple[int, ...]
    residual: int


def two_way_anova(
    responses: Real[np.ndarray, "picture filter"],
    first: Integer[np.ndarray, " picture"],
    second: Integer[np.ndarray, " picture"],
) -> TwoWayAnova:
    """Explain the responses of every filter by two factors (type II sums of squares, as statsmodels' ``typ=2``).

    Parameters
    ----------
    responses : array (picture, filter)
        Spatial means of the filters' maps.
    first, second : array (picture,)
        Number of each picture's level of both factors; all pairs of levels must occur.

    Returns
    -------
    TwoWayAnova

    Raises
    ------
    InputError
        A factor has one level only, a pair of levels has no picture, or no freedom is left.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> emotion, category = np.repeat([0, 1], 40), np.tile([0, 1], 40)
    >>> found = two_way_anova(emotion[:, None] + rng.normal(size=(80, 1)), emotion, category)
    >>> (found.p[:, 0] < 0.01).tolist(), found.freedom, found.residual
    ([True, False, False], (1, 1, 1), 76)
    """
    first, second = (np.unique(values, return_inverse=True)[1] for values in (first, second))
    levels = first.max(initial=0) + 1, second.max(initial=0) + 1
    cells = np.zeros(levels, dtype=np.int64)
    np.add.at(cells, (first, second), 1)
    freedom = tuple(map(int, (levels[0] - 1, levels[1] - 1, (levels[0] - 1) * (levels[1] - 1))))
    residual = len(first) - cells.size
    if min(levels) < 2 or not cells.all() or residual < 1:
        raise InputError(
            "These pictures do not allow a two-way analysis of variance",
            value=f"{len(first)} pictures, {levels[0]} x {levels[1]} levels, smallest cell {cells.min(initial=0)}",
            expected="two levels or more of each factor, a picture for every pair, and more pictures than pairs",
            remedy="leave out levels that are rare",
        )
    values = np.asarray(responses, dtype=np.float64)
    values = values - values.mean(0)
    ones, a, b = np.ones((len(first), 1)), np.eye(levels[0])[first][:, 1:], np.eye(levels[1])[second][:, 1:]
    both = (a[:, :, None] * b[:, None, :]).reshape(len(first), -1)
    designs = {"a": [a], "b": [b], "sum": [a, b], "full": [a, b, both]}
    left = {name: _left(np.hstack([ones, *parts]), values) for name, parts in designs.items()}
    explained = np.stack([left["b"] - left["sum"], left["a"] - left["sum"], left["sum"] - left["full"]])
    explained = np.maximum(explained, 0)
    rest = np.where(left["full"] > 1e-12 * (values**2).sum(0), left["full"], np.nan)
    ratio = (explained / np.array(freedom)[:, None]) / (rest / residual)
    p = f_distribution.sf(ratio, np.array(freedom)[:, None], residual)
    return TwoWayAnova(ratio, p, explained / (explained + rest), freedom, residual)


def _left(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum of squares that a linear model leaves, (filter,)."""
    directions, _ = np.linalg.qr(design)
    return ((values - directions @ (directions.T @ values)) ** 2).sum(0)
