"""The small tables that the notebooks of the study show: a few rows that answer the notebook's question."""

from __future__ import annotations

import numpy as np
import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.studies.common.beyond_chance import beyond_chance, corrected
from o2b_helpers.studies.common.select import FULL, P_SIGNIFICANT, last_layer, models
from o2b_helpers.studies.object2brain.answers.beyond_shams import strongest_filters, tested
from o2b_helpers.studies.object2brain.carrying import filter_weights
from o2b_helpers.studies.object2brain.tables import (
    FILTER_SCORES,
    LESION_EFFECTS,
    OBJECT_WEIGHTS_BY_ESTIMATOR,
    OBJECT_WEIGHTS_MEAN,
    PLANTED_TRUTH,
)
from o2b_helpers.studies.object2brain.weights.evidence import ASSUMPTIONS


def most_sensitive_filters(results: Results, model: str, top: int = 3) -> pd.DataFrame:
    """Return, for every detected class, the filters with the highest mean box score (mean over runs).

    Parameters
    ----------
    results : Results
        Needs ``filter_scores_<model>.nc``.
    model : str
        A name of the column ``architecture``.
    top : int
        Filters per class.

    Returns
    -------
    DataFrame
        Columns class, boxes, layer, channel, score (0..1), lift (score minus that of boxes of other images in the same
        place and size: near 0 where place and size alone give the score), ordered by the number of boxes.
    """
    scores = results.arrays(FILTER_SCORES, model)
    boxes = scores["box_count"].values
    mean = scores["score_sum"].values.mean(axis=0) / np.where(boxes > 0, boxes, np.nan)
    exchanged = scores["exchanged_count"].values
    chance = scores["exchanged_sum"].values.mean(axis=0) / np.where(exchanged > 0, exchanged, np.nan)
    rows = []
    for position in np.argsort(-boxes, kind="stable"):
        if boxes[position] == 0:
            continue
        for filter_ in np.argsort(-mean[:, position], kind="stable")[:top]:
            rows.append(
                (scores["class"].values[position], int(boxes[position]), scores["layer"].values[filter_],
                 int(scores["channel"].values[filter_]), mean[filter_, position],
                 mean[filter_, position] - chance[filter_, position])
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["class", "boxes", "layer", "channel", "score", "lift"])


def strongest_lesions(results: Results, model: str, top: int = 10) -> pd.DataFrame:
    """Return the filters whose lesion changes the alignment most, over all targets (mean over runs).

    Returns
    -------
    DataFrame
        Columns target, layer, channel, delta (mean over runs), sd (over runs), rho (of the whole network). An effect
        that is undefined in a run has no row.
    """
    lesions = results.arrays(LESION_EFFECTS, model)
    delta, rho = lesions["delta"].values, lesions["rho"].values.mean(axis=0)
    mean = delta.mean(axis=0)
    order = np.argsort(-np.abs(mean), axis=None, kind="stable")[
        : min(top, int(np.isfinite(mean).sum()))
    ]  # NaN are last
    filters, targets = np.unravel_index(order, mean.shape)
    return pd.DataFrame({
        "target": lesions["target"].values[targets], "layer": lesions["layer"].values[filters],
        "channel": lesions["channel"].values[filters], "delta": mean[filters, targets],
        "sd": delta.std(axis=0, ddof=1)[filters, targets] if len(delta) > 1 else np.nan, "rho": rho[targets],
    })  # fmt: skip


def extreme_classes(results: Results, top: int = 5) -> pd.DataFrame:
    """Return the classes with the highest and the lowest weight of every model and target, last target layer.

    Returns
    -------
    DataFrame
        Columns architecture, target, highest, lowest: class names with their mean weight over runs; "none" where no
        weight is defined.
    """
    weights, rows = results.table(OBJECT_WEIGHTS_MEAN), []
    for model in models(weights):
        own = weights[(weights["architecture"] == model) & (weights["layer"] == last_layer(weights, model))]
        for target, part in own.groupby("target", sort=False):
            ranked = part.dropna(subset=["weight"]).sort_values(["weight", "class"], ascending=[False, True])
            named = [f"{name} ({value:+.2g})" for name, value in zip(ranked["class"], ranked["weight"], strict=True)]
            rows.append((model, target, ", ".join(named[:top]) or "none", ", ".join(named[: -top - 1 : -1]) or "none"))
    return pd.DataFrame(rows, columns=["architecture", "target", "highest", "lowest"])


