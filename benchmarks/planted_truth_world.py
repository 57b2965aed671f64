"""One toy world of the planted-truth benchmark: drawn, studied by the package's own steps, and its truth drawn again.

Everything that an estimator may read is stored with both truths, so that estimators are compared without computing
a world again.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
import yaml
from planted_truth_patches import patched
from planted_truth_training import trained_network

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.files.labelled import read_dataset
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.regions.occlusion import fill_from_surroundings
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.studies.alignment import inputs, valence_models
from o2b_helpers.studies.common.networks import load_model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.common.targets import target_matrix
from o2b_helpers.studies.object2brain import filter_sensitivity
from o2b_helpers.studies.object2brain.hidden import occlusion
from o2b_helpers.studies.object2brain.hidden.mediation import mediation
from o2b_helpers.studies.object2brain.hidden.shams import sham_predictions
from o2b_helpers.studies.object2brain.tables import DETECTIONS
from o2b_helpers.studies.registry import load_params
from o2b_helpers.toyworld.people import write_human
from o2b_helpers.toyworld.planting import drawn_effects, no_effects
from o2b_helpers.toyworld.scenes import Scene, render
from o2b_helpers.toyworld.shapes import sprite
from o2b_helpers.toyworld.truth import class_names, planted, truth
from o2b_helpers.toyworld.valence import Effects
from o2b_helpers.toyworld.world import stimulus_scene, write_corpus, write_stimuli

DEFINITION = Path(__file__).with_name("planted_truth_definition.py").resolve()
IMAGES = 500
RUNS, SHAMS = 5, 199
NULL_SEEDS = range(300, 400)  # worlds in which no class matters
CORNERS = ["x0", "y0", "x1", "y1"]
STEPS = ("inputs", "human_targets", "valence_models", "objects", "filter_sensitivity", "filter_lesions")


@dataclass(frozen=True)
class Setting:
    """What is studied in a world: a network, and how many stimuli."""

    name: str
    architecture: str = "toynet"
    per_cell: int = 12  # half as many as a condition has
    shams: bool = True


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("toynet"),
        Setting("mononet", architecture="mononet", shams=False),
        Setting("bignet", architecture="bignet", shams=False),
        Setting("toynet_200", per_cell=100, shams=False),
    )
}


def effects_of(seed: int) -> Effects:
    """What is planted in the world of a seed."""
    return no_effects() if seed in NULL_SEEDS else drawn_effects(seed)


def world_file(setting: Setting, seed: int, folder: Path) -> Path:
    """Where a world is stored."""
    return folder / (f"world_{seed}.npz" if setting.name == "toynet" else f"world_{setting.name}_{seed}.npz")


def stored_world(setting: Setting, seed: int, folder: Path, quiet: bool = True) -> dict[str, np.ndarray] | None:
    """Return what a world gives, computing it first where it is not stored; a killed run goes on where it was.

    None where no stimuli of one cell can be drawn with the effects of this seed: no class works strongly enough for
    one of people and scene and not also for the other.
    """
    file = world_file(setting, seed, folder)
    place, refused = folder / f"study_{setting.name}_{seed}", folder / f"undrawable_{seed}.txt"
    if refused.exists():
        return None
    if not file.exists():
        try:
            drawn(setting, seed, place)
        except InputError as error:
            refused.write_text(str(error), encoding="utf-8")
            shutil.rmtree(place)
            return None
        with redirect_stdout(io.StringIO()) if quiet else io.StringIO():
            world: dict[str, Any] = study(setting, seed, place)
        np.savez_compressed(part := file.with_name(f"part_{file.name}"), **world)
        part.replace(file)
        shutil.rmtree(place)
    with np.load(file) as stored:
        return dict(stored)


def drawn(setting: Setting, seed: int, folder: Path) -> None:
    """Draw the pictures and the people of a world."""
    effects = effects_of(seed)
    if not (folder / "human" / "regions.csv").exists():
        write_stimuli(folder / "stimuli", seed, effects, setting.per_cell)
        write_corpus(folder / "corpus", IMAGES, seed, effects)
        write_human(folder / "human", seed, effects, setting.per_cell)


def study(setting: Setting, seed: int, folder: Path) -> dict[str, np.ndarray]:
    """Run the steps of notebooks 00 to 07 on a world, once with detections and once with true boxes."""
    effects = effects_of(seed)
    params = _profile(setting, seed, folder)
    places = {step: run_step(params, step).folder for step in STEPS}
    data = inputs.load(params, places["inputs"])
    true_boxes = _true_boxes(folder / "corpus" / "objects.csv")
    oracle = _oracle_scores(params, places, true_boxes, folder / "oracle")
    model = params.analysis.models[0]
    readout = valence_models.load_readout(params, places["valence_models"], model)
    backbone = load_model(params, model)

    def predict(images: torch.Tensor) -> np.ndarray:
        with torch.no_grad():
            features = torch.cat([backbone.features(some) for some in images.split(64)])
        return readout.outputs(features).numpy()

    store = Store(params.store)
    corpus = pictures(params, store, model, data.corpus, "corpus")
    shown = pictures(params, store, model, data.stimuli, "stimuli")
    stimuli = shown.batch(0, len(shown))
    base = predict(stimuli)
    targets = TARGETS.read(places["human_targets"] / "results")
    values, described = target_matrix(targets, data.stimuli["stimulus"])
    scenes = [stimulus_scene(seed, index, effects, setting.per_cell) for index in range(len(stimuli))]
    lesions, lesioned = (
        read_dataset(places["filter_lesions"] / "results" / f"lesion_{what}_{model.label}.nc")
        for what in ("effects", "predictions")
    )
    actual = {
        "classes": np.array(class_names()),
        "planted": np.array([row[1:] for row in effects.by_class]),
        "target": described["target"].to_numpy(dtype=str),
        "values": values,
        "base": base,
        "lesioned": lesioned["prediction"].to_numpy(),
        "delta": lesions["delta"].to_numpy(),
        "layer": lesions["layer"].to_numpy().astype(str),
        "truly_shown": np.array([[name in scene.classes for scene in scenes] for name in class_names()]),
        "head_weight": readout.weight[:, 0],
        "head_bias": readout.bias[:, 0],
        "corpus_predictions": predict(corpus.batch(0, len(corpus))),
    }
    pairs, redrawn = _redrawn(scenes, backbone.preprocessing)
    actual["without"] = _placed(base, pairs, predict(redrawn))
    hidden = fill_from_surroundings(stimuli[pairs[:, 1]], _outlines(scenes, pairs, stimuli.shape[-1]))
    actual["outlined"] = _placed(base, pairs, predict(hidden))
    actual["true_response"] = _true_response(backbone, stimuli, pairs, redrawn)
    detected = pd.read_parquet(places["objects"] / "results" / "detections.parquet")
    own = occlusion.stimulus_boxes(params, data.stimuli, list(class_names()))
    drawn = _true_boxes(folder / "stimuli" / "stimulus_objects.csv")
    scores = places["filter_sensitivity"] / "results" / f"filter_scores_{model.label}.nc"
    for who, boxes, on_stimuli, file in (("", detected, own, scores), ("true_", true_boxes, drawn, oracle)):
        actual |= {f"{who}sums_{name}": value for name, value in _sums(file).items()}
        actual[f"{who}corpus_shown"] = _presence(boxes, data.corpus["image"])
        actual[f"{who}shown"] = _presence(on_stimuli, data.stimuli["image"])
        occluded = occlusion.occluded_predictions(params, model, readout, data.stimuli, on_stimuli, list(class_names()))
        actual[f"{who}occluded"] = occluded["prediction"].to_numpy()
        actual[f"{who}map_occluded"] = occluded["map_prediction"].to_numpy()
    pairs_of = occlusion.hidden_classes(params, model, data.stimuli, own, list(class_names()))
    if setting.shams:
        shammed, _ = sham_predictions(params, model, readout, data.stimuli, pairs_of, detected, list(class_names()))
        actual["sham_predictions"] = shammed["prediction"].to_numpy()
        actual["sham_pairs"] = _rows(shammed, data.stimuli)
    mediated = mediation(params, model, readout, data.stimuli, pairs_of, list(class_names()))
    actual["mediated"] = mediated["mediated"].to_numpy()
    actual["mediated_pairs"] = _rows(mediated, data.stimuli)
    actual["residual"] = mediated["residual"].to_numpy()
    return actual | patched(params, model, backbone, readout, stimuli, pairs_of, actual)


def _rows(dataset: xr.Dataset, stimuli: pd.DataFrame) -> np.ndarray:
    """The rows of class and stimulus of every pair, (pair, 2)."""
    names = stimuli["stimulus"].astype(str).tolist()
    classes = [class_names().index(str(name)) for name in dataset["pair_class"].to_numpy()]
    return np.array([classes, [names.index(str(name)) for name in dataset["pair_stimulus"].to_numpy()]]).T


def _profile(setting: Setting, seed: int, folder: Path) -> Params:
    """Write the world's profile: the demo's, with the tables of this world."""
    network: dict[str, Any] = {"architecture": setting.architecture, "layer_models": False}
    if setting.architecture == "toynet":
        network["weights"] = "toyworld"
    else:
        weights = trained_network(setting.architecture, folder.parent)
        network |= {"weights": str(weights.resolve()), "definition": str(DEFINITION)}
    human = {name: f"human/{name}.csv" for name in ("ratings", "signals", "regions")}
    tables = {
        "corpus": {"kind": "table", "table": "corpus/corpus.csv", "folder": "corpus/images"}
        | {"valence_range": [-3, 3], "neutral": 0},
        "stimuli": {"kind": "table", "table": "stimuli/stimuli.csv", "folder": "stimuli/images"},
        "human": {"kind": "measurements", **human},
        "models": [network],
        "heads": {"runs": RUNS},
        "detector": {"weights": "toyworld"},
        "object2brain": {"share": 0.25, "shams": SHAMS},
        "seed": seed,
    }
    (folder / "params").mkdir(parents=True, exist_ok=True)
    file = folder / "params" / "world.yaml"
    execution = {"device": "cpu", "threads": torch.get_num_threads(), "batch_size": 64}
    file.write_text(yaml.safe_dump({"analysis": tables, "execution": execution}), encoding="utf-8")
    return load_params(file)


def _true_boxes(file: Path) -> pd.DataFrame:
    """The boxes of everything that was drawn, in the form of detections."""
    table, side = pd.read_csv(file), planted("image_size")
    table["category"] = table["class"].map(truth().set_index("class")["category"])
    return DETECTIONS.select(table.assign(confidence=1.0, width=side, height=side))


def _oracle_scores(params: Params, places: dict[str, Path], boxes: pd.DataFrame, folder: Path) -> Path:
    """Run the step of notebook 06 on true boxes in place of detections."""
    (folder / "objects" / "results").mkdir(parents=True, exist_ok=True)
    boxes.to_parquet(folder / "objects" / "results" / "detections.parquet", index=False)
    (folder / "scores" / "results").mkdir(parents=True, exist_ok=True)
    filter_sensitivity.compute(params, {**places, "objects": folder / "objects"}, folder / "scores")
    return folder / "scores" / "results" / f"filter_scores_{params.analysis.models[0].label}.nc"


def _sums(file: Path) -> dict[str, np.ndarray]:
    """The score sums of a result file, the classes in the toy world's order; NaN (counts: 0) for one without a box."""
    dataset = read_dataset(file)
    numbers = {name: row for row, name in enumerate(dataset["class"].to_numpy().astype(str))}
    actual = {}
    for name, variable in dataset.data_vars.items():
        values = variable.to_numpy()
        for axis, dimension in enumerate(variable.dims):
            if not str(dimension).startswith("class"):
                continue
            rows = [np.take(values, [numbers[item]], axis) if item in numbers else None for item in class_names()]
            absent = np.zeros_like(next(row for row in rows if row is not None))
            values = np.concatenate([absent if row is None else row for row in rows], axis)
        actual[str(name)] = values
    return actual


