from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency

from o2b_helpers.toyworld.emotions import drawn_emotions, emotion_of, no_emotions, shipped_emotions
from o2b_helpers.toyworld.truth import class_names, planted, planted_emotions
from o2b_helpers.toyworld.world import corpus_scene, write_corpus

SCENES = [corpus_scene(4, index) for index in range(500)]


def test_every_shipped_emotion_is_raised_by_two_classes_and_one_class_may_serve_two():
    emotions = shipped_emotions()
    assert 4 <= len(emotions.labels) <= 6
    assert planted_emotions().groupby("emotion")["class"].nunique().eq(2).all()
    assert {name for _, name, _ in emotions.by_pair} < set(class_names())
    assert planted_emotions()["class"].duplicated().sum() == 1


def test_the_label_is_the_emotion_that_is_raised_most_and_the_noise_is_the_scenes_own():
    emotions = shipped_emotions()
    for scene in SCENES[:100]:
        noise = np.random.default_rng([*scene.seed, planted("emotion_stream")]).normal(0, emotions.noise, 5)
        for without in (None, *scene.classes):
            sums = list(noise)
            for emotion, name, effect in emotions.by_pair:
                if name in set(scene.classes) - {without}:
                    sums[emotions.labels.index(emotion)] += effect
            assert emotion_of(scene, without=without) == emotions.labels[int(np.argmax(sums))]


def test_planted_pairs_are_raised_and_others_are_not_and_no_label_is_rare():
    labels = np.array([emotion_of(scene) for scene in SCENES])
    shown = np.array([[name in scene.classes for name in class_names()] for scene in SCENES])
    counts = pd.Series(labels).value_counts()
    assert len(counts) == 5 and counts.min() >= 40
    for emotion, name in shipped_emotions().pairs:
        has = shown[:, class_names().index(name)]
        assert (labels[has] == emotion).mean() > (labels[~has] == emotion).mean()


def test_drawn_worlds_differ_and_keep_to_the_rules():
    worlds = [drawn_emotions(seed) for seed in range(30)]
    assert len({world.by_pair for world in worlds}) == 30 and drawn_emotions(3) == drawn_emotions(3)
    for world in worlds:
        assert world.labels == shipped_emotions().labels and len(world.pairs) == len(world.by_pair) == 11
        effects = [effect for *_, effect in world.by_pair]
        assert planted("emotion_effect_low") <= min(effects) and max(effects) <= planted("emotion_effect_high")


def test_in_a_null_world_nothing_in_the_picture_shows_the_label():
    labels = pd.Series([emotion_of(scene, no_emotions()) for scene in SCENES])
    p = [chi2_contingency(pd.crosstab(labels, [name in s.classes for s in SCENES])).pvalue for name in class_names()]
    assert min(p) > 0.001 and labels.value_counts().min() > 60
    assert all(emotion_of(scene, no_emotions(), without=name) == emotion_of(scene, no_emotions())
               for scene in SCENES[:20] for name in scene.classes)  # fmt: skip


def test_emotions_change_nothing_but_their_own_column(tmp_path):
    default = pd.read_csv(write_corpus(tmp_path / "a", 12, 1))
    other = pd.read_csv(write_corpus(tmp_path / "b", 12, 1, emotions=drawn_emotions(2)))
    assert list(default["emotion"]) == [emotion_of(corpus_scene(1, index)) for index in range(12)]
    pd.testing.assert_frame_equal(default.drop(columns="emotion"), other.drop(columns="emotion"))
    for path in sorted((tmp_path / "a" / "images").iterdir()):
        assert (
            hashlib.sha256(path.read_bytes()).digest()
            == hashlib.sha256((tmp_path / "b" / "images" / path.name).read_bytes()).digest()
        )
