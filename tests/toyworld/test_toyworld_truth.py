from __future__ import annotations

import numpy as np
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.open_images import category_of
from o2b_helpers.toyworld.scenes import draw_scene
from o2b_helpers.toyworld.truth import class_names, planted, planted_regions, truth


def test_classes_are_open_images_classes_in_their_categories():
    table = truth()
    assert 12 <= len(table) <= 16 and table["class"].is_unique
    assert table["category"].nunique() >= 6
    for name, category in zip(table["class"], table["category"], strict=True):
        assert category_of(name) == category


def test_effects_of_every_sign_are_planted():
    table = truth()
    for column in ("people_effect", "scene_effect"):
        assert set(np.sign(table[column])) == {-1.0, 0.0, 1.0}
    assert ((table["people_effect"] == 0) & (table["scene_effect"] == 0)).any()


def test_classes_appear_as_often_as_planted():
    table = truth()
    count = 1200
    scenes = [draw_scene((3, 3, index)).classes for index in range(count)]
    for name, category, probability in zip(table["class"], table["category"], table["probability"], strict=True):
        if category != "Human":  # people are shown more often, because every image shows at least one
            share = np.mean([name in classes for classes in scenes])
            assert abs(share - probability) < 4 * np.sqrt(probability * (1 - probability) / count)


def test_low_level_regions_follow_the_scene_only_and_the_others_both():
    regions = planted_regions()
    low = regions.query("region == 'LLR'")
    assert list(low["roi"]) == ["V1", "V2", "V3", "V4"]
    assert (low["people_loading"] == 0).all() and (low["scene_loading"] > 0).all()
    for _, rows in regions[regions["region"] != "LLR"].groupby("region"):
        assert rows["people_loading"].max() > 0.5 and rows["scene_loading"].max() > 0.5


def test_the_table_cannot_be_changed_by_a_reader():
    table = truth()
    table.loc[0, "people_effect"] = 99.0
    assert truth().loc[0, "people_effect"] != 99.0


def test_planted_numbers():
    assert planted("annotators") == 50 and planted("subjects") == 22 and planted("stimuli_per_cell") == 12
    assert isinstance(planted("annotators"), int) and isinstance(planted("annotator_noise"), float | int)
    with pytest.raises(InputError, match="annotator_noise"):
        planted("anotator_noise")
    assert len(class_names()) == len(truth())
