"""Notebook 10: heads, or a ready network, name the emotion of a picture; how often are they right (METHODS 5).

A head is trained by softmax regression on a frozen network; a ready network (EmoNet) is taken as it is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file, save_file

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import InProcess, Shard
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.files.names import file_of
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.resources import memory_for_this_process, resident_bytes
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.counts.confusion import Confusion, balanced_accuracy_p
from o2b_helpers.models.heads.feature_places import choose_place
from o2b_helpers.models.heads.feature_sources import FeatureSource, Streamed
from o2b_helpers.models.heads.features import n_features
from o2b_helpers.models.heads.head_data import stratified_folds, validation_splits
from o2b_helpers.models.heads.head_settings import HeadSettings
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.models.heads.softmax_training import train_softmax
from o2b_helpers.models.heads.training import predict_readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.head_training import DECAY_EPOCHS, features_at
from o2b_helpers.studies.common.networks import loaded, model_part
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.emocam.labels import LabelledPictures, labelled_pictures
from o2b_helpers.studies.emocam.ready_network import (
    PROBABILITIES,
    READOUT,
    UNKNOWN,
    judged_pictures,
    judging_shard,
    own_labels,
)
from o2b_helpers.studies.emocam.tables import EMOTION_CONFUSION, EMOTION_HEADS, EMOTION_MODELS, EMOTION_PREDICTIONS

HISTORY, NAMES = "history.parquet", "names.json"


@dataclass(frozen=True)
class EmotionModel:
    """The heads of one network, and what they say of every picture with a label.

    Attributes
    ----------
    readout : Readout
        (fold, label, feature), softmax. A ready network has one fold, its own last layer.
    probabilities : array (fold, label, picture)
        What each fold's head says, float32.
    table : DataFrame
        emotion_predictions.csv of the network, in the order of the pictures.
    names : tuple of str
        The labels, in the order of the outputs.
    """

    readout: Readout
    probabilities: np.ndarray
    table: pd.DataFrame
    names: tuple[str, ...]

    def judged(self, by: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the fold whose head judges each picture, and the number of the label that it names.

        Parameters
        ----------
        by : {"held_out", "first"}
            The head that did not learn from the picture, or always the first one.
        """
        fold = self.table["fold"].to_numpy() if by == "held_out" else np.zeros(len(self.table), dtype=np.int64)
        return fold, named_labels(self.probabilities, fold)


