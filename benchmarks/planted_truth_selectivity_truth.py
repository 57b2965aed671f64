"""Which filters truly answer to the emotions of a toy world: by its classes, in pictures that no world has."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import torch

from o2b_helpers.inputs.corpora.rating_scale import scaled_ratings
from o2b_helpers.kernels.selectivity.responses import mean_responses
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.studies.selectivity.emotions import by_thresholds
from o2b_helpers.studies.selectivity.found import Found
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import Layers
from o2b_helpers.toyworld.backgrounds import PAINTED
from o2b_helpers.toyworld.planting import drawn_effects
from o2b_helpers.toyworld.scenes import Scene, render
from o2b_helpers.toyworld.truth import class_names, planted
from o2b_helpers.toyworld.world import corpus_scene

SEED, MANY = 590, 1000  # pictures in each style
THRESHOLDS, RANGE = (4.3, 6.0), (-3.0, 3.0)
TRULY = 0.1  # standard deviations of the filter's responses: less is next to nothing


def true_filters(found: Found, seed: int, layers: Layers) -> pd.DataFrame:
    """Say of each filter what was found and what is true, for each emotion.

    Returns
    -------
    DataFrame [layer, channel, emotion, called, index, effect, truly]
        `called`: emotion-selective; `index`: the smaller d' of both sets; `effect`: by how much the classes of the
        emotion's pictures raise its response above that to the others, in standard deviations, the smaller one of both
        styles; `truly`: the effect is the largest of the three emotions in both styles, and no trifle.
    """
    effects = np.stack([_effects(seed, tuple(layers.names), number) for number in (0, 1)])  # (style, emotion, filter)
    largest = (effects.argmax(1) == effects[0].argmax(0)).all(0) & (effects.argmax(1)[0] == np.arange(3)[:, None])
    index = np.full(found.emotion_selective.shape, np.nan)
    index[:, ~found.constant] = np.minimum(*found.separations)
    frames = [
        pd.DataFrame(
            {
                "layer": layers.layer, "channel": layers.channel, "emotion": emotion,
                "called": found.emotion_selective[kind], "index": index[kind], "effect": effects.min(0)[kind],
                "truly": largest[kind] & (effects.min(0)[kind] > TRULY),
            }
        )
        for kind, emotion in enumerate(EMOTIONS)
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True).dropna(subset="index")


def _effects(seed: int, layers: tuple[str, ...], style: int) -> np.ndarray:
    """Return by how much classes make a filter respond more to an emotion's pictures, (emotion, filter)."""
    shown, answers = _answers(layers)[style]
    labels = _emotions(seed)
    means = np.stack([(shown[labels == emotion] @ answers).mean(0) for emotion in EMOTIONS])
    return means - (means.sum(0) - means) / 2


@cache
def _emotions(seed: int) -> np.ndarray:
    """Return the emotion of each of the pictures in the world of this seed."""
    effects, names = drawn_effects(seed), class_names()
    of_class = {name: (people + scene) / 2 for name, people, scene in effects.by_class}
    shown = _shown() @ np.array([of_class.get(name, 0.0) for name in names])
    noise = np.array([(scene.people_noise + scene.scene_noise) / 2 for scene in _scenes()])
    limit = planted("valence_limit")
    return by_thresholds(scaled_ratings(np.rint(shown + noise).clip(-limit, limit), RANGE), THRESHOLDS)


@cache
def _scenes() -> tuple[Scene, ...]:
    return tuple(corpus_scene(SEED, index) for index in range(MANY))


@cache
def _shown() -> np.ndarray:
    """Say which classes each picture shows, (picture, class)."""
    return np.array([[name in scene.classes for name in class_names()] for scene in _scenes()], dtype=np.float64)


@cache
def _answers(layers: tuple[str, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return, for each style, the classes shown and what each adds to a filter's response, (class, filter)."""
    backbone, result = load_backbone("toynet", "toyworld"), []
    preprocessing = replace(backbone.preprocessing, grey=True)
    for style in (PAINTED, "printed"):
        pictures = [render(scene, style=style) for scene in _scenes()]
        rows = [
            mean_responses(backbone, torch.stack([preprocessing(own) for own in pictures[start : start + 50]]), layers)
            for start in range(0, MANY, 50)
        ]
        responses = torch.cat(rows).double().numpy()
        spread = np.where(responses.std(0) > 0, responses.std(0), 1.0)
        standard = (responses - responses.mean(0)) / spread
        design = np.column_stack([np.ones(MANY), _shown()])
        result.append((_shown(), np.linalg.lstsq(design, standard, rcond=None)[0][1:]))
    return result
