"""Through which filters does a hidden class change the predictions, and the alignment? (METHODS 4b).

It has no notebook of its own; notebook 08 asks for it. Ours, not the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from o2b_helpers.core.executor import InProcess, Shard
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.files.labelled import filter_dataset, label_variables, write_dataset
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.keys import made_from
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.mediation.mediated_changes import mediated_changes, sampled_pairs
from o2b_helpers.kernels.mediation.mediated_weights import mediated_weights
from o2b_helpers.kernels.regions.occlusion import fill_from_surroundings
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.common.networks import loaded, model_part, target_layers
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.common.targets import TargetGroup, target_groups, target_matrix
from o2b_helpers.studies.object2brain.hidden.occlusion import (
    STIMULI_IN_A_SHARD,
    Hidden,
    hidden_classes,
    hidden_digest,
    predicted_part,
    stimulus_boxes,
)
from o2b_helpers.studies.object2brain.hidden.patch_test import patch_test
from o2b_helpers.studies.object2brain.tables import MEDIATION, PATCH_TEST

KIND = "mediations"
LARGEST_RESIDUAL = 0.05
NEGLIGIBLE = 0.01  # of the standard deviation of the predictions; a smaller change is judged as if it were this large


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the models; detector and output stand in the parts of the steps that are read."""
    models = {m.label: model_part(params, m, store) for m in params.analysis.object2brain_models}
    return {"models": models, "seed": params.analysis.significance.seed}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Share out what hiding each class changes among the filters of each layer."""
    stimuli = inputs.load(params, needs["inputs"]).stimuli
    detections = pd.read_parquet(needs["objects"] / "results" / "detections.parquet", columns=["class", "category"])
    classes = sorted(detections["class"].unique())
    category_of = detections.drop_duplicates("class").set_index("class")["category"]
    boxes = stimulus_boxes(params, stimuli, classes)
    values, described = target_matrix(TARGETS.read(needs["human_targets"] / "results"), stimuli["stimulus"])
    of_models: dict[str, Any] = {}
    tests, warnings = [], []
    origin = made_from(params, "mediation")
    for model in params.analysis.object2brain_models:
        readout = load_readout(params, needs["valence_models"], model)
        hidden = hidden_classes(params, model, stimuli, boxes, classes)
        dataset = mediation(params, model, readout, stimuli, hidden, classes)
        dataset = with_weights(dataset, target_groups(values), list(described["target"]))
        dataset.attrs = {"architecture": model.label, "weights": model.weights_label, **origin}
        write_dataset(label_variables(dataset, MEDIATION), folder / "results" / MEDIATION.file(model.label))
        tested = patch_test(params, model, readout, stimuli, hidden, dataset)
        tests.append(tested.assign(architecture=model.label, category=tested["class"].map(category_of)))
        refused = _refused(dataset)
        if refused:
            warnings.append(
                f"{model.label}: the shares of the filters do not add up to the change of the prediction (more than "
                f"{LARGEST_RESIDUAL:.0%} is missing) for {len(refused)} pairs of a class and a stimulus, which are "
                f"left out: {', '.join(refused[:5])}{' and more' if len(refused) > 5 else ''}."
            )
        of_models[model.label] = _facts(dataset, refused)
    frame = pd.concat(tests) if tests else PATCH_TEST.empty()
    PATCH_TEST.write(frame if len(frame) else PATCH_TEST.empty(), folder / "results")
    facts = {"warnings": warnings} if warnings else {}
    write_facts(folder, carried_on(beside(facts, of_models), needs["valence_models"]))


def mediation(
    params: Params, model: Model, readout: Readout, stimuli: pd.DataFrame, hidden: list[Hidden], classes: list[str]
) -> xr.Dataset:
    """Work out each filter's share of the change of each prediction.

    Parameters
    ----------
    params, model, readout
        The profile, the model and its trained heads.
    stimuli : DataFrame
        stimulus, path, width, height, sha256.
    hidden : list of Hidden
        What is hidden in which stimulus.
    classes : list of str
        In order.

    Returns
    -------
    Dataset
        mediated(run, filter, pair), base(run, stimulus), hidden(run, pair), residual(target_layer, run, pair),
        kept(target_layer, pair), pieces(target_layer) and moved(target_layer), see `tables.MEDIATION`. Some stimuli are
        stored at a time, so that a killed run goes on.
    """
    store, layers = Store(params.store), target_layers(params, model)
    common = (params, model, readout, stimuli)
    sample = [hidden[number] for number in sampled_pairs(len(hidden))] if hidden else []
    (chosen,) = InProcess().run([_shard(*common, sample, 0, len(stimuli), None)], store)
    pieces = {layer: int(number) for layer, number in zip(layers, np.load(chosen / "pieces.npy"), strict=True)}
    moved = np.load(chosen / "moved.npy")
    shards = []
    for start in range(0, len(stimuli), STIMULI_IN_A_SHARD):
        stop = min(start + STIMULI_IN_A_SHARD, len(stimuli))
        pairs = [pair for pair in hidden if start <= pair.stimulus < stop]
        shards.append(_shard(*common, pairs, start, stop, pieces))
    folders = InProcess().run(shards, store, f"sharing out changes among the filters of {model.label}")
    parts = [np.load(folder / "shares.npz") for folder in folders]
    base, without, missing, mediated = (
        np.concatenate([part[name] for part in parts], axis=-1) for name in ("base", "hidden", "missing", "mediated")
    )
    change = np.abs(base[:, [pair.stimulus for pair in hidden]] - without)
    scale = np.maximum(change, NEGLIGIBLE * base.std(1, keepdims=True))
    residual = np.divide(missing, scale, out=np.where(missing > 0, np.inf, 0.0), where=scale > 0)
    backbone = loaded(params, model)
    filters = [(layer, channel) for layer in layers for channel in range(backbone.shape(layer)[0])]
    names = stimuli["stimulus"].astype(str).tolist()
    return filter_dataset(
        {
            "mediated": (("run", "filter", "pair"), mediated.astype(np.float32)),
            "base": (("run", "stimulus"), base),
            "hidden": (("run", "pair"), without),
            "residual": (("target_layer", "run", "pair"), residual),
            "kept": (("target_layer", "pair"), (residual <= LARGEST_RESIDUAL).all(1).astype(np.int8)),
            "pieces": (("target_layer",), np.array(list(pieces.values()))),
            "moved": (("target_layer",), moved),
        },
        [layer for layer, _ in filters],
        [channel for _, channel in filters],
        {"run": list(range(readout.n_runs)), "stimulus": names, "target_layer": list(layers)},
        {},
    ).assign_coords(
        pair_class=("pair", np.array([classes[pair.label] for pair in hidden], dtype=object)),
        pair_stimulus=("pair", np.array([names[pair.stimulus] for pair in hidden], dtype=object)),
    )


def _shard(
    params: Params,
    model: Model,
    readout: Readout,
    stimuli: pd.DataFrame,
    pairs: list[Hidden],
    start: int,
    stop: int,
    pieces: Mapping[str, int] | None,
) -> Shard:
    piece = {
        **predicted_part(params, model, readout, stimuli.iloc[start:stop]),
        "hidden": hidden_digest(pairs, start),
        "pieces": pieces,
    }
    what = f"stimuli {start + 1} to {stop}" if pieces else "how finely paths are cut"
    arguments = (params, model, readout, stimuli, pairs, start, stop, pieces)
    return Shard(KIND, f"{params.name} {model.label} {what}", piece, _share_out, arguments)


def _share_out(
    params: Params,
    model: Model,
    readout: Readout,
    stimuli: pd.DataFrame,
    pairs: list[Hidden],
    start: int,
    stop: int,
    pieces: Mapping[str, int] | None,
    folder: Path,
) -> None:
    """Share out what is hidden in the stimuli `start` to `stop`; without `pieces` only say how many are needed."""
    shown, backbone = pictures(params, Store(params.store), model, stimuli, "stimuli"), loaded(params, model)
    layers = target_layers(params, model)
    images = shown.batch(start, stop)
    rows = np.array([pair.stimulus - start for pair in pairs], dtype=int)
    filled = images[:0]
    if pairs:
        own = torch.as_tensor(rows)
        filled = fill_from_surroundings(images[own], torch.stack([pair.mask for pair in pairs]))
    shares = mediated_changes(
        backbone, images, filled, rows, readout, layers, pieces=pieces, batch_size=params.execution.batch_size
    )
    if pieces is None:
        np.save(folder / "pieces.npy", [shares.pieces[layer] for layer in layers])
        np.save(folder / "moved.npy", [shares.moved[layer] for layer in layers])
        return
    change = shares.base[:, rows] - shares.hidden
    np.savez(
        folder / "shares.npz",
        base=shares.base,
        hidden=shares.hidden,
        missing=np.stack([np.abs(shares.changes[layer].sum(1) - change) for layer in layers]),
        mediated=np.concatenate([shares.changes[layer] for layer in layers], axis=1),
    )


def with_weights(dataset: xr.Dataset, groups: list[TargetGroup], targets: list[str]) -> xr.Dataset:
    """Add weight(filter, class, target): what passes through each filter of what a class does to the alignment."""
    names = dataset["stimulus"].to_numpy().astype(str).tolist()
    place = np.array([names.index(name) for name in dataset["pair_stimulus"].to_numpy().astype(str)], dtype=int)
    label = dataset["pair_class"].to_numpy().astype(str)
    classes = list(dict.fromkeys(sorted(label)))
    mediated, base, hidden = (dataset[name].to_numpy() for name in ("mediated", "base", "hidden"))
    layers = dataset["target_layer"].to_numpy().astype(str)
    weight = np.zeros((mediated.shape[1], len(classes), len(targets)))
    for row, layer in enumerate(layers):
        filters = dataset["layer"].to_numpy().astype(str) == layer
        kept = dataset["kept"].to_numpy()[row].astype(bool)
        for group in groups:
            within = {stimulus: number for number, stimulus in enumerate(group.places)}
            for number, name in enumerate(classes):
                pairs = np.array([p for p in np.flatnonzero((label == name) & kept) if place[p] in within], dtype=int)
                if len(pairs):
                    own = mediated_weights(
                        mediated[:, filters][:, :, pairs],
                        base[:, group.places],
                        hidden[:, pairs],
                        np.array([within[place[p]] for p in pairs]),
                        group.values,
                    )
                    weight[np.ix_(filters, np.array([number]), group.targets)] = own.mean(0)[:, None]
    coordinates = {"class": np.array(classes, dtype=object), "target": np.array(targets, dtype=object)}
    return dataset.assign_coords(coordinates).assign(weight=(("filter", "class", "target"), weight.astype(np.float32)))


def _refused(dataset: xr.Dataset) -> list[str]:
    """Name the pairs and layers whose shares do not add up."""
    rows, pairs = np.nonzero(dataset["kept"].to_numpy() == 0)
    named = zip(
        dataset["pair_class"].to_numpy()[pairs],
        dataset["pair_stimulus"].to_numpy()[pairs],
        dataset["target_layer"].to_numpy()[rows],
        strict=True,
    )
    return [f"{name} in {stimulus} at {layer}" for name, stimulus, layer in named]


def _facts(dataset: xr.Dataset, refused: list[str]) -> dict[str, Any]:
    residual, kept = dataset["residual"].to_numpy(), dataset["kept"].to_numpy().astype(bool)
    largest = [float(own[:, keep].max()) if keep.any() else None for own, keep in zip(residual, kept, strict=True)]
    return {
        "pairs": dataset.sizes["pair"],
        "median_residual": float(np.median(residual)) if residual.size else None,
        "largest_residual_kept": max((value for value in largest if value is not None), default=None),
        "pieces_of_the_path": dict(
            zip(dataset["target_layer"].to_numpy().tolist(), dataset["pieces"].to_numpy().tolist(), strict=True)
        ),
        "pairs_refused": refused,
    }
