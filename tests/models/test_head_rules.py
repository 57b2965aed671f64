"""Rules of training besides the default ones: each the same as a plain loop in torch; several sets of rules at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.heads.feature_sources import InMemory, Streamed
from o2b_helpers.models.heads.features import layer_features
from o2b_helpers.models.heads.training import (
    HeadSettings,
    predict,
    stratified_splits,
    train_heads,
    train_heads_together,
    validation_splits,
)

IMAGES, FEATURES, RUNS, SEED = 210, 13, 2, 4


@pytest.fixture(scope="module")
def data():
    """Features of moderate size with means off zero, labels that two of them explain."""
    rng = np.random.default_rng(0)
    features = rng.normal(0.5, 1, size=(IMAGES, FEATURES)).astype(np.float32)
    ratings = features[:, 0] - features[:, 1] + 0.5 * rng.normal(size=IMAGES)
    labels = (ratings > 0.3).astype(float)
    test = stratified_splits(labels, RUNS, 0.2, SEED)
    return features, labels, ratings, test, validation_splits(labels, test, 0.25, SEED)


def plain_loop(features, labels, settings, run, rate, optimiser, train, chooses):
    """One head as anyone would write it; returns what it is after its best epoch, and its predictions in all epochs."""
    x, count, width = torch.tensor(features.astype(np.float64)), len(labels), features.shape[1]
    if settings.standardise:
        x = (x - x[train].mean(0)) / x[train].std(0, correction=0) / math.sqrt(width)
    y = torch.tensor(labels)
    share = {value: train.sum() / (2 * (train & (labels == value)).sum()) for value in (0, 1)}
    importance = torch.tensor([share[value] if settings.class_weighted else 1.0 for value in labels])
    layer = torch.nn.Linear(width, 1).double()
    start = np.random.default_rng([SEED, run]).uniform(-1, 1, width + 1) / math.sqrt(width)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(start[None, :-1]))
        layer.bias.copy_(torch.tensor(start[-1:]))
    optimiser = optimiser(layer.parameters(), lr=rate)

    def output(rows):
        values = layer(x[rows])[:, 0]
        return values.sigmoid() if settings.output == "sigmoid" else values

    best, history = (math.inf, -1, None), []
    for epoch in range(settings.epochs):
        decay = 1.0 if settings.decay_epochs is None else 1 / math.sqrt(1 + epoch / settings.decay_epochs)
        optimiser.param_groups[0]["lr"] = rate * decay
        order = np.random.default_rng([SEED, 2**32 - 1, epoch]).permutation(count)
        for block in np.array_split(order, round(count * train.mean() / settings.batch_size)):
            rows = block[train[block]]
            optimiser.zero_grad()
            (importance[rows] * (output(rows) - y[rows]) ** 2).mean().backward()
            optimiser.step()
        with torch.no_grad():
            prediction = output(np.arange(count)).numpy()
        loss = float((importance.numpy() * (prediction - labels) ** 2)[chooses].mean())
        history.append(prediction)
        if loss < best[0]:
            best = (loss, epoch, prediction)
        elif epoch - best[1] >= settings.patience:
            break
    return best, history


ADAM, SGD = torch.optim.Adam, torch.optim.SGD
CASES = {
    "sgd": ({"optimiser": "sgd"}, SGD, {}),
    "sgd with momentum": ({"optimiser": "sgd", "momentum": 0.9}, SGD, {"momentum": 0.9}),
    "sgd with weight decay": (
        {"optimiser": "sgd", "momentum": 0.5, "weight_decay": 0.02},
        SGD,
        {"momentum": 0.5, "weight_decay": 0.02},
    ),
    "adam with weight decay": ({"weight_decay": 0.01}, ADAM, {"weight_decay": 0.01}),
    "the rate stays": ({"decay_epochs": None}, ADAM, {}),
    "another decay": ({"decay_epochs": 1.5}, ADAM, {}),
    "raw features": ({"standardise": False}, ADAM, {}),
    "raw features and sgd": ({"standardise": False, "optimiser": "sgd", "momentum": 0.9}, SGD, {"momentum": 0.9}),
}


@pytest.mark.parametrize("validates", [False, True], ids=["test chooses", "validation chooses"])
@pytest.mark.parametrize(("output", "weighted"), [("linear", False), ("sigmoid", True)])
@pytest.mark.parametrize("name", CASES)
def test_equals_a_plain_loop(data, name, output, weighted, validates):
    features, labels, ratings, test, validation = data
    options, kind, of_torch = CASES[name]
    rates = (0.005, 0.03)
    settings = HeadSettings(15, 5, output, weighted, 32, rates, **options)
    heads = train_heads(features, labels, ratings, test, settings, SEED, validation=validation if validates else None)
    predictions = predict(features, heads.weight, heads.bias, output)
    splits = ["train", *(["validation"] if validates else []), "test"]
    assert list(heads.history["split"].unique()) == splits
    for run in range(RUNS):
        of_run = heads.history[heads.history["run"] == run]
        rows = {"test": test[run], "validation": validation[run], "train": ~test[run]}
        if validates:
            rows["train"] = rows["train"] & ~validation[run]
        chooses = rows[splits[1]]
        loops = [
            plain_loop(
                features, labels, settings, run, rate, lambda p, lr: kind(p, lr=lr, **of_torch), rows["train"], chooses
            )
            for rate in rates
        ]
        maes = [np.abs(best[2] - labels)[chooses].mean() for best, _ in loops]
        chosen = int(np.argmin(maes))
        _, epoch, prediction = loops[chosen][0]
        assert heads.learning_rate[run] == rates[chosen] and heads.epoch[run] == epoch
        assert np.abs(predictions[run] - prediction).max() < 1e-4
        for (_, history), rate in zip(loops, rates, strict=True):
            for split in splits:
                own = of_run[(of_run["learning_rate"] == rate) & (of_run["split"] == split)]
                expected = [np.abs(each - labels)[rows[split]].mean() for each in history]
                assert np.allclose(own["mae"], expected, rtol=0, atol=1e-4)
                rho = spearmanr(history[-1][rows[split]], ratings[rows[split]]).statistic
                assert own["rho"].iloc[-1] == pytest.approx(rho, abs=0.02)


TOGETHER = (
    HeadSettings(12, 3, "linear", False, 16, (0.003, 0.03, 0.3)),
    HeadSettings(5, 2, "sigmoid", True, 16, (0.01,)),
    HeadSettings(9, 4, "linear", True, 16, (0.01, 0.1), decay_epochs=None, optimiser="sgd", momentum=0.9),
)


@pytest.mark.parametrize("validates", [False, True])
def test_several_sets_of_rules_at_once_are_bit_for_bit_what_each_is_alone(data, validates):
    features, labels, ratings, test, validation = data
    chooses = validation if validates else None
    trained = train_heads_together(features, labels, ratings, test, TOGETHER, SEED, validation=chooses)
    for heads, settings in zip(trained, TOGETHER, strict=True):
        alone = train_heads(features, labels, ratings, test, settings, SEED, validation=chooses)
        for name in ("weight", "bias", "learning_rate", "epoch"):
            assert getattr(heads, name).tobytes() == getattr(alone, name).tobytes(), name
        assert heads.history.equals(alone.history) and heads.link == alone.link == settings.output
    lengths = [heads.history["epoch"].max() for heads in trained]
    assert len(set(lengths)) > 1, "all stop at once, so that dropping a group is not tested"


def test_the_backbone_runs_once_per_epoch_for_all_sets_of_rules():
    backbone = load_backbone("toynet", "untrained")
    layer = backbone.target_layers[1]
    pictures = torch.randn(24, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    ratings = np.random.default_rng(0).normal(size=24)
    labels = (ratings > 0).astype(float)
    test = stratified_splits(labels, 2, 0.25, 0)
    rules = HeadSettings(4, 4, batch_size=8), HeadSettings(2, 2, "sigmoid", True, batch_size=8)
    kept = InMemory(layer_features(backbone, pictures, [layer], batch_size=8)[layer])
    seen = []
    backbone.stages[0][1].register_forward_hook(lambda module, given, _: seen.append(len(given[0])))
    streamed = train_heads_together(Streamed(backbone, pictures, layer, 8), labels, ratings, test, rules, 3)
    assert sum(seen) == (1 + 4 + 1) * len(labels)
    for ours, expected in zip(streamed, train_heads_together(kept, labels, ratings, test, rules, 3), strict=True):
        assert np.abs(ours.weight - expected.weight).max() < 1e-5


def test_validation_images_are_stratified_whole_groups_and_never_test():
    labels = np.repeat([0.0, 1.0], [80, 40])
    groups = np.arange(120)
    groups[60:66] = 60
    test = stratified_splits(labels, 4, 0.2, 9, groups)
    validation = validation_splits(labels, test, 0.25, 9, groups)
    assert not (test & validation).any()
    assert all(len(np.unique(part[60:66])) == 1 for part in validation)
    plain = validation_splits(labels, stratified_splits(labels, 4, 0.2, 9), 0.25, 9)
    assert (plain[:, labels == 0].sum(1) == 16).all() and (plain[:, labels == 1].sum(1) == 8).all()
    assert len({row.tobytes() for row in plain}) == 4
    assert np.array_equal(validation_splits(labels, stratified_splits(labels, 2, 0.2, 9), 0.25, 9), plain[:2])


def test_features_that_are_not_finite_are_refused_raw_too(data):
    features, labels, ratings, test, _ = data
    broken = features.copy()
    broken[3, 3] = np.inf
    with pytest.raises(InputError, match="features are not finite"):
        train_heads(broken, labels, ratings, test, HeadSettings(3, standardise=False), SEED)


def test_what_cannot_be_learnt_is_refused(data):
    features, labels, ratings, test, validation = data
    for wrong in (
        {"optimiser": "lion"}, {"momentum": 0.9}, {"optimiser": "sgd", "momentum": 1.0}, {"weight_decay": -1},
        {"decay_epochs": 0},
    ):  # fmt: skip
        with pytest.raises(ParameterError):
            HeadSettings(**wrong)
    with pytest.raises(ParameterError, match="do not share their passes"):
        rules = HeadSettings(3), HeadSettings(3, batch_size=8)
        train_heads_together(features, labels, ratings, test, rules, SEED)
    for wrong in (test, validation[:1], np.zeros_like(validation)):
        with pytest.raises(InputError, match="do not fit each other"):
            train_heads(features, labels, ratings, test, HeadSettings(3), SEED, validation=wrong)
    with pytest.raises(ParameterError, match="validation_share 1.0"):
        validation_splits(labels, test, 1.0, SEED)
