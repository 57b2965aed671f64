"""Rank correlation of all filters and targets against scipy.stats.spearmanr in a loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from common import Row, timed
from scipy.stats import spearmanr

from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation

FILTERS, STIMULI = 1152, 48
SAMPLE = 2000  # calls of scipy that are timed


def rows() -> list[Row]:
    rng = np.random.default_rng(4)
    condition = np.repeat([0, 1], STIMULI // 2)
    x = np.round(rng.normal(size=(FILTERS, STIMULI)), 2)  # some ties
    y = rng.normal(size=(2, 12, STIMULI))
    y[:, :3] = y[:, :3] > 0  # the true labels
    for number, group in enumerate(y):
        group[:, condition != number] = np.nan  # a target belongs to one condition
    y = y.reshape(-1, STIMULI)
    return [_all_filters(x, y, rng)]


def _all_filters(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Row:
    table = pd.concat([pd.DataFrame(x.T), pd.DataFrame(y.T, columns=[f"target {t}" for t in range(len(y))])], axis=1)
    targets, filters = rng.integers(0, len(y), SAMPLE), rng.integers(0, len(x), SAMPLE)
    result: dict[str, Any] = {}

    def ours() -> None:
        result["ours"] = rank_correlation(x, y)

    def peer() -> None:
        result["peer"] = [_scipy(x[k], y[t]) for k, t in zip(filters, targets, strict=True)]

    def naive() -> None:
        table.corr(method="spearman")

    times = timed({"ours": ours, "peer": peer, "naive": naive})
    return Row(
        kernel="rank_correlation",
        architecture="",
        setting=f"{len(x)} filters x {len(y)} targets, {STIMULI} stimuli, ties and gaps",
        runs=1,
        ours=times["ours"],
        peer="scipy.stats.spearmanr",
        peer_time=times["peer"] * (len(x) * len(y) / SAMPLE),
        naive=times["naive"],
        max_difference=float(np.abs(result["ours"][filters, targets] - result["peer"]).max()),
        note=f"scipy: {SAMPLE} calls timed, scaled up; naive: pandas' corr, which also correlates filters with filters",
    )


def _scipy(a: np.ndarray, b: np.ndarray) -> float:
    return float(spearmanr(a, b, nan_policy="omit").statistic)
