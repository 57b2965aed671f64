"""Heads for all runs and learning rates at once against a plain loop that trains one after the other.

The plain loop is what one would write with torch: nn.Linear, torch.optim.Adam, features scaled and kept in memory, the
same blocks of images, the same scores after every epoch, the same early stopping. Both train to their end.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from common import Row, timed
from scipy.stats import spearmanr
from torch import nn

from o2b_helpers.models.fast.matrix_product import product
from o2b_helpers.models.heads.head_data import image_weights
from o2b_helpers.models.heads.training import HeadSettings, predict, stratified_splits, train_heads

IMAGES, RUNS, SEED = 2000, 5, 0
FULL = HeadSettings(epochs=250, patience=8, output="linear")
LAYER = HeadSettings(epochs=75, patience=6, output="sigmoid", class_weighted=True)
ALL_ALONG = HeadSettings(epochs=30, patience=30, output="linear")
SETTINGS = (
    ("resnet18", "full model", 512, FULL, RUNS),
    ("alexnet", "full model", 4096, FULL, RUNS),
    ("alexnet", "full model, 30 epochs, no early stopping", 4096, ALL_ALONG, 2),
    ("alexnet", "layer model at features.11", 43264, LAYER, 1),
)


def rows() -> list[Row]:
    return [_row(*setting) for setting in SETTINGS]


def _row(architecture: str, what: str, n_features: int, settings: HeadSettings, sampled: int) -> Row:
    features, labels, ratings = _data(n_features)
    test = stratified_splits(labels, RUNS, 0.2, SEED)
    result: dict[str, Any] = {"ours": train_heads(features, labels, ratings, test, settings, SEED)}
    still = result["ours"].history.query("split == 'test'").groupby("epoch").size().to_list()

    def ours() -> None:
        result["ours"] = train_heads(features, labels, ratings, test, settings, SEED)

    def naive() -> None:
        result["naive"] = [
            _best_of_rates(features, labels, ratings, test[run], settings, run) for run in range(sampled)
        ]

    times = timed({"ours": ours, "naive": naive, "floor": lambda: _floor(features, still)}, warm_up=False)
    heads = result["ours"]
    mine = predict(features, heads.weight, heads.bias, settings.output)[:sampled]
    note = "" if sampled == RUNS else f"the plain loop trained {sampled} of {RUNS} runs; "
    many = RUNS * len(settings.learning_rates)
    return Row(
        kernel="heads",
        architecture=architecture,
        setting=f"{what}, {IMAGES} images x {n_features} features, {len(settings.learning_rates)} rates",
        runs=RUNS,
        ours=times["ours"],
        naive=times["naive"] * (RUNS / sampled),
        floor=times["floor"],
        max_difference=float(np.abs(mine - np.stack(result["naive"])).max()),
        note=f"{note}{len(still)} epochs, on average {np.mean(still):.1f} of {many} heads still learn; "
        "floor: copying each block of images and its two matrix products",
    )


def _floor(features: np.ndarray, still: list[int]) -> None:
    """What no way to train so many heads in each epoch, and to score them, can do without."""
    x, blocks = torch.from_numpy(features), round(0.8 * IMAGES / 64)
    room = torch.empty(-(-IMAGES // blocks), x.shape[1])
    for heads in still:
        weight, order = torch.zeros(2 * heads, x.shape[1]), torch.randperm(IMAGES)
        for images in order.tensor_split(blocks):
            block = torch.index_select(x, 0, images, out=room[: len(images)])
            values = product(block, weight)
            product(values[:, :heads].T, block.T)


def _data(n_features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features like a ReLU's, which share some causes with the ratings; labels 0 and 1."""
    rng = np.random.default_rng(SEED)
    causes = rng.normal(size=(IMAGES, 20)).astype(np.float32)
    noise = rng.standard_normal((IMAGES, n_features), dtype=np.float32)
    features = np.maximum(causes @ rng.normal(size=(20, n_features)).astype(np.float32) / 4 + noise, 0)
    ratings = causes[:, 0] + 0.7 * rng.normal(size=IMAGES)
    return features, (ratings > 0).astype(float), ratings


def _best_of_rates(features, labels, ratings, test, settings, run) -> np.ndarray:
    """Predictions (image,) of the rate with the smallest test error."""
    train = ~test
    mean, deviation = features[train].mean(0), features[train].std(0)
    x = torch.from_numpy((features - mean) / np.where(deviation > 0, deviation, 1) / math.sqrt(features.shape[1]))
    weights = image_weights(labels, test[None], settings.class_weighted)[0]
    all_rates = [_plain(x.float(), labels, ratings, test, weights, settings, run, r) for r in settings.learning_rates]
    return min(all_rates, key=lambda item: item[0])[1]


def _plain(x, labels, ratings, test, weights, settings, run, rate) -> tuple[float, np.ndarray]:
    """One head: its test error and predictions in the epoch with the smallest test loss."""
    y, importance = torch.from_numpy(labels).float(), torch.from_numpy(weights).float()
    start = torch.from_numpy(np.random.default_rng([SEED, run]).uniform(-1, 1, x.shape[1] + 1)).float()
    layer = nn.Linear(x.shape[1], 1)
    with torch.no_grad():
        layer.weight.copy_(start[None, :-1] / math.sqrt(x.shape[1]))
        layer.bias.copy_(start[-1:] / math.sqrt(x.shape[1]))
    head = nn.Sequential(layer, nn.Sigmoid()) if settings.output == "sigmoid" else layer
    optimiser = torch.optim.Adam(head.parameters(), lr=rate)
    best_loss, best_epoch, history = math.inf, -1, []
    best: tuple[float, np.ndarray] = math.nan, np.empty(0)
    blocks = max(1, round((~test).mean() * len(x) / settings.batch_size))
    for epoch in range(settings.epochs):
        optimiser.param_groups[0]["lr"] = rate / math.sqrt(1 + epoch / settings.decay_epochs)
        order = np.random.default_rng([SEED, 2**32 - 1, epoch]).permutation(len(x))
        for block in np.array_split(order, blocks):
            images = torch.from_numpy(block[~test[block]])
            optimiser.zero_grad()
            (importance[images] * (head(x[images])[:, 0] - y[images]) ** 2).mean().backward()
            optimiser.step()
        with torch.no_grad():
            prediction = head(x)[:, 0].numpy()
        scores = [_scores(prediction, labels, ratings, weights, part) for part in (~test, test)]
        history.append(scores)
        mae, loss, _ = scores[1]
        if loss < best_loss:
            best_loss, best_epoch, best = loss, epoch, (mae, prediction)
        elif epoch - best_epoch >= settings.patience:
            break
    return best


def _scores(prediction, labels, ratings, weights, part) -> tuple[float, float, float]:
    error = prediction[part] - labels[part]
    rho = spearmanr(prediction[part], ratings[part]).statistic
    return float(np.abs(error).mean()), float((weights[part] * error**2).mean()), float(rho)
