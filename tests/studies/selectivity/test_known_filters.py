"""A network built by hand, whose filters are known: what is found is what was built, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers import write_profile
from PIL import Image
from small_run import step_folder

from o2b_helpers.core.facts import read_facts
from o2b_helpers.core.running.run import run_step
from o2b_helpers.studies.registry import load_params

SIDE, EACH = 32, 20
EMOTIONS = ("unpleasant", "neutral", "pleasant")
BUILT = {"unpleasant": [0, 1, 2], "neutral": [3, 4, 5], "pleasant": [6, 7]}  # 8 and 9: diagonals; 10: silent
NETWORK = """
import torch
from torch import nn
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.registry import Architecture, register
from o2b_helpers.models.backbones.stages import FLATTEN, stages_of

UPRIGHT = torch.tensor([[-1.0, 2.0, -1.0]] * 3)
DIAGONAL = torch.tensor([[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]])
LIGHT = torch.ones(3, 3)


class Hand(nn.Module):
    def __init__(self):
        super().__init__()
        convolution = nn.Conv2d(3, 11, 3)
        self.features = nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(11, 1)
        kernels = [UPRIGHT, 0.5 * UPRIGHT, -UPRIGHT, UPRIGHT.T, 0.5 * UPRIGHT.T, -UPRIGHT.T, LIGHT, 2 * LIGHT,
                   DIAGONAL, -DIAGONAL, 0 * LIGHT]
        biases = [-0.3] * 6 + [-5.0, -10.0, -0.3, -0.3, -1.0]
        with torch.no_grad():
            convolution.weight.copy_(torch.stack(kernels)[:, None].expand(-1, 3, -1, -1) / 3)
            convolution.bias.copy_(torch.tensor(biases))

    def forward(self, images):
        return self.classifier(self.features(images).flatten(1))


register(Architecture(
    "hand", Hand, lambda module: stages_of(module, "features.*", FLATTEN), ("features.1",),
    Preprocessing(32, 32, (0.0,) * 3, (1.0,) * 3), "classifier",
))
"""


def _picture(rng: np.random.Generator, emotion: str) -> Image.Image:
    """Draw upright lines, lying lines or light, and diagonals in every other picture, whatever its emotion."""
    values = np.full((SIDE, SIDE), 0.25) + rng.normal(0, 0.01, (SIDE, SIDE))
    strength = rng.uniform(0.3, 0.6)
    if emotion == "pleasant":
        values += strength + 0.1
    else:
        lines = np.where(np.arange(SIDE) % 4 == 0, strength, 0)
        values += lines if emotion == "unpleasant" else lines[:, None]
    if rng.random() < 0.5:
        rows = np.arange(0, SIDE, 5)
        for shift in rows:
            place = np.arange(SIDE - shift)
            values[place, place + shift] += 0.1
    return Image.fromarray(np.clip(255 * values, 0, 255).astype(np.uint8)).convert("RGB")


def _write_corpus(folder, seed: int) -> dict:
    rng, rows = np.random.default_rng(seed), []
    folder.mkdir(parents=True)
    for number in range(3 * EACH):
        emotion, name = EMOTIONS[number % 3], f"{number:03d}.png"
        _picture(rng, emotion).save(folder / name)
        rows.append((name, {"unpleasant": 2, "neutral": 5, "pleasant": 8}[emotion] + rng.uniform(-0.5, 0.5)))
    table = folder.parent / f"{folder.name}.csv"
    pd.DataFrame(rows, columns=["image", "valence"]).to_csv(table, index=False)
    return {"kind": "table", "folder": folder.name, "table": table.name, "valence_range": [1, 9], "min_images": 20}


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hand")
    (folder / "hand.py").write_text(NETWORK, encoding="utf-8")
    analysis = {
        "corpus": _write_corpus(folder / "one", 1),
        "models": [{"architecture": "hand", "definition": "hand.py", "weights": "untrained"}],
        "selectivity": {"second": _write_corpus(folder / "two", 2), "models": ["hand"], "untrained_seeds": 1},
        "significance": {"permutations": 199, "bootstrap": 99},
    }
    profile = {"studies": ["selectivity"], "analysis": analysis, "execution": {"device": "cpu", "threads": 1}}
    params = load_params(write_profile(folder, profile))
    for step in ("inputs", "image_sets", "selectivity"):
        run_step(params, step)
    return params


def test_the_filters_that_were_built_are_found_and_no_others(params):
    filters = pd.read_parquet(params.runs / "results" / "filter_selectivity.parquet")
    for _, own in filters.groupby("image_set"):
        found = own[own["emotion_selective"] == 1].groupby("preferred")["channel"].apply(list)
        assert found.to_dict() == BUILT
        assert own.loc[own["constant"] == 1, "channel"].tolist() == [10]
        assert own.loc[own["selective"] == 0, "channel"].tolist() == [8, 9, 10]


def test_they_are_more_than_chance_for_each_emotion(params):
    overlap = pd.read_csv(params.runs / "results" / "selective_overlap.csv")
    own = overlap[(overlap["network"] == "trained") & (overlap["layer"] == "all layers")].set_index("emotion")
    assert own["both"].to_dict() == {name: len(channels) for name, channels in BUILT.items()}
    assert (own["filters"] == 10).all() and (own["q"] < 0.05).all() and (own["p_strength"] == 1 / 200).all()


def test_the_constant_filter_is_named_and_counted(params):
    step = params.step("selectivity")
    own = read_facts(step_folder(params, step.name))["hand"]
    assert (own["constant"], own["constant_filters"], own["filters"]) == (1, ["features.1 10"], 11)
    assert "1 constant filter left out: features.1 10" in " ".join(step.summary({"hand": own}))
