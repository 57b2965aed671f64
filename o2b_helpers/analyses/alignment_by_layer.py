"""Notebook 04: how does the alignment evolve from early to late layers? (METHODS 2, figure 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.analyses.alignment import align
from o2b_helpers.analyses.alignment_by_architecture import alignment_facts
from o2b_helpers.analyses.step import Result, run_step
from o2b_helpers.analyses.tables import read_table, write_facts, write_table
from o2b_helpers.params import Params
from o2b_helpers.store import Store

NEEDS = ("human_targets", "valence_models")
BY = ["architecture", "weights", "layer", "run"]


def run(params: Params) -> Result:
    """Make ``layer_alignment.csv``."""
    return run_step(params, "alignment_by_layer")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return nothing: all comes from what the step reads."""
    return {}


def compute(params: Params, needs: dict[str, Path], folder: Path) -> None:
    """Correlate the layer models' predictions with the targets."""
    predictions = read_table(needs["valence_models"] / "results" / "layer_predictions.csv")
    targets = read_table(needs["human_targets"] / "results" / "targets.csv")
    columns = [*BY, "target", "valence_type", "source", "condition", "n", "rho", "p", "q"]
    table = align(predictions, targets, BY) if len(predictions) else pd.DataFrame(columns=columns)
    write_table(_in_order(table, predictions), folder / "results" / "layer_alignment.csv")
    write_facts(folder, alignment_facts(table))


def _in_order(table: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Keep models and layers in the order in which they were trained: from early to late."""
    order = predictions[BY[:3]].drop_duplicates().reset_index(drop=True)
    rank = {tuple(row): position for position, row in enumerate(order.itertuples(index=False))}
    keys = pd.Series([rank[tuple(row)] for row in table[BY[:3]].itertuples(index=False)], index=table.index, dtype=int)
    return table.assign(_rank=keys).sort_values(["_rank", "run"], kind="stable").drop(columns="_rank")
