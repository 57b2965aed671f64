"""From class weights to the categories at either end of their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks

COLUMNS = ("target", "category", "sign", "weight", "n_classes")
STATISTICS = ("mean", "sum")
MEMBERS = ("chosen", "all")


def category_weights(
    weights: Real[np.ndarray, "label target"],
    classes: Sequence[str],
    category: Mapping[str, str] | Callable[[str], str],
    share: float = 0.10,
    *,
    statistic: str = "mean",
    members: str = "chosen",
    targets: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Average (or sum) the weights of the highest and of the lowest classes by category (the paper, section 3.2).

    For each target, p = max(1, round(share * classes)) classes are taken from either end of the order by weight,
    whatever their sign. Classes of equal weight go by name; a class stands at one end only.

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
    statistic : {"mean", "sum"}
        What is made of the members' weights.
    members : {"chosen", "all"}
        Whose weights: the category's classes among those taken from this end, or all its classes that have a weight.
    targets : sequence of str, optional
        Names of the targets; their positions where left out.

    Returns
    -------
    DataFrame
        target, category, sign ("positive": highest weights, "negative": lowest), weight, n_classes (classes whose
        weights are averaged or summed); by target, highest first, then by category name. A category without a class
        at an end has no row there.

    Raises
    ------
    InputError
        Shapes that do not fit, a share outside 0..1, a class without a category.
    ParameterError
        An unknown statistic or kind of members.

    Examples
    --------
    >>> import numpy as np
    >>> weights, category = np.array([[0.5], [0.25], [-0.5]]), {"dog": "animal", "cat": "animal", "car": "vehicle"}
    >>> by_category = category_weights(weights, ["dog", "cat", "car"], category, share=0.67)
    >>> by_category[["category", "sign", "weight", "n_classes"]].values.tolist()
    [['animal', 'positive', 0.375, 2], ['vehicle', 'negative', -0.5, 1]]
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
    checks.choice("statistic", statistic, STATISTICS)
    categories = [_category(category, name) for name in classes]
    rows = []
    for number, target in enumerate(names):
        column = weights[:, number]
        for sign, by_category in categories_at_the_ends(column, classes, categories, share, members).items():
            for name, own in by_category.items():
                total = column[own].sum()
                rows.append((target, name, sign, float(total / len(own) if statistic == "mean" else total), len(own)))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"weight": float, "n_classes": int})


def categories_at_the_ends(
    column: Real[np.ndarray, " label"],
    classes: Sequence[str],
    categories: Sequence[str],
    share: float,
    members: str = "chosen",
) -> dict[str, dict[str, list[int]]]:
    """Return whose weights make the category weights of a target: by end, by category, the classes' positions.

    Parameters
    ----------
    column : array (class,)
        Weights for one target; NaN is neither ordered nor counted.
    classes, categories : sequence of str
        Name and category of each class.
    share, members
        As for :func:`category_weights`.

    Examples
    --------
    >>> import numpy as np
    >>> weights, classes = np.array([3.0, -1.0, 0.5]), ["dog", "car", "cat"]
    >>> categories_at_the_ends(weights, classes, ["animal", "vehicle", "animal"], 0.3, "all")
    {'positive': {'animal': [0, 2]}, 'negative': {'vehicle': [1]}}
    """
    checks.choice("members", members, MEMBERS)
    known = ~np.isnan(column)
    ends = {}
    for sign, chosen in classes_at_the_ends(column, classes, share).items():
        own = chosen if members == "chosen" else np.flatnonzero(known).tolist()
        names = sorted({categories[k] for k in chosen})
        ends[sign] = {name: [k for k in own if categories[k] == name] for name in names}
    return ends


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
    """Choose the highest classes (``positive``) and the lowest (``negative``) whatever their sign, farthest first.

    Where there are too few classes for both ends, the lowest are chosen among those that are not among the highest.

    Parameters
    ----------
    column : array (class,)
        Weights for one target; NaN is neither ordered nor counted.
    classes, share
        As for :func:`category_weights`.

    Examples
    --------
    >>> import numpy as np
    >>> classes_at_the_ends(np.array([3.0, 1.0, 0.5, 0.2, np.nan]), ["face", "car", "tree", "sun", "sky"], 0.5)
    {'positive': [0, 1], 'negative': [3, 2]}
    """
    known = np.flatnonzero(~np.isnan(column)).tolist()
    count = classes_from_either_end(share, len(known))
    highest = sorted(known, key=lambda k: (-column[k], classes[k]))[:count]
    rest = set(known) - set(highest)
    return {"positive": highest, "negative": sorted(rest, key=lambda k: (column[k], classes[k]))[:count]}


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
