"""What the steps of ``emocam`` take, from the numbers of pictures, labels and boxes; nothing is loaded for it."""

from __future__ import annotations

import math

import pandas as pd

from o2b_helpers.core.cost import Need
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.regions.class_exchanges import MOST_PAIRS
from o2b_helpers.models.backbones.meta import pass_bytes
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.models.heads.feature_places import heads_bytes
from o2b_helpers.models.heads.features import n_features
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.costs import (
    DOUBLE,
    FLOAT,
    Folders,
    counted_once,
    decoding_needs,
    network_shapes,
    reading_bytes,
    with_network,
)
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.emocam import emotion_models
from o2b_helpers.studies.emocam.labels import labelled_pictures
from o2b_helpers.studies.emocam.maps import cam_layer
from o2b_helpers.studies.emocam.ready_network import own_labels

PASSES_KEPT = 3  # a pass that is recorded for gradients keeps what it passes, at two points
MASKED_COPIES, MOST_LABELS = 64, 30  # copies in one pass of LIME; labels of the largest known set


def emotion_models_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what computing features and training emotion heads takes, for every model that is not stored yet."""
    corpus, needs, heads = inputs.load(params, folders["inputs"]).corpus, [], params.analysis.emotion_heads
    ready = [model for model in params.analysis.emocam_models if own_labels(params, model)]
    for model in ready:
        backbone, many = network_shapes(params, model), min(params.execution.batch_size, len(corpus))
        outputs = 4 * DOUBLE * len(own_labels(params, model)) * len(corpus)
        working = pass_bytes(backbone, many) + reading_bytes(backbone, 2 * many) + outputs
        needs.append(with_network(params, backbone, f"own labels of {model.label}", working, disk=outputs))
        needs += decoding_needs(backbone, [pictures(params, store, model, corpus, "corpus")], corpus)
    if len(ready) == len(params.analysis.emocam_models):
        return counted_once(needs)
    labelled = labelled_pictures(params, store, corpus)
    count, labels = len(labelled.table), len(labelled.names)
    many = min(params.execution.batch_size, count)
    for model in [model for model in params.analysis.emocam_models if model not in ready]:
        if emotion_models.heads_shard(params, store, model, corpus, labelled).is_stored(store):
            continue
        backbone = network_shapes(params, model)
        features = n_features(backbone, backbone.stages[-1][0])
        place, what = emotion_models.feature_place(params, labelled, features), f"emotion heads of {model.label}"
        learning = heads_bytes(count, features, heads.folds, len(heads.learning_rates), place, heads.batch_size, labels)
        reading = pass_bytes(backbone, many) + reading_bytes(backbone, 2 * many)
        scratch = FLOAT * count * features if place == "disk" else 0
        outputs = FLOAT * heads.folds * labels * count
        needs.append(with_network(params, backbone, what, learning + reading + 3 * outputs, scratch, 2 * outputs))
        needs += decoding_needs(backbone, [pictures(params, store, model, corpus, "corpus")], corpus)
    return counted_once(needs)


def associations_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what maps, boxes and exchanges take."""
    corpus, needs = inputs.load(params, folders["inputs"]).corpus, []
    boxes = pd.read_parquet(folders["objects"] / "results" / "detections.parquet", columns=["class"])["class"]
    classes, many = boxes.nunique(), min(params.execution.batch_size, len(corpus))
    of_a_class = int(boxes.value_counts().iloc[0]) if len(boxes) else 0
    pairs = min(of_a_class, len(corpus)) ** 2  # of pictures that give boxes and pictures that get them, a byte each
    samples = params.analysis.significance.bootstrap
    for model in params.analysis.emocam_models:
        backbone = network_shapes(params, model)
        places = math.prod(backbone.shape(cam_layer(params, model))[1:])
        maps = FLOAT * len(corpus) * places
        weights = (DOUBLE + 2 * FLOAT) * of_a_class * places + min(2 * pairs, MOST_PAIRS)
        drawn = DOUBLE * samples * (len(corpus) + 4 * classes)
        tables = 6 * DOUBLE * len(corpus) * classes
        working = PASSES_KEPT * pass_bytes(backbone, many) + reading_bytes(backbone, 2 * many)
        working += 4 * maps + weights + drawn + tables
        needs.append(with_network(params, backbone, f"maps of emotions of {model.label}", working, disk=2 * maps))
        needs += decoding_needs(backbone, [pictures(params, store, model, corpus, "corpus")], corpus)
    return counted_once(needs)


def cam_methods_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what maps of several methods, exchanges and changed pictures take."""
    corpus, needs = inputs.load(params, folders["inputs"]).corpus, []
    options, samples = params.analysis.cam_methods, params.analysis.significance.bootstrap
    classes = pd.read_parquet(folders["objects"] / "results" / "detections.parquet", columns=["class"])["class"]
    count = min(options.pictures or len(corpus), len(corpus))
    of_a_class = int(classes.value_counts().iloc[0]) if len(classes) else 0
    of_a_class = min(of_a_class, math.ceil(2 * of_a_class * count / len(corpus)))  # twice as many as on average
    many = min(params.execution.batch_size, count)
    for model in params.analysis.emocam_models:
        backbone = network_shapes(params, model)
        pixels = architecture(model.architecture).preprocessing.crop ** 2
        maps = FLOAT * count * pixels
        weights = (DOUBLE + 2 * FLOAT) * of_a_class * pixels
        changed = 2 * DOUBLE * min(many, options.faithful_pictures) * pixels
        nulls = 4 * DOUBLE * len(options.methods) * options.exchanges * classes.nunique() * MOST_LABELS
        working = PASSES_KEPT * pass_bytes(backbone, max(many, MASKED_COPIES)) + reading_bytes(backbone, 2 * many)
        working += 4 * maps + weights + changed + nulls + DOUBLE * samples * options.faithful_pictures
        what = f"maps by several methods of {model.label}"
        needs.append(with_network(params, backbone, what, working, disk=len(options.methods) * maps))
        needs += decoding_needs(backbone, [pictures(params, store, model, corpus, "corpus")], corpus)
    return counted_once(needs)
