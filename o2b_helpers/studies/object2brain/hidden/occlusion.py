"""A second opinion without filters: the predictions when the objects of a class are hidden.

It has no notebook of its own; notebook 08 asks for it. Ours, not the paper's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import InProcess, Shard
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.files.labelled import label_variables, write_dataset
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.keys import made_from
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.inputs.images.run_lengths import decode_mask
from o2b_helpers.kernels.regions.occlusion import box_mask, fill_from_surroundings, hide_in_maps
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout, readout_digest
from o2b_helpers.studies.common.networks import loaded, model_part, target_layers
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.object2brain import objects
from o2b_helpers.studies.object2brain.tables import OCCLUDED_PREDICTIONS

KIND = "occlusions"
STIMULI_IN_A_SHARD = 12


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the models; detector and output stand in the parts of the steps that are read."""
    return {"models": {m.label: model_part(params, m, store) for m in params.analysis.object2brain_models}}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Hide every class in every stimulus that shows it, and let the networks predict again."""
    stimuli = inputs.load(params, needs["inputs"]).stimuli
    detections = pd.read_parquet(needs["objects"] / "results" / "detections.parquet", columns=["class"])
    classes = sorted(detections["class"].unique())
    boxes = stimulus_boxes(params, stimuli, classes)
    facts: dict[str, Any] = {"boxes_in_stimuli": len(boxes), "classes_in_stimuli": int(boxes["class"].nunique())}
    of_models: dict[str, Any] = {}
    origin = made_from(params, "occlusion")
    for model in params.analysis.object2brain_models:
        readout = load_readout(params, needs["valence_models"], model)
        dataset = occluded_predictions(params, model, readout, stimuli, boxes, classes)
        dataset.attrs = {"architecture": model.label, "weights": model.weights_label, **origin}
        write_dataset(dataset, folder / "results" / OCCLUDED_PREDICTIONS.file(model.label))
        of_models[model.label] = {"stimuli_with_a_class_hidden": int((dataset["shown"] > 0).sum())}
    write_facts(folder, carried_on(beside(facts, of_models), needs["valence_models"]))


def stimulus_boxes(params: Params, stimuli: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Detect the corpus' classes in the stimuli, with the detector and the options of notebook 05.

    Returns
    -------
    DataFrame
        image, class, confidence, x0, y0, x1, y1, width, height[, mask]. Classes that the corpus does not show are left
        out: they have no sensitivity to compare with.
    """
    boxes = objects.detect(params, Store(params.store), stimuli.drop_duplicates("image"), "stimuli")
    return boxes[boxes["class"].isin(classes)].reset_index(drop=True)


@dataclass(frozen=True)
class Hidden:
    """One class hidden in one stimulus.

    Attributes
    ----------
    stimulus, label : int
        Rows of the stimuli and of the classes.
    mask : tensor (height, width)
        bool, pixels of the network's input.
    """

    stimulus: int
    label: int
    mask: torch.Tensor


def hidden_classes(
    params: Params, model: Model, stimuli: pd.DataFrame, boxes: pd.DataFrame, classes: list[str]
) -> list[Hidden]:
    """List what is to be hidden where, by stimulus and class; classes that were cropped away are not shown."""
    target_layers(params, model)  # reads the file that defines the architecture, where there is one
    geometry, pairs = architecture(model.architecture).preprocessing, []
    by_image = dict(list(boxes.groupby("image")))
    for row, stimulus in enumerate(stimuli.itertuples()):
        if stimulus.image not in by_image:
            continue
        for name, own in by_image[stimulus.image].groupby("class", sort=True):
            mask = area_in_input(geometry, own, stimulus.width, stimulus.height)
            if mask.any():
                pairs.append(Hidden(row, classes.index(name), mask))
    return pairs