def _presence(boxes: pd.DataFrame, images: pd.Series) -> np.ndarray:
    """Whether a class has a box in an image, (class, image)."""
    table = pd.crosstab(boxes["class"], boxes["image"]).reindex(index=class_names(), columns=images, fill_value=0)
    return table.to_numpy() > 0


def _redrawn(scenes: list[Scene], preprocess: Callable) -> tuple[np.ndarray, torch.Tensor]:
    """Draw every stimulus without each of its classes: rows (class, stimulus) and network inputs in the same order."""
    pairs = [(row, n) for n, s in enumerate(scenes) for row, name in enumerate(class_names()) if name in s.classes]
    images = [preprocess(render(scenes[n], without=class_names()[row])) for row, n in pairs]
    return np.array(pairs), torch.stack(images)


def _placed(base: np.ndarray, pairs: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Put predictions (run, pair) in their place (run, class, stimulus); base where a stimulus shows no such class."""
    actual = np.repeat(base[:, None], len(class_names()), axis=1)
    actual[:, pairs[:, 0], pairs[:, 1]] = predictions
    return actual


def _outlines(scenes: list[Scene], pairs: np.ndarray, size: int) -> torch.Tensor:
    """Mark what each class's own drawing covers, (pair, size, size) bool: as a box would be if it were a mask."""
    side, actual = planted("image_size"), []
    for row, n in pairs:
        cover = np.zeros((side, side), dtype=np.float32)
        for thing in (item for item in scenes[n].objects if item.class_name == class_names()[row]):
            x0, y0, x1, y1 = thing.box
            drawn = np.asarray(sprite(thing.class_name, thing.size, thing.flipped, thing.seed))[..., 3] > 0
            cover[y0:y1, x0:x1] = np.maximum(cover[y0:y1, x0:x1], drawn)
        actual.append(torch.as_tensor(cover))
    return torch.nn.functional.interpolate(torch.stack(actual)[:, None], size=(size, size), mode="area")[:, 0] > 0


def _true_response(backbone: Backbone, stimuli: torch.Tensor, pairs: np.ndarray, redrawn: torch.Tensor) -> np.ndarray:
    """What a class truly does to a filter, (filter, class): its mean activity in stimuli with it minus without it.

    In units of the filter's mean activity over all stimuli; 0 for a filter that is never active.
    """

    def activity(images: torch.Tensor) -> np.ndarray:
        with torch.no_grad():
            maps = backbone.run(images, backbone.target_layers)[0]
        return torch.cat([maps[layer].mean((2, 3)) for layer in backbone.target_layers], 1).double().numpy()

    whole = activity(stimuli)
    change = whole[pairs[:, 1]] - activity(redrawn)
    total = np.zeros((whole.shape[1], len(class_names())))
    np.add.at(total.T, pairs[:, 0], change)
    shown = np.maximum(np.bincount(pairs[:, 0], minlength=total.shape[1]), 1)
    usual = whole.mean(0)
    return total / shown / np.where(usual > 0, usual, np.inf)[:, None]
