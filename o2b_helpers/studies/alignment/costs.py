"""What the steps of ``alignment`` take, from the number of images, features and heads; nothing is loaded for it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from o2b_helpers.core.cost import Need
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.models.backbones.meta import pass_bytes
from o2b_helpers.models.heads.feature_places import heads_bytes
from o2b_helpers.models.heads.features import n_features
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.controls.untrained import seeds, with_seed
from o2b_helpers.studies.alignment.head_training import (
    FULL,
    feature_place,
    heads_shard,
    layers_of,
    rates_of,
    rules_at,
)
from o2b_helpers.studies.alignment.valence_models import training_set
from o2b_helpers.studies.common.costs import (
    FLOAT,
    Folders,
    counted_once,
    decoding_needs,
    network_shapes,
    reading_bytes,
    with_network,
)
from o2b_helpers.studies.common.pictures import pictures

STREAM = "set execution.features to stream"
FEWER_HEADS = "lower analysis.heads.runs or name fewer analysis.heads.learning_rates"


def valence_models_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what computing features and training heads takes, for every model and layer that is not stored yet."""
    data, needs = inputs.load(params, folders["inputs"]), []
    training = training_set(params, data.corpus)
    many = min(params.execution.batch_size, len(training))
    for model in params.analysis.models:
        own, layers = params.analysis.heads_of(model), layers_of(params, model)
        shards = [heads_shard(params, store, model, at, data.corpus, training, data.stimuli) for at in layers]
        left = [at for at, shard in zip(layers, shards, strict=True) if not shard.is_stored(store)]
        if not left:
            continue
        backbone = network_shapes(params, model)
        for layer in left:
            at = backbone.stages[-1][0] if layer == FULL else layer
            features, what = n_features(backbone, at), f"{model.label} {layer}"
            rates = sum(len(rates_of(own, rules)) for rules in rules_at(model, layer))
            place = feature_place(params, len(training), features, rates)
            kept = FLOAT * len(training) * features
            reading = pass_bytes(backbone, many, at) + reading_bytes(backbone, 2 * many)
            learning = heads_bytes(len(training), features, own.runs, rates, place, own.batch_size)
            in_memory, scratch = kept if place == "memory" else 0, kept if place == "disk" else 0
            part = with_network(params, backbone, f"features of {what}", reading + in_memory)
            part = replace(part, less=STREAM) if place == "memory" else part
            needs.append(replace(part, scratch=scratch, less_disk=STREAM))
            # what the passes leave is not given back at once, and where features are streamed they go on
            part = with_network(params, backbone, f"heads of {what}", learning + reading)
            needs.append(replace(part, less=STREAM if place == "memory" else FEWER_HEADS))
        tables = {"corpus": data.corpus, "stimuli": data.stimuli}
        shown = [pictures(params, store, model, table, role) for role, table in tables.items()]
        needs += decoding_needs(backbone, shown, pd.concat(tables.values()))
    return counted_once(needs)


def controls_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what the untrained networks take: what their full models do, one seed after the other."""
    first = seeds(params)[:1]
    return [need for seed in first for need in valence_models_cost(with_seed(params, seed), folders, store)]
