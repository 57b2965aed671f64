"""Train the heads of one model at one layer: a shard of the step ``valence_models``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from o2b_helpers.core.contract import write_frame
from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.resources import in_words, memory_for_this_process, resident_bytes
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.pixel_cache import CachedImages
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.heads.feature_places import choose_place
from o2b_helpers.models.heads.feature_sources import FeatureSource, InMemory, OnDisk, Streamed
from o2b_helpers.models.heads.features import layer_features, n_features
from o2b_helpers.models.heads.head_data import stratified_splits
from o2b_helpers.models.heads.training import HeadSettings, predict, train_heads
from o2b_helpers.studies.common.networks import loaded, model_part
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures

FULL = "full"


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
        "images": digest_of(training[["image", "sha256", "target", "valence", "group"]].values.tolist()),
        "stimuli": digest_of(stimuli[["stimulus", "sha256"]].values.tolist()),
    }


def heads_shard(
    params: Params,
    store: Store,
    model: Model,
    layer: str,
    corpus: pd.DataFrame,
    training: pd.DataFrame,
    stimuli: pd.DataFrame,
) -> Shard:
    """Return what trains the heads of one model at one layer and predicts the stimuli with them."""
    own = heads_part(params, store, model, layer, training, stimuli)
    label = f"{params.name} {model.label} ({model.weights_label}) {layer}"
    return Shard("heads", label, own, _train, (params, model, layer, corpus, training, stimuli))


def _train(
    params: Params,
    model: Model,
    layer: str,
    corpus: pd.DataFrame,
    training: pd.DataFrame,
    stimuli: pd.DataFrame,
    folder: Path,
) -> None:
    store, heads = Store(params.store), params.analysis.heads
    rules = heads.full if layer == FULL else heads.layer
    settings = HeadSettings(
        epochs=rules.epochs,
        patience=rules.patience,
        output=rules.output,
        class_weighted=rules.class_weighted,
        batch_size=heads.batch_size,
        learning_rates=tuple(heads.learning_rates),
    )
    network = loaded(params, model)
    known = pictures(params, store, model, corpus, "corpus").of(training["sha256"])
    shown = pictures(params, store, model, stimuli, "stimuli")
    at = network.stages[-1][0] if layer == FULL else layer
    scratch = folder / "features.npy"
    strata, groups = training["stratum"].to_numpy(), training["group"].to_numpy()
    test = stratified_splits(strata, heads.runs, heads.test_share, heads.seed, groups)
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
    kept = {"run": range(heads.runs), "learning_rate": trained.learning_rate, "epoch": trained.epoch}
    write_frame(pd.DataFrame(kept), folder / "kept.csv")


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
