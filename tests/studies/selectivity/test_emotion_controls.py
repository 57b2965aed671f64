"""Controls: emotions that light tells, emotions that nothing tells, and categories that are too rare."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from o2b_helpers.kernels.selectivity.two_way_anova import two_way_anova
from o2b_helpers.studies.selectivity.controls.categories import category_rows
from o2b_helpers.studies.selectivity.controls.low_level import low_level_rows
from o2b_helpers.studies.selectivity.image_sets import split_set
from o2b_helpers.studies.selectivity.responses import Layers


@pytest.fixture(scope="module")
def pictures():
    number = np.arange(150) % 3
    table = pd.DataFrame({"image": number.astype(str), "number": number, "pixels": np.arange(150).astype(str)})
    return number, split_set(table, 3, 0)["part"].to_numpy().reshape(3, -1)


def test_an_emotion_that_a_feature_tells_is_told_and_others_are_not(pictures):
    number, parts = pictures
    features = np.random.default_rng(0).normal(size=(150, 4))
    features[:, 2] += 8 * (number == 2)
    rows = low_level_rows(features, number, parts)
    assert len(rows) == 9 and (rows["learned"] + rows["tested"] == 150).all()
    told = rows.groupby("emotion")["auroc"].mean()
    assert told["pleasant"] > 0.99 and rows[rows["emotion"] == "pleasant"]["f1"].min() > 0.9
    assert abs(low_level_rows(features[:, :2], number, parts)["auroc"].mean() - 0.5) < 0.1
    share = np.array([(number[own == "test"] == 0).mean() for own in parts])
    np.testing.assert_allclose(rows[rows["emotion"] == "unpleasant"]["f1_always"], 2 * share / (1 + share))


def test_rare_categories_constant_filters_and_unknown_pictures_are_left_out(pictures):
    number, _ = pictures
    rng = np.random.default_rng(1)
    categories = pd.Series(np.array(["person", "animal", "place"], dtype=object)[rng.integers(0, 3, 150)])
    categories[:4], categories[4:7] = None, "rare"
    responses = rng.normal(size=(150, 3)) + (categories == "person").to_numpy()[:, None]
    responses[:, 1] = 0
    layers, kept = Layers({"a": 2, "b": 1}), np.array([True, False, True])
    rows = category_rows(responses, number, categories, layers, kept)
    assert rows[["layer", "channel", "pictures", "categories"]].values.tolist() == [["a", 0, 143, 3], ["b", 0, 143, 3]]
    known = two_way_anova(responses[7:][:, kept], number[7:], pd.factorize(categories[7:])[0])
    np.testing.assert_allclose(rows["f_category"], known.f[1], rtol=1e-9)
    assert (rows["q_category"] < 0.05).all() and (rows["q_emotion"] > 0.05).all()
    assert category_rows(responses, number, categories.where(categories == "person"), layers, kept) is None
