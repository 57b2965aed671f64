"""Softmax readouts: the same as a plain loop in torch, early stopping, what cannot be learnt is said."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.models.fast.matrix_product import one_thread
from o2b_helpers.models.heads import scaled_features
from o2b_helpers.models.heads.feature_places import heads_bytes
from o2b_helpers.models.heads.feature_sources import OnDisk
from o2b_helpers.models.heads.head_data import class_weights, image_weights, stratified_folds, validation_splits
from o2b_helpers.models.heads.softmax_training import train_softmax
from o2b_helpers.models.heads.training import HeadSettings, predict_readout, stratified_splits, train_heads

IMAGES, FEATURES, CLASSES = 230, 17, 4


def rules(epochs=40, patience=5, weighted=True, rates=(0.01, 0.1), batch_size=32):
    return HeadSettings(epochs, patience, "softmax", weighted, batch_size=batch_size, learning_rates=rates)


@pytest.fixture(scope="module")
def data():
    """Features with large means and very different sizes, one constant; classes of unequal number."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(IMAGES, FEATURES))
    features = ((latent + rng.normal(size=FEATURES) * 10) * 10.0 ** rng.integers(-3, 3, FEATURES)).astype(np.float32)
    features[:, 4] = 3.0
    values = latent[:, :CLASSES] + rng.normal(size=(IMAGES, CLASSES)) * 0.7 + [0.8, 0.3, 0, -0.3]
    return features, values.argmax(1)


def plain_loop(features, labels, test, settings, seed, run, rate):
    """One readout as anyone would write it: torch.optim.Adam, cross_entropy, one batch after the other."""
    features, train, classes = features.astype(np.float64), ~test, labels.max() + 1
    deviation = features[train].std(0)
    live = deviation > 0
    x = np.where(live, (features - features[train].mean(0)) / np.where(live, deviation, 1), 0)
    x, y, n = torch.tensor(x / math.sqrt(features.shape[1])), torch.tensor(labels), len(labels)
    counts = np.bincount(labels[train], minlength=classes)
    importance = torch.tensor(train.sum() / (classes * counts) if settings.class_weighted else np.ones(classes))
    start = np.random.default_rng([seed, run]).uniform(-1, 1, (classes, features.shape[1] + 1))
    start = torch.tensor(start / math.sqrt(features.shape[1]))
    layer = torch.nn.Linear(features.shape[1], int(classes)).double()
    with torch.no_grad():
        layer.weight.copy_(start[:, :-1])
        layer.bias.copy_(start[:, -1])
    optimiser = torch.optim.Adam(layer.parameters(), lr=rate)

    def losses(rows):
        return importance[y[rows]] * functional.cross_entropy(layer(x[rows]), y[rows], reduction="none")

    best, history = (math.inf, -1, None), []
    for epoch in range(settings.epochs):
        optimiser.param_groups[0]["lr"] = rate / math.sqrt(1 + epoch / 3)
        order = np.random.default_rng([seed, 2**32 - 1, epoch]).permutation(n)
        for block in np.array_split(order, round(n * train.mean() / settings.batch_size)):
            rows = block[train[block]]
            optimiser.zero_grad()
            losses(rows).mean().backward()
            optimiser.step()
        with torch.no_grad():
            loss = float(losses(np.flatnonzero(test)).mean())
            outputs = layer(x).softmax(1).T.numpy()
        hit = outputs.argmax(0) == labels
        balanced = np.mean([hit[test & (labels == k)].mean() for k in np.unique(labels[test])])
        history.append((loss, hit[test].mean(), balanced))
        if loss < best[0]:
            best = (loss, epoch, outputs)
        elif epoch - best[1] >= settings.patience:
            break
    return best, np.array(history)


