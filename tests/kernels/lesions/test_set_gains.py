"""Sets of filters lesioned and strengthened: against full forward passes in which a hook changes the maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from kernels_reference import (
    assert_close,
    emotions_for,
    full_forward_with_gain,
    images_for,
    readout_for,
    scaled,
    untrained,
    whole_network,
)
from torch import nn

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.kernels.lesions.set_gains import set_gains
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import Architecture, register
from o2b_helpers.models.backbones.stages import FLATTEN, stages_of
from o2b_helpers.toyworld.backbone import TARGET_LAYERS, untrained_toynet

ALPHAS = [-1.0, 0.0, 0.1, 0.7, 2.5, 5.0]
# early, middle and late layers of large networks, whose full passes are slow
LAYERS = {
    "alexnet": ["features.1", "features.4", "features.7", "features.9", "features.11"],
    "resnet18": ["relu", "layer2", "layer4"],
    "vgg16": ["features.1", "features.15", "features.29"],
    "densenet121": ["features.relu0", "features.transition2.relu", "features.relu5"],
    "googlenet": ["conv1", "inception4c", "inception5b"],
    "squeezenet1_1": ["features.1", "features.7", "features.12"],
}


def given(network, count, readout):
    """Images, features, and the readout with values of about the size of a valence."""
    images = images_for(network, count)
    with torch.no_grad():
        features = network.features(images)
    return images, features, scaled(readout, 1 / float(features.abs().max()))


def maps_of(network, images, layer):
    with torch.no_grad():
        return network.trunk(images, layer)


def random_sets(rng, filters, sizes):
    """One set of each size, (set, filter)."""
    return np.stack([rng.permutation(filters) < size for size in sizes])


def check(network, images, features, readout, layer, sets, alphas, block_bytes=2**28):
    """Compare with full passes: relative to the largest value, as strengthened values are many times as large."""
    maps = maps_of(network, images, layer)
    kept, module = maps.clone(), whole_network(network, readout)
    result = set_gains(
        network, images, maps, features, readout, layer, sets, alphas, output="all", block_bytes=block_bytes
    )
    shape = readout.n_runs, readout.n_outputs
    assert result.shape == (*shape, len(sets), len(alphas), len(images)) and result.dtype == torch.float64
    for row, own in enumerate(sets):
        for column, alpha in enumerate(alphas):
            wanted = full_forward_with_gain(module, images, layer, np.flatnonzero(own), 1 + alpha).T.unflatten(0, shape)
            assert_close(result[:, :, row, column], wanted, 1e-5 * max(1.0, float(wanted.abs().max())))
    assert torch.equal(maps, kept)
    by_itself = set_gains(
        network, images, None, features, readout, layer, sets, alphas, output="all", block_bytes=block_bytes
    )
    assert_close(by_itself, result, 1e-6 * max(1.0, float(result.abs().max())))
    return result


@pytest.mark.parametrize(
    "name", ["toynet", "alexnet", "vgg16", "resnet18", "squeezenet1_1", "densenet121", "googlenet"]
)
def test_equals_full_passes(name):
    network, rng = untrained(name), np.random.default_rng(0)
    slow = name in LAYERS
    images, features, readout = given(network, 1 if slow else 2, readout_for(network, 2))
    alphas = [-1.0, 5.0] if slow else ALPHAS
    for layer in LAYERS.get(name, network.target_layers):
        filters = network.shape(layer)[0]
        sets = random_sets(rng, filters, [filters // 5] if slow else [1, filters // 5, filters])
        result = check(network, images, features, readout, layer, sets, alphas)
        assert float((result - readout.outputs(features)[:, None, None, None]).abs().max()) > 1e-4  # that must show


@pytest.mark.parametrize("link", ["linear", "sigmoid", "softmax"])
def test_several_runs_and_outputs_share_the_passes_in_blocks_of_any_size(link):
    network, rng = untrained("toynet"), np.random.default_rng(1)
    images, features, readout = given(network, 5, emotions_for(network, 3, 2))
    for layer in network.target_layers:
        sets = random_sets(rng, network.shape(layer)[0], [0, 2, 5, 5, 9])
        linear = check(network, images, features, replace(readout, link="linear"), layer, sets, ALPHAS, block_bytes=1)
        own, maps = replace(readout, link=link), maps_of(network, images, layer)
        every, predicted, second = (
            set_gains(network, images, maps, features, own, layer, torch.as_tensor(sets), ALPHAS, output=output)
            for output in ("all", "predicted", 1)
        )
        after = {"linear": lambda values: values, "sigmoid": torch.sigmoid, "softmax": lambda v: torch.softmax(v, 1)}
        assert_close(every, after[link](linear), 1e-6)
        assert torch.equal(second, every[:, 1])
        highest = readout.values(features).argmax(1)
        for run in range(3):
            for image in range(5):
                assert torch.equal(predicted[run, ..., image], every[run, highest[run, image], ..., image])


def test_what_changes_nothing_gives_the_whole_model_bit_for_bit():
    network = untrained("toynet")
    images, features, readout = given(network, 4, readout_for(network, 2))
    for layer in network.target_layers:
        maps = maps_of(network, images, layer)
        filters = maps.shape[1]
        live = maps.flatten(2).any(2)
        sets = np.zeros((2, filters), dtype=bool)
        sets[1, ~live[0].numpy()] = True  # empty in the first picture
        result = set_gains(network, images, maps, features, readout, layer, sets, [-1.0, 0.0, 3.0])
        whole = readout.outputs(features)
        assert torch.equal(result[:, 0], whole[:, None].expand(-1, 3, -1))
        assert torch.equal(result[:, 1, :, 0], whole[:, None, 0].expand(-1, 3))
        assert torch.equal(result[:, 1, 1], whole)


def test_images_that_cannot_be_told_apart_any_more_get_the_same_value():
    network = untrained("toynet")
    images, features, readout = given(network, 5, readout_for(network, 2))
    for layer in network.target_layers:
        every = np.ones((1, network.shape(layer)[0]), dtype=bool)
        result = set_gains(
            network, images, maps_of(network, images, layer), features, readout, layer, every, [-1.0, -0.5]
        )
        assert torch.equal(result[:, 0, 0], result[:, 0, 0, :1].expand(-1, 5))
        assert float((result[:, 0, 1] - result[:, 0, 1, :1]).abs().max()) > 1e-5


def test_pictures_without_any_response():
    network = untrained("toynet")
    images, features, readout = given(network, 2, readout_for(network, 2))
    layer = "features.4"
    maps = maps_of(network, images, layer)
    maps[1] = 0.0
    with torch.no_grad():
        features = network.tail(maps, layer)
    result = set_gains(network, images, maps, features, readout, layer, np.ones((1, 24), dtype=bool), [-1.0, 2.0])
    assert torch.equal(result[:, 0, :, 1], readout.outputs(features)[:, None, 1].expand(-1, 2))
    assert (result[:, 0, :, 0] != readout.outputs(features)[:, None, 0]).all()


def test_batch_norm_and_maximum_before_the_mixing_step():
    """A gain passes through pooling and ReLU, not through a batch norm and a ReLU behind it."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.ReLU())
            self.norm, self.relu, self.pool = nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)
            self.second = nn.Sequential(nn.Conv2d(6, 12, 3, dilation=2), nn.ReLU())
            self.mean, self.norm2 = nn.AvgPool2d(2), nn.BatchNorm2d(12)
            self.third = nn.Sequential(nn.Conv2d(12, 12, 3, groups=3), nn.ReLU())
            self.last_pool, self.fc = nn.AdaptiveMaxPool2d(2), nn.Linear(48, 3)

        def forward(self, x):
            x = self.pool(self.relu(self.norm(self.first(x))))
            return self.fc(torch.flatten(self.last_pool(self.third(self.norm2(self.mean(self.second(x))))), 1))

    names = ["first", "norm", "relu", "pool", "second", "mean", "norm2", "third", "last_pool"]
    layers = ("first", "pool", "second", "third")
    seen = Preprocessing(64, 64, (0.5,) * 3, (0.5,) * 3)
    register(Architecture("normed", Net, lambda m: stages_of(m, *names, FLATTEN), layers, seen, "fc"))
    network = load_backbone("normed", "untrained", seed=3)
    for part in network.module.modules():  # running statistics as after training, or batch norm does nothing
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.2, 2.0)
            part.bias.data.uniform_(-1.0, 1.0)
    images, features, readout = given(network, 3, readout_for(network, 2))
    rng = np.random.default_rng(2)
    for layer in layers:
        sets = random_sets(rng, network.shape(layer)[0], [1, 3, network.shape(layer)[0]])
        for block_bytes in (1, 2**28):
            check(network, images, features, readout, layer, sets, ALPHAS, block_bytes)


