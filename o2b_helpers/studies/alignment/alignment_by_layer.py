"""Notebook 04: how does the alignment evolve from early to late layers? (METHODS 2, figure 2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.facts import carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.studies.alignment.alignment_by_architecture import alignment_facts
from o2b_helpers.studies.alignment.tables import LAYER_ALIGNMENT, LAYER_ALIGNMENT_SUMMARY, LAYER_PREDICTIONS
from o2b_helpers.studies.common.correlations import align, summarise
from o2b_helpers.studies.common.tables import TARGETS

BY = ["architecture", "weights", "layer", "run"]


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return what permutations and intervals depend on; all else comes from what the step reads."""
    return {"significance": params.analysis.significance.model_dump()}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Correlate the layer models' predictions with the targets."""
    predictions = LAYER_PREDICTIONS.read(needs["valence_models"] / "results")
    targets = TARGETS.read(needs["human_targets"] / "results")
    options = params.analysis.significance
    table, summary = LAYER_ALIGNMENT.empty(), LAYER_ALIGNMENT_SUMMARY.empty()
    if len(predictions):
        table, summary = align(predictions, targets, BY, options), summarise(predictions, targets, BY, options)
    LAYER_ALIGNMENT.write(_in_order(table, predictions), folder / "results")
    LAYER_ALIGNMENT_SUMMARY.write(_in_order(summary, predictions), folder / "results")
    write_facts(folder, carried_on(alignment_facts(table), needs["valence_models"]))


def _in_order(table: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Keep models and layers in the order in which they were trained: from early to late."""
    order = predictions[BY[:3]].drop_duplicates().reset_index(drop=True)
    rank = {tuple(row): position for position, row in enumerate(order.itertuples(index=False))}
    keys = pd.Series([rank[tuple(row)] for row in table[BY[:3]].itertuples(index=False)], index=table.index, dtype=int)
    within = [name for name in ("run",) if name in table]
    return table.assign(_rank=keys).sort_values(["_rank", *within], kind="stable").drop(columns="_rank")
