"""From filters to objects: class weights, and the categories at either end of their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from o2b_helpers.errors import InputError

COLUMNS = ("target", "category", "sign", "weight", "n_classes")


def object_weights(
    score_sum: np.ndarray, box_count: np.ndarray, delta: np.ndarray, layer: np.ndarray
) -> dict[str, np.ndarray]:
    """Weigh every class for every target by the layer's filters: w = S' Delta (the paper, section 3.2).

    Parameters
    ----------
    score_sum : array (run, filter, class)
        Sums of box scores.
    box_count : array (class,)
        Boxes behind each sum; S = score_sum / box_count.
    delta : array (run, filter, target)
        Alignment of the whole model minus that without the filter.
    layer : array (filter,)
        Layer of each filter.

    Returns
    -------
    dict of layer to array (run, class, target)
        float64, in order of the layers' first filters. A class without any box is NaN, and so is a target for which
        delta is NaN for any filter of the layer (no alignment: constant predictions or labels).

    Raises
    ------
    InputError
        Shapes that do not fit.
    """
    score_sum, delta = np.asarray(score_sum, dtype=np.float64), np.asarray(delta, dtype=np.float64)
    box_count, layer = np.asarray(box_count), np.asarray(layer)
    fits = score_sum.ndim == 3 and delta.ndim == 3 and score_sum.shape[:2] == delta.shape[:2]
    if not fits or box_count.shape != score_sum.shape[2:] or layer.shape != score_sum.shape[1:2]:
        raise InputError(
            "Filter scores and lesion effects do not fit",
            value=f"score_sum {score_sum.shape}, box_count {box_count.shape}, delta {delta.shape}, layer {layer.shape}",
            expected="(run, filter, class), (class,), (run, filter, target), (filter,)",
            remedy="take both from the same architecture and profile",
        )
    count = np.where(box_count > 0, box_count.astype(np.float64), np.nan)
    weights = {}
    for name in dict.fromkeys(layer.tolist()):
        filters = layer == name
        mean = score_sum[:, filters] / count
        with np.errstate(invalid="ignore"):
            weights[name] = mean.transpose(0, 2, 1) @ delta[:, filters]
    return weights


def category_weights(
    weights: np.ndarray,
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
        known = np.flatnonzero(~np.isnan(column))
        if not len(known):
            continue
        p = max(1, round(share * len(known)))
        highest = sorted(known, key=lambda k: (-column[k], classes[k]))[:p]
        lowest = sorted(known, key=lambda k: (column[k], classes[k]))[:p]
        for sign, chosen in (
            ("positive", [k for k in highest if column[k] > 0]),
            ("negative", [k for k in lowest if column[k] < 0]),
        ):
            for name in sorted({categories[k] for k in chosen}):
                members = [k for k in chosen if categories[k] == name]
                rows.append((target, name, sign, float(column[members].sum()), len(members)))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"weight": float, "n_classes": int})


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
