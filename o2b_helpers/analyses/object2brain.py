"""Notebook 08: how much does each object class, and each category, drive the alignment? (METHODS 4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from o2b_helpers.analyses.labelled import read_dataset
from o2b_helpers.analyses.step import Result, run_step
from o2b_helpers.analyses.tables import write_facts, write_table
from o2b_helpers.errors import StoreError
from o2b_helpers.kernels.object_weights import category_weights, object_weights
from o2b_helpers.params import Params
from o2b_helpers.store import Store

NEEDS = ("objects", "filter_sensitivity", "filter_lesions")


def run(params: Params) -> Result:
    """Make ``object_weights.csv`` and ``category_weights.csv``."""
    return run_step(params, "object2brain")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the share of classes taken from either end, and the models in order."""
    return {
        "object2brain": params.analysis.object2brain.model_dump(),
        "models": [m.label for m in params.analysis.models if m.object2brain],
    }


def compute(params: Params, needs: dict[str, Path], folder: Path) -> None:
    """Multiply sensitivity with lesion effects, sum over a layer's filters, and gather classes into categories."""
    detections = pd.read_parquet(needs["objects"] / "results" / "detections.parquet")
    category_of = detections.drop_duplicates("class").set_index("class")["category"].to_dict()
    weights, gathered, facts = [], [], {}
    for model in (m for m in params.analysis.models if m.object2brain):
        scores = read_dataset(needs["filter_sensitivity"] / "results" / f"filter_scores_{model.label}.nc")
        effects = read_dataset(needs["filter_lesions"] / "results" / f"lesion_effects_{model.label}.nc")
        _same_filters(scores, effects, model.label)
        classes, targets = scores["class"].to_numpy().astype(str), effects["target"].to_numpy().astype(str)
        shown = scores["box_count"].to_numpy() > 0
        by_layer = object_weights(
            scores["score_sum"].to_numpy()[:, :, shown],
            scores["box_count"].to_numpy()[shown],
            effects["delta"].to_numpy(),
            scores["layer"].to_numpy().astype(str),
        )
        classes = classes[shown]
        for layer, values in by_layer.items():
            weights.append(_long(values, classes, targets, category_of, model.label, layer))
            table = category_weights(
                values.mean(axis=0), classes, category_of, params.analysis.object2brain.share, targets=targets
            )
            gathered.append(table.assign(architecture=model.label, layer=layer))
        facts[model.label] = {
            "classes": len(classes),
            "classes_from_either_end": max(1, round(params.analysis.object2brain.share * len(classes))),
            "weights_missing_because_a_lesion_left_constant_predictions": int(
                sum(np.isnan(values).sum() for values in by_layer.values())
            ),
            "classes_whose_boxes_all_lie_outside_the_input": int((~shown).sum()),
        }
    columns = ["architecture", "layer", "run", "target", "class", "category", "weight"]
    write_table(pd.concat(weights)[columns], folder / "results" / "object_weights.csv")
    columns = ["architecture", "layer", "target", "category", "sign", "weight", "n_classes"]
    write_table(pd.concat(gathered)[columns], folder / "results" / "category_weights.csv")
    write_facts(folder, facts)


def _same_filters(scores: xr.Dataset, effects: xr.Dataset, label: str) -> None:
    """Refuse to multiply the scores of some filters with the lesion effects of others."""
    for name in ("layer", "channel", "run"):
        if not np.array_equal(scores[name].to_numpy(), effects[name].to_numpy()):
            raise StoreError(
                f"filter scores and lesion effects of {label} are not of the same filters and runs",
                value=f"{name} differs",
                expected="the same layers, channels and runs in the same order",
                remedy="run notebooks 06 and 07 again with the same profile",
            )


def _long(
    values: np.ndarray, classes: np.ndarray, targets: np.ndarray, category_of: dict[str, str], label: str, layer: str
) -> pd.DataFrame:
    """Turn weights (run, class, target) into rows."""
    runs = values.shape[0]
    index = pd.MultiIndex.from_product([range(runs), classes, targets], names=["run", "class", "target"])
    table = pd.DataFrame({"weight": values.ravel()}, index=index).reset_index()
    return table.assign(category=table["class"].map(category_of), architecture=label, layer=layer)
