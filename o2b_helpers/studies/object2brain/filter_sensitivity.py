"""Notebook 06: which filters answer to which objects? EmoCAM++ (METHODS 3)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import InProcess, Shard
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.files.labelled import filter_dataset, label_variables, write_dataset
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import progress
from o2b_helpers.core.running.keys import made_from
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.cams.filter_scores import filter_scores
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout, readout_digest
from o2b_helpers.studies.common.networks import loaded, model_part, target_layers
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.object2brain.box_scores.carried_boxes import CarriedBoxes, box_columns, carried_boxes
from o2b_helpers.studies.object2brain.box_scores.sums import SensitivitySums, added, sums_of
from o2b_helpers.studies.object2brain.tables import FILTER_SCORES

KIND = "scores"
IMAGES_IN_A_SHARD = 250


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the scoring options and the models."""
    return {
        "sensitivity": params.analysis.sensitivity.model_dump(),
        "seed": params.analysis.seed,
        "models": {m.label: model_part(params, m, store) for m in params.analysis.object2brain_models},
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Score every box for every filter, shard by shard, and add the shards up."""
    corpus = inputs.load(params, needs["inputs"]).corpus
    boxes = pd.read_parquet(needs["objects"] / "results" / "detections.parquet")
    classes = sorted(boxes["class"].unique())
    facts: dict[str, Any] = {
        "score": params.analysis.sensitivity.score,
        "cam_scale": params.analysis.sensitivity.cam_scale,
    }
    of_models: dict[str, Any] = {}
    origin = made_from(params, "filter_sensitivity")
    for model in params.analysis.object2brain_models:
        readout = load_readout(params, needs["valence_models"], model)
        sums = _score_model(params, model, corpus, boxes, readout)
        variables = sums.variables()
        count, exchanged = (variables[name][1] for name in ("box_count", "exchanged_count"))
        sizes = {
            "boxes_detected": len(boxes),
            "boxes_scored": int(count.sum()),
            "boxes_outside_the_input": int(sums.dropped[0]),
            "boxes_exchanged_between_images": int(exchanged.sum()),
        }
        labelled = _labelled(params, model, sums, classes, origin)
        write_dataset(labelled, folder / "results" / FILTER_SCORES.file(model.label))
        of_models[model.label] = {"filters": len(sums.layer), **sizes, "classes": int((count > 0).sum())}
    write_facts(folder, carried_on(beside(facts, of_models), needs["valence_models"]))


def carry(params: Params, model: Model, corpus: pd.DataFrame, boxes: pd.DataFrame) -> CarriedBoxes:
    """Carry the whole corpus' detections to a model's input, and draw the exchange of boxes between images."""
    target_layers(params, model)  # reads the file that defines the architecture, where there is one
    geometry, classes = architecture(model.architecture).preprocessing, sorted(boxes["class"].unique())
    return carried_boxes(geometry, corpus, boxes, classes, params.analysis.seed)


def list_shards(
    params: Params, store: Store, model: Model, corpus: pd.DataFrame, boxes: pd.DataFrame, readout: Readout
) -> list[Shard]:
    """Return what is to be scored with a model, shard by shard; `boxes` are the whole corpus' detections."""
    carried = carry(params, model, corpus, boxes)
    common = {
        "model": model_part(params, model, store),
        "readout": readout_digest(readout),
        "sensitivity": params.analysis.sensitivity.model_dump(),
        "classes": sorted(boxes["class"].unique()),
    }
    shards = []
    for start in range(0, len(corpus), IMAGES_IN_A_SHARD):
        images = corpus.iloc[start : start + IMAGES_IN_A_SHARD]
        stop = start + len(images)
        own = {
            "images": digest_of(images[["image", "sha256"]].values.tolist()),
            "boxes": digest_of(boxes[boxes["image"].isin(images["image"])].values.tolist()),
            "exchanged": _digest_of_given(carried, start, stop),
        }
        label = f"{params.name} {model.label} images {start + 1} to {stop}"
        arguments = (params, model, corpus, carried, readout, start, stop)
        shards.append(Shard(KIND, label, {**common, **own}, _score, arguments))
    return shards


def classes_in(shard: Shard) -> int:
    """Return the number of classes whose boxes the images of a shard have or are given."""
    *_, carried, _, start, stop = shard.arguments
    return len(carried.classes(start, stop))


def _digest_of_given(carried: CarriedBoxes, start: int, stop: int) -> str:
    given, host = carried.given(start, stop)
    boxes = [carried.corners[given].tolist(), carried.label[given].tolist(), (host - start).tolist()]
    if carried.masks is not None:
        boxes.append([carried.masks[number] for number in given])
    return digest_of(boxes)


def _score_model(
    params: Params, model: Model, corpus: pd.DataFrame, boxes: pd.DataFrame, readout: Readout
) -> SensitivitySums:
    store = Store(params.store)
    folders = InProcess().run(list_shards(params, store, model, corpus, boxes, readout), store)
    return added(map(SensitivitySums.read, folders), np.arange(boxes["class"].nunique()))


def _score(
    params: Params,
    model: Model,
    corpus: pd.DataFrame,
    carried: CarriedBoxes,
    readout: Readout,
    start: int,
    stop: int,
    folder: Path,
) -> None:
    """Score the images `start` to `stop` of the corpus, batch by batch."""
    backbone, layers = loaded(params, model), target_layers(params, model)
    shown = pictures(params, Store(params.store), model, corpus, "corpus")
    size = params.execution.batch_size
    batches = [(first, min(first + size, stop)) for first in range(start, stop, size)]
    sums = (
        _score_batch(params, backbone, readout, shown.batch(a, b), carried, a, b, layers)
        for a, b in progress(batches, f"scoring images with {model.label}")
    )
    added(sums, carried.classes(start, stop)).write(folder)


def _score_batch(params, backbone, readout, images, carried, start, stop, layers) -> SensitivitySums:
    """Score one batch: network inputs of the corpus' rows `start` to `stop`, own boxes and those they are given."""
    columns, device = box_columns(carried, start, stop), backbone.device
    scores = filter_scores(
        backbone,
        images.to(device),
        readout,
        torch.as_tensor(columns.corners),
        torch.as_tensor(columns.image),
        torch.as_tensor(columns.column),
        2 * len(columns.classes),
        list(layers),
        score=params.analysis.sensitivity.score,
        cam_scale=params.analysis.sensitivity.cam_scale,
        members=columns.members,
        squares=True,
        ungated=True,
        masks=columns.masks,
        batch_size=params.execution.batch_size,
    )
    return sums_of(scores, columns.classes, columns.gram)


def _labelled(params: Params, model: Model, sums: SensitivitySums, classes: list[str], origin: dict[str, str]) -> Any:
    dataset = filter_dataset(
        sums.variables(),
        list(sums.layer),
        sums.channel.tolist(),
        {"run": list(range(sums.gated.shape[0])), "class": classes, "class_b": classes},
        {
            "architecture": model.label,
            "weights": model.weights_label,
            "score": params.analysis.sensitivity.score,
            "cam_scale": params.analysis.sensitivity.cam_scale,
            **origin,
            "note": "sums over boxes of the score of equation 1 in our reading; divide by box_count for the mean",
        },
    )
    return label_variables(dataset, FILTER_SCORES)
