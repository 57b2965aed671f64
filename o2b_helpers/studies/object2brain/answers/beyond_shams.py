"""Which classes matter more than as much hidden elsewhere, through which filters, and whether that is true."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, significant_figures
from o2b_helpers.report.tables import p_value
from o2b_helpers.studies.common.select import P_SIGNIFICANT, last_layer
from o2b_helpers.studies.object2brain.carrying import carrying_filters, filter_weights
from o2b_helpers.studies.object2brain.tables import (
    OBJECT_WEIGHTS_BY_ESTIMATOR,
    PATCH_TEST,
    PLANTED_TRUTH,
)

ESTIMATORS = ("mediation", "occlusion")  # the first one that a run has worked out
NAMED_FILTERS = 3
NAMED_CLASSES = 5
WHY_SHAMS = (
    "“Beyond sham boxes” says that hiding the class in the stimuli changes the agreement more than hiding boxes of "
    "the same sizes and places, taken from other pictures, in the same stimuli (q_sham < 0.05). It is about these "
    "stimuli; it does not say which classes matter in general. The filters are those that carry most of the change; "
    "“put back” is the share of the change that returns with the strongest tenth of the filters alone, tested on "
    "stimuli that had no part in choosing them."
)


def beyond_shams(results: Results, model: str, target: str, whom: str = "people") -> list[str]:
    """Say which classes are beyond sham boxes for a model and a target.

    Parameters
    ----------
    results : Results
        Needs object_weights_by_estimator.csv; mediation_<model>.nc, mediation_patch_test.csv and planted_truth.csv
        where they are there.
    model, target : str
        Whose weights, for which target.
    whom : str
        What the target stands for, as the sentence names it.

    Returns
    -------
    list of str
        Empty where a run has no shams.
    """
    table = tested(results, model)
    weights = table[(table["target"] == target) & table["q_sham"].notna() & (table["weight"] != 0)]
    if weights.empty:
        return []
    sure = weights[weights["q_sham"] < P_SIGNIFICANT].sort_values("weight", key=lambda w: -w.abs(), kind="stable")
    lead = f"Hidden in the stimuli, {len(sure) or 'none'} of {len(weights)} classes"
    if sure.empty:
        return [f"{lead} is beyond sham boxes; the smallest q_sham is {p_value(weights['q_sham'].min())}."]
    filters = filter_weights(results, model)
    said = [f"{lead} {'is' if len(sure) == 1 else 'are'} beyond sham boxes (q_sham < 0.05)."]
    for words, part in (("Towards", sure[sure["weight"] > 0]), ("Away from", sure[sure["weight"] < 0])):
        named = [_class(results, filters, row) for row in part.head(NAMED_CLASSES).to_dict("records")]
        if named:
            said.append(f"{words} {whom}: {'; '.join(named)}.")
    return said


def tested(results: Results, model: str) -> pd.DataFrame:
    """Return a model's weights that were held against shams, in its last target layer; empty where there are none."""
    table = results.table(OBJECT_WEIGHTS_BY_ESTIMATOR)
    own = table[table["architecture"] == model]
    for estimator in ESTIMATORS:
        part = own[own["estimator"] == estimator]
        if len(part) and part["q_sham"].notna().any():
            return part[part["layer"] == last_layer(part, model)]
    return own.head(0)


def _class(results: Results, weights: xr.DataArray | None, row: dict) -> str:
    """Name a class with its weight, the filters that carry it, and, where it is known, the truth."""
    model, target, name = (str(row[column]) for column in ("architecture", "target", "class"))
    said = [f"{significant_figures(row['weight'])}", f"q_sham {p_value(row['q_sham'])}"]
    filters = strongest_filters(weights, str(row["layer"]), name, target)
    if filters:
        said.append(f"through {', '.join(filters)}")
    patched = results.table(PATCH_TEST) if results.has(PATCH_TEST) else PATCH_TEST.empty()
    of_class = (patched["architecture"] == model) & (patched["layer"] == row["layer"]) & (patched["class"] == name)
    for back in patched[of_class].to_dict("records"):
        said.append(f"put back {back['restored']:.0%}, random filters {back['restored_random']:.0%}")
    truth = results.table(PLANTED_TRUTH) if results.has(PLANTED_TRUTH) else PLANTED_TRUTH.empty()
    of_class = (truth["architecture"] == model) & (truth["target"] == target) & (truth["class"] == name)
    for known in truth[of_class].to_dict("records"):
        planted = f"planted {significant_figures(known['planted'])}" if known["planted"] else "not planted"
        said.append(f"truth: {planted}, true change {significant_figures(known['true_change'])}")
    return f"{isolated(name)} ({', '.join(said)})"


def strongest_filters(weights: xr.DataArray | None, layer: str, name: str, target: str) -> list[str]:
    """Name the filters of a layer through which most of a class's weight passes; none where that is not known."""
    if weights is None or name not in weights["class"].values or target not in weights["target"].values:
        return []
    ranked = carrying_filters(weights, layer, target, name).head(NAMED_FILTERS)
    return [f"{isolated(layer)} filter {channel}" for channel in ranked["channel"]]
