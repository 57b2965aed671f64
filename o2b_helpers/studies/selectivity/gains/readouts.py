"""Notebook 13: readouts that tell one emotion from the rest on the frozen network, in every split (METHODS 6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file, save_file

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import InProcess, Shard
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.recognition.recognition_scores import aurocs, balanced_accuracies, f1_scores
from o2b_helpers.models.heads.features import layer_features
from o2b_helpers.models.heads.head_settings import HeadSettings
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.models.heads.softmax_training import train_softmax
from o2b_helpers.models.heads.training import predict_readout
from o2b_helpers.studies.common.networks import loaded, model_part
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.selectivity import image_sets
from o2b_helpers.studies.selectivity.gains.tables import EMOTION_READOUTS
from o2b_helpers.studies.selectivity.image_sets import ImageSets
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import shown_pictures
from o2b_helpers.studies.selectivity.tables import PARTS, SETS, TEST, VALIDATION

NAME = "emotion_readouts"
FEATURES, READOUT = "features.npy", "readout.safetensors"


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the networks, the colours that they see, and how readouts learn."""
    return {
        "networks": {model.label: model_part(params, model, store) for model in params.analysis.selectivity_models},
        "colours": params.analysis.selectivity.colours,
        "readouts": _rules(params),
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Train the readouts of both sets on every network, and say how well they recognise emotions."""
    sets, store, frames, facts = image_sets.load(params, needs), Store(params.store), [], {}
    parts = [image_sets.load_splits(needs["image_sets"], name) for name in SETS]
    for model in params.analysis.selectivity_models:
        shards = readout_shards(params, store, model, sets, parts)
        reached = []
        for name, table, own, place in zip(SETS, sets.both, parts, InProcess().run(shards, store), strict=True):
            identity = {"architecture": model.label, "weights": model.weights_label, "image_set": name}
            rows = _scores(np.load(place / FEATURES), load_readout(place), table["number"].to_numpy(), own)
            reached.append(rows.assign(**identity))
        frames += reached
        test = pd.concat(reached)
        test = test[test["part"] == TEST]
        facts[model.label] = {
            "auroc": {name: float(own["auroc"].mean()) for name, own in test.groupby("emotion", sort=False)},
            "f1": {name: float(own["f1"].mean()) for name, own in test.groupby("emotion", sort=False)},
        }
    EMOTION_READOUTS.write(pd.concat(frames) if frames else EMOTION_READOUTS.empty(), folder / "results")
    write_facts(folder, carried_on(beside({}, facts), needs["image_sets"]))


def readout_shards(params: Params, store: Store, model: Model, sets: ImageSets, parts: list[np.ndarray]) -> list[Shard]:
    """Return what trains the readouts of each of the two sets; features of all pictures are kept beside them."""
    network, colours = model_part(params, model, store), params.analysis.selectivity.colours
    shards = []
    for number, (table, own) in enumerate(zip(sets.both, parts, strict=True)):
        identity = {
            "network": network,
            "colours": colours,
            "pictures": digest_of(table[["sha256", "number"]].values.tolist()),
            "parts": digest_of(own.tolist()),
            "rules": _rules(params),
        }
        label = f"{params.name} {model.label} ({model.weights_label}), set {number + 1}"
        shards.append(Shard(NAME, label, identity, _train, (params, model, sets, number, own)))
    return shards


def load_readout(folder: Path) -> Readout:
    """Read readouts from a shard's folder: run = emotion * splits + split; outputs: the rest, the emotion."""
    tensors = load_file(folder / READOUT)
    return Readout(tensors["weight"], tensors["bias"], "softmax")


def margins(readout: Readout, split: int) -> Readout:
    """Return by how much the emotion's output is above the other one, in one split: a run for each emotion.

    Above 0 the softmax calls the picture so. Probabilities close to 0 and 1 would tie pictures that differ.
    """
    own = slice(split, None, readout.n_runs // len(EMOTIONS))
    weight, bias = np.asarray(readout.weight)[own], np.asarray(readout.bias)[own]
    return Readout.valence(weight[:, 1] - weight[:, 0], bias[:, 1] - bias[:, 0])


def _rules(params: Params) -> dict[str, Any]:
    options = params.analysis.emotion_gains
    return {name: getattr(options, name) for name in ("epochs", "learning_rate", "batch_size", "seed")}


def _train(params: Params, model: Model, sets: ImageSets, number: int, parts: np.ndarray, folder: Path) -> None:
    backbone, rules = loaded(params, model), _rules(params)
    shown, size = shown_pictures(params, Store(params.store), model, sets, number), params.execution.batch_size
    last = backbone.stages[-1][0]
    features = layer_features(backbone, shown, [last], batch_size=size)[last]
    np.save(folder / FEATURES, features)
    settings = HeadSettings(
        epochs=rules["epochs"],
        patience=rules["epochs"],
        output="softmax",
        batch_size=rules["batch_size"],
        learning_rates=(rules["learning_rate"],),
        decay_epochs=None,
        standardise=False,
    )
    emotions = sets.both[number]["number"].to_numpy()
    labels = np.repeat([(emotions == kind).astype(np.int64) for kind in range(len(EMOTIONS))], len(parts), axis=0)
    test, validation = (np.tile(parts == name, (len(EMOTIONS), 1)) for name in (TEST, VALIDATION))
    trained = train_softmax(features.copy(), labels, test, settings, rules["seed"], validation=validation).readout
    save_file({"weight": np.asarray(trained.weight), "bias": np.asarray(trained.bias)}, folder / READOUT)


def _scores(features: np.ndarray, readout: Readout, emotions: np.ndarray, parts: np.ndarray) -> pd.DataFrame:
    outputs = predict_readout(features, readout, 1)  # (emotion * split, picture)
    rows = []
    for run, scores in enumerate(outputs):
        kind, split = divmod(run, len(parts))
        for name in PARTS:
            own = parts[split] == name
            positive = emotions[own] == kind
            rows.append(
                {
                    "emotion": EMOTIONS[kind], "split": split, "part": name, "pictures": int(own.sum()),
                    "positive": int(positive.sum()), "f1": f1_scores(scores[own], positive),
                    "balanced_accuracy": balanced_accuracies(scores[own], positive),
                    "auroc": aurocs(scores[own], positive),
                    "f1_always": 2 * positive.mean() / (1 + positive.mean()),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
