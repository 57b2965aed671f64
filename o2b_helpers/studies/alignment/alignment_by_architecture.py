"""Notebook 03: how far do the predictions of whole networks agree with people? (METHODS 2, figure 1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.facts import carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.studies.alignment.tables import ALIGNMENT, ALIGNMENT_SUMMARY, PREDICTIONS
from o2b_helpers.studies.common.beyond_chance import beyond_chance
from o2b_helpers.studies.common.correlations import align, summarise
from o2b_helpers.studies.common.tables import TARGETS

BY = ["architecture", "weights", "run"]


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return what permutations and intervals depend on; all else comes from what the step reads."""
    return {"significance": params.analysis.significance.model_dump()}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Correlate the full models' predictions with the targets."""
    predictions = PREDICTIONS.read(needs["valence_models"] / "results")
    targets = TARGETS.read(needs["human_targets"] / "results")
    options = params.analysis.significance
    table = align(predictions, targets, BY, options)
    ALIGNMENT.write(table, folder / "results")
    ALIGNMENT_SUMMARY.write(summarise(predictions, targets, BY, options), folder / "results")
    write_facts(folder, carried_on(alignment_facts(table), needs["valence_models"]))


def alignment_facts(table: pd.DataFrame) -> dict[str, Any]:
    """Return what is worth saying about an alignment table."""
    missing = table.loc[table["rho"].isna(), "condition"].value_counts(sort=False).to_dict()
    return {
        "correlations": len(table),
        "p_below_0.05_uncorrected": int((table["p"] < 0.05).sum()),
        "q_below_0.05": beyond_chance(table["p_perm"])[0],
        "p_familywise_below_0.05": int((table["p_fwer"] < 0.05).sum()),
        "without_rho_because_constant": int(table["rho"].isna().sum()),
        "mean_rho_by_condition": table.groupby("condition")["rho"].mean().to_dict(),
        **({"without_rho_by_condition": missing} if missing else {}),
    }