@pytest.mark.parametrize("weighted", [True, False])
def test_equals_a_plain_loop(data, weighted):
    features, labels = data
    rates, test = (0.01, 0.1), stratified_splits(labels, 3, 0.2, 1)
    settings = rules(weighted=weighted, rates=rates)
    trained = train_softmax(features, labels, test, settings, seed=7)
    outputs = predict_readout(features, trained.readout)
    assert outputs.shape == (3, CLASSES, IMAGES) and trained.readout.link == "softmax"
    for run in range(3):
        with one_thread(True):
            loops = [plain_loop(features, labels, test[run], settings, 7, run, rate) for rate in rates]
        chosen = int(np.argmin([best[0] for best, _ in loops]))
        (_, epoch, wanted), _ = loops[chosen]
        assert trained.learning_rate[run] == rates[chosen] and trained.epoch[run] == epoch
        assert np.abs(outputs[run] - wanted).max() < 1e-4
        for (_, history), rate in zip(loops, rates, strict=True):
            ours = trained.history[trained.history["split"] == "test"]
            ours = ours[(ours["run"] == run) & (ours["learning_rate"] == rate)]
            assert list(ours["epoch"]) == list(range(len(history)))
            scores = ours[["loss", "accuracy", "balanced_accuracy"]].to_numpy()
            assert np.abs(scores - history).max() < 1e-4
    assert outputs.max() > 0.8 and trained.history["accuracy"].max() > 0.6  # something was learnt


def test_classes_of_known_truth_are_found():
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.repeat(np.arange(3), 100))
    features = rng.normal(size=(300, 6)).astype(np.float32)
    features[np.arange(300), labels] += 6
    test = stratified_splits(labels, 2, 0.2, 0)
    trained = train_softmax(features, labels, test, rules(60, 10, rates=(0.1,)), seed=0)
    predicted = predict_readout(features, trained.readout).argmax(1)
    assert (predicted == labels).mean() > 0.97
    assert np.array_equal(
        predict_readout(features, trained.readout, 2), predict_readout(features, trained.readout)[:, 2]
    )


def test_two_classes_are_a_sigmoid_of_the_difference(data):
    features, labels = data
    labels = (labels > 0).astype(int)
    test = stratified_splits(labels, 2, 0.2, 1)
    settings = rules(200, 20, rates=(0.1,))
    trained = train_softmax(features, labels, test, settings, seed=5)
    outputs = predict_readout(features, trained.readout)
    assert np.abs(outputs.sum(1) - 1).max() < 1e-12
    weight, bias = trained.readout.weight, trained.readout.bias
    logit = (weight[:, 1] - weight[:, 0]).astype(float) @ features.T.astype(float) + (bias[:, 1] - bias[:, 0])[:, None]
    assert np.abs(outputs[:, 1] - 1 / (1 + np.exp(-logit))).max() < 1e-6
    for run in range(2):
        best = trained.history.query("run == @run and split == 'test' and epoch == @trained.epoch[@run]").iloc[0]
        mine = test[run]
        assert ((outputs[run, 1] > 0.5) == labels)[mine].mean() == pytest.approx(best["accuracy"])
        weights = image_weights(labels, test, True)[run]
        own = np.where(labels == 1, outputs[run, 1], outputs[run, 0])
        assert -(weights * np.log(own))[mine].mean() == pytest.approx(best["loss"], abs=1e-5)
    assert np.allclose(class_weights(labels, test, True), image_weights(labels, test, True), rtol=1e-14)


def test_early_stopping_keeps_the_best_epoch(data):
    features, labels = data
    test = stratified_splits(labels, 2, 0.2, 1)
    trained = train_softmax(features, labels, test, rules(60, 4, rates=(0.3, 0.03), batch_size=16), seed=2)
    stopped = 0
    for (run, rate), rows in trained.history[trained.history["split"] == "test"].groupby(["run", "learning_rate"]):
        best = int(rows["loss"].to_numpy().argmin())
        assert rows["epoch"].max() == min(best + 4, 59)
        stopped += best + 4 < 59
        if trained.learning_rate[run] == rate:
            assert trained.epoch[run] == best
    assert stopped >= 2, "nothing stopped early, so the test shows nothing"


