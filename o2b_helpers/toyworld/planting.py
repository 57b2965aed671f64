"""Other worlds than the shipped one: which classes matter, and how strongly, drawn from a seed."""

from __future__ import annotations

import numpy as np

from o2b_helpers.toyworld.truth import class_names, planted
from o2b_helpers.toyworld.valence import Effects


def drawn_effects(seed: int) -> Effects:
    """Draw which classes move people valence and scene valence, and how strongly.

    Parameters
    ----------
    seed
        Seed of the world; the same seed gives the same effects.

    Returns
    -------
    Effects
        Two or three classes of either sign for people valence and as many for scene valence, drawn independently, so
        that some classes move both, in the same or in opposite directions; at least ``planted("idle_classes")`` move
        nothing. Absolute effects lie between ``effect_low`` and ``effect_high``; the strongest of each sign is strong
        enough to make a stimulus of that sign by itself.
    """
    rng = np.random.default_rng([seed, planted("effects_stream")])
    names = class_names()
    able = rng.permutation(len(names))[: len(names) - planted("idle_classes")]
    effects = np.zeros((len(names), 2))
    for side in (0, 1):
        pairs = int(rng.integers(2, 4))
        chosen = rng.permutation(able)[: 2 * pairs]
        for sign, classes in ((1.0, chosen[:pairs]), (-1.0, chosen[pairs:])):
            size = rng.uniform(planted("effect_low"), planted("effect_high"), pairs)
            size[0] = rng.uniform((planted("stimulus_margin") + planted("effect_high")) / 2, planted("effect_high"))
            effects[classes, side] = sign * size
    rows = [(name, float(people), float(scene)) for name, (people, scene) in zip(names, effects, strict=True)]
    return Effects(tuple(rows), planted("valence_noise"))


def no_effects() -> Effects:
    """Return the effects of a null world: no class matters, valence is noise that nothing in the picture shows."""
    return Effects(tuple((name, 0.0, 0.0) for name in class_names()), planted("null_noise"))