def named_labels(probabilities: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return the number of each picture's highest output, from (fold, label, picture) and each picture's fold."""
    return probabilities[fold, :, np.arange(len(fold))].argmax(1)


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the labels' options, the models and the rules of their heads."""
    return {
        "emotions": params.analysis.emotions.model_dump(),
        "missing": params.analysis.corpus.missing,
        "heads": params.analysis.emotion_heads.model_dump(exclude={"models"}),
        "significance": params.analysis.significance.model_dump(),
        "models": {model.label: _identity(params, store, model) for model in params.analysis.emocam_models},
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Train heads where a model needs some, let all models judge the pictures, and count how often they are right."""
    store, corpus = Store(params.store), inputs.load(params, needs["inputs"]).corpus
    significance, trained = params.analysis.significance, None
    models, confusions, predictions, histories = [], [], [], []
    facts: dict[str, Any] = {}
    for model in params.analysis.emocam_models:
        names = own_labels(params, model)
        if names:
            labelled = judged_pictures(params, store, corpus, names)
            shard = judging_shard(params, store, model, corpus, labelled)
            fold = np.zeros(len(labelled.table), dtype=np.int64)
        else:
            labelled = trained = trained or labelled_pictures(params, store, corpus)
            shard, fold = heads_shard(params, store, model, corpus, labelled), folds(params, labelled).argmax(0)
        (place,) = InProcess().run([shard], store)
        identity = {"architecture": model.label, "weights": model.weights_label}
        probabilities = np.load(place / PROBABILITIES)
        named, labels = named_labels(probabilities, fold), labelled.table["number"].to_numpy()
        for file in (READOUT, PROBABILITIES):
            shutil.copyfile(place / file, folder / _file(model, file))
        (folder / _file(model, NAMES)).write_text(json.dumps(labelled.names), encoding="utf-8")
        table = labelled.table[["image", "emotion"]].assign(fold=fold, predicted=np.array(labelled.names)[named])
        table["probability"] = probabilities[fold, named, np.arange(len(fold))].astype(np.float64)
        predictions.append(table.assign(**identity))
        if not names:
            histories.append(pd.read_parquet(place / HISTORY).assign(**identity))
        known = labels != UNKNOWN
        if not known.any():  # nobody knows what would be right
            unknown = dict.fromkeys(EMOTION_MODELS.names, np.nan)
            models.append({**unknown, "pictures": 0, "labels": len(names), **identity})
            facts[model.label] = {"own_labels": len(names), "judged": len(labels), **_never(labelled, named)}
            continue
        confusion = Confusion.of(labels[known], named[known], len(labelled.names))
        ends = confusion.intervals(significance.bootstrap, significance.seed, significance.confidence)
        p = balanced_accuracy_p(labels[known], named[known], significance.permutations, significance.seed)
        models.append(_scores(confusion, ends, p) | identity)
        confusions.append(_confusion_rows(confusion, ends, labelled.names).assign(**identity))
        facts[model.label] = {**_told(confusion, ends, p), **_never(labelled, named)}
        if names:
            facts[model.label] |= {"own_labels": len(names), "judged": len(labels), "with_a_label": int(known.sum())}
        say(f"    {model.label}: accuracy {confusion.accuracy:.3f}, balanced {confusion.balanced_accuracy:.3f}")
    results = folder / "results"
    for declared, frames in (
        (EMOTION_CONFUSION, confusions),
        (EMOTION_PREDICTIONS, predictions),
        (EMOTION_HEADS, histories),
    ):
        declared.write(pd.concat(frames) if frames else declared.empty(), results)
    EMOTION_MODELS.write(pd.DataFrame(models) if models else EMOTION_MODELS.empty(), results)
    common = {} if trained is None else _common(params, trained, len(corpus))
    write_facts(folder, carried_on(beside(common, facts), needs["inputs"]))


def _common(params: Params, labelled: LabelledPictures, in_corpus: int) -> dict[str, Any]:
    counts = labelled.table["emotion"].value_counts()
    common = {
        "pictures_with_a_label": len(labelled.table),
        "pictures_without": in_corpus - len(labelled.table),
        "emotions": {name: int(counts[name]) for name in labelled.names},
        "folds": params.analysis.emotion_heads.folds,
    }
    return common | ({"warnings": list(labelled.warnings)} if labelled.warnings else {})


def load_emotion_model(folder: Path, model: Model) -> EmotionModel:
    """Read the heads of a model, or its own readout, and what they say, from this step's folder."""
    tensors = load_file(folder / _file(model, READOUT))
    table = EMOTION_PREDICTIONS.read(folder / "results")
    table = table[(table["architecture"] == model.label) & (table["weights"] == model.weights_label)]
    names = tuple(json.loads((folder / _file(model, NAMES)).read_text(encoding="utf-8")))
    readout = Readout(tensors["weight"], tensors["bias"], "softmax")
    return EmotionModel(readout, np.load(folder / _file(model, PROBABILITIES)), table.reset_index(drop=True), names)


def folds(params: Params, labelled: LabelledPictures) -> np.ndarray:
    """Return the pictures that each fold holds out, (fold, picture) of bool."""
    heads, table = params.analysis.emotion_heads, labelled.table
    return stratified_folds(table["number"].to_numpy(), heads.folds, heads.seed, table["group"].to_numpy())


def heads_shard(params: Params, store: Store, model: Model, corpus: pd.DataFrame, labelled: LabelledPictures) -> Shard:
    """Return what trains the heads of one model and judges every labelled picture with each of them."""
    own = {
        "model": _identity(params, store, model),
        "heads": params.analysis.emotion_heads.model_dump(exclude={"models"}),
        "images": digest_of(labelled.table[["image", "sha256", "number", "group"]].values.tolist()),
    }
    label = f"{params.name} {model.label} ({model.weights_label})"
    return Shard("emotion_heads", label, own, _train, (params, model, corpus, labelled))


def head_settings(params: Params) -> HeadSettings:
    """Return the rules by which heads are trained."""
    heads = params.analysis.emotion_heads
    same = (
        "epochs",
        "patience",
        "class_weighted",
        "batch_size",
        "optimiser",
        "momentum",
        "weight_decay",
        "standardise",
    )
    return HeadSettings(
        output="softmax",
        learning_rates=tuple(heads.learning_rates),
        decay_epochs=None if heads.decay == "none" else DECAY_EPOCHS,
        **{name: getattr(heads, name) for name in same},
    )


def feature_place(params: Params, labelled: LabelledPictures, features: int) -> str:
    """Return where features are while heads learn from them; `execution.features` decides, or what fits."""
    heads, execution = params.analysis.emotion_heads, params.execution
    budget = memory_for_this_process(execution.memory_gib) - resident_bytes()
    many = len(labelled.table), features, heads.folds, len(heads.learning_rates)
    return choose_place(execution.features, *many, budget, params.store, outputs=len(labelled.names))


def _train(params: Params, model: Model, corpus: pd.DataFrame, labelled: LabelledPictures, folder: Path) -> None:
    network = loaded(params, model)
    shown = pictures(params, Store(params.store), model, corpus, "corpus").of(labelled.table["sha256"])
    last, scratch = network.stages[-1][0], folder / "features.npy"
    place = feature_place(params, labelled, n_features(network, last))
    source: FeatureSource = features_at(params, network, shown, last, place, scratch)
    test, labels = folds(params, labelled), labelled.table["number"].to_numpy()
    heads, validation = params.analysis.emotion_heads, None
    if heads.select == "validation":
        groups = labelled.table["group"].to_numpy()
        validation = validation_splits(labels, test, heads.validation_share, heads.seed, groups)
    trained = train_softmax(source, labels, test, head_settings(params), heads.seed, validation=validation)
    readout = trained.readout
    tensors = {"weight": np.asarray(readout.weight), "bias": np.asarray(readout.bias)}
    save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, folder / READOUT)
    # learning centres features that are kept in memory, so they are computed once more
    again = Streamed(network, shown, last, params.execution.batch_size)
    np.save(folder / PROBABILITIES, predict_readout(again, readout).astype(np.float32))
    trained.history.to_parquet(folder / HISTORY, index=False)
    scratch.unlink(missing_ok=True)


def _identity(params: Params, store: Store, model: Model) -> dict[str, Any]:
    identity = model_part(params, model, store)
    identity.pop("layers")
    return identity


def _file(model: Model, kind: str) -> str:
    stem, dot, ending = kind.partition(".")
    return file_of(stem, (model.label, model.weights_label), dot + ending)


def _scores(confusion: Confusion, ends: Mapping[str, Any], p: float) -> dict[str, Any]:
    return {
        "pictures": int(confusion.counts.sum()),
        "labels": len(confusion.counts),
        "accuracy": confusion.accuracy,
        "accuracy_low": float(ends["accuracy"][0]),
        "accuracy_high": float(ends["accuracy"][1]),
        "chance_accuracy": confusion.most_frequent,
        "balanced_accuracy": confusion.balanced_accuracy,
        "balanced_accuracy_low": float(ends["balanced_accuracy"][0]),
        "balanced_accuracy_high": float(ends["balanced_accuracy"][1]),
        "chance_balanced": 1 / len(confusion.counts),
        "p": p,
    }


def _confusion_rows(confusion: Confusion, ends: Mapping[str, Any], names: tuple[str, ...]) -> pd.DataFrame:
    low, high = ends["shares"]
    index = pd.MultiIndex.from_product([names, names], names=["emotion", "predicted"])
    columns = {"pictures": confusion.counts.astype(np.int64), "share": confusion.shares, "low": low, "high": high}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index).reset_index()


def _told(confusion: Confusion, ends: Mapping[str, Any], p: float) -> dict[str, Any]:
    kept, scores = (
        ("accuracy", "chance_accuracy", "balanced_accuracy", "chance_balanced", "p"),
        _scores(confusion, ends, p),
    )
    return {name: scores[name] for name in kept}


def _never(labelled: LabelledPictures, named: np.ndarray) -> dict[str, Any]:
    never = [name for number, name in enumerate(labelled.names) if not (named == number).any()]
    return {"labels_never_named": never}
