"""How much the boxes of one category lie on those of another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError

COLUMNS = ("category_a", "category_b", "overlap")
NEEDED = ("image", "category", "x0", "y0", "x1", "y1")


def category_overlap(detections: pd.DataFrame) -> pd.DataFrame:
    """Average, over the images that show both, the share of category a's area that category b covers.

    The area of a category is that of the union of its boxes in the image; shares are exact (figure 5 of the paper).

    Parameters
    ----------
    detections : DataFrame
        image, category, x0, y0, x1, y1 in pixels, one row for each box; boxes without area are left out.

    Returns
    -------
    DataFrame
        category_a, category_b, overlap (0..1; 1 where a is b; NaN where no image shows both), every pair of
        categories that have a box, by name.

    Raises
    ------
    InputError
        Missing columns, or corners that are not finite.

    Examples
    --------
    >>> import pandas as pd
    >>> boxes = [("a.jpg", "person", 0, 0, 2, 2), ("a.jpg", "dog", 0, 0, 1, 2)]
    >>> detections = pd.DataFrame(boxes, columns=["image", "category", "x0", "y0", "x1", "y1"])
    >>> category_overlap(detections).values.tolist()
    [['dog', 'dog', 1.0], ['dog', 'person', 1.0], ['person', 'dog', 0.5], ['person', 'person', 1.0]]
    """
    missing = [name for name in NEEDED if name not in detections]
    if missing:
        raise InputError(
            "Detections lack columns",
            value=", ".join(missing),
            expected=", ".join(NEEDED),
            remedy="add them; the category follows from the class",
        )
    corners = detections[["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64)
    if not np.isfinite(corners).all():
        raise InputError(
            "Boxes have corners that are not finite",
            value=f"{int((~np.isfinite(corners)).any(1).sum())} boxes",
            expected="finite pixel coordinates",
            remedy="detect again, or leave these boxes out",
        )
    real = (corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1])
    boxes = detections.loc[real, ["image", "category"]].assign(row=np.flatnonzero(real))
    names = sorted(boxes["category"].unique())
    code = {name: number for number, name in enumerate(names)}
    total, together = np.zeros((len(names), len(names))), np.zeros((len(names), len(names)), dtype=np.int64)
    for _, of_image in boxes.groupby("image", sort=True):
        present = sorted(of_image["category"].map(code).unique())
        shown = of_image["category"].map(code).to_numpy()
        common = _common_areas(corners[of_image["row"]], np.searchsorted(present, shown), len(present))
        pairs = np.ix_(present, present)
        total[pairs] += common / np.diag(common)[:, None]
        together[pairs] += 1
    overlap = np.where(together > 0, total / np.maximum(together, 1), np.nan)
    rows = [(a, b, overlap[code[a], code[b]]) for a in names for b in names]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"overlap": float})


def _common_areas(corners: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    """Area that the unions of two groups' boxes share, (group, group), by coordinate compression.

    The edges of all boxes cut the image into a grid; every cell lies wholly inside or outside of each box.
    """
    x, y = np.unique(corners[:, [0, 2]]), np.unique(corners[:, [1, 3]])
    inside = np.zeros((count, len(y) - 1, len(x) - 1), dtype=bool)
    for (x0, y0, x1, y1), group in zip(corners, owner, strict=True):
        columns, rows = np.searchsorted(x, [x0, x1]), np.searchsorted(y, [y0, y1])
        inside[group, rows[0] : rows[1], columns[0] : columns[1]] = True
    area = (np.diff(y)[:, None] * np.diff(x)).ravel()
    cells = inside.reshape(count, -1)
    return (cells * area) @ cells.T.astype(np.float64)
