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
from o2b_helpers.studies.alignment.head_training import FULL, heads_shard
from o2b_helpers.studies.alignment.tables import HEADS, LAYER_PREDICTIONS, PREDICTIONS
from o2b_helpers.studies.common.networks import model_part, target_layers
from o2b_helpers.studies.common.options import Model


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the models and the training rules."""
    heads = params.analysis.heads
    models = {
        f"{m.label}|{m.weights_label}": {**model_part(params, m, store), "layer_models": m.layer_models}
        for m in params.analysis.models
    }
    return {"models": models, "order": list(models), "heads": heads.model_dump()}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Train every head of every model and predict the stimuli."""
    data = inputs.load(params, needs["inputs"])
    training = training_set(params, data.corpus)
    store = Store(params.store)
    histories, full, by_layer, facts = [], [], [], {}
    for model in params.analysis.models:
        layers = [FULL, *(target_layers(params, model) if model.layer_models else ())]
        shards = [heads_shard(params, store, model, at, data.corpus, training, data.stimuli) for at in layers]
        for layer, place in zip(layers, InProcess().run(shards, store), strict=True):
            identity = {"architecture": model.label, "weights": model.weights_label}
            history = pd.read_parquet(place / "history.parquet").assign(layer=layer, **identity)
            histories.append(history)
            predictions = _long(np.load(place / "predictions.npy"), data.stimuli["stimulus"], identity)
            if layer == FULL:
                full.append(predictions)
                shutil.copyfile(place / "heads.safetensors", folder / _heads_file(model))
                facts[f"{model.label} ({model.weights_label})"] = _kept_facts(pd.read_csv(place / "kept.csv"), history)
            else:
                by_layer.append(predictions.assign(layer=layer))
    results = folder / "results"
    HEADS.write(pd.concat(histories), results)
    PREDICTIONS.write(pd.concat(full), results)
    LAYER_PREDICTIONS.write(pd.concat(by_layer) if by_layer else LAYER_PREDICTIONS.empty(), results)
    known = {"images_trained_and_tested_on": len(training), "runs": params.analysis.heads.runs}
    write_facts(folder, carried_on({**known, **facts}, needs["inputs"]))


def load_readout(params: Params, folder: Path, model: Model) -> Readout:
    """Read the readout of a model's full models, all runs, from this step's folder."""
    tensors = load_file(folder / _heads_file(model))
    return Readout.valence(tensors["weight"], tensors["bias"], params.analysis.heads.full.output)


def readout_digest(readout: Readout) -> str:
    """Name a readout by its numbers, for keys."""
    return digest_of([np.asarray(readout.weight).tolist(), np.asarray(readout.bias).tolist(), readout.link])


def _heads_file(model: Model) -> str:
    return file_of("heads", (model.label, model.weights_label), ".safetensors")


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


def _kept_facts(kept: pd.DataFrame, history: pd.DataFrame) -> dict[str, float]:
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
    say(f"    held-out MAE {facts['held_out_mae']:.3f}, rho with the ratings {rho}")
    return facts
