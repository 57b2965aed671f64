"""A second opinion on the objects, in words: what changes when they are hidden in the stimuli, without any filter."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, significant_figures
from o2b_helpers.report.tables import p_value
from o2b_helpers.studies.common.beyond_chance import beyond_chance, corrected
from o2b_helpers.studies.object2brain.tables import OBJECT_WEIGHTS_BY_ESTIMATOR

ESTIMATOR = "occlusion"
NAMED = 3
WHY = (
    "“Hidden in the stimuli” is a second opinion that uses no filters: the boxes of a class are filled in, the model "
    "looks again, and the weight is the rho that is lost. In simulated worlds, where it is known which objects drive "
    "the agreement, it finds them far more often than the weights above (notebook 08): believe a weight more where "
    "both agree."
)


def second_opinion(results: Results, model: str, target: str, whom: str = "people") -> str:
    """Name the classes whose hiding changes the agreement most; empty where a run did not hide them.

    Parameters
    ----------
    results : Results
        Needs object_weights_by_estimator.csv.
    model, target : str
        Whose weights, for which target.
    whom : str
        What the target stands for, as the sentence names it.
    """
    table = hidden(results)
    weights = table[(table["architecture"] == model) & (table["target"] == target) & (table["weight"] != 0)]
    weights = weights.dropna(subset=["weight"]).sort_values(["weight", "class"], ascending=[False, True])
    if weights.empty:
        return ""
    weights = corrected(weights)
    high, low = weights[weights["weight"] > 0].head(NAMED), weights[weights["weight"] < 0].iloc[::-1].head(NAMED)
    beyond, total = beyond_chance(weights["p"])
    sure = f"{beyond or 'none'} of {total} classes {'are' if beyond > 1 else 'is'} beyond chance"
    return f"Hidden in the stimuli: towards {whom} {_classes(high)}; away from {whom} {_classes(low)}; {sure}."


def hidden(results: Results) -> pd.DataFrame:
    """Return the weights by occlusion; empty where a run has none."""
    table = results.table(OBJECT_WEIGHTS_BY_ESTIMATOR)
    return table[table["estimator"] == ESTIMATOR]


def _classes(part: pd.DataFrame) -> str:
    names = zip(part["class"], part["weight"], part["q"], strict=True)
    words = [f"{isolated(name)} ({significant_figures(weight)}, q {p_value(q)})" for name, weight, q in names]
    return ", ".join(words) or "none"
