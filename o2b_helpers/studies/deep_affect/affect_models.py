"""Notebook 14: networks, ridge regression and the mean learn ratings from every set of groups of features."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.preprocessing import StandardScaler

from o2b_helpers.core.device import pick_device
from o2b_helpers.core.executor import InProcess, Shard
from o2b_helpers.core.facts import carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.rating_scale import HIGHEST, LOWEST
from o2b_helpers.kernels.contributions.shapley import all_subsets
from o2b_helpers.models.baselines import mean_predictions, ridge_predictions
from o2b_helpers.models.feed_forward.corpus_folds import CorpusFolds
from o2b_helpers.models.feed_forward.jobs import NetworkJob
from o2b_helpers.models.feed_forward.settings import NetworkSettings
from o2b_helpers.models.feed_forward.training import train_networks
from o2b_helpers.studies.deep_affect import affect_features, affect_inputs
from o2b_helpers.studies.deep_affect.affect_inputs import AffectInputs
from o2b_helpers.studies.deep_affect.options import TARGETS, Learned
from o2b_helpers.studies.deep_affect.tables import (
    AFFECT_PREDICTIONS,
    AFFECT_TRAINING,
    MEAN,
    NETWORK,
    NO_FEATURES,
    RIDGE,
    SHARED,
    SINGLE,
    SPLIT,
)

NAME = "affect_models"
BOTH = "both"  # ratings that a shared network learns
FARTHEST = 5.0  # standard deviations at which standardised features are cut
TARGETS_OF = {SHARED: ((0, 1),), SPLIT: ((0,), (1,))}
FOLDS_APART = 1000  # between the seeds of two folds


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one kind of model predicts from one set of features.

    Attributes
    ----------
    model, outputs, features : str
        As in affect_predictions.parquet.
    values : array (seed, fold, target, picture), float32
        Of every picture, 1..9.
    """

    model: str
    outputs: str
    features: str
    values: np.ndarray


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return how networks learn; folds and features are those of earlier steps."""
    return {"networks": params.analysis.affect.networks.model_dump(), "seed": params.analysis.affect.seed}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Train every model, one set of features after the other."""
    store, prepared = Store(params.store), affect_inputs.load(params, needs["affect_inputs"])
    groups = affect_features.load(params, needs["affect_features"])
    subsets = all_subsets(params.analysis.affect.groups)[1:]
    shards = [shard for subset in subsets for shard in _shards(params, prepared, groups.of(subset), joined(subset))]
    places = InProcess().run(shards, store, "sets of features")
    learnt = prepared.folds.train | prepared.folds.validation
    predicted = [Predictions(MEAN, SINGLE, NO_FEATURES, mean_predictions(prepared.ratings, learnt)[None])]
    histories = []
    for shard, place in zip(shards, places, strict=True):
        model, features = shard.part["model"], shard.part["features"]
        with np.load(place / "predictions.npz") as values:
            predicted += [Predictions(model, outputs, features, values[outputs]) for outputs in values.files]
        if model == NETWORK:
            histories.append(pd.read_parquet(place / "history.parquet").assign(features=features))
    _write(folder, {_key(each): each.values.astype(np.float32) for each in predicted})
    AFFECT_PREDICTIONS.write(_rows(predicted, prepared.pictures), folder / "results")
    history = pd.concat(histories, ignore_index=True)
    AFFECT_TRAINING.write(history, folder / "results")
    kept = history[history["kept"] == 1]
    facts = {
        "sets_of_features": len(subsets),
        "networks": len(kept),
        "median_best_epoch": float(kept["epoch"].median()),
        "folds": len(prepared.folds.train),
        "pictures": len(prepared.pictures),
    }
    write_facts(folder, carried_on(facts, needs["affect_features"]))


def load(folder: Path) -> list[Predictions]:
    """Read what this step stored."""
    with np.load(folder / "predictions.npz") as values:
        return [Predictions(*_names(key), values[key]) for key in values.files]


def joined(subset: Sequence[str]) -> str:
    """Name a set of groups; the empty one, too.

    Examples
    --------
    >>> joined(("object", "scene")), joined(())
    ('object + scene', 'none')
    """
    return " + ".join(subset) or NO_FEATURES


def network_settings(options: Learned) -> NetworkSettings:
    """Return the settings of the networks."""
    own = ("drive", "validation_share", "standardise", "seeds")
    settings = {name: value for name, value in options.model_dump().items() if name not in own}
    return NetworkSettings(**settings | {"learning_rate": options.first_rate})


