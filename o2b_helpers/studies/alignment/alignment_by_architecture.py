"""Notebook 03: how far do the predictions of whole networks agree with people? (METHODS 2, figure 1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.params import Params
from o2b_helpers.core.run import Result, run_step
from o2b_helpers.core.store import Store
from o2b_helpers.core.tables import read_table, write_facts, write_table
from o2b_helpers.studies.alignment.correlations import align, summarise

NEEDS = ("human_targets", "valence_models")
BY = ["architecture", "weights", "run"]


def run(params: Params) -> Result:
    """Make ``alignment.csv`` and ``alignment_summary.csv``."""
    return run_step(params, "alignment_by_architecture")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return what permutations and intervals depend on; all else comes from what the step reads."""
    return {"significance": params.analysis.significance.model_dump()}


def compute(params: Params, needs: dict[str, Path], folder: Path) -> None:
    """Correlate the full models' predictions with the targets."""
    predictions = read_table(needs["valence_models"] / "results" / "predictions.csv")
    targets = read_table(needs["human_targets"] / "results" / "targets.csv")
    options = params.analysis.significance
    table = align(predictions, targets, BY, options)
    write_table(table, folder / "results" / "alignment.csv")
    write_table(summarise(predictions, targets, BY, options), folder / "results" / "alignment_summary.csv")
    write_facts(folder, alignment_facts(table))


def alignment_facts(table: pd.DataFrame) -> dict[str, Any]:
    """Return what is worth saying about an alignment table."""
    return {
        "correlations": len(table),
        "p_below_0.05_uncorrected": int((table["p"] < 0.05).sum()),
        "q_below_0.05": int((table["q"] < 0.05).sum()),
        "p_familywise_below_0.05": int((table["p_fwer"] < 0.05).sum()),
        "without_rho_because_constant": int(table["rho"].isna().sum()),
        "mean_rho_by_condition": table.groupby("condition")["rho"].mean().to_dict(),
    }
