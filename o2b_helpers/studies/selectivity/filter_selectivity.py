"""Notebook 12: which filters answer to unpleasant, neutral and pleasant pictures, in both image sets (METHODS 6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.files.labelled import filter_dataset, label_variables, write_dataset
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.running.keys import made_from
from o2b_helpers.core.store import Store
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.selectivity import image_sets
from o2b_helpers.studies.selectivity.examples import example_rows
from o2b_helpers.studies.selectivity.found import Found
from o2b_helpers.studies.selectivity.image_sets import ImageSets
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import Layers, network_part, responses, studied_layers, twins
from o2b_helpers.studies.selectivity.rows import filter_rows, layer_rows, overlap_rows, share_rows
from o2b_helpers.studies.selectivity.tables import (
    ALL_LAYERS,
    EXAMPLE_FILTERS,
    FILTER_RESPONSES,
    FILTER_SELECTIVITY,
    LAYER_SELECTIVITY,
    SELECTIVE_OVERLAP,
    SELECTIVE_SHARES,
    TRAINED,
)

LISTED = 200  # constant filters that are named


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the networks, trained and drawn, and what selects filters and tells them from chance."""
    options = params.analysis.selectivity
    names = ("colours", "layers", "pooled", "lowest_share", "strongest")
    networks = {}
    for model in params.analysis.selectivity_models:
        networks[model.label] = network_part(params, model, store)
        networks |= {f"{model.label}|{seed}": network_part(own, drawn, store)
                     for seed, own, drawn in twins(params, model)}  # fmt: skip
    return {
        "selectivity": {name: getattr(options, name) for name in names},
        "significance": params.analysis.significance.model_dump(),
        "networks": networks,
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Let every network see both sets, select filters, and hold them against chance and against drawn weights."""
    sets, store, results = image_sets.load(params, needs), Store(params.store), folder / "results"
    rows: dict[Any, list[pd.DataFrame]] = {
        table: [] for table in (FILTER_SELECTIVITY, LAYER_SELECTIVITY, SELECTIVE_OVERLAP, SELECTIVE_SHARES,
                                EXAMPLE_FILTERS)
    }  # fmt: skip
    facts: dict[str, Any] = {}
    origin, significance = made_from(params, "selectivity"), params.analysis.significance
    for model in params.analysis.selectivity_models:
        layers, identity = studied_layers(params, model), {"architecture": model.label, "weights": model.weights_label}
        seen = responses(params, store, model, sets)
        found = found_filters(params, sets, layers, seen)
        drawn = {seed: found_filters(params, sets, layers, responses(own, store, twin, sets))
                 for seed, own, twin in twins(params, model)}  # fmt: skip
        many = significance.permutations, significance.seed
        exchanged = found.exchanged(0, *many), found.exchanged(1, *many)
        made = {
            FILTER_SELECTIVITY: filter_rows(found, layers),
            LAYER_SELECTIVITY: layer_rows(found, layers, drawn, exchanged, significance),
            SELECTIVE_OVERLAP: overlap_rows(found, layers, drawn, exchanged, significance),
            SELECTIVE_SHARES: share_rows(found, layers),
            EXAMPLE_FILTERS: example_rows(found, layers, sets, params.analysis.selectivity.strongest),
        }
        for table, frame in made.items():
            rows[table].append(frame.assign(**identity))
        labelled = _labelled(layers, sets, seen, {**identity, **origin})
        write_dataset(labelled, results / FILTER_RESPONSES.file(model.label))
        facts[model.label] = _told(found, layers, made[LAYER_SELECTIVITY], made[SELECTIVE_OVERLAP])
        say(f"    {model.label}: {facts[model.label]['emotion_selective']} emotion-selective filters")
    for table, frames in rows.items():
        table.write(pd.concat(frames, ignore_index=True) if frames else table.empty(), results)
    common = {"lowest_share": params.analysis.selectivity.lowest_share, "exchanges": significance.permutations}
    common["untrained_seeds"] = params.analysis.selectivity.untrained_seeds
    write_facts(folder, carried_on(beside(common, facts), needs["image_sets"]))


def found_filters(
    params: Params, sets: ImageSets, layers: Layers, seen: tuple[np.ndarray, np.ndarray],
    rows: tuple[np.ndarray, np.ndarray] | None = None,
) -> Found:  # fmt: skip
    """Select filters by a network's responses to both sets, or to some of their pictures.

    Parameters
    ----------
    params : Params
        The profile.
    sets : ImageSets
        Emotions of the pictures.
    layers : Layers
        The filters.
    seen : two arrays (picture, filter)
        Responses to all pictures of each set.
    rows : two arrays, optional
        The pictures of each set that are used, such as those that train and validate in a split.
    """
    first, second = (table["number"].to_numpy() for table in sets.both)
    if rows is not None:
        seen, (first, second) = (seen[0][rows[0]], seen[1][rows[1]]), (first[rows[0]], second[rows[1]])
    options = params.analysis.selectivity
    return Found(seen, (first, second), layers.filters, options.lowest_share, options.pooled)


def load_responses(folder: Path, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Read a network's responses to both sets from this step's folder, each (picture, filter) of float64."""
    with xr.open_dataset(folder / "results" / FILTER_RESPONSES.file(model.label), engine="h5netcdf") as data:
        values, number = data["response"].values.astype(np.float64), data["image_set"].values
    return values[number == 0], values[number == 1]


def _labelled(
    layers: Layers, sets: ImageSets, seen: tuple[np.ndarray, np.ndarray], attributes: dict[str, str]
) -> xr.Dataset:
    names = [name for table in sets.both for name in table["image"]]
    number = np.repeat([0, 1], [len(table) for table in sets.both])
    variables = {"response": (("picture", "filter"), np.concatenate(seen).astype(np.float32)),
                 "image_set": (("picture",), number)}  # fmt: skip
    dataset = filter_dataset(variables, list(layers.layer), layers.channel.tolist(), {"picture": names}, attributes)
    return label_variables(dataset, FILTER_RESPONSES)


def _told(found: Found, layers: Layers, by_layer: pd.DataFrame, overlap: pd.DataFrame) -> dict[str, Any]:
    constant = [f"{layer} {channel}" for layer, channel in zip(layers.layer[found.constant],
                layers.channel[found.constant], strict=True)]  # fmt: skip
    trained, index = overlap[overlap["network"] == TRAINED], by_layer[by_layer["network"] == TRAINED]
    whole = trained[trained["layer"] == ALL_LAYERS].set_index("emotion")
    return {
        "layers": len(layers.names),
        "filters": len(found.constant),
        "constant": len(constant),
        "constant_filters": constant[:LISTED],
        "emotion_selective": int(found.emotion_selective.sum()),
        "both": {name: int(whole.loc[name, "both"]) for name in EMOTIONS},
        "expected": {name: float(whole.loc[name, "expected"]) for name in EMOTIONS},
        "p_strength": {name: float(whole.loc[name, "p_strength"]) for name in EMOTIONS},
        "index_first_layer": float(index[index["layer"] == layers.names[0]]["index"].mean()),
        "index_last_layer": float(index[index["layer"] == layers.names[-1]]["index"].mean()),
    }
