"""A second opinion on the objects, in words: what changes when they are hidden in the stimuli, without any filter."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, significant_figures
from o2b_helpers.report.tables import p_value
from o2b_helpers.studies.common.known_tables import known
from o2b_helpers.studies.common.select import P_SIGNIFICANT

ESTIMATOR = "occlusion"
NAMED = 3
WHY = (
    "“Hidden in the stimuli” is a second opinion that uses no filters: the boxes of a class are filled in, the model "
    "looks again, and the weight is the rho that is lost. In simulated worlds, where it is known which objects drive "
    "the agreement, it finds them far more often than the weights above (notebook 08): believe a weight more where "
    "both agree."
)


def second_opinion(results: Results, model: str, target: str) -> str:
    """Name the classes whose hiding changes the agreement most; empty where a run did not hide them.

    Parameters
    ----------
    results : Results
        The results folder.
    model, target : str
        Whose weights, for which target.
    """
    table = hidden(results)
    if table is None:
        return ""
    here = table[(table["architecture"] == model) & (table["target"] == target) & (table["weight"] != 0)]
    here = here.dropna(subset=["weight"]).sort_values(["weight", "class"], ascending=[False, True])
    if here.empty:
        return ""
    high, low = here[here["weight"] > 0].head(NAMED), here[here["weight"] < 0].iloc[::-1].head(NAMED)
    beyond = int((here["q"] < P_SIGNIFICANT).sum())
    sure = f"{beyond or 'none'} of {len(here)} classes {'are' if beyond > 1 else 'is'} beyond chance"
    return f"Hidden in the stimuli: towards people {_classes(high)}; away from people {_classes(low)}; {sure}."


def hidden(results: Results) -> pd.DataFrame | None:
    """Return the weights by occlusion; None where a run has none."""
    table = known(results, "object_weights_by_estimator.csv")
    table = None if table is None else table[table["estimator"] == ESTIMATOR]
    return None if table is None or table.empty else table


def _classes(part: pd.DataFrame) -> str:
    names = zip(part["class"], part["weight"], part["q"], strict=True)
    words = [f"{isolated(name)} ({significant_figures(weight)}, q {p_value(q)})" for name, weight, q in names]
    return ", ".join(words) or "none"
