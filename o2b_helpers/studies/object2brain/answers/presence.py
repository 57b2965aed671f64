"""How far the objects of a picture alone, without any network, say what the targets say, in words."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.facts import counted
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, number
from o2b_helpers.studies.alignment.tables import ALIGNMENT
from o2b_helpers.studies.common.select import P_SIGNIFICANT, models, named
from o2b_helpers.studies.common.target_order import main_targets
from o2b_helpers.studies.object2brain.semantic.tables import SEMANTIC_CONTROL

NOTHING = (
    "By the classes of objects that they show, all stimuli of a target are judged alike, so that nothing is said of "
    "going beyond the objects."
)


def semantic(results: Results) -> pd.DataFrame:
    """Return semantic_control.csv with unique names of models."""
    return named(results.table(SEMANTIC_CONTROL), results.table(ALIGNMENT))


def presence_sentence(results: Results) -> str:
    """Say in a sentence how far the presence of classes agrees with the first targets, and what models add to it.

    Parameters
    ----------
    results : Results
        Needs semantic_control.csv, alignment.csv and targets.csv.
    """
    table, targets = semantic(results), main_targets(results)
    known = table.dropna(subset=["semantic_rho"])
    if known.empty:
        return NOTHING
    rho = known.drop_duplicates("target").set_index("target")["semantic_rho"]
    agreed = [f"{isolated(name)} rho {number(rho[name])}" for name in targets.values() if name in rho]
    alone = f" agrees with the targets ({', '.join(agreed)})" if agreed else " agrees with some targets"
    return (
        f"Without any network, what a ridge regression makes of the classes that a picture shows{alone}; beyond it "
        f"(q < {P_SIGNIFICANT}), {'; '.join(beyond_presence(known))} (figure 8)."
    )


def beyond_presence(table: pd.DataFrame) -> list[str]:
    """Count, for every model, the targets with which it agrees beyond the presence of classes."""
    said = []
    for model in models(table):
        mine = table[(table["architecture"] == model) & table["p_partial"].notna()]
        left = int(((mine["q_partial"] < P_SIGNIFICANT) & (mine["partial_rho"] > 0)).sum())
        some = f"agrees with {left} of {counted(len(mine), 'target')}" if len(mine) else "has no rho that is defined"
        said.append(f"{isolated(model)} {some}")
    return said
