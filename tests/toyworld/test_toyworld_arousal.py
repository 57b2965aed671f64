"""Arousal of the toy world: what is planted is what a regression finds, and nothing else of the world changes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from o2b_helpers.toyworld.emotions import arousal_of
from o2b_helpers.toyworld.truth import class_names, planted, planted_arousal, truth
from o2b_helpers.toyworld.world import corpus_scene, write_corpus

SCENES = [corpus_scene(1, index) for index in range(600)]


def test_classes_of_several_categories_raise_and_lower_arousal_unlike_valence():
    table = planted_arousal().merge(truth().drop(columns="category"), on="class")
    assert len(table) == len(planted_arousal()) and set(np.sign(table["effect"])) == {-1.0, 1.0}
    assert table.merge(truth())["category"].nunique() >= 5
    valence = table["people_effect"] + table["scene_effect"]
    assert (np.sign(valence) != np.sign(table["effect"])).any() and (np.sign(valence) == np.sign(table["effect"])).any()


def test_a_regression_on_the_classes_finds_the_planted_effects():
    shown = np.array([[1.0, *(name in scene.classes for name in class_names())] for scene in SCENES])
    arousal = np.array([arousal_of(scene) for scene in SCENES])
    inside = np.abs(arousal) < planted("arousal_limit")
    found = np.linalg.lstsq(shown[inside], arousal[inside], rcond=None)[0][1:]
    effects = planted_arousal().set_index("class")["effect"].reindex(class_names()).fillna(0.0)
    assert np.abs(found - effects.to_numpy()).max() < 0.15
    assert 0.0 < 1 - inside.mean() < 0.1 and np.abs(arousal).max() == planted("arousal_limit")


def test_without_a_class_arousal_moves_by_its_effect():
    effects = planted_arousal().set_index("class")["effect"]
    moved = 0
    for scene in SCENES[:50]:
        for name in scene.classes:
            change = arousal_of(scene) - arousal_of(scene, without=name)
            if max(abs(arousal_of(scene)), abs(arousal_of(scene, without=name))) < planted("arousal_limit"):
                assert np.isclose(change, effects.get(name, 0.0))
                moved += name in effects
    assert moved > 20


def test_the_corpus_table_has_arousal_and_is_the_same_each_time(tmp_path):
    first, again = (pd.read_csv(write_corpus(tmp_path / name, 10, 1)) for name in ("a", "b"))
    pd.testing.assert_frame_equal(first, again)
    assert first["arousal"].tolist() == [arousal_of(scene) for scene in SCENES[:10]]
