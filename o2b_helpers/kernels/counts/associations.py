"""How often a class of objects is important where a network names an emotion, and how sure that is (METHODS 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.special import gammaln

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.bootstrap import draw_counts, interval

EQUAL = 1e-7  # probabilities that differ by less, relatively, count as equal, as in scipy.stats.fisher_exact
Ends = tuple[Float[np.ndarray, "label name"], Float[np.ndarray, "label name"]]


@dataclass(frozen=True)
class Associations:
    """Which pictures show which class, in which it is important, and what the network says of each.

    Parameters
    ----------
    predicted : array (picture,) of int
        Number of the label that the network gives.
    present : array (picture, name) of bool
        Whether the picture has a region of each class.
    important : array (picture, name) of bool
        Whether any of these is important; never without one.
    n_labels : int
        Labels that the network can give.

    Raises
    ------
    InputError
        Arrays that do not fit each other; a class that is important where it is not present.

    Examples
    --------
    >>> shown = np.array([[True], [True], [False], [True]])
    >>> looked_at = np.array([[True], [False], [False], [True]])
    >>> table = Associations(np.array([0, 0, 0, 1]), shown, looked_at, 2)
    >>> table.count.tolist(), table.importance.round(1).tolist(), table.conditional.tolist()
    ([[1.0], [1.0]], [[33.3], [100.0]], [[0.5], [1.0]])
    """

    predicted: Integer[np.ndarray, " picture"]
    present: Bool[np.ndarray, "picture name"]
    important: Bool[np.ndarray, "picture name"]
    n_labels: int

    def __post_init__(self) -> None:
        shapes = {np.shape(self.present), np.shape(self.important)}
        if len(shapes) > 1 or len(self.predicted) != len(self.present) or np.any(self.important & ~self.present):
            raise InputError(
                "Pictures, classes and what is important in them do not fit",
                value=f"{len(self.predicted)} labels, present {np.shape(self.present)}, "
                f"important {np.shape(self.important)}",
                expected="(picture,), (picture, class) and (picture, class), important only what is present",
                remedy="line all of them up by picture and class first",
            )

    @property
    def member(self) -> Float[np.ndarray, "label picture"]:
        """1 where a picture has a label."""
        return (np.arange(self.n_labels)[:, None] == self.predicted).astype(np.float64)

    @property
    def pictures(self) -> Float[np.ndarray, "label 1"]:
        """Pictures with each label."""
        return self.member.sum(1, keepdims=True)

    @property
    def count(self) -> Float[np.ndarray, "label name"]:
        """M: pictures with the label in which the class is important."""
        return self.member @ self.important

    @property
    def shown(self) -> Float[np.ndarray, "label name"]:
        """Pictures with the label that show the class, important or not."""
        return self.member @ self.present

    @property
    def importance(self) -> Float[np.ndarray, "label name"]:
        """M': M in percent of the pictures with the label; NaN where there is none."""
        return 100 * _divided(self.count, self.pictures)

    @property
    def presence(self) -> Float[np.ndarray, "label name"]:
        """Pictures that show the class, in percent of the pictures with the label; NaN where there is none."""
        return 100 * _divided(self.shown, self.pictures)

    @property
    def conditional(self) -> Float[np.ndarray, "label name"]:
        """M divided by the pictures with the label that show the class, 0..1; NaN where none does."""
        return _divided(self.count, self.shown)

    def expected(self, chance: Float[np.ndarray, "picture name"]) -> Float[np.ndarray, "label name"]:
        """Return what conditional importance would be if each picture were important with its chance; NaN as there.

        Parameters
        ----------
        chance : array (picture, name)
            0..1; the share of exchanges in which the picture was important; 0 where the class is not present.
        """
        return _divided(self.member @ chance, self.shown)

    def p_values(self) -> Float[np.ndarray, "label name"]:
        """Return the two-sided p of M when labels are exchanged between pictures, worked out exactly.

        Under all permutations of the labels M has a hypergeometric distribution, so nothing has to be drawn; it is
        Fisher's exact test. NaN where the label has no picture, or the class is important in none or in all.
        """
        total = self.important.sum(0)[None]
        p = hypergeometric_p(self.count, total, self.pictures, len(self.predicted))
        tested = (self.pictures > 0) & (total > 0) & (total < len(self.predicted))
        return np.where(tested, p, np.nan)

    def conditional_p_values(self) -> Float[np.ndarray, "label name"]:
        """Return the same among the pictures that show the class: is it important more often, given that it is there.

        NaN where no picture with the label shows it, or all that show it have the label, or it is important in none of
        them or in all.
        """
        total, shown = self.important.sum(0)[None], self.present.sum(0)[None]
        p = hypergeometric_p(self.count, total, self.shown, shown)
        return np.where((self.shown > 0) & (self.shown < shown) & (total > 0) & (total < shown), p, np.nan)

    def intervals(
        self, chance: Float[np.ndarray, "picture name"], samples: int, seed: int, confidence: float = 0.95
    ) -> dict[str, Ends]:
        """Return intervals of importance, presence, conditional importance and lift, by bootstrap over pictures.

        In each sample as many pictures are drawn, with replacement, of those with a label as there are.

        Parameters
        ----------
        chance : array (picture, name)
            As for `expected`; lift is conditional importance less what is expected.
        samples, seed, confidence
            How often pictures are drawn, from which seed, and the share of the samples inside.

        Returns
        -------
        dict of str to (low, high)
            ``importance``, ``presence``, ``conditional``, ``lift``; NaN where there is no value.
        """
        shape = (self.n_labels, self.present.shape[1])
        ends = {name: (np.full(shape, np.nan), np.full(shape, np.nan))
                for name in ("importance", "presence", "conditional", "lift")}  # fmt: skip
        for label in range(self.n_labels):
            own = self.predicted == label
            many = int(own.sum())
            if not many:
                continue
            drawn = draw_counts(np.zeros(many, dtype=np.int64), samples, seed)
            important, shown, by_chance = (drawn @ values[own] for values in (self.important, self.present, chance))
            values = {
                "importance": 100 * important / many,
                "presence": 100 * shown / many,
                "conditional": _divided(important, shown),
                "lift": _divided(important - by_chance, shown),
            }
            for name, of_samples in values.items():
                ends[name][0][label], ends[name][1][label] = interval(of_samples, confidence)
        return ends


