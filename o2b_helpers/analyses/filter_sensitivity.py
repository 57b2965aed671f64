"""Notebook 06: which filters answer to which objects? EmoCAM++ (METHODS 3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import load_file, save_file

from o2b_helpers.analyses import inputs
from o2b_helpers.analyses.keys import made_from
from o2b_helpers.analyses.labelled import filter_dataset, write_dataset
from o2b_helpers.analyses.networks import lazily, model_part, target_layers
from o2b_helpers.analyses.pictures import pictures
from o2b_helpers.analyses.step import Result, run_step
from o2b_helpers.analyses.tables import write_facts
from o2b_helpers.analyses.valence_models import FullHeads, load_full_heads
from o2b_helpers.digests import digest_of
from o2b_helpers.kernels.filter_scores import FilterScores, filter_scores
from o2b_helpers.params import Model, Params
from o2b_helpers.progress import progress
from o2b_helpers.store import Store

NEEDS = ("inputs", "valence_models", "objects")
MODULE = "o2b_helpers.analyses.filter_sensitivity"
KIND = "scores"
IMAGES_IN_A_SHARD = 250


def run(params: Params) -> Result:
    """Make ``filter_scores_<architecture>.nc`` for every model with ``object2brain: true``."""
    return run_step(params, "filter_sensitivity")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the scoring options and the models."""
    return {
        "sensitivity": params.analysis.sensitivity.model_dump(),
        "models": {m.label: model_part(params, m, store) for m in params.analysis.models if m.object2brain},
    }


def compute(params: Params, needs: dict[str, Path], folder: Path) -> None:
    """Score every box for every filter, shard by shard, and add the shards up."""
    corpus = inputs.load(params, needs["inputs"]).corpus
    boxes = pd.read_parquet(needs["objects"] / "results" / "detections.parquet")
    classes = sorted(boxes["class"].unique())
    facts: dict[str, Any] = {
        "score": params.analysis.sensitivity.score,
        "cam_scale": params.analysis.sensitivity.cam_scale,
    }
    origin = made_from(params, "filter_sensitivity")
    for model in (m for m in params.analysis.models if m.object2brain):
        heads = load_full_heads(needs["valence_models"], model)
        scores = _score_model(params, model, corpus, boxes, classes, heads)
        sizes = {
            "boxes_detected": len(boxes),
            "boxes_scored": int(scores.box_count.sum()),
            "boxes_outside_the_input": scores.dropped,
        }
        labelled = _labelled(params, model, scores, classes, origin)
        write_dataset(labelled, folder / "results" / f"filter_scores_{model.label}.nc")
        facts[model.label] = {"filters": len(scores.layer), **sizes, "classes": int((scores.box_count > 0).sum())}
    write_facts(folder, facts)


@dataclass(frozen=True)
class Shard:
    """Images that are scored and stored together.

    Attributes
    ----------
    label : str
        What the store calls them.
    part : dict
        All that their scores depend on besides code.
    start, stop : int
        Their rows of the corpus.
    boxes : DataFrame
        What was detected in them.
    """

    label: str
    part: dict[str, Any]
    start: int
    stop: int
    boxes: pd.DataFrame


def list_shards(
    params: Params, store: Store, model: Model, corpus: pd.DataFrame, boxes: pd.DataFrame, heads: FullHeads
) -> list[Shard]:
    """Return what is to be scored with a model, shard by shard; `boxes` are the whole corpus' detections."""
    common = {
        "model": model_part(params, model, store),
        "heads": digest_of([heads.weight.tolist(), heads.bias.tolist()]),
        "sensitivity": params.analysis.sensitivity.model_dump(),
        "output": params.analysis.heads.full.output,
        "classes": sorted(boxes["class"].unique()),
    }
    found = []
    for start in range(0, len(corpus), IMAGES_IN_A_SHARD):
        images = corpus.iloc[start : start + IMAGES_IN_A_SHARD]
        inside = boxes[boxes["image"].isin(images["image"])]
        own = {
            "images": digest_of(images[["image", "sha256"]].values.tolist()),
            "boxes": digest_of(inside.values.tolist()),
        }
        stop = start + len(images)
        label = f"{params.name} {model.label} images {start + 1} to {stop}"
        found.append(Shard(label, {**common, **own}, start, stop, inside))
    return found


