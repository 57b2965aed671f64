"""What the steps of ``object2brain`` take, from the number of images, filters, boxes and runs; nothing is loaded."""

from __future__ import annotations

import math

import pandas as pd
import xarray as xr

from o2b_helpers.core.cost import Need
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.open_images import categories
from o2b_helpers.inputs.images.decoding import DECODED_PIXEL
from o2b_helpers.kernels.cams.filter_scores import scoring_bytes
from o2b_helpers.kernels.lesions.single_filters import lesion_bytes
from o2b_helpers.models.backbones.meta import pass_bytes
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.studies.alignment import inputs, valence_models
from o2b_helpers.studies.common.costs import (
    DOUBLE,
    FEWER_LAYERS,
    FLOAT,
    Folders,
    counted_once,
    decoding_needs,
    largest_pixels,
    network_shapes,
    placed,
    reading_bytes,
    with_network,
)
from o2b_helpers.studies.common.networks import target_layers
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.object2brain import filter_lesions, filter_sensitivity, objects
from o2b_helpers.studies.object2brain.box_scores.carried_boxes import KINDS, PLAIN
from o2b_helpers.studies.object2brain.hidden import occlusion
from o2b_helpers.studies.object2brain.lesion_blocks import lesion_block_bytes
from o2b_helpers.studies.object2brain.tables import LESION_EFFECTS, LESION_PREDICTIONS
from o2b_helpers.toyworld.truth import planted

PRESENCE_COPIES = 6  # of presence (picture, class) while the regression works: standardised, decomposed, squared
ROW_IN_MEMORY, ROW_ON_DISK = 400, 100  # bytes of a row of object_weights.csv
STIMULI_WORDS = "detecting objects in the stimuli"
PASSES_KEPT = 3  # a pass that is recorded for gradients keeps what it passes, at two points
# YOLOv8n: its file in bytes; channels of its first maps, which grow as the root of the parameters; its input's side
SMALL_DETECTOR, SMALL_CHANNELS, DETECTOR_SIDE = 14e6, 16, 640


def objects_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what detecting objects in the corpus takes."""
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
    kept = largest_pixels(pictures, many) * (DECODED_PIXEL - 2)
    return placed(params, what, 4 * file, 2 * file + working, kept)


def semantic_control_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what detecting objects in the stimuli and learning valence from presence take."""
    data, options = inputs.load(params, folders["inputs"]), params.analysis.significance
    boxes = pd.read_parquet(folders["objects"] / "results" / "detections.parquet", columns=["class"])
    targets = TARGETS.read(folders["human_targets"] / "results")["target"].nunique()
    presence = DOUBLE * PRESENCE_COPIES * len(data.corpus) * boxes["class"].nunique()
    drawn = DOUBLE * (
        options.bootstrap * params.analysis.heads.runs * targets + options.permutations * len(data.stimuli)
    )
    return [_detecting(params, data.stimuli, STIMULI_WORDS), Need("learning from the objects", presence + drawn)]


def filter_sensitivity_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what scoring every box for every filter takes."""
    corpus = inputs.load(params, folders["inputs"]).corpus
    boxes = pd.read_parquet(folders["objects"] / "results" / "detections.parquet")
    classes, many, needs = boxes["class"].nunique(), min(params.execution.batch_size, len(corpus)), []
    for model in params.analysis.object2brain_models:
        readout = valence_models.load_readout(params, folders["valence_models"], model)
        shards = filter_sensitivity.list_shards(params, store, model, corpus, boxes, readout)
        left = [shard for shard in shards if not shard.is_stored(store)]
        backbone, layers = network_shapes(params, model), target_layers(params, model)
        runs, filters = readout.n_runs, sum(backbone.shape(layer)[0] for layer in layers)
        # every kind of sum and that of squares for each run, and the kinds of ungated sums for all runs together
        each = DOUBLE * (((len(KINDS) + 1) * runs + len(KINDS)) * filters + classes)
        sums, what = each * classes, f"scoring images with {model.label}"
        written = sums + each * sum(filter_sensitivity.classes_in(shard) for shard in left)
        if left:
            # every box is scored in its own image and in another one; in a batch, few classes occur
            boxes_per_image = 2 * len(boxes) / len(corpus)
            some = min(classes, int(many * boxes_per_image))
            working = scoring_bytes(
                backbone, many, layers, runs, boxes_per_image, PLAIN * some, n_columns=(len(KINDS) - PLAIN) * some
            )
            working += 3 * sums + reading_bytes(backbone, many)
            needs.append(with_network(params, backbone, what, working, disk=written))
            needs += decoding_needs(backbone, [pictures(params, store, model, corpus, "corpus")], corpus)
        else:
            needs.append(Need(f"adding up the scores of {model.label}", 4 * sums, disk=sums))
    return counted_once(needs)


def filter_lesions_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what lesioning every filter takes."""
    stimuli, needs = inputs.load(params, folders["inputs"]).stimuli, []
    targets = TARGETS.read(folders["human_targets"] / "results")["target"].nunique()
    block = lesion_block_bytes(params)
    for model in params.analysis.object2brain_models:
        readout = valence_models.load_readout(params, folders["valence_models"], model)
        layers = [None, *target_layers(params, model)]
        shards = filter_lesions.list_shards(params, store, model, readout, stimuli)
        left = [at for at, shard in zip(layers, shards, strict=True) if not shard.is_stored(store)]
        backbone, runs = network_shapes(params, model), readout.n_runs
        filters = sum(backbone.shape(layer)[0] for layer in target_layers(params, model))
        results = DOUBLE * runs * filters * (2 * len(stimuli) + 4 * targets)
        disk = DOUBLE * runs * filters * (len(stimuli) + targets)
        if not left:
            needs.append(Need(f"the lesion effects of {model.label}", results, disk=disk))
            continue
        working = [pass_bytes(backbone, min(params.execution.batch_size, len(stimuli)))]
        working += [lesion_bytes(backbone, layer, len(stimuli), runs, block) for layer in left if layer is not None]
        kept = results + reading_bytes(backbone, len(stimuli))
        needs.append(with_network(params, backbone, f"lesions of {model.label}", max(working) + kept, disk=disk))
        needs += decoding_needs(backbone, [pictures(params, store, model, stimuli, "stimuli")], stimuli)
    return counted_once(needs)


