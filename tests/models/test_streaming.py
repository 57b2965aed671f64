"""Features in memory, in a file, or computed anew in every pass: the same heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.fast.matrix_product import one_thread, product
from o2b_helpers.models.heads import scaled_features
from o2b_helpers.models.heads.feature_places import choose_place, heads_bytes
from o2b_helpers.models.heads.feature_sources import InMemory, OnDisk, Streamed, as_source
from o2b_helpers.models.heads.features import layer_features
from o2b_helpers.models.heads.split_ranks import split_ranks
from o2b_helpers.models.heads.training import HeadSettings, predict, stratified_splits, train_heads

RULES = HeadSettings(6, 3, "sigmoid", True, batch_size=8, learning_rates=(0.003, 0.03))


def study(backbone, layer, folder, images=26):
    """Images whose brightness explains the labels; all three sources of their features at a layer."""
    size = backbone.preprocessing.crop
    rng = np.random.default_rng(0)
    ratings = rng.normal(size=images)
    generator = torch.Generator().manual_seed(0)
    pictures = (
        torch.randn(images, 3, size, size, generator=generator) + torch.tensor(ratings).float()[:, None, None, None]
    )
    file = folder / "features.npy"
    kept = layer_features(backbone, pictures, [layer], batch_size=8)[layer]
    layer_features(backbone, pictures, [layer], batch_size=8, files={layer: file})
    sources = {"memory": InMemory(kept), "disk": OnDisk(file), "stream": Streamed(backbone, pictures, layer, 8)}
    return kept, sources, (ratings > 0).astype(float), ratings


@pytest.mark.parametrize(("name", "layer"), [("toynet", None), ("toynet", "last"), ("alexnet", "features.1")])
def test_all_sources_give_the_same_heads(name, layer, tmp_path):
    backbone = load_backbone(name, "untrained")
    layer = {None: backbone.target_layers[0], "last": backbone.stages[-1][0]}.get(layer, layer)
    raw, sources, labels, ratings = study(backbone, layer, tmp_path)
    test = stratified_splits(labels, 2, 0.25, 0)
    trained = {kind: train_heads(source, labels, ratings, test, RULES, 3) for kind, source in sources.items()}
    sources["memory"] = InMemory(raw)  # training leaves a source of its own centred
    for kind in ("disk", "stream"):
        assert trained[kind].epoch.tolist() == trained["memory"].epoch.tolist()
        assert trained[kind].learning_rate.tolist() == trained["memory"].learning_rate.tolist()
        scores = [trained[item].history[["mae", "loss"]].to_numpy() for item in (kind, "memory")]
        assert np.abs(scores[0] - scores[1]).max() < 1e-6
        predictions = [
            predict(sources[item], trained[item].weight, trained[item].bias, "sigmoid") for item in (kind, "memory")
        ]
        assert np.abs(predictions[0] - predictions[1]).max() < 1e-6
    assert np.ptp(predictions[0]) > 0.05, "the heads predict the same for all images, so the test shows nothing"


def test_features_in_small_pieces_give_the_same_heads(tmp_path, monkeypatch):
    backbone = load_backbone("toynet", "untrained")
    raw, sources, labels, ratings = study(backbone, backbone.target_layers[0], tmp_path)
    test = stratified_splits(labels, 2, 0.25, 0)
    whole = train_heads(raw, labels, ratings, test, RULES, 3)
    monkeypatch.setattr(scaled_features, "PIECE_BYTES", 3 * 4 * raw.shape[1])
    for source in sources.values():
        parts = train_heads(source, labels, ratings, test, RULES, 3)
        assert np.abs(parts.history["loss"] - whole.history["loss"]).max() < 1e-6
        assert np.array_equal(parts.epoch, whole.epoch)


def test_the_backbone_runs_once_per_epoch(tmp_path):
    backbone = load_backbone("toynet", "untrained")
    layer = backbone.target_layers[1]
    _, sources, labels, ratings = study(backbone, layer, tmp_path)
    seen = []
    backbone.stages[0][1].register_forward_hook(lambda module, given, _: seen.append(len(given[0])))
    settings = HeadSettings(5, 5, batch_size=8)
    test = stratified_splits(labels, 3, 0.25, 0)
    trained = train_heads(sources["stream"], labels, ratings, test, settings, 3)
    assert trained.history["epoch"].max() == 4
    # one pass measures the features, one for each epoch, and one scores the last
    assert sum(seen) == (1 + 5 + 1) * len(labels)


def test_pictures_that_are_read_by_number_give_the_same():
    backbone = load_backbone("toynet", "untrained")
    rng, layer = np.random.default_rng(2), backbone.target_layers[0]
    batch = torch.randn(11, 3, 96, 96, generator=torch.Generator().manual_seed(0))

    class ByNumber:
        def __len__(self):
            return len(batch)

        def pick(self, rows):
            return batch[list(rows)]

    order, bounds = rng.permutation(11), [(0, 5), (5, 6), (6, 11)]
    for images in (batch, ByNumber()):
        source = Streamed(backbone, images, layer, 3)
        room = torch.empty(5, source.shape[1])
        read = torch.cat([part.clone() for part in source.read(order, bounds, room)])
        expected = backbone.trunk(batch, layer).flatten(1)[order]
        assert torch.allclose(read, expected, rtol=1e-5, atol=1e-5)


def test_a_picture_that_cannot_be_read_stops_a_pass():
    class Broken:
        def __len__(self):
            return 1

        def pick(self, rows):
            raise InputError("not a picture", expected="a picture", remedy="replace it")

    backbone = load_backbone("toynet", "untrained")
    source = Streamed(backbone, Broken(), backbone.target_layers[0], 3)
    with pytest.raises(InputError, match="not a picture"):
        list(source.read(np.array([0]), [(0, 1)], torch.empty(1, source.shape[1])))


def test_a_file_that_holds_no_features_is_refused(tmp_path):
    for array in (np.zeros((3, 4)), np.zeros(5, np.float32), np.asfortranarray(np.zeros((3, 4), np.float32))):
        np.save(tmp_path / "other.npy", array)
        with pytest.raises(InputError, match="does not hold features"):
            OnDisk(tmp_path / "other.npy")


def test_arrays_become_sources(tmp_path):
    array = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.save(tmp_path / "features.npy", array)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    assert isinstance(as_source(mapped), OnDisk) and isinstance(as_source(mapped[1:]), InMemory)
    assert np.array_equal(as_source(mapped[1:]).values, array[1:])
    own = InMemory(array, overwrite=True)
    own.values += 1
    assert array[0, 0] == 1.0, "overwrite means that the array itself is used"
    copied = InMemory(array)
    copied.values += 1
    assert array[0, 0] == 1.0


def test_scores_come_from_one_sort():
    rng = np.random.default_rng(0)
    predictions = rng.normal(size=(6, 40)).astype(np.float32)
    predictions[1] = np.round(predictions[1])
    predictions[2] = 0.5
    predictions[3, :20] = 0
    test = rng.random((6, 40)) < 0.3
    test[4], test[5, 1:] = predictions[4] > 0.5, True
    others = rng.normal(size=(6, 40))
    products, squares = split_ranks(predictions, test, others)
    for head, item in enumerate(predictions):
        for split, part in enumerate((~test[head], test[head])):
            ranks = rankdata(item[part]) - (part.sum() + 1) / 2
            assert products[split, head] == pytest.approx(ranks @ others[head][part], abs=1e-10)
            assert squares[split, head] == ranks @ ranks


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 7, 5), (30, 85, 512), (30, 1, 4097)])
def test_product(shape):
    rows, columns, inner = shape
    generator = torch.Generator().manual_seed(0)
    a = torch.randint(-8, 9, (rows, inner), generator=generator).float()
    b = torch.randint(-8, 9, (columns, inner), generator=generator).float()
    expected = a.double() @ b.double().T  # small whole numbers: every order of summing gives the same
    for left in (a, a.T.contiguous().T):
        for right in (b, b.T.contiguous().T):
            assert torch.equal(product(left, right).double(), expected)


def test_small_steps_take_one_thread_and_give_the_others_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread(False):
            assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError), one_thread(True):
            assert torch.get_num_threads() == 1
            raise ZeroDivisionError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_first_place_that_fits_is_chosen(tmp_path):
    many = 2000, 193_600, 5, 3
    needed = {place: heads_bytes(*many, place) for place in ("memory", "disk", "stream")}
    assert needed["memory"] - needed["disk"] == 4 * 2000 * 193_600 and needed["disk"] == needed["stream"]
    assert choose_place("auto", *many, 2 * needed["memory"], tmp_path) == "memory"
    assert choose_place("auto", *many, needed["disk"], tmp_path) == "disk"
    assert choose_place("auto", 10**9, *many[1:], needed["disk"], tmp_path) == "stream"
    assert choose_place("stream", *many, 2 * needed["memory"], tmp_path) == "stream"
    with pytest.raises(ParameterError, match="not kept there"):
        choose_place("cloud", *many, 0, tmp_path)
