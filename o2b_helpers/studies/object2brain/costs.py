"""What each step will take, from the number of images, features, filters, boxes and runs; nothing is loaded for it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from o2b_helpers.core.device import pick_device
from o2b_helpers.core.params import Model, Params
from o2b_helpers.core.preflight import Need, lesion_block_bytes
from o2b_helpers.core.store import Store
from o2b_helpers.core.tables import read_table
from o2b_helpers.inputs.corpora.open_images import categories
from o2b_helpers.inputs.images.pixel_cache import CachedImages
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.kernels.cams.filter_scores import scoring_bytes
from o2b_helpers.kernels.lesions.single_filters import lesion_bytes
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.meta import meta_backbone, pass_bytes, weight_bytes
from o2b_helpers.models.heads.feature_places import heads_bytes
from o2b_helpers.models.heads.features import n_features
from o2b_helpers.studies.alignment import inputs, valence_models
from o2b_helpers.studies.common.networks import target_layers
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.object2brain import filter_lesions, filter_sensitivity, objects, occlusion
from o2b_helpers.studies.object2brain.sensitivity_boxes import KINDS, PLAIN
from o2b_helpers.toyworld.truth import planted

Folders = Mapping[str, Path]
FLOAT, DOUBLE = 4, 8  # bytes of a number
DECODED_PIXEL = 10  # bytes: Pillow keeps four of each, a conversion four more, and the copy being resized
PIXEL_ON_ITS_WAY = 3 * (1 + 2 * FLOAT)  # bytes of a network's input: as stored, as number, normalised
ROW_IN_MEMORY, ROW_ON_DISK = 400, 100  # bytes of a row of object_weights.csv
FEWER_IMAGES = "take fewer images in analysis.corpus"
STREAM = "set execution.features to stream"
FEWER_HEADS = "lower analysis.heads.runs or name fewer analysis.heads.learning_rates"
FEWER_LAYERS = "name fewer layers in analysis.models[].layers"
# YOLOv8n: its file in bytes; channels of its first maps, which grow as the root of the parameters; its input's side
SMALL_DETECTOR, SMALL_CHANNELS, DETECTOR_SIDE = 14e6, 16, 640


def step_needs(params: Params, step: str, folders: Folders, store: Store) -> list[Need]:
    """Return what the parts of a step need; nothing for a step that needs little, whatever the profile.

    Parameters
    ----------
    params : Params
        The profile.
    step : str
        The step.
    folders : mapping of str to Path
        The results of the steps that it reads.
    store : Store
        What is stored already needs nothing.
    """
    found = {
        "valence_models": _valence_models,
        "objects": _objects,
        "filter_sensitivity": _filter_sensitivity,
        "filter_lesions": _filter_lesions,
        "occlusion": _occlusion,
        "object2brain": _object2brain,
    }.get(step)
    return found(params, folders, store) if found else []


def _valence_models(params: Params, folders: Folders, store: Store) -> list[Need]:
    data, heads, needs = inputs.load(params, folders["inputs"]), params.analysis.heads, []
    training = valence_models.training_set(params, data.corpus)
    many = min(params.execution.batch_size, len(training))
    for model in params.analysis.models:
        layers = [valence_models.FULL, *(target_layers(params, model) if model.layer_models else ())]
        parts = [valence_models.heads_part(params, store, model, at, training, data.stimuli) for at in layers]
        left = [at for at, part in zip(layers, parts, strict=True) if _is_missing(store, "heads", part, valence_models)]
        if not left:
            continue
        backbone = _network(params, model)
        for layer in left:
            at = backbone.stages[-1][0] if layer == valence_models.FULL else layer
            features, what = n_features(backbone, at), f"{model.label} {layer}"
            place = valence_models.feature_place(params, len(training), features)
            kept = FLOAT * len(training) * features
            reading = pass_bytes(backbone, many, at) + _reading(backbone, 2 * many)
            learning = heads_bytes(len(training), features, heads.runs, len(heads.learning_rates), place)
            in_memory, scratch = kept if place == "memory" else 0, kept if place == "disk" else 0
            part = _with_network(params, backbone, f"features of {what}", reading + in_memory)
            part = replace(part, less=STREAM) if place == "memory" else part
            needs.append(replace(part, scratch=scratch, less_disk=STREAM))
            # what the passes leave is not given back at once, and where features are streamed they go on
            part = _with_network(params, backbone, f"heads of {what}", learning + reading)
            needs.append(replace(part, less=STREAM if place == "memory" else FEWER_HEADS))
        tables = {"corpus": data.corpus, "stimuli": data.stimuli}
        shown = [pictures(params, store, model, table, role) for role, table in tables.items()]
        needs += _decoding(backbone, shown, pd.concat(tables.values()))
    return _counted_once(needs)


def _objects(params: Params, folders: Folders, store: Store) -> list[Need]:
    return [_detecting(params, inputs.load(params, folders["inputs"]).corpus, "detecting objects")]


def _detecting(params: Params, pictures: pd.DataFrame, what: str) -> Need:
    many = min(params.execution.batch_size, len(pictures))
    file = objects.checkpoint(params).stat().st_size
    toy = planted("image_size") if params.analysis.detector.weights == "toyworld" else None
    side = params.analysis.detector.image_size or toy or DETECTOR_SIDE
    # the largest maps are a YOLO's first, at half the side, and its last, with all classes for cells of 8, 16 and 32
    first = 6 * SMALL_CHANNELS * max(1.0, math.sqrt(file / SMALL_DETECTOR)) * (side / 2) ** 2
    last = 3 * len(categories()) * side**2 * (1 / 8**2 + 1 / 16**2 + 1 / 32**2)
    working = int(many * FLOAT * (2 * 3 * side**2 + max(first, last)))
    kept = _largest(pictures, many) * (DECODED_PIXEL - 2)
    return _placed(params, what, 4 * file, 2 * file + working, kept)


def _filter_sensitivity(params: Params, folders: Folders, store: Store) -> list[Need]:
    corpus = inputs.load(params, folders["inputs"]).corpus
    boxes = pd.read_parquet(folders["objects"] / "results" / "detections.parquet")
    classes, many, needs = boxes["class"].nunique(), min(params.execution.batch_size, len(corpus)), []
    for model in (m for m in params.analysis.models if m.object2brain):
        heads = valence_models.load_full_heads(folders["valence_models"], model)
        shards = filter_sensitivity.list_shards(params, store, model, corpus, boxes, heads)
        left = [s for s in shards if _is_missing(store, filter_sensitivity.KIND, s.part, filter_sensitivity)]
        backbone, layers = _network(params, model), target_layers(params, model)
        runs, filters = len(heads.bias), sum(backbone.shape(layer)[0] for layer in layers)
        # every kind of sum and that of squares for each run, and the kinds of ungated sums for all runs together
        each = DOUBLE * (((len(KINDS) + 1) * runs + len(KINDS)) * filters + classes)
        sums, what = each * classes, f"scoring images with {model.label}"
        written = sums + each * sum(len(shard.classes) for shard in left)
        if left:
            # every box is scored in its own image and in another one; in a batch, few classes occur
            boxes_per_image = 2 * len(boxes) / len(corpus)
            some = min(classes, int(many * boxes_per_image))
            working = scoring_bytes(
                backbone, many, layers, runs, boxes_per_image, PLAIN * some, n_columns=(len(KINDS) - PLAIN) * some
            )
            working += 3 * sums + _reading(backbone, many)
            needs.append(_with_network(params, backbone, what, working, disk=written))
            needs += _decoding(backbone, [pictures(params, store, model, corpus, "corpus")], corpus)
        else:
            needs.append(Need(f"adding up the scores of {model.label}", 4 * sums, disk=sums))
    return _counted_once(needs)


def _filter_lesions(params: Params, folders: Folders, store: Store) -> list[Need]:
    stimuli, needs = inputs.load(params, folders["inputs"]).stimuli, []
    targets = read_table(folders["human_targets"] / "results" / "targets.csv")["target"].nunique()
    block = lesion_block_bytes(params)
    for model in (m for m in params.analysis.models if m.object2brain):
        heads = valence_models.load_full_heads(folders["valence_models"], model)
        parts = filter_lesions.layer_parts(params, store, model, heads, stimuli)
        left = [at for at, part in parts.items() if _is_missing(store, filter_lesions.KIND, part, filter_lesions)]
        backbone, runs = _network(params, model), len(heads.bias)
        filters = sum(backbone.shape(layer)[0] for layer in target_layers(params, model))
        results = DOUBLE * runs * filters * (2 * len(stimuli) + 4 * targets)
        disk = DOUBLE * runs * filters * (len(stimuli) + targets)
        if not left:
            needs.append(Need(f"the lesion effects of {model.label}", results, disk=disk))
            continue
        working = [pass_bytes(backbone, min(params.execution.batch_size, len(stimuli)))]
        working += [lesion_bytes(backbone, layer, len(stimuli), runs, block) for layer in left if layer is not None]
        kept = results + _reading(backbone, len(stimuli))
        needs.append(_with_network(params, backbone, f"lesions of {model.label}", max(working) + kept, disk=disk))
        needs += _decoding(backbone, [pictures(params, store, model, stimuli, "stimuli")], stimuli)
    return _counted_once(needs)


def _occlusion(params: Params, folders: Folders, store: Store) -> list[Need]:
    stimuli = inputs.load(params, folders["inputs"]).stimuli
    classes = pd.read_parquet(folders["objects"] / "results" / "detections.parquet", columns=["class"])[
        "class"
    ].nunique()
    needs, many = [_detecting(params, stimuli, "detecting objects in the stimuli")], params.execution.batch_size
    for model in (m for m in params.analysis.models if m.object2brain):
        runs = len(valence_models.load_full_heads(folders["valence_models"], model).bias)
        backbone, layers = _network(params, model), target_layers(params, model)
        predictions = DOUBLE * runs * (1 + len(layers)) * classes * len(stimuli)
        maps = FLOAT * many * sum(math.prod(backbone.shape(layer)) for layer in layers)
        shard = occlusion.STIMULI_IN_A_SHARD + 2 * many
        working = pass_bytes(backbone, many) + 2 * maps + _reading(backbone, shard) + 3 * predictions
        what = f"hiding objects from {model.label}"
        needs.append(_with_network(params, backbone, what, working, disk=2 * predictions))
        needs += _decoding(backbone, [pictures(params, store, model, stimuli, "stimuli")], stimuli)
    return _counted_once(needs)


def _object2brain(params: Params, folders: Folders, store: Store) -> list[Need]:
    boxes = pd.read_parquet(folders["objects"] / "results" / "detections.parquet", columns=["class"])
    classes, rows, largest, samples = boxes["class"].nunique(), 0, 0, params.analysis.significance.bootstrap
    for model in (m for m in params.analysis.models if m.object2brain):
        results = folders["filter_lesions"] / "results"
        with xr.open_dataset(results / f"lesion_effects_{model.label}.nc", engine="h5netcdf") as effects:
            runs, filters, targets = (effects.sizes[name] for name in ("run", "filter", "target"))
        with xr.open_dataset(results / f"lesion_predictions_{model.label}.nc", engine="h5netcdf") as predictions:
            stimuli = predictions.sizes["stimulus"]
        sums, compared = 3 * DOUBLE * runs * classes * filters, DOUBLE * filters * stimuli**2
        drawn = FLOAT * samples * classes * targets * (runs + 1)
        largest = max(largest, sums + compared + drawn)
        layers = len(target_layers(params, model))
        rows += classes * targets * layers * (runs + 1 + len(params.analysis.object2brain.compare))
    working = largest + ROW_IN_MEMORY * rows
    return [Need("the object weights", working, disk=ROW_ON_DISK * rows, less=FEWER_LAYERS, less_disk=FEWER_LAYERS)]


def _network(params: Params, model: Model) -> Backbone:
    target_layers(params, model)  # reads the file that defines the architecture, where there is one
    return meta_backbone(model.architecture)


def _with_network(params: Params, backbone: Backbone, what: str, working: int, scratch: int = 0, disk: int = 0) -> Need:
    """Add the network to what a pass through it takes; while it is loaded, file and network are both in memory."""
    weights = weight_bytes(backbone)
    return _placed(params, what, 2 * weights, weights + working, 0, scratch, disk)


def _placed(
    params: Params, what: str, loading: int, computing: int, kept: int, scratch: int = 0, disk: int = 0
) -> Need:
    """Put what is computed where it is computed: in memory or on a GPU."""
    if pick_device(params.execution.device).startswith("cuda"):
        return Need(what, loading + kept, computing, disk=disk, scratch=scratch, less_disk=FEWER_LAYERS)
    return Need(what, max(loading, computing) + kept, disk=disk, scratch=scratch, less_disk=FEWER_LAYERS)


def _decoding(backbone: Backbone, shown: Sequence[CachedImages], table: pd.DataFrame) -> list[Need]:
    """Return what it takes to decode the pictures that are not in the store yet; the network is loaded by then."""
    disk, geometry = sum(images.bytes_to_write() for images in shown), backbone.preprocessing
    if not disk:
        return []
    # the same for all models of this geometry, and then counted once
    kept = Need(f"pictures {_words(geometry)}", disk=disk, less_disk=FEWER_IMAGES)
    memory = weight_bytes(backbone) + _largest(table, min(8, os.cpu_count() or 1)) * DECODED_PIXEL
    return [kept, Need(f"decoding for {backbone.name}", memory, less="lower analysis.corpus.max_pixels")]


def _words(geometry: Preprocessing) -> str:
    return f"resized to {geometry.resize} and cut to {geometry.crop} pixels"


def _counted_once(needs: list[Need]) -> list[Need]:
    """Leave out what is the same for several models: pictures of one geometry are kept once."""
    return list(dict.fromkeys(needs))


def _largest(table: pd.DataFrame, count: int) -> int:
    """Return the pixels of the largest pictures, as many as are decoded at a time."""
    return int((table["width"] * table["height"]).nlargest(count).sum())


def _reading(backbone: Backbone, images: int) -> int:
    return images * PIXEL_ON_ITS_WAY * backbone.preprocessing.crop**2


def _is_missing(store: Store, kind: str, part: dict[str, Any], module: Any) -> bool:
    return store.find(kind, Store.key(part, module.MODULE)) is None
