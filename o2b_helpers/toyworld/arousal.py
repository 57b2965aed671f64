"""The arousal of an image: what the classes it shows add up to, and noise."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from o2b_helpers.toyworld.scenes import Scene
from o2b_helpers.toyworld.truth import planted, planted_arousal


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
