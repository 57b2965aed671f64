"""Do the filters that an estimator names carry what a class does? Patched back on stimuli that did not choose them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from o2b_helpers.kernels.mediation.patching import carrying_filters, patched_predictions, restored_share
from o2b_helpers.kernels.regions.occlusion import fill_from_surroundings
from o2b_helpers.kernels.statistics.sensitivity import sensitivity

SHARE, DRAWS = 0.1, 8
RIVALS = ("sum", "ungated_lift")
RESTORED = ("mediation", *RIVALS, "random")


def patched(params, model, backbone, readout, stimuli: torch.Tensor, hidden, world: Mapping[str, Any]) -> dict:
    """Put back a tenth of the last layer's filters for each class: the share of its effect that returns.

    `mediation` chooses on one half of the stimuli that show the class, and is tested on the other half. A rival takes
    the filters whose sensitivity to the class times their mean lesion effect is largest; it chooses on all stimuli.

    Returns
    -------
    dict of str to array (class,)
        ``patched_<estimator>``; NaN for a class that fewer than two stimuli show.
    """
    layer = backbone.target_layers[-1]
    of_layer = np.flatnonzero(world["layer"] == layer)
    count = max(1, round(SHARE * len(of_layer)))
    label, place = world["mediated_pairs"].T
    change = world["base"][:, place] - world["occluded"][:, label, place]
    mediated = world["mediated"][:, of_layer]
    draw = np.random.default_rng(params.analysis.seed)
    sums = {name.removeprefix("sums_"): value for name, value in world.items() if name.startswith("sums_")}
    effect = np.abs(world["delta"][:, of_layer]).mean((0, 2))
    scores = {name: np.abs(sensitivity(name, sums)[:, of_layer]).mean(0) * effect[:, None] for name in RIVALS}
    sets = {name: np.zeros((len(label), len(of_layer)), dtype=bool) for name in ("mediation", *RIVALS)}
    sets |= {f"random {number}": np.zeros((len(label), len(of_layer)), dtype=bool) for number in range(DRAWS)}
    for row in np.unique(label):
        pairs = np.flatnonzero(label == row)
        for half, other in ((pairs[::2], pairs[1::2]), (pairs[1::2], pairs[::2])):
            sets["mediation"][np.ix_(half, carrying_filters(mediated[:, :, other], change[:, other], count))] = True
        for name in RIVALS:
            strongest = np.argsort(-np.nan_to_num(scores[name][:, row]), kind="stable")[:count]
            sets[name][np.ix_(pairs, strongest)] = True
        for number in range(DRAWS):
            sets[f"random {number}"][np.ix_(pairs, draw.choice(len(of_layer), count, replace=False))] = True
    images = stimuli[torch.as_tensor(place)]
    filled = fill_from_surroundings(images, torch.stack([pair.mask for pair in hidden]))
    back = dict(
        zip(sets, patched_predictions(backbone, images, filled, readout, layer, list(sets.values())), strict=True)
    )
    result: dict[str, np.ndarray] = {}
    for name in RESTORED:
        result[f"patched_{name}"] = np.full(len(world["classes"]), np.nan)
    for row in np.unique(label):
        pairs = np.flatnonzero(label == row)
        if len(pairs) < 2:
            continue
        whole, without = world["base"][:, place[pairs]], world["occluded"][:, label[pairs], place[pairs]]
        shares = {name: restored_share(whole, without, values[:, pairs]) for name, values in back.items()}
        for name in ("mediation", *RIVALS):
            result[f"patched_{name}"][row] = shares[name]
        result["patched_random"][row] = np.mean([shares[f"random {number}"] for number in range(DRAWS)])
    return result


def restored(world: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The mean over classes of the share that returned, by who chose the filters."""
    return {name: round(float(np.nanmean(world[f"patched_{name}"])), 4) for name in RESTORED}
