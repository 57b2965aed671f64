"""Rank correlation against scipy.stats.spearmanr in a loop."""

from __future__ import annotations

import numpy as np
from common import row, seconds
from scipy.stats import spearmanr

from o2b_helpers.kernels.rank_correlation import rank_correlation

PREDICTIONS, TARGETS, STIMULI = 500, 24, 48


def lines(name: str) -> list[str]:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(PREDICTIONS, STIMULI)), rng.integers(0, 2, (TARGETS, STIMULI)).astype(float)

    def peer():
        return np.array([[spearmanr(a, b).statistic for b in y] for a in x])

    difference = float(np.abs(rank_correlation(x, y) - peer()).max())
    setting = f"{PREDICTIONS} predictions x {TARGETS} targets, n = {STIMULI}"
    return [
        row("rank_correlation", setting, seconds(lambda: rank_correlation(x, y)), "scipy", seconds(peer, 1), difference)
    ]