def hypergeometric_p(
    count: Float[np.ndarray, "*any"], marked: np.ndarray, drawn: np.ndarray, total: np.ndarray | int
) -> Float[np.ndarray, "*any"]:
    """Return the two-sided p of Fisher's exact test: the probability of all counts that are no more probable.

    Parameters
    ----------
    count : array (...)
        Marked things among those drawn.
    marked, drawn, total : array (...), broadcast
        How many things are marked, drawn, and there.

    Returns
    -------
    array (...)
        0..1.

    Examples
    --------
    >>> hypergeometric_p(np.array([8.0]), np.array([10.0]), np.array([9.0]), 16).round(4).tolist()  # 8, 2; 1, 5
    [0.035]
    """
    shape = np.broadcast_shapes(np.shape(count), np.shape(marked), np.shape(drawn), np.shape(total))
    flat = [np.broadcast_to(np.asarray(values, np.float64), shape).ravel() for values in (count, marked, drawn, total)]
    p = np.empty(len(flat[0]))
    known: dict[tuple[float, ...], float] = {}
    for place, cell in enumerate(zip(*map(np.ndarray.tolist, flat), strict=True)):
        if cell not in known:
            known[cell] = _fisher(*cell)
        p[place] = known[cell]
    return p.reshape(shape)


def _fisher(count: float, marked: float, drawn: float, total: float) -> float:
    support = np.arange(max(0.0, marked + drawn - total), min(marked, drawn) + 1)
    if len(support) < 2:
        return 1.0
    logarithm = -sum(
        gammaln(values + 1) for values in (support, marked - support, drawn - support, total - marked - drawn + support)
    )
    weight = np.exp(logarithm - logarithm.max())
    of_count = weight[np.searchsorted(support, count)]
    return float(min(1.0, weight[weight <= of_count * (1 + EQUAL)].sum() / weight.sum()))


def _divided(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    values, by = np.broadcast_arrays(values, by)
    return np.divide(values, by, out=np.full(values.shape, np.nan), where=by > 0)
