"""Heads: the same as a plain loop in torch, able to find a known truth, honest about what cannot be learnt."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.models.heads.training import HeadSettings, predict, stratified_splits, train_heads

IMAGES, FEATURES = 230, 17


@pytest.fixture(scope="module")
def data():
    """Features with large means, very different sizes and one that is constant; labels that two of them explain."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(IMAGES, FEATURES))
    features = ((latent + rng.normal(size=FEATURES) * 10) * 10.0 ** rng.integers(-3, 3, FEATURES)).astype(np.float32)
    features[:, 4] = 3.0
    ratings = latent[:, 0] - latent[:, 1] + 0.5 * rng.normal(size=IMAGES)
    labels = (ratings > 0.4).astype(float)
    return features, labels, ratings


def plain_loop(features, labels, test, settings, seed, run, rate, weighted):
    """One head as anyone would write it: torch.optim.Adam, one batch after the other."""
    features, train = features.astype(np.float64), ~test
    deviation = features[train].std(0)
    live = deviation > 0
    scaled = np.where(live, (features - features[train].mean(0)) / np.where(live, deviation, 1), 0)
    x = torch.tensor(scaled / math.sqrt(features.shape[1]))
    y, n = torch.tensor(labels), len(labels)
    share = {value: train.sum() / (2 * (train & (labels == value)).sum()) for value in (0, 1)}
    importance = torch.tensor([share[value] if weighted else 1.0 for value in labels])
    start = np.random.default_rng([seed, run]).uniform(-1, 1, features.shape[1] + 1) / math.sqrt(features.shape[1])
    layer = torch.nn.Linear(features.shape[1], 1).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(start[None, :-1]))
        layer.bias.copy_(torch.tensor(start[-1:]))
    optimiser = torch.optim.Adam(layer.parameters(), lr=rate)

    def output(rows):
        values = layer(x[rows])[:, 0]
        return values.sigmoid() if settings.output == "sigmoid" else values

    best, history = (math.inf, -1, None), []
    for epoch in range(settings.epochs):
        optimiser.param_groups[0]["lr"] = rate / math.sqrt(1 + epoch / 3)
        order = np.random.default_rng([seed, 2**32 - 1, epoch]).permutation(n)
        for block in np.array_split(order, round(n * train.mean() / settings.batch_size)):
            rows = block[train[block]]
            optimiser.zero_grad()
            (importance[rows] * (output(rows) - y[rows]) ** 2).mean().backward()
            optimiser.step()
        with torch.no_grad():
            prediction = output(np.arange(n)).numpy()
        loss = float((importance.numpy() * (prediction - labels) ** 2)[test].mean())
        history.append((loss, np.abs(prediction - labels)[test].mean(), prediction))
        if loss < best[0]:
            best = (loss, epoch, prediction)
        elif epoch - best[1] >= settings.patience:
            break
    return best, history


@pytest.mark.parametrize(("output", "weighted"), [("linear", False), ("sigmoid", True)])
def test_equals_a_plain_loop(data, output, weighted):
    features, labels, ratings = data
    rates = (0.01, 0.1)
    settings = HeadSettings(40, 5, output, weighted, batch_size=32, learning_rates=rates)
    test = stratified_splits(labels, 3, 0.2, 1)
    heads = train_heads(features, labels, ratings, test, settings, seed=7)
    predictions = predict(features, heads.weight, heads.bias, output)
    for run in range(3):
        loops = [plain_loop(features, labels, test[run], settings, 7, run, rate, weighted) for rate in rates]
        maes = [history[best[1]][1] for best, history in loops]
        chosen = int(np.argmin(maes))
        (_, epoch, prediction), _ = loops[chosen]
        assert heads.learning_rate[run] == rates[chosen] and heads.epoch[run] == epoch
        assert np.abs(predictions[run] - prediction).max() < 1e-4
        for (_, history), rate in zip(loops, rates, strict=True):
            ours = heads.history[heads.history["split"] == "test"]
            ours = ours[(ours["run"] == run) & (ours["learning_rate"] == rate)]
            assert list(ours["epoch"]) == list(range(len(history)))
            assert np.allclose(ours["loss"], [loss for loss, _, _ in history], rtol=0, atol=1e-4)
            assert np.allclose(ours["mae"], [mae for _, mae, _ in history], rtol=0, atol=1e-4)
            last = history[-1][2]
            expected = spearmanr(last[test[run]], ratings[test[run]]).statistic
            assert ours["rho"].iloc[-1] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("rate", [0.001, 0.03])
@pytest.mark.parametrize(("output", "weighted"), [("linear", False), ("sigmoid", True)])
def test_a_single_head_equals_a_plain_loop(data, output, weighted, rate):
    features, labels, ratings = data
    settings = HeadSettings(60, 8, output, weighted, batch_size=32, learning_rates=(rate,))
    test = stratified_splits(labels, 1, 0.2, 1)
    head = train_heads(features, labels, ratings, test, settings, seed=5)
    (_, epoch, prediction), history = plain_loop(features, labels, test[0], settings, 5, 0, rate, weighted)
    scores = head.history[head.history["split"] == "test"]
    assert head.epoch[0] == epoch and len(scores) == len(history)
    assert np.abs(scores[["loss", "mae"]].to_numpy() - [each[:2] for each in history]).max() < 1e-5
    assert np.abs(predict(features, head.weight, head.bias, output)[0] - prediction).max() < 1e-5


