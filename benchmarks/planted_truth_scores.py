"""From the class weights of many worlds to rows: AUC, Spearman and their intervals over worlds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from planted_truth_estimators import (
    ORACLE,
    World,
    class_weights,
    often_in_corpus,
    often_in_stimuli,
    truth_counterfactual,
    truth_planted,
    valence_types,
)
from scipy.stats import rankdata

from o2b_helpers.kernels.statistics.permutation_null import unit_ranks

PLANTED, COUNTERFACTUAL = "planted", "counterfactual"
EVERY = "every"
SAMPLES = 4000
SEED = 4
MEANS = {  # name in a row -> what is averaged over worlds
    "signed_auc": "signed_auc",
    "oracle_auc": "oracle_auc",
    "oracle_spearman": "oracle_spearman",
    "baseline_auc": "often_in_stimuli_auc",
    "baseline_corpus_auc": "often_in_corpus_auc",
    "mean_size": "size",
    "share_p_below_05": "significant",
}


def auc(score: np.ndarray, matters: np.ndarray) -> float:
    """The chance that a class that matters scores higher than one that does not (ties count half); NaN without both."""
    positive, negative = int(matters.sum()), int((~matters).sum())
    if not positive or not negative:
        return np.nan
    ranks = rankdata(score)
    return float((ranks[matters].sum() - positive * (positive + 1) / 2) / (positive * negative))


def scores_of(split: str, seed: int, world: World) -> pd.DataFrame:
    """Score every estimator of a world against both truths: a row per estimator, layer, truth and target.

    `auc` ranks classes by the size of their weight, against those whose true change is above the median in size;
    `signed_auc` by the weight itself, as the paper does, against those whose true change is above the median.
    """
    detected, oracle = class_weights(world, test=True), class_weights(world, ORACLE)
    baselines = {"often_in_stimuli": often_in_stimuli(world), "often_in_corpus": often_in_corpus(world)}
    truths = {PLANTED: truth_planted(world), COUNTERFACTUAL: truth_counterfactual(world)}
    rows = []
    for truth, values in truths.items():
        for number, target in enumerate(world["target"]):
            if coincides(world["values"], number):
                continue
            true = values[:, number]
            matters = np.abs(true) > (0.0 if truth == PLANTED else np.median(np.abs(true)))
            frequency = {f"{name}_auc": auc(values[:, number], matters) for name, values in baselines.items()}
            for (estimator, layer), (weights, p) in detected.items():
                if truth == COUNTERFACTUAL and estimator == "counterfactual":
                    continue
                row: dict[str, object] = {"split": split, "seed": seed, "estimator": estimator, "layer": layer}
                row["truth"] = truth
                row |= {"target": str(target), "valence_type": valence_types(world)[number], **frequency}
                signed = true > np.median(true) if truth == COUNTERFACTUAL else np.zeros(len(true), dtype=bool)
                row["signed_auc"] = auc(weights[:, number], signed)
                for who, estimated in (("", weights), ("oracle_", oracle[estimator, layer][0])):
                    row[f"{who}auc"] = auc(np.abs(estimated[:, number]), matters)
                    row[f"{who}spearman"] = _agreement(truth, estimated[:, number], true)
                assert p is not None  # tested as asked for
                row |= {"size": np.abs(weights[:, number]).mean(), "significant": (p[:, number] < 0.05).mean()}
                rows.append(row)
    return pd.DataFrame(rows)


def coincides(values: np.ndarray, number: int) -> bool:
    """Whether an earlier target has the same values, or the same with the other sign: it counts once.

    The toy world's true labels do: those of IV, PV and SV for congruent stimuli, of PV and SV for incongruent ones.
    """
    own = np.nan_to_num(values[number])
    return any(np.array_equal(own, np.nan_to_num(sign * other)) for other in values[:number] for sign in (1, -1))


def _agreement(truth: str, weights: np.ndarray, true: np.ndarray) -> float:
    """Spearman of signed weights with the true influence; of sizes with sizes where the truth is a planted effect.

    A planted effect has no sign as an influence: a class that makes images unpleasant supports an alignment too.
    """
    weights, true = (weights, true) if truth == COUNTERFACTUAL else (np.abs(weights), np.abs(true))
    ranks = np.nan_to_num(unit_ranks(np.stack([weights, true])))  # equal weights order nothing: 0
    return float(ranks[0] @ ranks[1]) if np.ptp(true) > 0 else np.nan


def rows_of(scores: pd.DataFrame) -> list[dict]:
    """Average over targets within a world, then over worlds, with an interval over worlds.

    Rows of all targets together (``every``) for every network and split; of the valence types for the worlds of
    toynet that are reported on.
    """
    keys = ["network", "split", "estimator", "layer", "truth"]
    every = scores.assign(target=EVERY, valence_type=EVERY)
    reported = scores[(scores["split"] == "report") & (scores["network"] == "toynet")]
    rows = []
    for table in (every, reported.assign(target=EVERY)):
        for key, group in table.groupby([*keys, "target", "valence_type"], sort=False):
            rows.append(dict(zip([*keys, "target", "valence_type"], key, strict=True)) | _summary(group))
    return rows


def _summary(group: pd.DataFrame) -> dict:
    worlds = group.groupby("seed", sort=True)[["auc", "spearman", *MEANS.values()]].mean()
    summary: dict[str, float | None] = {"worlds": len(worlds)}
    for name in ("auc", "spearman"):
        summary[name] = _rounded(worlds[name].mean())
        summary[f"{name}_low"], summary[f"{name}_high"] = map(_rounded, bootstrap_interval(worlds[name].to_numpy()))
    for name, column in MEANS.items():
        summary[name] = _rounded(worlds[column].mean())
    return summary


def bootstrap_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over worlds."""
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return np.nan, np.nan
    drawn = np.random.default_rng(SEED).integers(0, len(values), (SAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(1), [0.025, 0.975])
    return float(low), float(high)


def _rounded(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None
