"""Notebook 03: would a network with drawn weights, or plain brightness and colour, agree as well? (ours)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from o2b_helpers.core.executor import InProcess
from o2b_helpers.core.facts import carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.controls.beyond import LOW_LEVEL, beyond_controls, control_alignment
from o2b_helpers.studies.alignment.controls.low_level import low_level_shard
from o2b_helpers.studies.alignment.controls.untrained import (
    UNTRAINED,
    controlled_models,
    seeds,
    untrained_shards,
    with_seed,
)
from o2b_helpers.studies.alignment.tables import (
    ALIGNMENT_CONTROLS,
    CONTROL_ALIGNMENT,
    CONTROL_PREDICTIONS,
    PREDICTIONS,
)
from o2b_helpers.studies.alignment.valence_models import training_set
from o2b_helpers.studies.common.networks import model_part
from o2b_helpers.studies.common.options import FULL_RULES
from o2b_helpers.studies.common.tables import TARGETS


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the drawn networks, the rules that train their heads, and what permutations and intervals depend on."""
    analysis = params.analysis
    drawn = {
        f"{model.architecture}|{seed}": model_part(with_seed(params, seed), model, store)
        for model in controlled_models(params)
        for seed in seeds(params)
    }
    first = analysis.models[0]
    return {
        "drawn": drawn,
        "models": [(model.label, model.weights_label, model.architecture) for model in analysis.models],
        "pictures": model_part(params, first, store)["preprocessing"],
        "heads": analysis.heads.model_dump(),
        "controls": analysis.controls.model_dump(),
        "significance": analysis.significance.model_dump(),
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Train the controls, and hold the full models against them."""
    data, store = inputs.load(params, needs["inputs"]), Store(params.store)
    training = training_set(params, data.corpus)
    stimuli = data.stimuli["stimulus"]
    listed = untrained_shards(params, store, data.corpus, training, data.stimuli)
    simple = low_level_shard(params, store, data.corpus, training, data.stimuli)
    *places, last = InProcess().run([*(shard for _, _, shard in listed), simple], store)
    made = [
        _rows(UNTRAINED, name, seed, stimuli, np.load(place / f"{FULL_RULES}_predictions.npy")[0])
        for (name, seed, _), place in zip(listed, places, strict=True)
    ]
    network = params.analysis.models[0].architecture
    made.append(_rows(LOW_LEVEL, network, 0, stimuli, np.load(last / "predictions.npy")))
    controls = pd.concat(made, ignore_index=True)
    predictions = PREDICTIONS.read(needs["valence_models"] / "results")
    targets = TARGETS.read(needs["human_targets"] / "results")
    networks = {(model.label, model.weights_label): model.architecture for model in params.analysis.models}
    table = beyond_controls(predictions, controls, targets, networks, params.analysis.significance)
    results = folder / "results"
    CONTROL_PREDICTIONS.write(controls, results)
    CONTROL_ALIGNMENT.write(control_alignment(controls, targets), results)
    ALIGNMENT_CONTROLS.write(table, results)
    write_facts(folder, carried_on(control_facts(table), needs["valence_models"]))


def control_facts(table: pd.DataFrame) -> dict[str, Any]:
    """Return how many agreements of trained networks are above all untrained ones, and how many beyond low-level."""
    ranked = table[table["p_untrained"].notna() & (table["weights"] != UNTRAINED)]
    return {
        "untrained_seeds": int(table["untrained_seeds"].max()),
        "ranked_among_untrained": len(ranked),
        "above_all_untrained": int((ranked["rho"] > ranked["untrained_high"]).sum()),
        "beyond_low_level": int(((table["q_partial"] < 0.05) & (table["partial_rho"] > 0)).sum()),
        "tested_beyond_low_level": int(table["p_partial"].notna().sum()),
    }


def _rows(control: str, name: str, seed: int, stimuli: pd.Series, predicted: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "control": control, "architecture": name, "seed": seed, "stimulus": stimuli.to_numpy(),
            "prediction": np.asarray(predicted, dtype=np.float64),
        }
    )  # fmt: skip
