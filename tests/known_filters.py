"""A network built by hand, whose filters answer to one emotion each, and pictures that show nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
from PIL import Image

SIDE, EACH = 32, 20
EMOTIONS = ("unpleasant", "neutral", "pleasant")
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


def write_corpus_of_lines(folder, seed: int) -> dict:
    rng, rows = np.random.default_rng(seed), []
    folder.mkdir(parents=True)
    for number in range(3 * EACH):
        emotion, name = EMOTIONS[number % 3], f"{number:03d}.png"
        _picture(rng, emotion).save(folder / name)
        rows.append((name, {"unpleasant": 2, "neutral": 5, "pleasant": 8}[emotion] + rng.uniform(-0.5, 0.5)))
    table = folder.parent / f"{folder.name}.csv"
    pd.DataFrame(rows, columns=["image", "valence"]).to_csv(table, index=False)
    return {"kind": "table", "folder": folder.name, "table": table.name, "valence_range": [1, 9], "images": 20}
