"""The emotion that an image is labelled with, and its arousal: what its classes add up to, and the rest is noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from o2b_helpers.toyworld.scenes import Scene
from o2b_helpers.toyworld.truth import class_names, planted, planted_arousal, planted_emotions


@dataclass(frozen=True)
class Emotions:
    """What raises the emotions of one world.

    Attributes
    ----------
    labels
        The emotions, in the order of the truth table.
    by_pair
        (emotion, class, effect): added to the emotion where the class is shown at least once.
    noise
        Standard deviation of what the classes do not explain, for each emotion.
    """

    labels: tuple[str, ...]
    by_pair: tuple[tuple[str, str, float], ...]
    noise: float

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """The planted pairs of an emotion and a class that raises it."""
        return frozenset((emotion, name) for emotion, name, _ in self.by_pair)


@cache
def shipped_emotions() -> Emotions:
    """Return the emotions of the table that ships with the package: the world of the demo."""
    table = planted_emotions()
    pairs = tuple(table.itertuples(index=False, name=None))
    return Emotions(tuple(dict.fromkeys(table["emotion"])), pairs, planted("emotion_noise"))


def drawn_emotions(seed: int) -> Emotions:
    """Draw which classes raise which emotion, and how strongly.

    Parameters
    ----------
    seed
        Seed of the world; the same seed gives the same emotions.

    Returns
    -------
    Emotions
        The emotions of the shipped world. Each is raised by two classes of its own; one of these classes raises a
        second emotion as well. Effects lie between the planted ``emotion_effect_low`` and ``emotion_effect_high``.
    """
    rng = np.random.default_rng([seed, planted("emotion_effects_stream")])
    labels, names = shipped_emotions().labels, class_names()
    chosen = [names[number] for number in rng.permutation(len(names))[: 2 * len(labels)]]
    pairs = [(label, name) for label, two in zip(labels, zip(chosen[::2], chosen[1::2], strict=True), strict=True)
             for name in two]  # fmt: skip
    first, second = (labels[number] for number in rng.permutation(len(labels))[:2])
    pairs.append((second, next(name for label, name in pairs if label == first)))
    effects = rng.uniform(planted("emotion_effect_low"), planted("emotion_effect_high"), len(pairs))
    by_pair = tuple((*pair, float(effect)) for pair, effect in zip(pairs, effects, strict=True))
    return Emotions(labels, by_pair, planted("emotion_noise"))


def no_emotions() -> Emotions:
    """Return the emotions of a null world: no class raises any, labels are noise that nothing in the picture shows."""
    return Emotions(shipped_emotions().labels, (), planted("emotion_noise"))


def emotion_of(scene: Scene, emotions: Emotions | None = None, without: str | None = None) -> str:
    """Return the emotion that a scene is labelled with: the one that is raised most.

    Parameters
    ----------
    scene
        The scene. What its classes do not explain is drawn from a stream of its own, ``[*scene.seed, emotion_stream]``,
        so that pictures, valence and all other numbers are the same whatever the emotions are.
    emotions
        Emotions of the world; those of the shipped table where left out.
    without
        A class that is left out; the noise stays the same.

    Examples
    --------
    >>> from o2b_helpers.toyworld.world import corpus_scene
    >>> scene = corpus_scene(seed=1, index=0)
    >>> emotion_of(scene) in shipped_emotions().labels
    True
    """
    emotions = shipped_emotions() if emotions is None else emotions
    rng = np.random.default_rng([*scene.seed, planted("emotion_stream")])
    raised = dict(zip(emotions.labels, rng.normal(0.0, emotions.noise, len(emotions.labels)), strict=True))
    for emotion, name, effect in emotions.by_pair:
        if name in scene.classes and name != without:
            raised[emotion] += effect
    return max(raised, key=lambda emotion: raised[emotion])


def emotions_of(scenes: Sequence[Scene], emotions: Emotions | None = None) -> list[str]:
    """Return the emotion of each of several scenes."""
    return [emotion_of(scene, emotions) for scene in scenes]


@cache
def arousal_effects() -> Mapping[str, float]:
    """Return what each class that moves arousal adds to it, in units of the scale -3..3."""
    table = planted_arousal()
    return dict(zip(table["class"], table["effect"], strict=True))


def arousal_of(scene: Scene, without: str | None = None) -> float:
    """Return the arousal that a scene is rated with, -3..3, unrounded.

    Parameters
    ----------
    scene
        The scene. What its classes do not explain is drawn from a stream of its own, ``[*scene.seed, arousal_stream]``,
        so that pictures, valence and emotions are the same whatever arousal is.
    without
        A class that is left out; the noise stays the same.

    Examples
    --------
    >>> from o2b_helpers.toyworld.world import corpus_scene
    >>> scene = next(scene for scene in (corpus_scene(1, index) for index in range(99)) if "Couch" in scene.classes)
    >>> arousal_of(scene) < arousal_of(scene, without="Couch")
    True
    """
    rng = np.random.default_rng([*scene.seed, planted("arousal_stream")])
    shown = sorted(name for name in set(scene.classes) if name != without)
    explained = planted("arousal_baseline") + sum(arousal_effects().get(name, 0.0) for name in shown)
    arousal = explained + rng.normal(0.0, planted("arousal_noise"))
    return float(np.clip(arousal, -planted("arousal_limit"), planted("arousal_limit")))