def test_a_rate_that_diverges_leaves_the_others(data):
    features, labels = data
    test = stratified_splits(labels, 2, 0.2, 1)
    trained = train_softmax(features, labels, test, rules(10, rates=(1e36, 0.1)), seed=1)
    assert trained.learning_rate.tolist() == [0.1, 0.1] and np.isfinite(trained.readout.weight).all()
    alone = train_softmax(features, labels, test, rules(10, rates=(0.1,)), seed=1)
    assert np.abs(alone.readout.weight - trained.readout.weight).max() < 1e-4 * np.abs(alone.readout.weight).max()
    with pytest.raises(ModelError, match="No learning rate"):
        train_softmax(features, labels, test, rules(3, rates=(1e36,)), seed=1)


def test_features_in_a_file_and_in_small_pieces_give_the_same(data, tmp_path, monkeypatch):
    features, labels = data
    np.save(tmp_path / "features.npy", features)
    test = stratified_splits(labels, 2, 0.2, 1)
    whole = train_softmax(features, labels, test, rules(8), seed=1)
    again = train_softmax(features, labels, test, rules(8), seed=1)
    assert whole.readout.weight.tobytes() == again.readout.weight.tobytes() and whole.history.equals(again.history)
    monkeypatch.setattr(scaled_features, "PIECE_BYTES", 5 * 4 * FEATURES)
    parts = train_softmax(OnDisk(tmp_path / "features.npy"), labels, test, rules(8), seed=1)
    assert np.abs(parts.history["loss"] - whole.history["loss"]).max() < 1e-5
    each = predict_readout(OnDisk(tmp_path / "features.npy"), whole.readout, "predicted")
    assert np.abs(each - predict_readout(features, whole.readout).max(1)).max() < 1e-6


def test_heads_with_one_output_give_a_readout_too(data):
    features, labels = data
    labels = (labels > 0).astype(float)
    test = stratified_splits(labels, 2, 0.2, 1)
    settings = HeadSettings(5, 5, "sigmoid", learning_rates=(0.1,))
    heads = train_heads(features, labels, labels, test, settings, seed=1)
    assert heads.readout.link == "sigmoid" and heads.readout.weight.shape == (2, 1, FEATURES)
    assert np.array_equal(heads.readout.weight[:, 0], heads.weight) and heads.readout.weight.dtype == np.float32
    assert np.array_equal(heads.readout.bias[:, 0], heads.bias)


def test_what_cannot_be_learnt_is_refused(data):
    features, labels = data
    test = stratified_splits(labels, 2, 0.2, 1)
    for wrong in (labels + 1, labels + 0.5, np.where(labels == 2, 9, labels)):
        with pytest.raises(InputError, match="not numbers of classes"):
            train_softmax(features, wrong, test, rules(), seed=1)
    with pytest.raises(InputError, match="one kind"):
        train_softmax(features, labels * 0, test, rules(), seed=1)
    with pytest.raises(InputError, match="Run 1 cannot be trained"):
        train_softmax(features, labels, np.stack([test[0], labels == 1]), rules(), seed=1)
    with pytest.raises(InputError, match="do not belong together"):
        train_softmax(features[1:], labels, test, rules(), seed=1)
    with pytest.raises(ParameterError, match="one output"):
        train_softmax(features, labels, test, HeadSettings(), seed=1)
    with pytest.raises(ParameterError, match="several outputs"):
        train_heads(features, labels / 3, labels, test, rules(), seed=1)


def test_folds_hold_every_image_out_once_with_the_same_share_of_every_label():
    rng = np.random.default_rng(0)
    labels, groups = rng.choice(3, 203, p=[0.6, 0.3, 0.1]), np.arange(203)
    groups[100:103] = 5  # copies of image 5
    labels[100:103] = labels[5]
    test = stratified_folds(labels, 4, 0, groups)
    assert (test.sum(0) == 1).all() and np.array_equal(test, stratified_folds(labels, 4, 0, groups))
    assert (test[:, 100:103] == test[:, 5:6]).all()
    alone = np.setdiff1d(np.arange(203), [100, 101, 102])
    for label in range(3):
        counts = (test[:, alone] & (labels[alone] == label)).sum(1)
        assert counts.max() - counts.min() <= 1
    sizes = test[:, alone].sum(1)
    assert sizes.max() - sizes.min() <= 1
    assert not np.array_equal(test, stratified_folds(labels, 4, 1, groups))
    with pytest.raises(ParameterError, match="folds"):
        stratified_folds(labels, 1, 0)


