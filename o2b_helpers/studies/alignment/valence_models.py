"""Notebook 02: train valence heads on frozen backbones, full models and layer models (METHODS 2)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.errors import InputError
from o2b_helpers.core.executor import InProcess
from o2b_helpers.core.facts import carried_on, write_facts
from o2b_helpers.core.files.names import file_of
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.store import Store
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.head_training import FULL, heads_shard, layers_of, rules_at
from o2b_helpers.studies.alignment.tables import HEADS, LAYER_PREDICTIONS, PREDICTIONS
from o2b_helpers.studies.common.networks import model_part
from o2b_helpers.studies.common.options import FULL_RULES, FULL_UNDER_LAYER_RULES, LAYER_RULES, Model


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the models and the training rules."""
    models = {
        f"{m.label}|{m.weights_label}": {
            **model_part(params, m, store),
            "layer_models": m.layer_models,
            "rules": m.sets_of_rules,
            "heads": params.analysis.heads_of(m).model_dump(),
        }
        for m in params.analysis.models
    }
    return {"models": models, "order": list(models)}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Train every head of every model and predict the stimuli."""
    data = inputs.load(params, needs["inputs"])
    training = training_set(params, data.corpus)
    store = Store(params.store)
    histories, full, by_layer = list[pd.DataFrame](), list[pd.DataFrame](), list[pd.DataFrame]()
    facts: dict[str, dict[str, Any]] = {}
    for model in params.analysis.models:
        layers, behind = layers_of(params, model), list[pd.DataFrame]()
        identity = {"architecture": model.label, "weights": model.weights_label}
        own = facts[f"{model.label} ({model.weights_label})"] = {}
        shards = [heads_shard(params, store, model, at, data.corpus, training, data.stimuli) for at in layers]
        for layer, place in zip(layers, InProcess().run(shards, store), strict=True):
            for rules in rules_at(model, layer):
                history = pd.read_parquet(place / f"{rules}_history.parquet")
                history = history.assign(layer=layer, rules=rules, **identity)
                histories.append(history)
                predictions = np.load(place / f"{rules}_predictions.npy")
                table = _long(predictions, data.stimuli["stimulus"], identity)
                if rules == LAYER_RULES:
                    by_layer.append(table.assign(layer=layer))
                    continue
                (full if rules == FULL_RULES else behind).append(table)
                shutil.copyfile(place / f"{rules}.safetensors", folder / _heads_file(model, rules))
                known = _kept_facts(pd.read_csv(place / f"{rules}_kept.csv"), history, rules)
                own |= known if rules == FULL_RULES else {rules: known}
        by_layer += [table.assign(layer=FULL) for table in behind]  # from early to late
    results = folder / "results"
    HEADS.write(pd.concat(histories), results)
    PREDICTIONS.write(pd.concat(full), results)
    LAYER_PREDICTIONS.write(pd.concat(by_layer) if by_layer else LAYER_PREDICTIONS.empty(), results)
    heads = params.analysis.heads
    known = {"images_trained_and_tested_on": len(training), "runs": heads.runs, "heads_chosen_on": heads.select}
    write_facts(folder, carried_on({**known, **facts}, needs["inputs"]))


def load_readout(params: Params, folder: Path, model: Model) -> Readout:
    """Read the readout of a model's full models under the layer models' rules, all runs, from this step's folder.

    It is what Object2Brain looks into (the paper, section 3.2); figure 1 shows full models trained by other rules.

    Raises
    ------
    InputError
        The model has neither layer models nor Object2Brain, so that no such heads are trained.
    """
    if FULL_UNDER_LAYER_RULES not in model.sets_of_rules:
        raise InputError(
            f"{model.label} has no heads for Object2Brain",
            value="layer_models: false, object2brain: false",
            expected="a model with layer models or with Object2Brain",
            remedy="set object2brain: true for it in analysis.models",
        )
    tensors = load_file(folder / _heads_file(model, FULL_UNDER_LAYER_RULES))
    output = params.analysis.heads_of(model).full_under_layer_rules.output
    return Readout.valence(tensors["weight"], tensors["bias"], output)


def readout_digest(readout: Readout) -> str:
    """Name a readout by its numbers, for keys."""
    return digest_of([np.asarray(readout.weight).tolist(), np.asarray(readout.bias).tolist(), readout.link])


def _heads_file(model: Model, rules: str) -> str:
    return file_of("heads" if rules == FULL_RULES else rules, (model.label, model.weights_label), ".safetensors")


def training_set(params: Params, corpus: pd.DataFrame) -> pd.DataFrame:
    """Return the images to train on; neutral ones are dropped for binary labels.

    Returns
    -------
    DataFrame
        The corpus' columns, target (0..1), stratum (0/1), and group: a number that copies of a picture share.
    """
    if params.analysis.heads.label == "binary":
        rows = corpus[corpus["label"].notna()]
        target = stratum = rows["label"]
    else:
        rows = corpus
        target, stratum = rows["scaled"], (rows["scaled"] > rows["scaled"].median()).astype(float)
    counts = {"0": int((stratum == 0).sum()), "1": int((stratum == 1).sum())}
    if min(counts.values()) < 2:
        raise InputError(
            "the training labels are (almost) all of one kind",
            value=f"{counts['0']} unpleasant, {counts['1']} pleasant",
            expected="at least 2 of either",
            remedy="check the valence column, valence_range and neutral of analysis.corpus",
        )
    group = pd.factorize(rows["pixels"])[0]
    return rows.assign(target=target, stratum=stratum, group=group).reset_index(drop=True)


def _long(predictions: np.ndarray, stimuli: pd.Series, identity: dict[str, str]) -> pd.DataFrame:
    runs, count = predictions.shape
    return pd.DataFrame(
        {
            "run": np.repeat(np.arange(runs), count),
            "stimulus": np.tile(stimuli.to_numpy(), runs),
            "prediction": predictions.astype(np.float64).ravel(),
        }
    ).assign(**identity)


def _kept_facts(kept: pd.DataFrame, history: pd.DataFrame, rules: str) -> dict[str, float]:
    test = kept.merge(history[history["split"] == "test"], on=["run", "learning_rate", "epoch"])
    facts = {
        "held_out_mae": float(test["mae"].mean()),
        "held_out_rho_with_ratings": float(test["rho"].mean()),
        "smallest_rho": float(test["rho"].min()),
        "largest_rho": float(test["rho"].max()),
    }
    missing = int(test["rho"].isna().sum())
    if missing:
        facts["runs_without_rho"] = missing
    rho = "undefined" if missing == len(test) else f"{facts['held_out_rho_with_ratings']:.3f}"
    under = "" if rules == FULL_RULES else ", trained under the layer models' rules"
    say(f"    full models{under}: held-out MAE {facts['held_out_mae']:.3f}, rho with the ratings {rho}")
    return facts
