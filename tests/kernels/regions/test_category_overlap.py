from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.regions.category_overlap import category_overlap


def table(rows):
    return pd.DataFrame(rows, columns=["image", "category", "x0", "y0", "x1", "y1"])


def plain(detections, size=60):
    """Draw every category's union on a grid of pixels, for boxes at whole pixels."""
    names = sorted(detections["category"].unique())
    shares = {(a, b): [] for a in names for b in names}
    for _, place in detections.groupby("image"):
        drawn = {}
        for row in place.itertuples():
            canvas = drawn.setdefault(row.category, np.zeros((size, size), dtype=bool))
            canvas[row.y0 : row.y1, row.x0 : row.x1] = True
        for a in drawn:
            for b in drawn:
                shares[a, b].append((drawn[a] & drawn[b]).sum() / drawn[a].sum())
    return {pair: np.mean(result) if result else np.nan for pair, result in shares.items()}


def test_equals_drawing():
    rng = np.random.default_rng(0)
    rows = []
    for image in range(6):
        for _ in range(rng.integers(1, 12)):
            x0, y0 = rng.integers(0, 55, 2)
            category = rng.choice(["Human", "Nature", "Places", "Sports"], p=[0.5, 0.3, 0.15, 0.05])
            rows.append((f"{image}.png", category, x0, y0, rng.integers(x0 + 1, 60), rng.integers(y0 + 1, 60)))
    rows.append(("alone.png", "Drink", 1, 1, 5, 5))  # meets no other category
    rows.append(rows[0])  # the same box twice
    detections = table(rows)
    wanted = plain(detections)
    result = category_overlap(detections.sample(frac=1, random_state=0))
    assert list(result.columns) == ["category_a", "category_b", "overlap"] and len(result) == 25
    for row in result.itertuples():
        assert row.overlap == pytest.approx(wanted[row.category_a, row.category_b], abs=1e-12, nan_ok=True)
    assert (result.loc[result.category_a == result.category_b, "overlap"] == 1).all()


def test_fractions_of_pixels_are_exact():
    result = category_overlap(table([("i", "A", 0, 0, 1, 1), ("i", "B", 0.25, 0.5, 3.25, 1.0)]))
    value = result.set_index(["category_a", "category_b"])["overlap"]
    assert value["A", "B"] == 0.375 and value["B", "A"] == 0.25


def test_boxes_without_area_show_nothing():
    result = category_overlap(table([("i", "A", 0, 0, 5, 5), ("i", "B", 2, 2, 2, 4)]))
    assert result.values.tolist() == [["A", "A", 1.0]]
    assert category_overlap(table([])).empty


def test_refuses_bad_tables():
    with pytest.raises(InputError, match="lack columns"):
        category_overlap(table([]).drop(columns="category"))
    with pytest.raises(InputError, match="not finite"):
        category_overlap(table([("i", "A", 0, 0, np.nan, 5)]))
