"""First-order screening against our own exact lesions, and against hooked full forward passes."""

from __future__ import annotations

from functools import partial

import numpy as np
from common import Row, heads, kind_of_pictures, network, pictures, readout, scaled_sum, timed, whole_module
from lesions import IMAGES, hooked
from scipy.stats import spearmanr

from o2b_helpers.kernels.lesions.screening import screened_predictions
from o2b_helpers.kernels.lesions.single_filters import lesion_predictions

EVERY = {"vgg16": 32}


def rows(name: str) -> list[Row]:
    return [_row(name, runs) for runs in (1, 5)]


def _row(name: str, runs: int) -> Row:
    backbone, images, every = network(name), pictures(name, IMAGES), EVERY.get(name, 16)
    weight, bias = heads(backbone, runs)
    valence = readout(backbone, runs)
    layers = list(backbone.target_layers)
    screen = partial(screened_predictions, backbone, images, valence, layers)
    ours = timed({"ours": screen})["ours"]
    screened, module = screen(), whole_module(backbone, weight[:1], bias[:1])
    exact_times, naive, agreement, difference = [], [], [], 0.0
    for layer in layers:
        count = backbone.shape(layer)[0]
        some = list(range(every // 2, count, every))
        lesion = partial(lesion_predictions, backbone, images, valence, layer)
        took = timed({"exact": partial(lesion, channels=some)}, 2, False)["exact"]
        none = timed({"exact": partial(lesion, channels=[])}, 2, False)["exact"]  # what does not grow with the filters
        exact_times += [(none, 1 - count / len(some)), (took, count / len(some))]
        naive.append((timed({"naive": partial(hooked, module, layer, images, 0)}, 1)["naive"], count * runs))
        whole = lesion(channels=[0], gain=1.0)
        exact, approximate = lesion(channels=some) - whole, screened[layer][:, some] - whole
        pairs = zip(exact.flatten(1), approximate.flatten(1), strict=True)
        agreement.append(np.mean([spearmanr(*pair).statistic for pair in pairs]))
        difference = max(difference, float((exact - approximate).abs().max()))
    note = "Spearman with the exact changes: " + ", ".join(
        f"{layer} {rho:.3f}" for layer, rho in zip(layers, agreement, strict=True)
    )
    return Row(
        "screening",
        name,
        f"{IMAGES} stimuli ({kind_of_pictures()}), all filters of all cuts",
        runs,
        ours,
        f"our exact lesions (every {every}th filter, scaled)",
        scaled_sum(exact_times),
        scaled_sum(naive),
        None,
        difference,
        note,
        {"spearman_with_exact": dict(zip(layers, map(float, agreement), strict=True))},
    )