def _score_model(
    params: Params, model: Model, corpus: pd.DataFrame, boxes: pd.DataFrame, classes: list[str], heads: FullHeads
) -> FilterScores:
    store, backbone = Store(params.store), lazily(params, model)
    shown = pictures(params, store, model, corpus, "corpus")
    layers = target_layers(params, model)
    folders = []
    for shard in list_shards(params, store, model, corpus, boxes, heads):

        def score(place: Path, shard: Shard = shard) -> None:
            size = params.execution.batch_size
            batches = [(first, min(first + size, shard.stop)) for first in range(shard.start, shard.stop, size)]
            parts = (  # one at a time: the sums of all batches together can be larger than the maps of one
                _score_batch(params, backbone(), heads, shown.batch(a, b), corpus[a:b], shard.boxes, classes, layers)
                for a, b in progress(batches, f"scoring images with {model.label}")
            )
            total = reduce(add, parts)
            save_file(
                {
                    "score_sum": total.score_sum,
                    "box_count": total.box_count,
                    "channel": total.channel,
                    "dropped": np.array([total.dropped]),
                },
                place / "scores.safetensors",
            )
            (place / "layers.txt").write_text("\n".join(map(str, total.layer)), encoding="utf-8")

        folders.append(store.result(KIND, shard.label, shard.part, MODULE, score).folder)
    return reduce(add, map(_read_scores, folders))


def _score_batch(params, backbone, heads, images, rows, boxes, classes, layers) -> FilterScores:
    """Score one batch: network inputs and their rows of the corpus; boxes go through the images' own geometry."""
    own = rows.reset_index(drop=True)
    position = {name: row for row, name in enumerate(own["image"])}
    inside = boxes[boxes["image"].isin(position)]
    carried = [
        backbone.preprocessing.boxes_to_input(
            group[["x0", "y0", "x1", "y1"]].to_numpy(), own["width"][position[name]], own["height"][position[name]]
        )
        for name, group in inside.groupby("image", sort=False)
    ]
    order = inside.groupby("image", sort=False).ngroup().sort_values(kind="stable").index
    inside = inside.loc[order]
    number = {name: row for row, name in enumerate(classes)}
    device = backbone.device
    return filter_scores(
        backbone,
        images.to(device),
        torch.as_tensor(heads.weight, dtype=torch.float32, device=device),
        torch.as_tensor(heads.bias, dtype=torch.float32, device=device),
        torch.as_tensor(np.concatenate(carried) if carried else np.zeros((0, 4))),
        torch.as_tensor(inside["image"].map(position).to_numpy(dtype=np.int64, copy=True)),
        torch.as_tensor(inside["class"].map(number).to_numpy(dtype=np.int64, copy=True)),
        len(classes),
        list(layers),
        score=params.analysis.sensitivity.score,
        cam_scale=params.analysis.sensitivity.cam_scale,
        output=params.analysis.heads.full.output,
        batch_size=params.execution.batch_size,
    )


def _read_scores(folder: Path) -> FilterScores:
    tensors = load_file(folder / "scores.safetensors")
    layers = (folder / "layers.txt").read_text(encoding="utf-8").split("\n")
    return FilterScores(
        tensors["score_sum"], tensors["box_count"], np.array(layers), tensors["channel"], int(tensors["dropped"][0])
    )


def _labelled(params: Params, model: Model, scores: FilterScores, classes: list[str], origin: dict[str, str]) -> Any:
    return filter_dataset(
        {"score_sum": (("run", "filter", "class"), scores.score_sum), "box_count": (("class",), scores.box_count)},
        scores.layer.tolist(),
        scores.channel.tolist(),
        {"run": list(range(scores.score_sum.shape[0])), "class": classes},
        {
            "architecture": model.label,
            "weights": model.weights_label,
            "score": params.analysis.sensitivity.score,
            "cam_scale": params.analysis.sensitivity.cam_scale,
            **origin,
            "note": "sum over boxes of the score of equation 1 in our reading; divide by box_count for the mean",
        },
    )
