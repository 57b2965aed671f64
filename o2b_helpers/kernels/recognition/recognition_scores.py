"""F1, balanced accuracy and AUROC of many series of scores at once, with a threshold that is given or set anew."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Real
from scipy.stats import rankdata

from o2b_helpers.core.errors import InputError


def f1_scores(
    scores: Real[np.ndarray, "*series picture"],
    positive: Bool[np.ndarray, " picture"],
    threshold: float | Float[np.ndarray, "*series"] = 0.5,
) -> Float[np.ndarray, "*series"]:
    """Give F1, 2 * hits / (pictures called positive + positive pictures); a picture is called so above the threshold.

    Parameters
    ----------
    scores : array (..., picture)
        Higher for pictures that rather show the emotion, for example the probability of a softmax.
    positive : array (picture,) of bool
        Which pictures do.
    threshold : float or array (...)
        One for all series, or one for each.

    Returns
    -------
    array (...)
        0..1; 0 where no positive picture is called so.

    Raises
    ------
    InputError
        Lengths differ, scores are not finite, or all pictures are of one kind.

    Examples
    --------
    >>> scores = np.array([[0.9, 0.8, 0.3, 0.1], [0.9, 0.2, 0.8, 0.1]])
    >>> f1_scores(scores, np.array([True, True, False, False])).tolist()
    [1.0, 0.5]
    """
    called, positive = _called(scores, positive, threshold)
    return 2 * (called & positive).sum(-1) / (called.sum(-1) + positive.sum())


def balanced_accuracies(
    scores: Real[np.ndarray, "*series picture"],
    positive: Bool[np.ndarray, " picture"],
    threshold: float | Float[np.ndarray, "*series"] = 0.5,
) -> Float[np.ndarray, "*series"]:
    """Give the mean of the shares of positive and of other pictures that are told rightly; see `f1_scores`.

    Examples
    --------
    >>> balanced_accuracies(np.array([[0.9, 0.2, 0.1, 0.1]]), np.array([True, True, False, False])).tolist()
    [0.75]
    """
    called, positive = _called(scores, positive, threshold)
    return (called[..., positive].mean(-1) + (~called[..., ~positive]).mean(-1)) / 2


def aurocs(
    scores: Real[np.ndarray, "*series picture"], positive: Bool[np.ndarray, " picture"]
) -> Float[np.ndarray, "*series"]:
    """Give the chance that a positive picture scores higher than another one; equal scores count half.

    No threshold is part of it: a lesion that only moves all scores changes F1, and not this.

    Examples
    --------
    >>> aurocs(np.array([[0.9, 0.8, 0.8, 0.1]]), np.array([True, True, False, False])).tolist()
    [0.875]
    """
    scores, positive = _checked(scores, positive)
    hits, others = positive.sum(), (~positive).sum()
    if not scores.size:
        return np.zeros(scores.shape[:-1])
    return (rankdata(scores, axis=-1)[..., positive].sum(-1) - hits * (hits + 1) / 2) / (hits * others)


def best_thresholds(
    scores: Real[np.ndarray, "*series picture"], positive: Bool[np.ndarray, " picture"]
) -> Float[np.ndarray, "*series"]:
    """Give the threshold with the highest F1 for each series; of equal ones that which calls the fewest pictures.

    Set on validation pictures and used on test pictures, it takes back what only moves all scores.

    Returns
    -------
    array (...)
        Halfway between two scores; minus infinity where it is best to call every picture positive.

    Examples
    --------
    >>> best_thresholds(np.array([0.2, 0.15, 0.05, 0.01]), np.array([True, True, False, False]))
    array(0.1)
    """
    scores, positive = _checked(scores, positive)
    order = np.argsort(-scores, axis=-1, kind="stable")
    falling = np.take_along_axis(scores, order, -1)
    below = np.concatenate([falling[..., 1:], np.full((*scores.shape[:-1], 1), -np.inf)], -1)
    called = np.arange(1, scores.shape[-1] + 1)
    f1 = 2 * positive[order].cumsum(-1) / (called + positive.sum())
    f1[falling == below] = -1  # no threshold parts equal scores
    best = f1.argmax(-1)[..., None]
    high, low = (np.take_along_axis(each, best, -1)[..., 0] for each in (falling, below))
    middle = (high + low) / 2
    return np.where(middle < high, middle, low)  # two neighbouring numbers have nothing between them


def _called(scores: np.ndarray, positive: np.ndarray, threshold: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, positive = _checked(scores, positive)
    return scores > np.asarray(threshold, np.float64)[..., None], positive


def _checked(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, positive = np.asarray(scores, np.float64), np.asarray(positive, bool)
    if not scores.ndim or positive.shape != scores.shape[-1:] or not np.isfinite(scores).all():
        raise InputError(
            "Scores and pictures do not belong together",
            value=f"scores {scores.shape}, {int((~np.isfinite(scores)).sum())} of them not finite; {positive.shape}",
            expected="finite scores (..., picture), and for each picture whether it is positive",
            remedy="take both for the same pictures",
        )
    if positive.all() or not positive.any():
        raise InputError(
            "All pictures are of one kind",
            value=f"{int(positive.sum())} of {len(positive)} positive",
            expected="at least one positive picture and one other",
            remedy="add pictures, or split them by emotion",
        )
    return scores, positive
