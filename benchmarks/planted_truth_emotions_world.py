"""One toy world of the benchmark of planted emotions: drawn, studied by the package's own steps, and stored as a table.

The pictures of a world do not depend on its emotions. So they are drawn and searched for objects once, and studied with
two columns of labels: emotions that classes raise, and emotions that nothing in a picture raises.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml

from o2b_helpers.core.params import Params
from o2b_helpers.core.running.run import run_step
from o2b_helpers.kernels.cam_methods.lime import LimeSettings
from o2b_helpers.kernels.regions.region import Regions
from o2b_helpers.kernels.regions.region_importance import region_importance, scaled_at_input
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.emocam.associations import Boxes, association_rows, boxes_in_input, counted_pictures
from o2b_helpers.studies.emocam.emotion_models import load_emotion_model
from o2b_helpers.studies.emocam.maps import class_maps
from o2b_helpers.studies.registry import load_params
from o2b_helpers.toyworld.emotions import drawn_emotions, emotions_of, no_emotions
from o2b_helpers.toyworld.people import write_human
from o2b_helpers.toyworld.world import corpus_scene, write_corpus, write_stimuli

IMAGES = 500
METHODS = ("grad_cam", "ablation_cam", "lime", "lrp", "lift_cam")
LIME = LimeSettings(samples=64)
MOST = {"p_lift_999": 999, "p_lift_42000": 42_000}  # exchanges: a fixed number, and what 2,100 pairs would have
LABELS = {"planted": "emotion", "noise": "noise"}  # which column of the corpus is learned
AS_IT_IS, LABELS_EXCHANGED, BOXES_EXCHANGED = "as it is", "named labels exchanged", "boxes exchanged"
KEPT = ["predicted", "class", "pictures", "shown", "count", "presence", "importance", "conditional", "lift"]
KEPT += ["p", "p_conditional", "p_lift", "q", "q_conditional", "q_lift"]


def stored_world(seed: int, folder: Path, quiet: bool = True) -> pd.DataFrame:
    """Return the rows of a world, computing it first where it is not stored; a killed run goes on where it was."""
    file, place = folder / f"world_emotions_{seed}.parquet", folder / f"study_emotions_{seed}"
    if not file.exists():
        drawn(seed, place)
        with redirect_stdout(io.StringIO()) if quiet else io.StringIO():
            rows = pd.concat(list(study(seed, place)), ignore_index=True)
        rows.to_parquet(part := file.with_name(f"part_{file.name}"), index=False)
        part.replace(file)
        shutil.rmtree(place)
    return pd.read_parquet(file)


def drawn(seed: int, folder: Path) -> None:
    """Draw the pictures and the people of a world, and label its corpus twice."""
    if (folder / "corpus" / "labelled.csv").exists():
        return
    write_stimuli(folder / "stimuli", seed)
    write_human(folder / "human", seed)
    corpus = pd.read_csv(write_corpus(folder / "corpus", IMAGES, seed, emotions=drawn_emotions(seed)))
    scenes = [corpus_scene(seed, index) for index in range(IMAGES)]
    corpus["noise"] = emotions_of(scenes, no_emotions())
    corpus.to_csv(folder / "corpus" / "labelled.csv", index=False)


def study(seed: int, folder: Path) -> Iterator[pd.DataFrame]:
    """Run the steps of notebook 10 with both columns of labels, and each method of making maps."""
    pairs = drawn_emotions(seed).pairs
    for labels, column in LABELS.items():
        params = _profile(seed, column, folder)
        places = {step: run_step(params, step).folder for step in ("inputs", "objects", "emotion_models")}
        (model,) = params.analysis.emocam_models
        emotion_model = load_emotion_model(places["emotion_models"], model)
        corpus = inputs.load(params, places["inputs"]).corpus
        table = emotion_model.table[["image"]].merge(corpus, on="image", how="left", validate="one_to_one")
        detections = pd.read_parquet(places["objects"] / "results" / "detections.parquet")
        categories = detections.drop_duplicates("class").set_index("class")["category"].sort_index()
        boxes = boxes_in_input(params, model, table, detections, list(categories.index))
        size = (architecture(model.architecture).preprocessing.crop,) * 2
        scores = pd.read_csv(places["emotion_models"] / "results" / "emotion_models.csv").iloc[0]
        accuracy, p_model = scores["balanced_accuracy"], scores["p"]
        for method in METHODS:
            cams, named = class_maps(params, model, emotion_model, corpus, table, method, lime=LIME)
            maps = scaled_at_input(torch.from_numpy(cams), size)
            for null, own, names in _nulls(boxes, named, seed, labels == "planted"):
                important = region_importance(own.regions, maps, size) > params.analysis.associations.important_above
                counts = counted_pictures(own, important, names, len(emotion_model.names), len(categories))
                given = (counts, own, maps, size, emotion_model, categories)
                rows = association_rows(params, *given)[KEPT]
                for name, most in MOST.items() if labels == "planted" and null != LABELS_EXCHANGED else ():
                    other = load_params(params.profile, {"analysis.associations.most_exchanges": most})
                    rows[name] = association_rows(other, *given)["p_lift"]
                cells = zip(rows["predicted"], rows["class"], strict=True)
                rows["planted"] = [labels == "planted" and cell in pairs for cell in cells]
                yield rows.assign(
                    seed=seed, labels=labels, method=method, null=null, accuracy=accuracy, p_model=p_model
                )


def exchanged_once(boxes: Boxes, seed: int) -> Boxes:
    """Give the boxes of each class of every picture to one picture that shows the class, drawn by chance."""
    rng, image = np.random.default_rng([seed, 1]), np.asarray(boxes.regions.image).copy()
    for number in np.unique(boxes.label):
        own = boxes.label == number
        hosts = np.unique(image[own])
        image[own] = rng.permutation(hosts)[np.searchsorted(hosts, image[own])]
    return replace(boxes, regions=Regions(np.asarray(boxes.regions.boxes), image))


def _nulls(boxes: Boxes, named: np.ndarray, seed: int, all_of_them: bool) -> Iterator[tuple[str, Boxes, np.ndarray]]:
    """The world as it is, and with nothing left of what a test asks for."""
    yield AS_IT_IS, boxes, named
    if not all_of_them:
        return
    yield LABELS_EXCHANGED, boxes, np.random.default_rng([seed, 0]).permutation(named)
    yield BOXES_EXCHANGED, exchanged_once(boxes, seed), named


def _profile(seed: int, column: str, folder: Path) -> Params:
    """Write the world's profile: the demo's network and detector, with the tables of this world."""
    human = {name: f"human/{name}.csv" for name in ("ratings", "signals", "regions")}
    analysis: dict[str, Any] = {
        "corpus": {"kind": "table", "table": "corpus/labelled.csv", "folder": "corpus/images"}
        | {"valence_range": [-3, 3], "neutral": 0},
        "stimuli": {"kind": "table", "table": "stimuli/stimuli.csv", "folder": "stimuli/images"},
        "human": {"kind": "measurements", **human},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "detector": {"weights": "toyworld"},
        "emotions": {"column": column},
        "significance": {"bootstrap": 99, "permutations": 999},  # intervals are not read here
        "seed": seed,
    }
    execution = {"device": "cpu", "threads": torch.get_num_threads(), "batch_size": 64}
    file = folder / "params" / f"{column}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    profile = {"studies": ["emocam"], "analysis": analysis, "execution": execution}
    file.write_text(yaml.safe_dump(profile), encoding="utf-8")
    return load_params(file)
