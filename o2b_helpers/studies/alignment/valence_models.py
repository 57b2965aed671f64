"""Notebook 02: train valence heads on frozen backbones, full models and layer models (METHODS 2)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import load_file, save_file

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.errors import InputError
from o2b_helpers.core.params import Model, Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.resources import in_words, memory_for_this_process, resident_bytes
from o2b_helpers.core.run import Result, run_step
from o2b_helpers.core.store import Store
from o2b_helpers.core.tables import write_facts, write_table
from o2b_helpers.inputs.images.pixel_cache import CachedImages
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.heads.feature_places import choose_place
from o2b_helpers.models.heads.feature_sources import FeatureSource, InMemory, OnDisk, Streamed
from o2b_helpers.models.heads.features import layer_features, n_features
from o2b_helpers.models.heads.head_data import stratified_splits
from o2b_helpers.models.heads.training import HeadSettings, predict, train_heads
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.networks import lazily, model_part, target_layers
from o2b_helpers.studies.common.pictures import pictures

NEEDS = ("inputs",)
MODULE = "o2b_helpers.studies.alignment.valence_models"
FULL = "full"


@dataclass(frozen=True)
class FullHeads:
    """The heads of a model's full models.

    Attributes
    ----------
    weight : ndarray (run, feature)
        Weights of the last layer.
    bias : ndarray (run,)
        Biases of the last layer.
    """

    weight: np.ndarray
    bias: np.ndarray

    def tensors(self, device: str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
        """Return weight and bias in single precision, as the kernels take them."""
        weight, bias = (torch.as_tensor(one, dtype=torch.float32, device=device) for one in (self.weight, self.bias))
        return weight, bias


def run(params: Params) -> Result:
    """Make ``heads.csv``, ``predictions.csv`` and ``layer_predictions.csv``."""
    return run_step(params, "valence_models")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the models and the training rules."""
    heads = params.analysis.heads
    models = {
        f"{m.label}|{m.weights_label}": {**model_part(params, m, store), "layer_models": m.layer_models}
        for m in params.analysis.models
    }
    return {"models": models, "order": list(models), "heads": heads.model_dump()}


def compute(params: Params, needs: dict[str, Path], folder: Path) -> None:
    """Train every head of every model and predict the stimuli."""
    data = inputs.load(params, needs["inputs"])
    training = training_set(params, data.corpus)
    store = Store(params.store)
    histories, full, by_layer, facts = [], [], [], {}
    for model in params.analysis.models:
        layers = [FULL, *(target_layers(params, model) if model.layer_models else ())]
        backbone = lazily(params, model)
        known = pictures(params, store, model, data.corpus, "corpus").of(training["sha256"])
        shown = pictures(params, store, model, data.stimuli, "stimuli")
        for layer in layers:
            place = _train(params, store, model, backbone, layer, training, data.stimuli, known, shown)
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
    columns = ["architecture", "weights", "layer", "run", "learning_rate", "epoch", "split", "mae", "loss", "rho"]
    write_table(pd.concat(histories)[columns], results / "heads.csv")
    columns = ["architecture", "weights", "run", "stimulus", "prediction"]
    write_table(pd.concat(full)[columns], results / "predictions.csv")
    columns.insert(2, "layer")
    empty = pd.DataFrame(columns=columns)
    write_table(pd.concat(by_layer)[columns] if by_layer else empty, results / "layer_predictions.csv")
    write_facts(folder, {"images_trained_and_tested_on": len(training), "runs": params.analysis.heads.runs, **facts})


def load_full_heads(folder: Path, model: Model) -> FullHeads:
    """Read a model's full heads from this step's folder."""
    tensors = load_file(folder / _heads_file(model))
    return FullHeads(tensors["weight"], tensors["bias"])


def _heads_file(model: Model) -> str:
    return f"heads_{model.label}_{model.weights_label}.safetensors"


def training_set(params: Params, corpus: pd.DataFrame) -> pd.DataFrame:
    """Return the images to train on with target (0..1) and stratum (0/1); neutral ones dropped for binary labels."""
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
    return rows.assign(target=target, stratum=stratum).reset_index(drop=True)


