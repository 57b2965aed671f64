"""One toy world of the benchmark of selective filters: drawn, studied by the study's own parts, and stored as tables.

The pictures of a world do not depend on its labels. So they are drawn once, and studied with two columns of valence:
what the classes in a picture give it, and the same values dealt out anew among the pictures of a set.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from planted_truth_selectivity_truth import true_filters

from o2b_helpers.core.executor import InProcess
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.studies.registry import load_params
from o2b_helpers.studies.selectivity import image_sets
from o2b_helpers.studies.selectivity.filter_selectivity import found_filters, load_responses
from o2b_helpers.studies.selectivity.gains.effects import effect_rows
from o2b_helpers.studies.selectivity.gains.filter_sets import SELECTIVE
from o2b_helpers.studies.selectivity.gains.predictions import FILE, gain_shards, selections
from o2b_helpers.studies.selectivity.gains.readouts import readout_shards
from o2b_helpers.studies.selectivity.gains.tables import HELD_OUT, SELECTIONS
from o2b_helpers.studies.selectivity.image_sets import ImageSets
from o2b_helpers.studies.selectivity.responses import Layers, studied_layers
from o2b_helpers.studies.selectivity.tables import SETS, TRAINED
from o2b_helpers.toyworld.backgrounds import PAINTED, Style
from o2b_helpers.toyworld.planting import drawn_effects
from o2b_helpers.toyworld.world import write_corpus

IMAGES = 400  # of each set
SECOND = 10_000  # the pictures of the second set have the seed of the world and this
STYLES: tuple[Style, Style] = (PAINTED, "printed")
PLANTED, DEALT = "planted", "dealt"  # columns of valence
LAST = "features.9"
# The last layer is judged on all pictures. Lesions of the layer before take much longer, and are judged on fewer.
GAINS: dict[str, dict[str, Any]] = {LAST: {"draws": 100}, "features.7": {"draws": 20, "most_pictures": 100}}
EMPTY, BY_CHANCE = "nothing planted", "selected by chance"
WORLDS = {PLANTED: (PLANTED, PLANTED), EMPTY: (DEALT, DEALT), BY_CHANCE: (PLANTED, DEALT)}  # readouts, selection
ANEW = "drawn anew"  # suffix of a p whose control sets are others in every split
STEPS = ("inputs", "image_sets", "selectivity", "emotion_readouts")


@dataclass(frozen=True)
class Studied:
    """The pictures of a world with one column of labels, after the steps of the study."""

    params: Params
    sets: ImageSets
    parts: list[np.ndarray]
    seen: tuple[np.ndarray, np.ndarray]
    results: dict[str, Path]

    @property
    def layers(self) -> Layers:
        """The layers that are studied."""
        return studied_layers(self.params, self.params.analysis.selectivity_models[0])


def stored_world(seed: int, folder: Path, layer: str = LAST) -> dict[str, pd.DataFrame]:
    """Return the tables of a world, computing them first where they are not stored; a killed run goes on."""
    place, study = folder / f"{layer}_{seed}", folder / f"study_{layer}_{seed}"
    if not place.exists():
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            draw_world(seed, study)
            tables = study_world(seed, study, layer)
        part = folder / f"part_{layer}_{seed}"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for name, table in tables.items():
            table.assign(seed=seed).to_parquet(part / f"{name}.parquet", index=False)
        part.rename(place)
        shutil.rmtree(study)
    return {file.stem: pd.read_parquet(file) for file in sorted(place.glob("*.parquet"))}


def draw_world(seed: int, folder: Path) -> None:
    """Draw the pictures of both sets, and label each twice."""
    for number, (name, style) in enumerate(zip(SETS, STYLES, strict=True)):
        own = folder / name
        if (own / f"{DEALT}.csv").exists():
            continue
        corpus = write_corpus(own, IMAGES, seed + number * SECOND, drawn_effects(seed), style=style)
        table = pd.read_csv(corpus)[["image", "valence"]]
        table.to_csv(own / f"{PLANTED}.csv", index=False)
        dealt = np.random.default_rng([seed, number]).permutation(table["valence"].to_numpy())
        table.assign(valence=dealt).to_csv(own / f"{DEALT}.csv", index=False)


def study_world(seed: int, folder: Path, layer: str) -> dict[str, pd.DataFrame]:
    """Run the study with both columns of labels, and judge lesions and gains of a layer in every kind of world."""
    tables: dict[str, list[pd.DataFrame]] = {"effects": []}
    own = {labels: studied(seed, labels, folder, layer) for labels in (PLANTED, DEALT)}
    for world, (recognised, selected) in WORLDS.items():
        names = SELECTIONS if layer == LAST and world != BY_CHANCE else (HELD_OUT,)
        for name, judged in zip(SETS, judged_sets(own[recognised], own[selected], layer, names), strict=True):
            tables["effects"].append(with_sets_drawn_anew(judged).assign(world=world, image_set=name))
    for world in (PLANTED, EMPTY) if layer == LAST else ():
        for name, rows in _found_in(own[WORLDS[world][0]], seed):
            tables.setdefault(name, []).append(rows.assign(world=world))
    return {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()}


def _found_in(done: Studied, seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Read what the steps found in all layers, and put the truth beside it."""
    overlap = pd.read_csv(done.results["selectivity"] / "results" / "selective_overlap.csv")
    yield "overlap", overlap[overlap["network"] == TRAINED]
    found = found_filters(done.params, done.sets, done.layers, done.seen)
    yield "filters", true_filters(found, seed, done.layers)
    yield "readouts", pd.read_csv(done.results["emotion_readouts"] / "results" / "emotion_readouts.csv")