def test_a_network_that_cannot_be_resumed_runs_as_a_whole():
    register(
        Architecture(
            name="toynet_hooked",
            build=untrained_toynet,
            stages=None,
            target_layers=TARGET_LAYERS,
            preprocessing=untrained("toynet").preprocessing,
            last_layer="classifier",
        )
    )
    network = load_backbone("toynet_hooked", "untrained")
    assert not network.splits
    images, features, readout = given(network, 3, readout_for(network, 2))
    sets = random_sets(np.random.default_rng(3), 24, [0, 4, 24])
    check(network, images, features, readout, "features.4", sets, ALPHAS, block_bytes=1)


def test_no_sets_and_no_alphas():
    network = untrained("toynet")
    images, features, readout = given(network, 2, readout_for(network, 2))
    maps = maps_of(network, images, "features.7")
    empty = set_gains(network, images, maps, features, readout, "features.7", np.zeros((0, 32), dtype=bool), [1.0])
    assert empty.shape == (2, 0, 1, 2)
    none = set_gains(network, images, maps, features, readout, "features.7", np.ones((1, 32), dtype=bool), [])
    assert none.shape == (2, 1, 0, 2)


def test_refuses_bad_input():
    network = untrained("toynet")
    images, features, readout = given(network, 2, readout_for(network, 2))
    maps, sets = maps_of(network, images, "features.4"), np.ones((1, 24), dtype=bool)

    def run(layer="features.4", **changes):
        kwargs = {"maps": maps, "features": features, "readout": readout, "sets": sets, "alphas": [1.0]} | changes
        set_gains(network, images, layer=layer, **kwargs)

    with pytest.raises(InputError, match=r"not sets of the filters of features\.4"):
        run(sets=np.ones((1, 25), dtype=bool))
    with pytest.raises(InputError, match="bool"):
        run(sets=np.ones((1, 24)))
    with pytest.raises(InputError, match=r"not maps of features\.7"):
        run("features.7")
    with pytest.raises(ParameterError, match="-1 or more"):
        run(alphas=[0.0, -1.5])
    with pytest.raises(ParameterError, match="finite"):
        run(alphas=[float("nan")])
    with pytest.raises(ParameterError, match="block_bytes"):
        run(block_bytes=0)
    with pytest.raises(InputError, match="not finite"):
        run(maps=maps / 0)
    with pytest.raises(ParameterError, match="no such output"):
        run(output=1)
