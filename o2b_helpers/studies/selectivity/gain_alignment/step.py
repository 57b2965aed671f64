"""Notebook 13: what emotion-selective filters mean for the alignment, rho with every human target (METHODS 2 and 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from o2b_helpers.core.executor import InProcess
from o2b_helpers.core.facts import beside, carried_on, counted, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.common.beyond_chance import beyond_chance
from o2b_helpers.studies.common.options import FULL_UNDER_LAYER_RULES, Model
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.selectivity import image_sets
from o2b_helpers.studies.selectivity.filter_selectivity import found_filters, load_responses
from o2b_helpers.studies.selectivity.gain_alignment.predictions import (
    CHANGED,
    WHOLE,
    prediction_shards,
    responses_to_stimuli,
    strengths,
)
from o2b_helpers.studies.selectivity.gain_alignment.rows import Changed, Targets, alignment_rows
from o2b_helpers.studies.selectivity.gain_alignment.tables import GAIN_ALIGNMENT
from o2b_helpers.studies.selectivity.gains.filter_sets import MATCHED, RANDOM, SELECTIVE, FilterSets, filter_sets
from o2b_helpers.studies.selectivity.image_sets import ImageSets
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import network_part, studied_layers

NAME, VALENCE_MODELS, HUMAN_TARGETS = "gains_and_alignment", "valence_models", "human_targets"
STIMULI = 2  # their draws are apart from those for image set 0 and 1


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the networks and their layers, how filters are selected, sets and strengths, and how sure that is."""
    options = params.analysis.emotion_gains
    return {
        "networks": {model.label: network_part(params, model, store) for model in params.analysis.selectivity_models},
        "selectivity": {name: getattr(params.analysis.selectivity, name) for name in ("pooled", "lowest_share")},
        "gains": {name: getattr(options, name) for name in ("alignment_alphas", "draws", "seed")},
        "significance": {
            name: getattr(params.analysis.significance, name) for name in ("bootstrap", "confidence", "seed")
        },
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Predict the stimuli with every set of filters changed, and correlate with every target."""
    if VALENCE_MODELS not in needs:  # the profile does not run the study that trains them
        GAIN_ALIGNMENT.write(GAIN_ALIGNMENT.empty(), folder / "results")
        write_facts(folder, carried_on({"alignment_is_run": False}, needs["selectivity"]))
        return
    sets, stimuli = image_sets.load(params, needs), inputs.load(params, needs["inputs"]).stimuli
    table = TARGETS.read(needs[HUMAN_TARGETS] / "results")
    targets = Targets(table, stimuli["stimulus"], params.analysis.significance)
    frames, of_models = [], {}
    for model in models_with_heads(params):
        whole, changed = _predicted(params, needs, model, sets, stimuli)
        rows = alignment_rows(whole, changed, strengths(params), targets) if len(whole) else pd.DataFrame()
        if len(rows):
            frames.append(rows.assign(architecture=model.label, weights=model.weights_label))
        of_models[model.label] = _told(rows)
    GAIN_ALIGNMENT.write(pd.concat(frames, ignore_index=True) if frames else GAIN_ALIGNMENT.empty(), folder / "results")
    facts: dict[str, Any] = {
        "alignment_is_run": True,
        "draws": params.analysis.emotion_gains.draws,
        "models_without_heads": [
            model.label for model in params.analysis.selectivity_models if model not in models_with_heads(params)
        ],
    }
    seen = also_in_sets(stimuli, sets)
    if seen:
        facts["warnings"] = [
            f"{counted(seen, 'stimulus is', 'stimuli are')} also in the image sets by which filters were selected: "
            "with other stimuli, these filters may do less to the agreement."
        ]
    write_facts(folder, carried_on(beside(facts, of_models), needs["selectivity"]))


def models_with_heads(params: Params) -> list[Model]:
    """Return the models of this study that have the valence models which Object2Brain looks into."""
    return [model for model in params.analysis.selectivity_models if FULL_UNDER_LAYER_RULES in model.sets_of_rules]


def also_in_sets(stimuli: pd.DataFrame, sets: ImageSets) -> int:
    """Count the stimuli that are also pictures of the two sets, pixel for pixel."""
    return int(stimuli["pixels"].isin(set(sets.first["pixels"]) | set(sets.second["pixels"])).sum())


def _predicted(
    params: Params, needs: Mapping[str, Path], model: Model, sets: ImageSets, stimuli: pd.DataFrame
) -> tuple[np.ndarray, Iterator[Changed]]:
    """Return what a network predicts as it is, (run, stimulus), and with each layer's and emotion's filters changed."""
    store, layers, options = Store(params.store), studied_layers(params, model), params.analysis.emotion_gains
    found = found_filters(params, sets, layers, load_responses(needs["selectivity"], model))
    response = responses_to_stimuli(params, store, model, layers, stimuli)
    drawn = {}
    for place, (layer, of_layer) in enumerate(zip(layers.names, layers.places, strict=True)):
        seed = options.seed, STIMULI, place
        own = list(filter_sets(found, response, of_layer, options.draws, seed, (RANDOM, MATCHED)))
        if own:
            drawn[layer] = own
    readout = load_readout(params, needs[VALENCE_MODELS], model)
    shards = prediction_shards(params, store, model, drawn, readout, stimuli)
    folders = InProcess().run(shards, store, f"lesions, gains and alignment, {model.label}")
    if not folders:
        return np.empty((0, len(stimuli))), iter(())
    return np.load(folders[0] / WHOLE), _changed(dict(zip(drawn, folders, strict=True)), drawn)


def _changed(folders: Mapping[str, Path], drawn: Mapping[str, list[FilterSets]]) -> Iterator[Changed]:
    """Tell the predictions of a layer's shard apart: whose sets they are of, in the order in which they were handed."""
    for layer, folder in folders.items():
        predictions, start = np.load(folder / CHANGED), 0
        of_emotion: dict[int, dict[str, np.ndarray]] = {}
        sizes: dict[int, int] = {}
        for own in drawn[layer]:
            of_emotion.setdefault(own.emotion, {})[own.kind] = predictions[start : start + len(own.members)]
            sizes[own.emotion] = int(own.members[0].sum())
            start += len(own.members)
        for emotion, kinds in of_emotion.items():
            selective = kinds.pop(SELECTIVE)[0]
            yield Changed(layer, EMOTIONS[emotion], sizes[emotion], selective, kinds)


def _told(rows: pd.DataFrame) -> dict[str, Any]:
    """Count what is beyond draws, corrected over all layers, emotions and targets that are counted."""
    told: dict[str, Any] = {"sets": 0, "changes": {}}
    if rows.empty:
        return told
    told["sets"] = rows.groupby(["layer", "emotion"]).ngroups
    for alpha, own in rows.groupby("alpha", sort=True):
        random, tests = beyond_chance(own["p_random"])
        told["changes"][f"{alpha:g}"] = {
            "tests": tests,
            "beyond_random": random,
            "beyond_matched": beyond_chance(own["p_matched"])[0],
            "mean_change": float(own["change"].mean()),
            "mean_change_of_random": float(own["random"].mean()),
        }
    return told