def heads_part(
    params: Params, store: Store, model: Model, layer: str, training: pd.DataFrame, stimuli: pd.DataFrame
) -> dict[str, Any]:
    """Return all that the heads of one model at one layer depend on besides code."""
    heads = params.analysis.heads.model_dump()
    settings = heads.pop("full" if layer == FULL else "layer")
    heads.pop("layer" if layer == FULL else "full")
    identity = model_part(params, model, store)
    identity.pop("layers")
    return {
        "model": identity,
        "layer": layer,
        "heads": heads,
        "settings": settings,
        "images": digest_of(training[["image", "sha256", "target", "valence"]].values.tolist()),
        "stimuli": digest_of(stimuli[["stimulus", "sha256"]].values.tolist()),
    }


def _train(
    params: Params,
    store: Store,
    model: Model,
    backbone: Any,
    layer: str,
    training: pd.DataFrame,
    stimuli: pd.DataFrame,
    known: CachedImages,
    shown: CachedImages,
) -> Path:
    """Return the stored heads of one model at one layer, training them first where they are not there."""
    heads = params.analysis.heads
    rules = heads.full if layer == FULL else heads.layer
    settings = HeadSettings(
        epochs=rules.epochs,
        patience=rules.patience,
        output=rules.output,
        class_weighted=rules.class_weighted,
        batch_size=heads.batch_size,
        learning_rates=tuple(heads.learning_rates),
    )

    def train(folder: Path) -> None:
        network = backbone()
        at = network.stages[-1][0] if layer == FULL else layer
        scratch = folder / "features.npy"
        test = stratified_splits(training["stratum"].to_numpy(), heads.runs, heads.test_share, heads.seed)
        trained = train_heads(
            _features(params, network, known, at, scratch),
            training["target"].to_numpy(),
            training["valence"].to_numpy(),
            test,
            settings,
            seed=heads.seed,
        )
        scratch.unlink(missing_ok=True)
        features = Streamed(network, shown, at, params.execution.batch_size)
        save_file(
            {"weight": np.ascontiguousarray(trained.weight), "bias": np.ascontiguousarray(trained.bias)},
            folder / "heads.safetensors",
        )
        np.save(folder / "predictions.npy", predict(features, trained.weight, trained.bias, rules.output))
        trained.history.to_parquet(folder / "history.parquet", index=False)
        write_table(
            pd.DataFrame({"run": range(heads.runs), "learning_rate": trained.learning_rate, "epoch": trained.epoch}),
            folder / "kept.csv",
        )

    own = heads_part(params, store, model, layer, training, stimuli)
    label = f"{params.name} {model.label} ({model.weights_label}) {layer}"
    return store.result("heads", label, own, MODULE, train).folder


def feature_place(params: Params, n_images: int, n_features: int) -> str:
    """Return where features are while heads learn from them, ``"memory"``, ``"disk"`` or ``"stream"``.

    Parameters
    ----------
    params : Params
        The profile; ``execution.features`` decides, or for ``auto`` what fits.
    n_images, n_features : int
        Size of the features of a layer.
    """
    heads, execution = params.analysis.heads, params.execution
    budget = memory_for_this_process(execution.memory_gib) - resident_bytes()
    many = n_images, n_features, heads.runs, len(heads.learning_rates)
    return choose_place(execution.features, *many, budget, params.store)


def _features(params: Params, backbone: Backbone, images: CachedImages, layer: str, scratch: Path) -> FeatureSource:
    """Compute the features of a layer and keep them where they fit, or return what computes them in every pass."""
    n, f = len(images), n_features(backbone, layer)
    place, size = feature_place(params, n, f), params.execution.batch_size
    if place != "memory":
        told = {"disk": "in a file until the heads are trained", "stream": "computed anew in every epoch"}[place]
        say(f"    features of {layer} ({n} images x {f} = {in_words(4 * n * f)}): {told}")
    if place == "stream":
        return Streamed(backbone, images, layer, size)
    files = {layer: scratch} if place == "disk" else None
    features = layer_features(backbone, images, [layer], batch_size=size, files=files)[layer]
    if place == "disk":
        return OnDisk(scratch, backbone.device)
    return InMemory(features, backbone.device, overwrite=True)


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
    say(f"    held-out MAE {facts['held_out_mae']:.3f}, rho with the ratings {facts['held_out_rho_with_ratings']:.3f}")
    return facts
