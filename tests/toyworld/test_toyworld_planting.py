from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.toyworld import scenes
from o2b_helpers.toyworld.people import write_human
from o2b_helpers.toyworld.planting import drawn_effects, no_effects
from o2b_helpers.toyworld.truth import class_names, planted, truth
from o2b_helpers.toyworld.valence import Effects, shipped_effects
from o2b_helpers.toyworld.world import corpus_scene, write_corpus, write_stimuli

SEEDS = range(100, 140)


def _table(effects: Effects) -> np.ndarray:
    assert [row[0] for row in effects.by_class] == list(class_names())
    return np.array([row[1:] for row in effects.by_class])


def _digests(folder) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _write(folder, seed, effects=None):
    write_corpus(folder / "corpus", 12, seed, effects)
    write_stimuli(folder / "stimuli", seed, effects)
    write_human(folder / "human", seed, effects)
    return _digests(folder)


def test_the_shipped_effects_are_those_of_the_table():
    assert (_table(shipped_effects()) == truth()[["people_effect", "scene_effect"]].to_numpy()).all()
    assert shipped_effects().noise == planted("valence_noise")


def test_the_shipped_world_is_the_one_without_effects_of_its_own_and_the_same_as_ever(tmp_path):
    default = _write(tmp_path / "default", 1)
    assert _write(tmp_path / "passed", 1, shipped_effects()) == default
    # the columns of emotions and arousal are newer: without them the table is, byte for byte, what it was
    table = pd.read_csv(tmp_path / "default" / "corpus" / "corpus.csv", dtype=str)
    text = table.drop(columns=["emotion", "arousal"]).to_csv(index=False, lineterminator="\n")
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert digest == "36684e6e12aa0110f2f87f43d0690c17a442d3a17e007004ce22d12a0a67161a"
    assert default["stimuli/stimuli.csv"] == "9fac381ee32dd1c48baaf637bcdccbf514876132cc490b2575017880ea0e2064"


def test_the_corpus_of_another_world_shows_the_same_pictures_and_means_another_valence(tmp_path):
    effects = drawn_effects(5)
    default, other = _write(tmp_path / "default", 1), _write(tmp_path / "other", 1, effects)
    pictures = [name for name in default if name.startswith("corpus/images")]
    assert len(pictures) == 12 and all(default[name] == other[name] for name in pictures)
    assert default["corpus/objects.csv"] == other["corpus/objects.csv"]
    assert default["corpus/corpus.csv"] != other["corpus/corpus.csv"]
    assert default["human/ratings.csv"] != other["human/ratings.csv"]


def test_drawn_effects_differ_in_which_classes_matter_and_how_strongly():
    tables = [_table(drawn_effects(seed)) for seed in SEEDS]
    for table in tables:
        matters = table != 0
        assert (~matters.any(1)).sum() >= planted("idle_classes")
        for side in (0, 1):
            positive, negative = (table[:, side] > 0).sum(), (table[:, side] < 0).sum()
            assert positive == negative and positive in (2, 3)
        sizes = np.abs(table[matters])
        assert sizes.min() >= planted("effect_low") and sizes.max() <= planted("effect_high")
        assert (np.abs(table).max(0) >= planted("stimulus_margin")).all()
    assert len({table.tobytes() for table in tables}) == len(tables)
    assert (np.array([table != 0 for table in tables]).any((0, 2))).all()  # every class matters in some world
    assert any((table != 0).all(1).any() for table in tables)  # and some classes for both
    assert drawn_effects(7) == drawn_effects(7)


def test_ratings_of_a_world_follow_its_own_effects():
    effects = drawn_effects(3)
    result = [corpus_scene(3, index, effects) for index in range(600)]
    shown = np.array([[name in scene.classes for name in class_names()] for scene in result], dtype=float)
    design = np.column_stack([np.ones(len(shown)), shown])
    for side, kind in enumerate(("people", "scene")):
        valence = [getattr(scene.valence(), kind) for scene in result]
        assert np.abs(np.linalg.lstsq(design, valence, rcond=None)[0][1:] - _table(effects)[:, side]).max() < 0.15
    for scene in result[:20]:
        for name in scene.classes:
            change = scene.valence().people - scene.valence(without=name).people
            assert change == pytest.approx(dict(zip(class_names(), _table(effects)[:, 0], strict=True))[name], abs=1e-9)


def test_in_a_null_world_the_cells_of_the_stimuli_come_from_noise(tmp_path):
    table = pd.read_csv(write_stimuli(tmp_path, 1, no_effects()))
    assert (table.groupby(["people_sign", "scene_sign"]).size() == 12).all()
    for side in ("people", "scene"):
        assert (np.sign(table[f"{side}_valence"]) == table[f"{side}_sign"]).all()
    result = [corpus_scene(1, index, no_effects()) for index in range(400)]
    valence = np.array([scene.valence().image for scene in result])
    assert np.std(valence) == pytest.approx(planted("null_noise") / np.sqrt(2), rel=0.15)
    for scene in result[:20]:
        assert {scene.valence(without=name) for name in scene.classes} == {scene.valence()}


def test_signs_that_no_effects_can_give_are_an_error(monkeypatch):
    monkeypatch.setattr(scenes, "MOST_DRAWS", 30)  # the rule is the same, the wait is shorter
    only_pleasant = Effects((("Boy", 2.0, 2.0),), 0.0)
    with pytest.raises(InputError, match="people -1, scene \\+1"):
        scenes.draw_scene(1, -1, 1, only_pleasant)