def test_memory_grows_with_the_classes():
    assert heads_bytes(100, 1000, 2, 3, "disk", outputs=4) > 1.5 * heads_bytes(100, 1000, 2, 3, "disk")


def emotion_loop(features, labels, train, validation, settings, seed, run):
    """A readout of two outputs with torch.optim.Adam and cross_entropy; the epoch with the best validation loss."""
    deviation, mean = features[train].std(0), features[train].mean(0)
    live = deviation > 0
    x = np.where(live, (features - mean) / np.where(live, deviation, 1), 0) / math.sqrt(features.shape[1])
    x, y, n = torch.tensor(x), torch.tensor(labels), len(labels)
    drawn = np.random.default_rng([seed, run]).uniform(-1, 1, (2, features.shape[1] + 1)) / math.sqrt(features.shape[1])
    layer = torch.nn.Linear(features.shape[1], 2).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(drawn[:, :-1]))
        layer.bias.copy_(torch.tensor(drawn[:, -1]))
    optimiser = torch.optim.Adam(layer.parameters(), lr=settings.learning_rates[0])
    losses, outputs = [], []
    for epoch in range(settings.epochs):
        order = np.random.default_rng([seed, 2**32 - 1, epoch]).permutation(n)
        for block in np.array_split(order, round(n * train.mean() / settings.batch_size)):
            rows = block[train[block]]
            optimiser.zero_grad()
            functional.cross_entropy(layer(x[rows]), y[rows]).backward()
            optimiser.step()
        with torch.no_grad():
            losses.append(float(functional.cross_entropy(layer(x[validation]), y[validation])))
            outputs.append(layer(x).softmax(1).T.numpy())
    return int(np.argmin(losses)), outputs[int(np.argmin(losses))], losses


def test_several_emotions_and_splits_with_validation_equal_plain_loops(data):
    """METHODS 6: three emotions against the rest, each in three splits, in one batch of heads."""
    features, classes = data
    emotions = np.minimum(classes, 2)
    test = stratified_splits(emotions, 3, 0.25, 2)
    validation = validation_splits(emotions, test, 1 / 3, 2)
    runs = [(emotion, split) for emotion in range(3) for split in range(3)]
    labels = np.stack([(emotions == emotion).astype(int) for emotion, _ in runs])
    tests, validations = (np.stack([each[split] for _, split in runs]) for each in (test, validation))
    settings = HeadSettings(10, 10, "softmax", batch_size=32, learning_rates=(1e-2,), decay_epochs=None)
    trained = train_softmax(features, labels, tests, settings, seed=5, validation=validations)
    outputs = predict_readout(features, trained.readout)
    assert outputs.shape == (9, 2, IMAGES)
    for run in range(9):
        train = ~tests[run] & ~validations[run]
        with one_thread(True):
            epoch, wanted, losses = emotion_loop(
                features.astype(np.float64), labels[run], train, validations[run], settings, 5, run
            )
        assert trained.epoch[run] == epoch and np.abs(outputs[run] - wanted).max() < 1e-4
        own = trained.history[(trained.history["run"] == run) & (trained.history["split"] == "validation")]
        assert np.abs(own["loss"].to_numpy() - losses).max() < 1e-4
        hit = (wanted.argmax(0) == labels[run])[tests[run]]
        last = trained.history[(trained.history["run"] == run) & (trained.history["split"] == "test")]
        assert last["accuracy"].to_numpy()[epoch] == pytest.approx(hit.mean())
    assert len(trained.history) == 9 * 10 * 3


def test_labels_and_validation_of_other_runs_are_refused(data):
    features, classes = data
    test = stratified_splits(classes, 2, 0.2, 0)
    with pytest.raises(InputError, match="different runs"):
        train_softmax(features, np.stack([classes] * 3), test, rules(), 0)
    with pytest.raises(InputError, match="do not fit each other"):
        train_softmax(features, classes, test, rules(), 0, validation=test)
    alone = np.stack([classes == 0, np.where(test[1], classes == 0, False)]).astype(int)
    with pytest.raises(InputError, match="Run 1 cannot be trained"):
        train_softmax(features, alone, test, rules(), 0)