def area_in_input(geometry: Preprocessing, own: pd.DataFrame, width: int, height: int) -> torch.Tensor:
    """Mark what boxes (or masks) of one picture cover of the network's input: (height, width) bool."""
    if "mask" in own:
        return torch.as_tensor(_union_in_input(geometry, own["mask"], width, height))
    corners = own[["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64)
    carried = geometry.boxes_to_input(corners, width, height)
    return box_mask(torch.as_tensor(carried), geometry.crop, geometry.crop)


def _union_in_input(geometry: Preprocessing, codes: Sequence[str], width: int, height: int) -> np.ndarray:
    """Join masks of a picture and carry them to the network's input."""
    inside = np.logical_or.reduce([decode_mask(code, height, width) for code in codes])
    return geometry.mask_to_input(inside, width, height)


def occluded_predictions(
    params: Params, model: Model, readout: Readout, stimuli: pd.DataFrame, boxes: pd.DataFrame, classes: list[str]
) -> xr.Dataset:
    """Predict every stimulus whole, and without each class that it shows.

    Parameters
    ----------
    params, model, readout
        The profile, the model and its trained heads.
    stimuli : DataFrame
        stimulus, image, path, width, height, sha256.
    boxes : DataFrame
        image, class, x0, y0, x1, y1 in pixels of the stimuli.
    classes : list of str
        The classes in order.

    Returns
    -------
    Dataset
        base(run, stimulus), prediction(run, class, stimulus), map_prediction(layer, run, class, stimulus) and
        shown(class, stimulus), see `tables.OCCLUDED_PREDICTIONS`. Some stimuli are
        stored at a time, so that a killed run goes on.
    """
    store, layers = Store(params.store), target_layers(params, model)
    hidden = hidden_classes(params, model, stimuli, boxes, classes)
    runs, n_classes, n_stimuli = readout.n_runs, len(classes), len(stimuli)
    base, cover = np.empty((runs, n_stimuli)), np.zeros((n_classes, n_stimuli))
    for pair in hidden:
        cover[pair.label, pair.stimulus] = float(pair.mask.double().mean())
    changed = np.empty((1 + len(layers), runs, n_classes, n_stimuli))
    shards, pairs_of = [], []
    for start in range(0, n_stimuli, STIMULI_IN_A_SHARD):
        stop = min(start + STIMULI_IN_A_SHARD, n_stimuli)
        pairs = [pair for pair in hidden if start <= pair.stimulus < stop]
        part = {
            **predicted_part(params, model, readout, stimuli.iloc[start:stop]),
            "hidden": hidden_digest(pairs, start),
        }
        label = f"{params.name} {model.label} stimuli {start + 1} to {stop}"
        shards.append(Shard(KIND, label, part, _predict, (params, model, readout, stimuli, pairs, start, stop)))
        pairs_of.append((pairs, start, stop))
    folders = InProcess().run(shards, store, f"hiding objects from {model.label}")
    for folder, (pairs, start, stop) in zip(folders, pairs_of, strict=True):
        base[:, start:stop] = np.load(folder / "base.npy")
        changed[..., start:stop] = base[None, :, None, start:stop]
        for pair, values in zip(pairs, np.load(folder / "changed.npy"), strict=True):
            changed[:, :, pair.label, pair.stimulus] = values
    dimensions = ("run", "class", "stimulus")
    dataset = xr.Dataset(
        {
            "base": (("run", "stimulus"), base),
            "prediction": (dimensions, changed[0]),
            "map_prediction": (("layer", *dimensions), changed[1:]),
            "shown": (("class", "stimulus"), cover),
        },
        coords={
            "run": list(range(runs)),
            "class": np.array(classes, dtype=object),
            "stimulus": np.array(stimuli["stimulus"].astype(str), dtype=object),
            "layer": np.array(layers, dtype=object),
        },
    )
    return label_variables(dataset, OCCLUDED_PREDICTIONS)


def _predict(
    params: Params,
    model: Model,
    readout: Readout,
    stimuli: pd.DataFrame,
    hidden: list[Hidden],
    start: int,
    stop: int,
    folder: Path,
) -> None:
    """Predict the stimuli `start` to `stop`, whole and with each of the hidden classes left out."""
    shown = pictures(params, Store(params.store), model, stimuli, "stimuli")
    pairs = [(pair.stimulus - start, pair.mask) for pair in hidden]
    base, changed = _predictions(
        params, loaded(params, model), readout, shown.batch(start, stop), pairs, target_layers(params, model)
    )
    np.save(folder / "base.npy", base)
    np.save(folder / "changed.npy", changed)


@torch.no_grad()
def _predictions(params, backbone, readout, images, hidden, layers) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions (run, stimulus) of whole images, and (pair, 1 + layer, run) with something hidden."""
    size = params.execution.batch_size

    def output(features: torch.Tensor) -> np.ndarray:
        return readout.outputs(features).numpy()

    images = images.to(backbone.device)
    base = np.concatenate([output(backbone.features(some)) for some in images.split(size)], axis=1)
    changed = np.empty((len(hidden), 1 + len(layers), readout.n_runs))
    for start in range(0, len(hidden), size):
        some = hidden[start : start + size]
        own = images[[row for row, _ in some]]
        masks = torch.stack([mask for _, mask in some]).to(backbone.device)
        block = changed[start : start + size]
        block[:, 0] = output(backbone.features(fill_from_surroundings(own, masks))).T
        change = partial(hide_in_maps, hidden=masks, size=(masks.shape[1], masks.shape[2]))
        for number, features in enumerate(_features_with(backbone, own, layers, change), 1):
            block[:, number] = output(features).T
    return base, changed


def _features_with(backbone, images: torch.Tensor, layers: Sequence[str], change: Callable) -> Iterator[torch.Tensor]:
    """Yield the features with the maps of each layer changed; a network without stages runs as a whole every time."""
    maps = backbone.run(images, layers)[0] if backbone.splits else {}
    for layer in layers:
        if backbone.splits:
            yield backbone.tail(change(maps[layer]), layer)
        else:
            yield backbone.changed_features(images, layer, change)


def predicted_part(params: Params, model: Model, readout: Readout, stimuli: pd.DataFrame) -> dict[str, Any]:
    """Return what predictions of some stimuli depend on before anything is hidden, for keys."""
    return {
        "model": model_part(params, model, Store(params.store)),
        "readout": readout_digest(readout),
        "stimuli": digest_of(stimuli[["stimulus", "sha256"]].values.tolist()),
    }


def hidden_digest(pairs: Sequence[Hidden], start: int = 0) -> str:
    """Name what is hidden in stimuli that are counted from `start`, for keys."""
    return digest_of([[pair.stimulus - start, pair.label, _edges(pair.mask)] for pair in pairs])


def _edges(mask: torch.Tensor) -> str:
    return digest_of(torch.nonzero(mask.flatten().diff(prepend=torch.zeros(1, dtype=torch.bool)))[:, 0].tolist())
