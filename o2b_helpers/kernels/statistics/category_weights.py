"""From class weights to the categories at either end of their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Real

from o2b_helpers.core.errors import InputError

COLUMNS = ("target", "category", "sign", "weight", "n_classes")


def category_weights(
    weights: Real[np.ndarray, "label target"],
    classes: Sequence[str],
    category: Mapping[str, str] | Callable[[str], str],
    share: float = 0.10,
    *,
    targets: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Sum the weights of the highest and of the lowest classes by category (the paper, section 3.2).

    For each target, p = max(1, round(share * classes)) classes are taken from either end of the order by weight;
    only those above 0 count as positive, only those below 0 as negative. Classes of equal weight go by name.

    Parameters
    ----------
    weights : array (class, target)
        Class weights; NaN (a class that was never detected) is neither ordered nor counted.
    classes : sequence of str
        Name of each class.
    category : mapping or callable
        Gives a class's category.
    share : float
        0..1, of the classes that have a weight; halves are rounded to the even number, as Python does.
    targets : sequence of str, optional
        Names of the targets; their positions where left out.

    Returns
    -------
    DataFrame
        target, category, sign ("positive" or "negative"), weight (the sum), n_classes (classes in the sum); by target,
        positive first, then by category name. Categories without any of these classes have no row.

    Raises
    ------
    InputError
        Shapes that do not fit, a share outside 0..1, a class without a category.

    Examples
    --------
    >>> import numpy as np
    >>> weights, category = np.array([[0.5], [0.25], [-0.5]]), {"dog": "animal", "cat": "animal", "car": "vehicle"}
    >>> by_category = category_weights(weights, ["dog", "cat", "car"], category, share=0.67)
    >>> by_category[["category", "sign", "weight", "n_classes"]].values.tolist()
    [['animal', 'positive', 0.75, 2], ['vehicle', 'negative', -0.5, 1]]
    """
    weights = np.asarray(weights, dtype=np.float64)
    names = list(range(weights.shape[1])) if targets is None else list(targets)
    if weights.shape != (len(classes), len(names)):
        raise InputError(
            "Class weights do not fit their names",
            value=f"weights {weights.shape}, {len(classes)} classes, {len(names)} targets",
            expected="(class, target)",
            remedy="hand over one name for each class and target",
        )
    if not 0 < share <= 1:
        raise InputError(
            "share is out of range", value=share, expected="above 0, at most 1", remedy="the paper's is 0.10"
        )
    categories = [_category(category, name) for name in classes]
    rows = []
    for number, target in enumerate(names):
        column = weights[:, number]
        for sign, chosen in classes_at_the_ends(column, classes, share).items():
            for name in sorted({categories[k] for k in chosen}):
                members = [k for k in chosen if categories[k] == name]
                rows.append((target, name, sign, float(column[members].sum()), len(members)))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"weight": float, "n_classes": int})


def classes_from_either_end(share: float, known: int) -> int:
    """Return how many of the classes with a weight are taken from either end of their order: at least one.

    Examples
    --------
    >>> classes_from_either_end(0.10, 80), classes_from_either_end(0.10, 3)
    (8, 1)
    """
    return max(1, round(share * known))


def classes_at_the_ends(
    column: Real[np.ndarray, " label"], classes: Sequence[str], share: float
) -> dict[str, list[int]]:
    """Choose the highest classes above 0 (``positive``) and the lowest below 0 (``negative``), the farthest first.

    Parameters
    ----------
    column : array (class,)
        Weights for one target; NaN is neither ordered nor counted.
    classes, share
        As for :func:`category_weights`.

    Examples
    --------
    >>> import numpy as np
    >>> classes_at_the_ends(np.array([3.0, -1.0, 0.5, np.nan]), ["face", "car", "tree", "sky"], 0.67)
    {'positive': [0, 2], 'negative': [1]}
    """
    known = np.flatnonzero(~np.isnan(column)).tolist()
    count = classes_from_either_end(share, len(known))
    highest = sorted(known, key=lambda k: (-column[k], classes[k]))[:count]
    lowest = sorted(known, key=lambda k: (column[k], classes[k]))[:count]
    return {"positive": [k for k in highest if column[k] > 0], "negative": [k for k in lowest if column[k] < 0]}


def _category(category: Mapping[str, str] | Callable[[str], str], name: str) -> str:
    if callable(category):
        return category(name)
    if name not in category:
        raise InputError(
            "A class has no category",
            value=name,
            expected="a category for every class with a weight",
            remedy="add the class to the table of categories",
        )
    return category[name]