def studied(seed: int, labels: str, folder: Path, layer: str) -> Studied:
    """Run the steps of the study, up to the readouts."""
    params = profile(seed, labels, folder, GAINS[layer])
    places = {step: run_step(params, step).folder for step in STEPS}
    parts = [image_sets.load_splits(places["image_sets"], name) for name in SETS]
    (model,) = params.analysis.selectivity_models
    sets, seen = image_sets.load(params, places), load_responses(places["selectivity"], model)
    return Studied(params, sets, parts, seen, places)


def judged_sets(recognised: Studied, selected: Studied, layer: str, names: tuple[str, ...]) -> list[pd.DataFrame]:
    """Judge what lesions and gains of a layer do, for each image set, as the step `lesion_and_attention` does.

    Readouts know the labels of the one, and filters were selected by the labels of the other. Both have the same
    pictures and splits of the former.
    """
    params, parts, store = recognised.params, recognised.parts, Store(recognised.params.store)
    (model,), layers = params.analysis.selectivity_models, recognised.layers
    readouts = InProcess().run(readout_shards(params, store, model, recognised.sets, parts), store)
    chosen = selections(params, selected.sets, layers, recognised.seen, parts)
    kept = [each for each in chosen if each.name in names]
    shards = gain_shards(params, store, model, recognised.sets, layers, kept, parts, readouts)
    own = shards[layers.names.index(layer) :: len(layers.names)]  # of each image set
    return [pd.read_parquet(place / FILE).assign(layer=layer) for place in InProcess().run(own, store)]


def with_sets_drawn_anew(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the study's effects, and beside each p the one of control sets that differ from split to split."""
    own, drawn = effect_rows(judged, 0.95), judged["kind"] != SELECTIVE
    if own.empty:
        return own
    other, many = judged.copy(), judged.loc[drawn, "draw"].max() + 1
    other.loc[drawn, "draw"] = (judged["draw"] + 31 * judged["split"])[drawn] % many
    anew = effect_rows(other, 0.95)
    return own.assign(**{f"{p} {ANEW}": anew[p] for p in ("p_random", "p_matched", "p_others")})


def profile(seed: int, labels: str, folder: Path, gains: dict[str, Any]) -> Params:
    """Write the world's profile: the demo's network, with the tables of this world."""
    first, second = (
        {"kind": "table", "table": f"{name}/{labels}.csv", "folder": f"{name}/images", "valence_range": [-3, 3]}
        for name in SETS
    )
    analysis: dict[str, Any] = {
        "corpus": first | {"neutral": 0},
        "stimuli": {"kind": "toyworld"},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "selectivity": {"second": second, "untrained_seeds": 1},
        "emotion_gains": {"batch_size": 32, "alpha_step": 1.0, "control_alpha_step": 5.0, **gains},
        "significance": {"bootstrap": 99, "permutations": 999},
        "seed": seed,
    }
    execution = {"device": "cpu", "threads": torch.get_num_threads(), "batch_size": 64}
    file = folder / "params" / f"{labels}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = {"studies": ["selectivity"], "analysis": analysis, "execution": execution}
    file.write_text(yaml.safe_dump(text), encoding="utf-8")
    return load_params(file)