def surviving_classes(results: Results, below: float = 0.05, top: int = 20) -> pd.DataFrame:
    """Return the class weights (mean over runs) that survive correction for the number of weights, largest first.

    Parameters
    ----------
    results : Results
        Needs ``object_weights_mean.csv``.
    below : float
        Largest q, over all weights of a model, as the summary counts them.
    top : int
        Rows at most.

    Returns
    -------
    DataFrame
        Columns architecture, layer, target, class, weight, ci_low, ci_high, q (over all weights of the
        model); empty where none survives.
    """
    table = results.table(OBJECT_WEIGHTS_MEAN)
    own_q = [corrected(table[table["architecture"] == model]) for model in models(table)]
    table = pd.concat(own_q) if own_q else table
    beyond = table[table["q"] < below].sort_values("weight", key=lambda weight: weight.abs(), ascending=False)
    columns = ["architecture", "layer", "target", "class", "weight", "ci_low", "ci_high", "q"]
    return beyond[columns].head(top).reset_index(drop=True)


def beyond_sham_classes(results: Results, top: int = 20) -> pd.DataFrame:
    """Return the classes that matter more than as much hidden elsewhere, last target layer, largest weight first.

    Parameters
    ----------
    results : Results
        Needs object_weights_by_estimator.csv; with mediation_<model>.nc the filters are named.
    top : int
        Rows at most.

    Returns
    -------
    DataFrame
        Columns architecture, target, class, weight (mean over runs), p_sham, q_sham, filters (through which most of the
        weight passes), true_change (only in the toy world); empty where no class is beyond shams.
    """
    truth = results.table(PLANTED_TRUTH) if results.has(PLANTED_TRUTH) else PLANTED_TRUTH.empty()
    true = truth.set_index(["architecture", "target", "class"])["true_change"]
    rows = []
    for model in models(results.table(OBJECT_WEIGHTS_BY_ESTIMATOR)):
        weights, through = tested(results, model), filter_weights(results, model)
        sure = weights[weights["q_sham"] < P_SIGNIFICANT].sort_values("weight", key=lambda w: -w.abs(), kind="stable")
        for row in sure.head(top).to_dict("records"):
            filters = strongest_filters(through, row["layer"], row["class"], row["target"])
            known = true.get((model, row["target"], row["class"]))
            rows.append((model, *(row[name] for name in ("target", "class", "weight", "p_sham", "q_sham")),
                         ", ".join(filters), known))  # fmt: skip
    columns = ["architecture", "target", "class", "weight", "p_sham", "q_sham", "filters", "true_change"]
    table = pd.DataFrame(rows, columns=columns)
    return table if len(true) else table.drop(columns="true_change")


def compared_estimators(results: Results) -> pd.DataFrame:
    """Return how far the other estimators agree with the first one, and how many weights survive in each.

    Returns
    -------
    DataFrame
        Columns architecture, estimator, agreement (Spearman of the class weights of a target with the first
        estimator's in the last target layer, mean over targets), weights, q_below_0.05 (number of them, q over
        these weights), assumption.
    """
    table, rows = results.table(OBJECT_WEIGHTS_BY_ESTIMATOR), []
    for model in models(table):
        own = table[table["architecture"] == model]
        own = own[own["layer"].isin([last_layer(own, model), FULL])]
        wide = {name: part.pivot(index="class", columns="target", values="weight")
                for name, part in own.groupby("estimator", sort=False)}  # fmt: skip
        first = next(iter(wide.values()))
        for name, part in wide.items():
            both = part.index.intersection(first.index)
            rho = part.loc[both].rank().corrwith(first.loc[both].rank())
            beyond, total = beyond_chance(own.loc[own["estimator"] == name, "p"])
            rows.append((model, name, rho.mean(), total, beyond, ASSUMPTIONS[name]))
    columns = ["architecture", "estimator", "agreement", "weights", "q_below_0.05", "assumption"]
    return pd.DataFrame(rows, columns=columns)
