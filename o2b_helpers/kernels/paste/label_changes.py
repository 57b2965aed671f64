"""Which labels change when an object is pasted, and whether that is due to the object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy import stats

from o2b_helpers.core.errors import InputError


@dataclass(frozen=True)
class LabelChanges:
    """Labels before and after an object was pasted, at each of some places.

    Attributes
    ----------
    changed : array (place, picture)
        bool; whether the label is another one.
    share, low, high : array (place,)
        Share of the pictures whose label changed, and its 95 % interval (Wilson); NaN without any picture.
    most_often : array (place,)
        int64; the label most often switched to, the first of equals; -1 where none changed.
    switches : array (place, label, label)
        int64; number of pictures that went from the label of the row to that of the column, 0 on the diagonal.
    """

    changed: Bool[np.ndarray, "place picture"]
    share: Float[np.ndarray, " place"]
    low: Float[np.ndarray, " place"]
    high: Float[np.ndarray, " place"]
    most_often: Integer[np.ndarray, " place"]
    switches: Integer[np.ndarray, "place label label"]


def label_changes(
    before: Integer[np.ndarray, " picture"], after: Integer[np.ndarray, "place picture"], n_labels: int
) -> LabelChanges:
    """Count changed labels at every place (EmoCAM, section 3.2 and figure 7).

    Parameters
    ----------
    before : array (picture,) of int
        Predicted label of each picture.
    after : array (place, picture) of int
        With the object at each place.
    n_labels : int
        How many labels there are.

    Returns
    -------
    LabelChanges

    Raises
    ------
    InputError
        Shapes that do not fit, or labels that do not exist.

    Examples
    --------
    >>> changes = label_changes(np.array([0, 0, 1, 2]), np.array([[0, 1, 1, 1]]), 3)
    >>> changes.share.tolist(), changes.most_often.tolist(), changes.switches[0].tolist()
    ([0.5], [1], [[0, 1, 0], [0, 0, 0], [0, 1, 0]])
    """
    before, after = np.asarray(before), np.asarray(after)
    labels = np.concatenate([before.ravel(), after.ravel()])
    fits = before.ndim == 1 and after.ndim == 2 and after.shape[1] == len(before) and labels.dtype.kind in "iu"
    if not fits or (labels.size and not 0 <= labels.min() <= labels.max() < n_labels):
        raise InputError(
            "Labels before and after do not fit",
            value=f"{before.shape} and {after.shape}, {n_labels} labels",
            expected=f"(picture,) and (place, picture), whole numbers 0..{n_labels - 1}",
            remedy="predict the same pictures before and after",
        )
    changed = after != before
    switches = np.zeros((len(after), n_labels, n_labels), dtype=np.int64)
    for place, labels_there in enumerate(after):
        np.add.at(switches[place], (before[changed[place]], labels_there[changed[place]]), 1)
    arrivals = switches.sum(1)
    most_often = np.where(arrivals.any(1), arrivals.argmax(1), -1)
    counts, n = changed.sum(1), len(before)
    low, high = share_interval(counts, n)
    share = counts / n if n else np.full(len(counts), np.nan)
    return LabelChanges(changed, share, low, high, most_often, switches)


def share_interval(
    counts: Integer[np.ndarray, " place"], n: int, confidence: float = 0.95
) -> tuple[Float[np.ndarray, " place"], Float[np.ndarray, " place"]]:
    """Return the Wilson interval of shares `counts` / `n`; NaN where n is 0.

    Examples
    --------
    >>> low, high = share_interval(np.array([0, 5]), 10)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.237], [0.278, 0.763])
    """
    counts = np.asarray(counts)
    if not n:
        return np.full(counts.shape, np.nan), np.full(counts.shape, np.nan)
    each = [stats.binomtest(int(count), n).proportion_ci(confidence, "wilson") for count in counts]
    return np.array([interval.low for interval in each]), np.array([interval.high for interval in each])


@dataclass(frozen=True)
class PairedTest:
    """Two ways of changing the same pictures, compared.

    Attributes
    ----------
    only_first, only_second : array (...)
        int64; pictures that changed in one way only.
    difference : array (...)
        Share of pictures changed in the first way minus that in the second.
    p : array (...)
        Exact, two-sided; 1 where no picture changed in one way only.
    """

    only_first: Integer[np.ndarray, "*rest"]
    only_second: Integer[np.ndarray, "*rest"]
    difference: Float[np.ndarray, "*rest"]
    p: Float[np.ndarray, "*rest"]


def mcnemar(first: Bool[np.ndarray, "*rest picture"], second: Bool[np.ndarray, "*rest picture"]) -> PairedTest:
    """Compare an object with its control on the same pictures (McNemar 1947, exact binomial; METHODS 5).

    Parameters
    ----------
    first, second : array (..., picture) of bool
        Whether the label of each picture changed with the object, and with the control.

    Returns
    -------
    PairedTest

    Raises
    ------
    InputError
        Shapes that do not fit.

    Examples
    --------
    >>> test = mcnemar(np.array([True, True, True, False]), np.array([False, False, False, False]))
    >>> int(test.only_first), float(test.difference), float(test.p)
    (3, 0.75, 0.25)
    """
    first, second = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if first.shape != second.shape or not first.ndim or not first.shape[-1]:
        raise InputError(
            "What is compared is not of the same pictures",
            value=f"{first.shape} and {second.shape}",
            expected="(..., picture), the same for both, at least one picture",
            remedy="paste the object and its control onto the same pictures at the same places",
        )
    one, other = (first & ~second).sum(-1), (second & ~first).sum(-1)
    # the smaller tail of a fair coin, twice; the point in the middle would be counted twice
    p = np.minimum(1.0, 2 * stats.binom.cdf(np.minimum(one, other), one + other, 0.5))
    return PairedTest(*map(np.asarray, (one, other, first.mean(-1) - second.mean(-1), p)))


def cochran_q(changed: Bool[np.ndarray, "place picture"]) -> tuple[float, int, float]:
    """Test whether an object changes as many labels at every place (Cochran 1950; METHODS 5).

    Parameters
    ----------
    changed : array (place, picture) of bool
        Whether the label of each picture changed, at each place: the same pictures everywhere.

    Returns
    -------
    q : float
        Cochran's Q; 0 where every picture changed everywhere or nowhere.
    freedom : int
        Places minus 1.
    p : float
        From the chi-square distribution, which holds for many pictures.

    Raises
    ------
    InputError
        Fewer than two places, or no picture.

    Examples
    --------
    >>> q, freedom, p = cochran_q(np.array([[1, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]], dtype=bool))
    >>> round(q, 3), freedom, round(p, 3)
    (4.667, 2, 0.097)
    """
    changed = np.asarray(changed, dtype=bool)
    if changed.ndim != 2 or len(changed) < 2 or not changed.shape[1]:
        raise InputError(
            "Places cannot be compared",
            value=f"shape {changed.shape}",
            expected="(place, picture), at least two places and a picture",
            remedy="paste onto the same pictures at several places",
        )
    places = len(changed)
    by_place, by_picture = changed.sum(1).astype(np.float64), changed.sum(0).astype(np.float64)
    spread = float((by_picture * (places - by_picture)).sum())
    if not spread:
        return 0.0, places - 1, 1.0
    q = float(places * (places - 1) * ((by_place - by_place.mean()) ** 2).sum() / spread)
    return q, places - 1, float(stats.chi2.sf(q, places - 1))