def standardised(features: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """Standardise features over the pictures that are learnt from, and divide them by the root of their number (ours).

    They are cut at `FARTHEST` standard deviations: a rare class that hardly a picture learnt from shows would else make
    a single test picture hundreds of deviations large.

    Parameters
    ----------
    features : array (picture, feature)
        In any unit.
    learnt : array (picture,) of bool
        The pictures that are learnt from.

    Returns
    -------
    array (picture, feature), float32

    Examples
    --------
    >>> standardised(np.array([[0.0], [2.0], [99.0]]), np.array([True, True, False])).ravel().tolist()
    [-1.0, 1.0, 5.0]
    """
    scaler = StandardScaler().fit(np.asarray(features, np.float64)[learnt])
    scaled = np.clip(scaler.transform(np.asarray(features, np.float64)), -FARTHEST, FARTHEST)
    return (scaled / np.sqrt(features.shape[1])).astype(np.float32)


def _shards(params: Params, prepared: AffectInputs, features: np.ndarray, name: str) -> Iterator[Shard]:
    """Yield the networks and the ridge regression of a set of features."""
    affect, folds = params.analysis.affect, prepared.folds
    data = _digest(features, prepared.ratings, folds.train, folds.validation, folds.test)
    common = {"features": name, "data": data, "seed": affect.seed}
    yield Shard(
        "affect_networks",
        f"{params.name} {name}",
        common | {"model": NETWORK, "networks": affect.networks.model_dump()},
        _train,
        (params, features, prepared.ratings, folds),
    )
    strata = np.unique(prepared.pictures["corpus"], return_inverse=True)[1]
    alike = prepared.pictures["alike"].to_numpy()
    yield Shard(
        "affect_ridge",
        f"{params.name} {name}",
        common | {"model": RIDGE, "strata": _digest(strata, alike), "standardise": affect.networks.standardise},
        _regress,
        (features, prepared.ratings, folds, strata, alike, affect.seed, affect.networks.standardise),
    )


def _train(params: Params, features: np.ndarray, ratings: np.ndarray, folds: CorpusFolds, folder: Path) -> None:
    options, seed = params.analysis.affect.networks, params.analysis.affect.seed
    many = len(folds.train)
    sets = {str(fold): standardised(features, own) for fold, own in enumerate(folds.train)}
    if not options.standardise:
        sets = {"all": features}
    judge = folds.validation if options.drive == "validation" else folds.test
    keys = [
        (outputs, number, fold, targets)
        for outputs, own in TARGETS_OF.items()
        for number, fold, targets in product(range(options.seeds), range(many), own)
    ]
    jobs = [
        NetworkJob(
            features=str(fold) if options.standardise else "all",
            targets=targets,
            train=folds.train[fold],
            judge=judge[fold],
            seed=seed + number + FOLDS_APART * fold,
        )
        for _, number, fold, targets in keys
    ]
    threads = params.execution.threads or torch.get_num_threads()
    device = pick_device(params.execution.device)
    middle = (LOWEST + HIGHEST) / 2 if options.standardise else 0.0
    trained = train_networks(sets, ratings - middle, jobs, network_settings(options), threads, device)
    shape = options.seeds, many, len(TARGETS), len(ratings)
    values, histories = {outputs: np.full(shape, np.nan, np.float32) for outputs in TARGETS_OF}, []
    for (outputs, number, fold, targets), network in zip(keys, trained, strict=True):
        values[outputs][number, fold, list(targets)] = network.predictions + middle
        said = TARGETS[targets[0]] if len(targets) == 1 else BOTH
        kept = (network.history["epoch"] == network.best_epoch).astype(int)
        own = {"outputs": outputs, "rating": said, "seed": number, "fold": fold, "kept": kept}
        histories.append(network.history.assign(**own))
    _write(folder, values)
    pd.concat(histories, ignore_index=True).to_parquet(folder / "history.parquet", index=False)


def _regress(
    features: np.ndarray, ratings: np.ndarray, folds: CorpusFolds, strata: np.ndarray, alike: np.ndarray, seed: int,
    standardise: bool, folder: Path,
) -> None:  # fmt: skip
    predicted = []
    for fold, learnt in enumerate(folds.train | folds.validation):
        own = standardised(features, learnt) if standardise else features
        fit = ridge_predictions(own, ratings, learnt[None], strata, alike, seed=seed + fold)
        predicted.append(fit.predictions[0])
    _write(folder, {SINGLE: np.stack(predicted)[None].astype(np.float32)})


def _write(folder: Path, values: Mapping[str, np.ndarray]) -> None:
    arrays: dict[str, Any] = dict(values)
    np.savez(folder / "predictions.npz", **arrays)


def _rows(predicted: Sequence[Predictions], pictures: pd.DataFrame) -> pd.DataFrame:
    frames = []
    for each in predicted:
        seed, fold, target, picture = (place.ravel() for place in np.indices(each.values.shape))
        frame = pd.DataFrame({"seed": seed, "fold": fold, "predicted": each.values.ravel().astype(np.float64)})
        frame["rating"] = np.array(TARGETS, dtype=object)[target]
        for name in ("corpus", "image"):
            frame[name] = pictures[name].to_numpy()[picture]
        frames.append(frame.assign(model=each.model, outputs=each.outputs, features=each.features))
    return pd.concat(frames, ignore_index=True)


def _key(each: Predictions) -> str:
    return "|".join((each.model, each.outputs, each.features))


def _names(key: str) -> tuple[str, str, str]:
    model, outputs, features = key.split("|")
    return model, outputs, features


def _digest(*arrays: np.ndarray) -> str:
    whole = hashlib.sha256()
    for values in arrays:
        whole.update(f"{values.dtype} {values.shape}".encode())
        whole.update(np.ascontiguousarray(values).tobytes())
    return whole.hexdigest()
