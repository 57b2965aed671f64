"""Notebook 04: how does the alignment evolve from early to late layers? (METHODS 2, figure 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.params import Params
from o2b_helpers.core.run import Result, run_step
from o2b_helpers.core.store import Store
from o2b_helpers.core.tables import read_table, write_facts, write_table
from o2b_helpers.studies.alignment.alignment_by_architecture import alignment_facts
from o2b_helpers.studies.alignment.correlations import COLUMNS, SUMMARY_COLUMNS, align, summarise

NEEDS = ("human_targets", "valence_models")
BY = ["architecture", "weights", "layer", "run"]


def run(params: Params) -> Result:
    """Make ``layer_alignment.csv`` and ``layer_alignment_summary.csv``."""
    return run_step(params, "alignment_by_layer")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return what permutations and intervals depend on; all else comes from what the step reads."""
    return {"significance": params.analysis.significance.model_dump()}


def compute(params: Params, needs: dict[str, Path], folder: Path) -> None:
    """Correlate the layer models' predictions with the targets."""
    predictions = read_table(needs["valence_models"] / "results" / "layer_predictions.csv")
    targets = read_table(needs["human_targets"] / "results" / "targets.csv")
    options = params.analysis.significance
    table, summary = pd.DataFrame(columns=[*BY, *COLUMNS]), pd.DataFrame(columns=[*BY[:-1], *SUMMARY_COLUMNS])
    if len(predictions):
        table, summary = align(predictions, targets, BY, options), summarise(predictions, targets, BY, options)
    write_table(_in_order(table, predictions), folder / "results" / "layer_alignment.csv")
    write_table(_in_order(summary, predictions), folder / "results" / "layer_alignment_summary.csv")
    write_facts(folder, alignment_facts(table))


def _in_order(table: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Keep models and layers in the order in which they were trained: from early to late."""
    order = predictions[BY[:3]].drop_duplicates().reset_index(drop=True)
    rank = {tuple(row): position for position, row in enumerate(order.itertuples(index=False))}
    keys = pd.Series([rank[tuple(row)] for row in table[BY[:3]].itertuples(index=False)], index=table.index, dtype=int)
    within = [name for name in ("run",) if name in table]
    return table.assign(_rank=keys).sort_values(["_rank", *within], kind="stable").drop(columns="_rank")
