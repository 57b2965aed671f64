"""Notebook 13: emotion-selective filters are lesioned and strengthened, and held against other filters (METHODS 6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.executor import InProcess
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.selectivity import image_sets
from o2b_helpers.studies.selectivity.filter_selectivity import load_responses
from o2b_helpers.studies.selectivity.gains.effects import curve_rows, effect_rows, specificity_rows
from o2b_helpers.studies.selectivity.gains.filter_sets import OTHERS, SELECTIVE
from o2b_helpers.studies.selectivity.gains.predictions import FILE, gain_shards, selections
from o2b_helpers.studies.selectivity.gains.readouts import readout_shards
from o2b_helpers.studies.selectivity.gains.tables import (
    CHOSEN,
    GAIN_CURVES,
    GAIN_EFFECTS,
    HELD_OUT,
    LESION_SPECIFICITY,
    LESIONED,
)
from o2b_helpers.studies.selectivity.image_sets import ImageSets
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import network_part, studied_layers
from o2b_helpers.studies.selectivity.tables import SETS

SURE = 0.05


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the networks and their layers, how filters are selected, and the sets and strengths."""
    options = params.analysis.emotion_gains
    return {
        "networks": {model.label: network_part(params, model, store) for model in params.analysis.selectivity_models},
        "selectivity": {name: getattr(params.analysis.selectivity, name) for name in ("pooled", "lowest_share")},
        "gains": options.model_dump(exclude={"alignment_alphas"}),
        "confidence": params.analysis.significance.confidence,
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Lesion and strengthen the sets of every layer, and hold them against draws."""
    sets, store = image_sets.load(params, needs), Store(params.store)
    frames: dict[Any, list[pd.DataFrame]] = {table: [] for table in (GAIN_EFFECTS, GAIN_CURVES, LESION_SPECIFICITY)}
    facts: dict[str, Any] = {}
    for model in params.analysis.selectivity_models:
        judged = _judged(params, store, model, sets, needs)
        for name, own in zip(SETS, judged, strict=True):
            identity = {"architecture": model.label, "weights": model.weights_label, "image_set": name}
            made = (
                (GAIN_EFFECTS, effect_rows(own, params.analysis.significance.confidence)),
                (GAIN_CURVES, curve_rows(own)),
                (LESION_SPECIFICITY, specificity_rows(own)),
            )
            for table, frame in made:
                if len(frame):
                    frames[table].append(frame.assign(**identity))
        facts[model.label] = _told(judged, frames[GAIN_EFFECTS], model)
    for table, own in frames.items():
        table.write(pd.concat(own, ignore_index=True) if own else table.empty(), folder / "results")
    write_facts(folder, carried_on(beside({"draws": params.analysis.emotion_gains.draws}, facts), needs["selectivity"]))


def _judged(
    params: Params, store: Store, model: Model, sets: ImageSets, needs: Mapping[str, Path]
) -> list[pd.DataFrame]:
    """Return what every set of filters does to recognition, for each of the two image sets."""
    parts = [image_sets.load_splits(needs["image_sets"], name) for name in SETS]
    layers, seen = studied_layers(params, model), load_responses(needs["selectivity"], model)
    readouts = InProcess().run(readout_shards(params, store, model, sets, parts), store)
    chosen = selections(params, sets, layers, seen, parts)
    shards = gain_shards(params, store, model, sets, layers, chosen, parts, readouts)
    folders = InProcess().run(shards, store, f"lesions and gains, {model.label}")
    many = len(layers.names)
    return [
        pd.concat(
            [
                pd.read_parquet(place / FILE).assign(layer=layer)
                for layer, place in zip(layers.names, folders[start : start + many], strict=True)
            ],
            ignore_index=True,
        )
        for start in (0, many)
    ]


def _told(judged: list[pd.DataFrame], effects: list[pd.DataFrame], model: Model) -> dict[str, Any]:
    own = pd.concat(effects) if effects else GAIN_EFFECTS.empty()
    own = own[(own["architecture"] == model.label) & (own["selection"] == HELD_OUT) & (own["measure"] == "auroc")]
    every = pd.concat(judged)
    with_set = every[every["kind"] == SELECTIVE].groupby(["layer", "emotion"]).ngroups
    compared = every[every["kind"] == OTHERS].groupby(["layer", "emotion"]).ngroups
    told: dict[str, Any] = {"sets": with_set, "sets_without_others": with_set - compared}
    for name in (LESIONED, CHOSEN):
        rows = own[own["manipulation"] == name]
        told[name] = {
            emotion: {
                "tests": int((rows["emotion"] == emotion).sum()),
                "sure": int(((rows["emotion"] == emotion) & (rows["q_matched"] < SURE)).sum()),
            }
            for emotion in EMOTIONS
        }
    return told
