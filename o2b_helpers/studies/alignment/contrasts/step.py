"""Notebook 03: with which of two targets, and of which of two networks, is the agreement larger? (ours)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.facts import carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.studies.alignment.contrasts.pairs import contrasts_table
from o2b_helpers.studies.alignment.tables import CONTRASTS, PREDICTIONS
from o2b_helpers.studies.common.people import people_sources
from o2b_helpers.studies.common.tables import TARGETS


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return what permutations and intervals depend on, and whose sources are compared; all else is read."""
    analysis = params.analysis
    return {
        "significance": analysis.significance.model_dump(),
        "people": people_sources(analysis.human.model_dump()),
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Compare the full models' agreement with pairs of targets, and pairs of models."""
    predictions = PREDICTIONS.read(needs["valence_models"] / "results")
    targets = TARGETS.read(needs["human_targets"] / "results")
    people = people_sources(params.analysis.human.model_dump())
    table = contrasts_table(predictions, targets, people, params.analysis.significance)
    CONTRASTS.write(table, folder / "results")
    write_facts(folder, carried_on(contrast_facts(table), needs["valence_models"]))


def contrast_facts(table: pd.DataFrame) -> dict[str, Any]:
    """Return how many contrasts of each kind there are, were tested, and are beyond chance."""
    return {
        "contrasts": {
            kind: {
                "pairs": len(rows),
                "tested": int(rows["p"].notna().sum()),
                "q_below_0.05": int((rows["q"] < 0.05).sum()),
            }
            for kind, rows in table.groupby("contrast", sort=False)
        }
    }