def occlusion_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what hiding every class in the stimuli takes."""
    stimuli = inputs.load(params, folders["inputs"]).stimuli
    classes = pd.read_parquet(folders["objects"] / "results" / "detections.parquet", columns=["class"])[
        "class"
    ].nunique()
    needs, many = [_detecting(params, stimuli, STIMULI_WORDS)], params.execution.batch_size
    for model in params.analysis.object2brain_models:
        runs = valence_models.load_readout(params, folders["valence_models"], model).n_runs
        backbone, layers = network_shapes(params, model), target_layers(params, model)
        predictions = DOUBLE * runs * (1 + len(layers)) * classes * len(stimuli)
        maps = FLOAT * many * sum(math.prod(backbone.shape(layer)) for layer in layers)
        shard = occlusion.STIMULI_IN_A_SHARD + 2 * many
        working = pass_bytes(backbone, many) + 2 * maps + reading_bytes(backbone, shard) + 3 * predictions
        what = f"hiding objects from {model.label}"
        needs.append(with_network(params, backbone, what, working, disk=2 * predictions))
        needs += decoding_needs(backbone, [pictures(params, store, model, stimuli, "stimuli")], stimuli)
    return counted_once(needs)


def shams_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what hiding sham boxes takes."""
    stimuli, shams = inputs.load(params, folders["inputs"]).stimuli, params.analysis.object2brain.shams
    pairs, needs, many = _pairs(folders, stimuli), [], params.execution.batch_size
    for model in params.analysis.object2brain_models:
        runs = valence_models.load_readout(params, folders["valence_models"], model).n_runs
        backbone = network_shapes(params, model)
        side = architecture(model.architecture).preprocessing.crop
        predictions = DOUBLE * runs * shams * pairs
        working = pass_bytes(backbone, many) + many * side**2 + 3 * predictions
        needs.append(with_network(params, backbone, f"hiding shams from {model.label}", working, disk=2 * predictions))
    return counted_once(needs)


def mediation_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what sharing out changes among filters takes."""
    stimuli = inputs.load(params, folders["inputs"]).stimuli
    pairs, needs, many = _pairs(folders, stimuli), [], params.execution.batch_size
    for model in params.analysis.object2brain_models:
        runs = valence_models.load_readout(params, folders["valence_models"], model).n_runs
        backbone, layers = network_shapes(params, model), target_layers(params, model)
        filters = sum(backbone.shape(layer)[0] for layer in layers)
        shares = DOUBLE * runs * filters * pairs
        maps = FLOAT * many * 3 * sum(math.prod(backbone.shape(layer)) for layer in layers)
        working = PASSES_KEPT * pass_bytes(backbone, many) + maps + reading_bytes(backbone, 2 * many) + 3 * shares
        what = f"sharing out changes among the filters of {model.label}"
        needs.append(with_network(params, backbone, what, working, disk=2 * shares))
        needs += decoding_needs(backbone, [pictures(params, store, model, stimuli, "stimuli")], stimuli)
    return counted_once(needs)


def _pairs(folders: Folders, stimuli: pd.DataFrame) -> int:
    """Say how many pairs of a stimulus and a class to expect: the stimuli are not looked at yet, the corpus was."""
    boxes = pd.read_parquet(folders["objects"] / "results" / "detections.parquet", columns=["image", "class"])
    shown = boxes.drop_duplicates()
    return math.ceil(len(stimuli) * max(1.0, len(shown) / max(1, shown["image"].nunique())))


def class_weights_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what working out and testing the class weights takes."""
    boxes = pd.read_parquet(folders["objects"] / "results" / "detections.parquet", columns=["class"])
    classes, rows, largest, samples = boxes["class"].nunique(), 0, 0, params.analysis.significance.bootstrap
    for model in params.analysis.object2brain_models:
        results = folders["filter_lesions"] / "results"
        with xr.open_dataset(results / LESION_EFFECTS.file(model.label), engine="h5netcdf") as effects:
            runs, filters, targets = (effects.sizes[name] for name in ("run", "filter", "target"))
        with xr.open_dataset(results / LESION_PREDICTIONS.file(model.label), engine="h5netcdf") as predictions:
            stimuli = predictions.sizes["stimulus"]
        sums, compared = 3 * DOUBLE * runs * classes * filters, DOUBLE * filters * stimuli**2
        drawn = FLOAT * samples * classes * targets * (runs + 1)
        largest = max(largest, sums + compared + drawn)
        layers = len(target_layers(params, model))
        rows += classes * targets * layers * (runs + 1 + len(params.analysis.object2brain.compare))
    working = largest + ROW_IN_MEMORY * rows
    return [Need("the object weights", working, disk=ROW_ON_DISK * rows, less=FEWER_LAYERS, less_disk=FEWER_LAYERS)]
