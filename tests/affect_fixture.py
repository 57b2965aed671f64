"""A small profile of the study `deep_affect`, and made-up results: predictions are drawn, tables follow from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from helpers import write_profile
from PIL import Image

from o2b_helpers.core.params import Params
from o2b_helpers.core.running.run import Result, run_step
from o2b_helpers.kernels.contributions.shapley import all_subsets
from o2b_helpers.models.feed_forward.corpus_folds import corpus_folds
from o2b_helpers.studies.deep_affect import rows, tables
from o2b_helpers.studies.deep_affect.affect_models import Predictions, joined
from o2b_helpers.studies.deep_affect.options import TARGETS
from o2b_helpers.studies.registry import load_params

STEPS = ("inputs", "affect_inputs", "affect_features", "affect_models", "affect_scores")
SMALL_NETWORKS = {"hidden": [32, 16], "epochs": 30}


def affect_profile(folder: Path, corpus: dict[str, Any] | None = None, **affect: Any) -> Params:
    """Write a profile that runs this study alone, and read it."""
    analysis = {
        "corpus": corpus or {"kind": "toyworld", "images": 240, "world_seed": 1},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "affect": {"networks": SMALL_NETWORKS} | affect,
    }
    profile = {"studies": ["deep_affect"], "analysis": analysis, "execution": {"device": "cpu", "threads": 1}}
    return load_params(write_profile(folder, profile))


def run_affect(params: Params, until: str = STEPS[-1]) -> Result:
    """Run the steps up to one of them; return its result."""
    for step in STEPS:
        result = run_step(params, step)
        if step == until:
            break
    return result


def noise_corpus(folder: Path, name: str, pictures: int = 40, seed: int = 0, **columns: Any) -> dict[str, Any]:
    """Write a corpus of noise pictures, with valence on 1..9 and these further columns; return its options."""
    rng, place = np.random.default_rng(seed), folder / name
    place.mkdir(parents=True)
    names = [f"{name}_{number:02d}.png" for number in range(pictures)]
    for file in names:
        Image.fromarray(rng.integers(0, 256, (36, 36, 3), dtype=np.uint8)).save(place / file)
    table = pd.DataFrame({"image": names, "valence": rng.uniform(1, 9, pictures)}).assign(**columns)
    table.to_csv(folder / f"{name}.csv", index=False)
    return {"kind": "table", "folder": name, "table": f"{name}.csv", "valence_range": [1, 9]}


def write_affect(folder: Path, first_group: str = "object", pictures: int = 60) -> None:
    """Write every table of the study: two corpora, of which one is held out; more groups predict better."""
    groups = first_group, "scene", "face"
    rng = np.random.default_rng(7)
    corpus = np.repeat(["one", "other"], [pictures - 15, 15])
    names = [f"image_{number}.png" for number in range(pictures)]
    shown = pd.DataFrame({"corpus": corpus, "image": names})
    for target in TARGETS:
        shown[target] = rng.uniform(1, 9, pictures)
        shown[f"{target}_sd"], shown[f"{target}_n"] = 1.5, 30
    shown["alike"] = np.arange(pictures)
    folds = corpus_folds(corpus.astype(str), np.arange(pictures), "other", folds=3, validation_share=0.2)
    actual = shown[list(TARGETS)].to_numpy().T
    mean = np.broadcast_to(actual.mean(1)[:, None], (1, 3, 2, pictures))
    predicted = [Predictions(tables.MEAN, tables.SINGLE, tables.NO_FEATURES, mean)]
    histories = []
    for subset in all_subsets(groups)[1:]:
        for model, outputs in rows.LEARNERS:
            noise = rng.normal(0, 2 / len(subset), (1, 3, 2, pictures))
            predicted.append(Predictions(model, outputs, joined(subset), actual + noise))
        history = pd.DataFrame({"epoch": range(4), "rate": 4e-4, "train_loss": 3.0, "loss": [3, 2.5, 2, 2.2]})
        own = {"outputs": tables.SHARED, "features": joined(subset), "rating": "both", "seed": 0, "fold": 0}
        histories.append(history.assign(**own, kept=(history["epoch"] == 2).astype(int)))
    of_folds = rows.fold_rows(predicted, shown, folds)
    tests = np.where(folds.test.any(0), folds.test.argmax(0), -1)
    part = np.where(folds.held_out, tables.HELD_OUT, tables.TEST)
    frame = pd.concat(
        [
            shown[["corpus", "image"]].assign(
                model=each.model, outputs=each.outputs, features=each.features, seed=0, fold=fold, rating=target,
                predicted=each.values[0, fold, number],
            )
            for each in predicted
            for fold in range(3)
            for number, target in enumerate(TARGETS)
        ]
    )  # fmt: skip
    pair = [("one", names[0], "one", names[1], 3)]
    seen = [(f"{group}s", group, "toynet", "toyworld", "sigmoid", "whole", 4, pictures, 0) for group in groups]
    made = {
        tables.AFFECT_PICTURES: shown.assign(fold=tests, part=part),
        tables.AFFECT_DUPLICATES: pd.DataFrame(pair, columns=tables.AFFECT_DUPLICATES.names),
        tables.AFFECT_EXTRACTORS: pd.DataFrame(seen, columns=tables.AFFECT_EXTRACTORS.names),
        tables.AFFECT_PREDICTIONS: frame,
        tables.AFFECT_TRAINING: pd.concat(histories),
        tables.AFFECT_FOLDS: of_folds,
        tables.AFFECT_SCORES: rows.score_rows(of_folds),
        tables.AFFECT_TESTS: rows.comparison_rows(of_folds, groups, folds.test_to_train, 0.95),
        tables.AFFECT_CONTRIBUTIONS: rows.contribution_rows(of_folds, groups, folds.test_to_train, 0.95),
        tables.AFFECT_CEILINGS: rows.ceiling_rows(shown),
    }
    for table, own in made.items():
        table.write(own, folder)
