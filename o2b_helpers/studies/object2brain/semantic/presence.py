"""What the classes of objects in a picture say about its valence: a ridge regression on presence, 0 or 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from o2b_helpers.inputs.people.nested_ridge import fit_predict
from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.studies.object2brain.semantic.tables import SEMANTIC_HELD_OUT

FEWEST_PICTURES = 5  # ours: fewer pictures with a class, or without it, say too little to learn from


def presence(boxes: pd.DataFrame, images: Sequence[str] | pd.Series, classes: Sequence[str]) -> np.ndarray:
    """Mark which picture shows which class.

    Parameters
    ----------
    boxes : DataFrame
        image, class; other pictures and classes count for nothing.
    images, classes : sequence of str
        In order.

    Returns
    -------
    array (picture, class)
        1 where the picture has at least one box of the class, else 0.

    Examples
    --------
    >>> boxes = pd.DataFrame({"image": ["a.png", "a.png", "b.png"], "class": ["Bus", "Bus", "Rose"]})
    >>> presence(boxes, ["a.png", "b.png", "c.png"], ["Bus", "Rose"]).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    counts = boxes.groupby(["image", "class"]).size().unstack(fill_value=0)
    return counts.reindex(index=list(images), columns=list(classes), fill_value=0).to_numpy(dtype=np.float64).clip(0, 1)


def learnable(known: np.ndarray) -> np.ndarray:
    """Name the classes (columns) that enough pictures show and enough do not: places in presence (picture, class).

    Examples
    --------
    >>> learnable(np.repeat([[1, 1], [1, 0]], [7, 5], axis=0)).tolist()  # the first class is in every picture
    [1]
    """
    return np.flatnonzero(np.minimum(known.sum(0), (1 - known).sum(0)) >= FEWEST_PICTURES)


def predicted(known: np.ndarray, labels: np.ndarray, shown: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Learn labels from presence by ridge regression, and predict other pictures.

    Parameters
    ----------
    known : array (picture, class)
        Presence of classes in the pictures to learn from; they may have none.
    labels : array (picture,)
        What is learned.
    shown : array (other picture, class)
        Presence in the pictures to predict.
    penalties : array
        Candidates in rising order; that with the smallest leave-one-out error is taken.

    Returns
    -------
    array (other picture,)
        Pictures that show the same classes get the very same number, so that their ranks are tied. The mean label
        without any class.
    """
    if not known.shape[1]:
        return np.full(len(shown), labels.mean())
    patterns, place = np.unique(shown, axis=0, return_inverse=True)
    return (labels.mean() + fit_predict(known, labels, patterns, penalties))[place.reshape(-1)]


def held_out_scores(
    known: np.ndarray, labels: np.ndarray, ratings: np.ndarray, splits: np.ndarray, penalties: np.ndarray
) -> pd.DataFrame:
    """Say how well presence predicts corpus pictures that were not learned from.

    Parameters
    ----------
    known, labels, penalties
        As for :func:`predicted`.
    ratings : array (picture,)
        The valence that rho is with.
    splits : array (run, picture) of bool
        True where a picture is held out.

    Returns
    -------
    DataFrame
        The columns of ``semantic_held_out.csv``.
    """
    rows = []
    for run, test in enumerate(splits):
        guess, own = predicted(known[~test], labels[~test], known[test], penalties), labels[test]
        spread = ((own - own.mean()) ** 2).sum()
        r2 = 1 - ((own - guess) ** 2).sum() / spread if spread > 0 else np.nan
        rows.append((run, int((~test).sum()), int(test.sum()), r2, rank_correlation(guess, ratings[test][None])[0]))
    return pd.DataFrame(rows, columns=SEMANTIC_HELD_OUT.names)
