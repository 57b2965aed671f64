"""What hiding as much elsewhere does: boxes of the class's sizes and places from other pictures, in the same stimuli.

It has no notebook of its own; notebook 08 asks for it. Ours, not the paper's (METHODS 4b).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from o2b_helpers.kernels.regions.occlusion import fill_from_surroundings
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.common.networks import loaded, model_part
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.object2brain.hidden.occlusion import (
    STIMULI_IN_A_SHARD,
    Hidden,
    area_in_input,
    hidden_classes,
    predicted_part,
    stimulus_boxes,
)
from o2b_helpers.studies.object2brain.tables import SHAM_PREDICTIONS

KIND = "shams"
TRIES = 20  # times as many donors are drawn as are wanted, until enough of them lie inside the input


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the number of shams, what they are drawn with, and the models."""
    return {
        "shams": params.analysis.object2brain.shams,
        "seed": params.analysis.significance.seed,
        "models": {m.label: model_part(params, m, store) for m in params.analysis.object2brain_models},
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Hide sham boxes in every stimulus that shows a class, and let the networks predict again."""
    data = inputs.load(params, needs["inputs"])
    detections = pd.read_parquet(needs["objects"] / "results" / "detections.parquet")
    classes = sorted(detections["class"].unique())
    boxes = stimulus_boxes(params, data.stimuli, classes)
    donors = detections[~detections["image"].isin(_also_stimuli(data.corpus, data.stimuli))]
    facts: dict[str, Any] = {"shams": params.analysis.object2brain.shams}
    of_models: dict[str, Any] = {}
    origin = made_from(params, "shams")
    for model in params.analysis.object2brain_models:
        readout = load_readout(params, needs["valence_models"], model)
        hidden = hidden_classes(params, model, data.stimuli, boxes, classes) if facts["shams"] else []
        dataset, without = sham_predictions(params, model, readout, data.stimuli, hidden, donors, classes)
        dataset.attrs = {"architecture": model.label, "weights": model.weights_label, **origin}
        write_dataset(dataset, folder / "results" / SHAM_PREDICTIONS.file(model.label))
        of_models[model.label] = {"pairs_with_shams": dataset.sizes["pair"], "pairs_without_donors": without}
    write_facts(folder, carried_on(beside(facts, of_models), needs["valence_models"]))


def _also_stimuli(corpus: pd.DataFrame, stimuli: pd.DataFrame) -> list[str]:
    """Name the corpus pictures that are stimuli as well: they would lend a stimulus its own boxes."""
    return corpus.loc[corpus["sha256"].isin(set(stimuli["sha256"])), "image"].tolist()


@dataclass(frozen=True)
class Shammed:
    """A stimulus and a class, and the pictures whose boxes of the class are hidden in the stimulus instead.

    Attributes
    ----------
    stimulus, label : int
        Rows of the stimuli and of the classes.
    donors : array (sham,) of int
        Places among the pictures that lend boxes; one may be drawn again.
    """

    stimulus: int
    label: int
    donors: np.ndarray


def drawn_donors(
    hidden: list[Hidden], donors: pd.DataFrame, classes: list[str], geometry: Preprocessing, shams: int, seed: int
) -> tuple[list[Shammed], list[pd.DataFrame], list[Hidden]]:
    """Draw, for every stimulus and class, pictures of the corpus that show the class within the network's input.

    Parameters
    ----------
    hidden : list of Hidden
        Stimuli and classes.
    donors : DataFrame
        image, class, x0, y0, x1, y1, width, height[, mask] of the corpus.
    classes : list of str
        In order.
    geometry : Preprocessing
        Of the network.
    shams : int
        How many to draw for each.
    seed : int
        Each pair draws from ``default_rng([seed, class, stimulus])``.

    Returns
    -------
    drawn : list of Shammed
        Of the pairs whose class any picture can lend.
    lent : list of DataFrame
        The boxes of the class in each picture that lends them, each once. Their areas are marked when they are hidden:
        all of them together may be more than there is memory for.
    without : list of Hidden
        Pairs whose class no picture of the corpus shows within the input.
    """
    of_class = {name: [own for _, own in part.groupby("image", sort=True)] for name, part in donors.groupby("class")}
    lent: list[pd.DataFrame] = []
    place: dict[tuple[int, int], int | None] = {}

    def donor(label: int, number: int) -> int | None:
        if (label, number) not in place:
            own = of_class[classes[label]][number]
            inside = bool(area_of_donor(geometry, own).any())
            place[label, number] = len(lent) if inside else None
            if inside:
                lent.append(own)
        return place[label, number]

    drawn, without = [], []
    for pair in hidden:
        many = len(of_class.get(classes[pair.label], ()))
        generator = np.random.default_rng([seed, pair.label, pair.stimulus])
        wanted = generator.integers(many, size=shams * TRIES).tolist() if many else []
        chosen = [where for number in wanted if (where := donor(pair.label, number)) is not None][:shams]
        if len(chosen) == shams:
            drawn.append(Shammed(pair.stimulus, pair.label, np.array(chosen)))
        else:
            without.append(pair)
    return drawn, lent, without


def area_of_donor(geometry: Preprocessing, own: pd.DataFrame) -> torch.Tensor:
    """Mark what a picture's boxes of a class cover of the network's input: (height, width) bool."""
    return area_in_input(geometry, own, int(own["width"].iloc[0]), int(own["height"].iloc[0]))


def sham_predictions(
    params: Params,
    model: Model,
    readout: Readout,
    stimuli: pd.DataFrame,
    hidden: list[Hidden],
    donors: pd.DataFrame,
    classes: list[str],
) -> tuple[xr.Dataset, int]:
    """Predict every stimulus with sham boxes hidden, for each class that it shows.

    Returns
    -------
    Dataset
        prediction(sham, run, pair) with the coordinates pair_class(pair) and pair_stimulus(pair), see
        `tables.SHAM_PREDICTIONS`. Some stimuli are stored at a time, so that a killed run goes on.
    int
        Pairs without donors.
    """
    store, options = Store(params.store), params.analysis
    geometry = architecture(model.architecture).preprocessing
    shams = options.object2brain.shams
    drawn, lent, without = drawn_donors(hidden, donors, classes, geometry, shams, options.significance.seed)
    shards = []
    for start in range(0, len(stimuli), STIMULI_IN_A_SHARD):
        stop = min(start + STIMULI_IN_A_SHARD, len(stimuli))
        pairs = [pair for pair in drawn if start <= pair.stimulus < stop]
        if not pairs:
            continue
        used = np.unique(np.concatenate([pair.donors for pair in pairs]))
        own = {int(number): lent[number] for number in used}
        piece = {
            **predicted_part(params, model, readout, stimuli.iloc[start:stop]),
            "boxes": digest_of([boxes.drop(columns="image").values.tolist() for boxes in own.values()]),
            "pairs": digest_of([[p.stimulus - start, np.searchsorted(used, p.donors).tolist()] for p in pairs]),
        }
        label = f"{params.name} {model.label} stimuli {start + 1} to {stop}"
        shards.append(Shard(KIND, label, piece, _predict, (params, model, readout, stimuli, pairs, own)))
    folders = InProcess().run(shards, store, f"hiding shams from {model.label}")
    blocks = [np.load(folder / "predictions.npy") for folder in folders]
    predictions = np.concatenate(blocks, 2) if blocks else np.empty((shams, readout.n_runs, 0))
    names = stimuli["stimulus"].astype(str).tolist()
    dataset = xr.Dataset(
        {"prediction": (("sham", "run", "pair"), predictions)},
        coords={
            "run": list(range(readout.n_runs)),
            "pair_class": ("pair", np.array([classes[pair.label] for pair in drawn], dtype=object)),
            "pair_stimulus": ("pair", np.array([names[pair.stimulus] for pair in drawn], dtype=object)),
        },
    )
    return label_variables(dataset, SHAM_PREDICTIONS), len(without)


@torch.no_grad()
def _predict(
    params: Params,
    model: Model,
    readout: Readout,
    stimuli: pd.DataFrame,
    pairs: list[Shammed],
    lent: dict[int, pd.DataFrame],
    folder: Path,
) -> None:
    """Predict stimuli with sham areas hidden; an area that is drawn again is hidden once."""
    shown, backbone = pictures(params, Store(params.store), model, stimuli, "stimuli"), loaded(params, model)
    size, geometry = params.execution.batch_size, backbone.preprocessing
    predictions = np.empty((len(pairs[0].donors), readout.n_runs, len(pairs)))
    for place, pair in enumerate(pairs):
        picture = shown.batch(pair.stimulus, pair.stimulus + 1).to(backbone.device)
        once, back = np.unique(pair.donors, return_inverse=True)
        outputs = []
        for start in range(0, len(once), size):
            some = [area_of_donor(geometry, lent[int(number)]) for number in once[start : start + size]]
            masks = torch.stack(some).to(backbone.device)
            filled = fill_from_surroundings(picture.expand(len(masks), -1, -1, -1), masks)
            outputs.append(readout.outputs(backbone.features(filled)).numpy())
        predictions[:, :, place] = np.concatenate(outputs, 1)[:, back].T
    np.save(folder / "predictions.npy", predictions)
