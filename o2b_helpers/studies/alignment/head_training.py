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
from o2b_helpers.models.heads.feature_sources import FeatureSource, InMemory, OnDisk, Streamed, read_once
from o2b_helpers.models.heads.features import layer_features, n_features
from o2b_helpers.models.heads.head_data import stratified_splits, validation_splits
from o2b_helpers.models.heads.head_settings import HeadSettings
from o2b_helpers.models.heads.training import predict, train_heads_together
from o2b_helpers.studies.common.networks import loaded, model_part, target_layers
from o2b_helpers.studies.common.options import LAYER_RULES, SETS_OF_RULES, Learning, Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.common.select import FULL

DECAY_EPOCHS = 3.0  # rate / sqrt(1 + epoch / 3), ours


def rules_at(model: Model, layer: str) -> tuple[str, ...]:
    """Name the sets of rules (blocks of ``heads``) by which a model's heads at one layer are trained, all at once.

    Examples
    --------
    >>> rules_at(Model(), "full"), rules_at(Model(layer_models=False, object2brain=False), "full")
    (('full', 'full_under_layer_rules'), ('full',))
    """
    return tuple(name for name in model.sets_of_rules if (name == LAYER_RULES) == (layer != FULL))


def layers_of(params: Params, model: Model) -> list[str]:
    """List where a model's heads are trained, each a shard: on the whole network first, then from early to late."""
    return [FULL, *(target_layers(params, model) if model.layer_models else ())]


def rates_of(heads: Learning, rules: str) -> tuple[float, ...]:
    """Return the learning rates that a set of rules tries."""
    own = getattr(heads, rules).learning_rates
    return tuple(heads.learning_rates if own is None else own)


def heads_part(
    params: Params, store: Store, model: Model, layer: str, training: pd.DataFrame, stimuli: pd.DataFrame
) -> dict[str, Any]:
    """Return all that the heads of one model at one layer depend on besides code."""
    own = params.analysis.heads_of(model)
    rules = {
        name: {**getattr(own, name).model_dump(), "learning_rates": rates_of(own, name)}
        for name in rules_at(model, layer)
    }
    heads = {name: value for name, value in own.model_dump().items() if name not in SETS_OF_RULES}
    heads.pop("learning_rates")  # each set of rules holds its own
    if own.select == "test":
        heads.pop("validation_share")
    identity = model_part(params, model, store)
    identity.pop("layers")
    return {
        "model": identity,
        "layer": layer,
        "heads": heads,
        "rules": rules,
        "images": digest_of(training[["image", "sha256", "target", "valence", "group"]].values.tolist()),
        "stimuli": digest_of(stimuli[["stimulus", "sha256"]].values.tolist()),
    }


def head_settings(heads: Learning, rules: str) -> HeadSettings:
    """Return how heads are trained by one set of rules."""
    own = getattr(heads, rules)
    return HeadSettings(
        epochs=own.epochs,
        patience=own.patience,
        output=own.output,
        class_weighted=own.class_weighted,
        batch_size=heads.batch_size,
        learning_rates=rates_of(heads, rules),
        decay_epochs=None if heads.decay == "none" else DECAY_EPOCHS,
        optimiser=heads.optimiser,
        momentum=heads.momentum,
        weight_decay=heads.weight_decay,
        standardise=heads.standardise,
    )


def heads_shard(
    params: Params,
    store: Store,
    model: Model,
    layer: str,
    corpus: pd.DataFrame,
    training: pd.DataFrame,
    stimuli: pd.DataFrame,
) -> Shard:
    """Return what trains the heads of one model at one layer and predicts the stimuli with them.

    Its folder holds, for each set of rules, ``<rules>.safetensors``, ``<rules>_predictions.npy``,
    ``<rules>_history.parquet`` and ``<rules>_kept.csv``.
    """
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
    store, heads = Store(params.store), params.analysis.heads_of(model)
    rules = rules_at(model, layer)
    network = loaded(params, model)
    known = pictures(params, store, model, corpus, "corpus").of(training["sha256"])
    shown = pictures(params, store, model, stimuli, "stimuli")
    at = network.stages[-1][0] if layer == FULL else layer
    scratch = folder / "features.npy"
    strata, groups = training["stratum"].to_numpy(), training["group"].to_numpy()
    test = stratified_splits(strata, heads.runs, heads.test_share, heads.seed, groups)
    validation = None
    if heads.select == "validation":
        validation = validation_splits(strata, test, heads.validation_share, heads.seed, groups)
    rates = sum(len(rates_of(heads, name)) for name in rules)
    place = feature_place(params, len(known), n_features(network, at), rates)
    trained = train_heads_together(
        features_at(params, network, known, at, place, scratch),
        training["target"].to_numpy(),
        training["valence"].to_numpy(),
        test,
        [head_settings(heads, name) for name in rules],
        seed=heads.seed,
        validation=validation,
    )
    scratch.unlink(missing_ok=True)
    features: FeatureSource = Streamed(network, shown, at, params.execution.batch_size)
    if len(rules) > 1:
        features = read_once(features)
    for name, own in zip(rules, trained, strict=True):
        tensors = {"weight": np.ascontiguousarray(own.weight), "bias": np.ascontiguousarray(own.bias)}
        save_file(tensors, folder / f"{name}.safetensors")
        np.save(folder / f"{name}_predictions.npy", predict(features, own.weight, own.bias, own.link))
        own.history.to_parquet(folder / f"{name}_history.parquet", index=False)
        kept = {"run": range(heads.runs), "learning_rate": own.learning_rate, "epoch": own.epoch}
        write_frame(pd.DataFrame(kept), folder / f"{name}_kept.csv")


def feature_place(params: Params, n_images: int, n_features: int, rates: int) -> str:
    """Return where features are while heads learn from them, ``"memory"``, ``"disk"`` or ``"stream"``.

    Parameters
    ----------
    params : Params
        The profile; ``execution.features`` decides, or for ``auto`` what fits.
    n_images, n_features : int
        Size of the features of a layer.
    rates : int
        Learning rates that are tried, over all sets of rules.
    """
    heads, execution = params.analysis.heads, params.execution
    budget = memory_for_this_process(execution.memory_gib) - resident_bytes()
    many = n_images, n_features, heads.runs, rates
    return choose_place(execution.features, *many, budget, params.store)


def features_at(
    params: Params, backbone: Backbone, images: CachedImages, layer: str, place: str, scratch: Path
) -> FeatureSource:
    """Compute the features of a layer and keep them in their place, or return what computes them in every pass."""
    n, f, size = len(images), n_features(backbone, layer), params.execution.batch_size
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