def test_recovers_a_linear_truth():
    rng = np.random.default_rng(3)
    features = rng.uniform([0, -9, 2, 0], [2, 9, 3, 1], size=(600, 4)).astype(np.float32)
    weight, bias = np.array([0.05, -0.01, 0.2, 0.0]), 0.1
    labels = features @ weight + bias
    assert 0 <= labels.min() and labels.max() <= 1
    test = stratified_splits(labels > np.median(labels), 2, 0.2, 0)
    heads = train_heads(features, labels, labels, test, HeadSettings(200, 20, batch_size=32), seed=0)
    assert np.abs(heads.weight - weight).max() < 1e-2 and np.abs(heads.bias - bias).max() < 2e-2
    result = predict(features, heads.weight, heads.bias)
    assert np.abs(result - labels).max() < 0.02


def test_early_stopping_keeps_the_best_epoch(data):
    features, labels, ratings = data
    test = stratified_splits(labels, 2, 0.2, 1)
    settings = HeadSettings(60, 4, learning_rates=(0.3, 0.03), batch_size=16)
    heads = train_heads(features, labels, ratings, test, settings, seed=2)
    predictions = predict(features, heads.weight, heads.bias)
    stopped = 0
    for (run, _), rows in heads.history[heads.history["split"] == "test"].groupby(["run", "learning_rate"]):
        best = int(rows["loss"].to_numpy().argmin())
        assert rows["epoch"].max() == min(best + 4, 59)
        stopped += best + 4 < 59
        if heads.learning_rate[run] == rows["learning_rate"].iloc[0]:
            assert heads.epoch[run] == best
            error = np.abs(predictions[run] - labels)[test[run]].mean()
            assert error == pytest.approx(rows["mae"].iloc[best], abs=1e-4)
            assert rows["loss"].iloc[best] < rows["loss"].iloc[-1]
    assert stopped >= 2, "nothing stopped early, so the test shows nothing"


def test_the_same_twice_and_another_seed_differs(data):
    features, labels, ratings = data
    test = stratified_splits(labels, 2, 0.2, 1)
    first, second, other = (
        train_heads(features, labels, ratings, test, HeadSettings(10), seed=seed) for seed in (1, 1, 2)
    )
    assert first.weight.tobytes() == second.weight.tobytes() and first.history.equals(second.history)
    assert not np.array_equal(first.weight, other.weight)


def test_a_memory_map_gives_the_same(data, tmp_path):
    features, labels, ratings = data
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    test = stratified_splits(labels, 2, 0.2, 1)
    each, other = (train_heads(kind, labels, ratings, test, HeadSettings(10), seed=1) for kind in (features, mapped))
    assert np.array_equal(each.weight, other.weight)


def test_scaled_ratings_are_learnt_too(data):
    features, _, ratings = data
    labels = (ratings - ratings.min()) / np.ptp(ratings)
    test = stratified_splits(ratings > 0, 2, 0.2, 1)
    heads = train_heads(features, labels, ratings, test, HeadSettings(learning_rates=(0.01, 0.1)), seed=1)
    result = predict(features, heads.weight, heads.bias)
    assert all(spearmanr(result[run][test[run]], ratings[test[run]]).statistic > 0.7 for run in range(2))
    with pytest.raises(ParameterError, match="cannot be weighted"):
        train_heads(features, labels, ratings, test, HeadSettings(class_weighted=True), seed=1)


def test_splits_are_stratified_and_stay_when_runs_are_added():
    labels = np.repeat([0.0, 1.0], [70, 31])
    test = stratified_splits(labels, 4, 0.2, 9)
    assert test.shape == (4, 101)
    assert (test[:, labels == 0].sum(1) == 14).all() and (test[:, labels == 1].sum(1) == 6).all()
    assert len({row.tobytes() for row in test}) == 4
    assert np.array_equal(stratified_splits(labels, 2, 0.2, 9), test[:2])


def test_what_cannot_be_learnt_is_refused(data):
    features, labels, ratings = data
    test = stratified_splits(labels, 2, 0.2, 1)
    settings = HeadSettings(3)
    with pytest.raises(InputError, match="All labels are of one kind"):
        stratified_splits(np.ones(20), 2, 0.2, 1)
    with pytest.raises(InputError, match="All labels are of one kind"):
        train_heads(features, np.ones(IMAGES), ratings, test, settings, seed=1)
    with pytest.raises(InputError, match="Run 0 cannot be trained"):
        train_heads(features, labels, ratings, np.stack([labels == 1, test[1]]), settings, seed=1)
    with pytest.raises(InputError, match="do not belong together"):
        train_heads(features[1:], labels, ratings, test, settings, seed=1)
    with pytest.raises(InputError, match="out of range"):
        train_heads(features, labels * 2, ratings, test, settings, seed=1)
    with pytest.raises(InputError, match="labels are missing"):
        train_heads(features, np.where(labels == 1, np.nan, 0), ratings, test, settings, seed=1)
    broken = features.copy()
    broken[3, 3] = np.nan
    with pytest.raises(InputError, match="features are not finite"):
        train_heads(broken, labels, ratings, test, settings, seed=1)
    with pytest.raises(ModelError, match="No learning rate"):
        train_heads(features, labels, ratings, test, HeadSettings(3, learning_rates=(1e30,)), seed=1)
    for wrong in ({"epochs": 0}, {"learning_rates": ()}, {"output": "probit"}, {"batch_size": -1}):
        with pytest.raises(ParameterError):
            HeadSettings(**wrong)
    with pytest.raises(ParameterError, match="cannot be drawn"):
        stratified_splits(labels, 2, 1.0, 1)
