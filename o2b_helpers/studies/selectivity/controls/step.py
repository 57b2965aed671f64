"""Notebook 12: is it the emotion that filters answer to, or light and edges, or what the pictures show? (METHODS 6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.facts import carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.low_level import measured
from o2b_helpers.studies.common.networks import model_part
from o2b_helpers.studies.selectivity import image_sets
from o2b_helpers.studies.selectivity.controls.categories import categories_of, categories_part, category_rows
from o2b_helpers.studies.selectivity.controls.low_level import low_level_rows
from o2b_helpers.studies.selectivity.filter_selectivity import found_filters, load_responses
from o2b_helpers.studies.selectivity.responses import shown_pictures, studied_layers
from o2b_helpers.studies.selectivity.tables import FILTER_CATEGORIES, LOW_LEVEL_EMOTIONS, SETS

NAME = "emotion_controls"


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the pictures' geometry, and what says their categories."""
    first = params.analysis.models[0]
    return {
        "pictures": model_part(params, first, store)["preprocessing"],
        "colours": params.analysis.selectivity.colours,
        "models": [(model.label, model.weights_label) for model in params.analysis.selectivity_models],
        **categories_part(params),
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Tell emotions from low-level features, and explain responses by emotion and category."""
    sets, store, results = image_sets.load(params, needs), Store(params.store), folder / "results"
    size, simple = params.execution.batch_size, []
    for number, (name, table) in enumerate(zip(SETS, sets.both, strict=True)):
        shown = shown_pictures(params, store, params.analysis.models[0], sets, number)
        parts = image_sets.load_splits(needs["image_sets"], name)
        rows = low_level_rows(measured(shown, size), table["number"].to_numpy(), parts)
        simple.append(rows.assign(image_set=name))
    low_level = pd.concat(simple, ignore_index=True)
    LOW_LEVEL_EMOTIONS.write(low_level, results)
    categories = categories_of(params, sets, needs)
    frames, unsaid = [], []
    for model in params.analysis.selectivity_models:
        layers, seen = studied_layers(params, model), load_responses(needs["selectivity"], model)
        kept = ~found_filters(params, sets, layers, seen).constant
        for name, responses, table, own in zip(SETS, seen, sets.both, categories, strict=True):
            frame = category_rows(responses, table["number"].to_numpy(), own, layers, kept)
            if frame is None:
                unsaid.append(name)
                continue
            identity = {"architecture": model.label, "weights": model.weights_label, "image_set": name}
            frames.append(frame.assign(**identity))
    FILTER_CATEGORIES.write(pd.concat(frames) if frames else FILTER_CATEGORIES.empty(), results)
    means = low_level.groupby(["image_set", "emotion"], sort=False)["auroc"].mean()
    facts: dict[str, Any] = {
        "low_level_auroc": {f"{name} set, {emotion}": float(value) for (name, emotion), value in means.items()},
        "categories_from": params.analysis.selectivity.categories_from,
        "sets_without_categories": sorted(set(unsaid)),
    }
    write_facts(folder, carried_on(facts, needs["selectivity"]))
