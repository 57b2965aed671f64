"""Class weights under permutations of the stimuli: ours against working every weight out anew for each permutation.

The paper's largest case: 601 classes, all filters of AlexNet's cuts, 24 targets, 10,000 permutations within conditions.
Predictions and sensitivities are random numbers: their values change no time.
"""

from __future__ import annotations

import numpy as np
from common import Row, timed

from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.targets import target_groups
from o2b_helpers.studies.object2brain.weights.inference import Evidence, tested_weights

LAYERS = (64, 192, 384, 256, 256)
CLASSES, RUNS, STIMULI, TARGETS, PERMUTATIONS, SAMPLED = 601, 5, 48, 24, 10_000, 3


def rows() -> list[Row]:
    rng = np.random.default_rng(0)
    condition = np.repeat([0, 1], STIMULI // 2)
    values = rng.normal(size=(TARGETS, STIMULI))
    values[np.arange(TARGETS)[:, None] % 2 != condition] = np.nan
    groups, permutations = target_groups(values), permutations_within(condition, PERMUTATIONS, 0)
    base = rng.normal(size=(RUNS, STIMULI))
    layers = [
        Evidence(rng.uniform(size=(RUNS, filters, CLASSES)), base, base[:, None] + rng.normal(size=(RUNS, filters, 48)))
        for filters in LAYERS
    ]
    weight: list[np.ndarray] = []

    def ours() -> None:
        weight[:] = [tested_weights(layer, groups, permutations, None, Significance()).weight[:-1] for layer in layers]

    def weights(item: Evidence, order: np.ndarray) -> np.ndarray:
        targets = values[:, order]
        delta = rank_correlation(item.base, targets)[:, None] - rank_correlation(item.lesioned, targets)
        return item.sensitivity.transpose(0, 2, 1) @ delta

    def naive() -> None:
        for order in permutations[:SAMPLED]:
            for item in layers:
                weights(item, order)

    times = timed({"ours": ours, "naive": naive}, 3, False)
    expected = [weights(item, np.arange(STIMULI)) for item in layers]
    return [
        Row(
            kernel="class_weights",
            architecture="alexnet",
            setting=f"{CLASSES} classes x {TARGETS} targets x {PERMUTATIONS} permutations, {sum(LAYERS)} filters",
            runs=RUNS,
            ours=times["ours"],
            naive=times["naive"] * (PERMUTATIONS / SAMPLED),
            max_difference=max(float(np.abs(a - b).max()) for a, b in zip(weight, expected, strict=True)),
            note=f"weights, p and q of every run and of their mean; naive: {SAMPLED} permutations, scaled, no p",
        )
    ]
