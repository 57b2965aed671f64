"""Notebook 15: how well ratings are predicted, by which features, and what each group contributes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from o2b_helpers.core.facts import carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.studies.deep_affect import affect_inputs, affect_models
from o2b_helpers.studies.deep_affect.rows import (
    ceiling_rows,
    comparison_rows,
    contribution_rows,
    fold_rows,
    score_rows,
)
from o2b_helpers.studies.deep_affect.tables import (
    AFFECT_CEILINGS,
    AFFECT_CONTRIBUTIONS,
    AFFECT_FOLDS,
    AFFECT_SCORES,
    AFFECT_TESTS,
)

NAME = "affect_scores"


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return what intervals cover."""
    return {"confidence": params.analysis.significance.confidence}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Score predictions, compare models, and share R2 among the groups of features."""
    prepared = affect_inputs.load(params, needs["affect_inputs"])
    predicted, groups = affect_models.load(needs["affect_models"]), params.analysis.affect.groups
    of_folds = fold_rows(predicted, prepared.pictures, prepared.folds)
    ratio, confidence = prepared.folds.test_to_train, params.analysis.significance.confidence
    results = folder / "results"
    AFFECT_FOLDS.write(of_folds, results)
    AFFECT_SCORES.write(score_rows(of_folds), results)
    AFFECT_TESTS.write(comparison_rows(of_folds, groups, ratio, confidence), results)
    AFFECT_CONTRIBUTIONS.write(contribution_rows(of_folds, groups, ratio, confidence), results)
    AFFECT_CEILINGS.write(ceiling_rows(prepared.pictures), results)
    facts = {"models": len(predicted), "groups": groups, "test_to_train": ratio}
    write_facts(folder, carried_on(facts, needs["affect_models"]))
