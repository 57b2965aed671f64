from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from kernels_reference import (
    assert_close,
    full_forward_with_gain,
    images_for,
    readout_for,
    scaled,
    some_runs,
    untrained,
    whole_network,
)
from torch import nn
from torchvision.models.resnet import BasicBlock

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.kernels.lesions.single_filters import lesion_predictions
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import Architecture, register
from o2b_helpers.models.backbones.stages import FLATTEN, stages_of

ARCHITECTURES = [
    "toynet",
    "alexnet",
    "resnet18",
    "resnet50",
    "vgg16",
    "squeezenet1_1",
    "densenet121",
    "googlenet",
]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_equals_full_forward_passes_with_the_map_zeroed(name):
    """Every target layer, sampled filters, <= 1e-5: the whole network runs, and a hook zeroes the map."""
    network = untrained(name)
    count = 1 if name.startswith("vgg") else 2
    images, readout = images_for(network, count), readout_for(network, 2)
    with torch.no_grad():
        unit = float(network.features(images).abs().max())
    readout = scaled(readout, 1 / unit)  # outputs of about the size of a valence
    module = whole_network(network, readout)
    rng, largest = np.random.default_rng(0), 0.0
    for layer in network.target_layers:
        channels = rng.choice(network.shape(layer)[0], 2 if name.startswith("vgg") else 3, replace=False).tolist()
        actual = lesion_predictions(network, images, readout, layer, channels=channels)
        assert actual.shape == (2, len(channels), count) and actual.dtype == torch.float64
        for row, channel in enumerate(channels):
            wanted = full_forward_with_gain(module, images, layer, channel, 0.0).T
            assert_close(actual[:, row], wanted, 1e-5)
            with torch.no_grad():
                largest = max(largest, float((wanted - module(images).T).abs().max()))
    assert largest > 1e-4  # a lesion does something


@pytest.mark.parametrize("gain", [-0.5, 0.0, 0.5, 3.0])
@pytest.mark.parametrize("link", ["linear", "sigmoid"])
@pytest.mark.parametrize("block_bytes", [1, 2**28])
def test_any_gain_every_filter_of_toynet(gain, link, block_bytes):
    network = untrained("toynet")
    images, readout = images_for(network, 3), readout_for(network, 2, scale=3.0, link=link)
    module = whole_network(network, readout)
    for layer in network.target_layers:
        actual = lesion_predictions(network, images, readout, layer, gain=gain, block_bytes=block_bytes)
        for channel in range(network.shape(layer)[0]):
            wanted = full_forward_with_gain(module, images, layer, channel, gain).T
            wanted = torch.sigmoid(wanted) if link == "sigmoid" else wanted
            assert_close(actual[:, channel], wanted, 1e-5)


def test_a_negative_gain_does_not_pass_through_max_pooling_first():
    network = untrained("alexnet")
    images, readout = images_for(network, 1), readout_for(network, 1)
    module = whole_network(network, readout)
    for layer in ("features.1", "features.11"):
        actual = lesion_predictions(network, images, readout, layer, channels=[5, 6], gain=-2.0)
        for row, channel in enumerate([5, 6]):
            wanted = full_forward_with_gain(module, images, layer, channel, -2.0)
            assert_close(actual[:, row], wanted.T, 1e-5)


@pytest.mark.parametrize("layer", ["features.4", "features.7", "features.9"])
def test_what_changes_nothing_gives_the_whole_model_bit_for_bit(layer):
    network = untrained("toynet")
    images, readout = images_for(network, 4), readout_for(network, 2)
    with torch.no_grad():
        dead = [k for k in range(network.shape(layer)[0]) if not network.trunk(images, layer)[:, k].any()]
    # gain 1 for every filter; gain 0 for filters that never respond
    same = lesion_predictions(network, images, readout, layer, gain=1.0)
    assert (same == same[:, :1]).all()
    with torch.no_grad():
        whole = readout.outputs(network.features(images))
    assert_close(same[:, 0], whole, 1e-6)
    silenced = lesion_predictions(network, images, readout, layer, channels=dead + [0])
    assert torch.equal(silenced[:, : len(dead)], same[:, dead])


def test_a_dead_filter_is_bit_identical():
    network = untrained("toynet")
    images, readout = images_for(network, 4), readout_for(network, 2)
    convolution = network.module.get_submodule("features.3")
    kept = convolution.weight[7].clone(), convolution.bias[7].clone()
    try:
        with torch.no_grad():
            convolution.weight[7], convolution.bias[7] = 0.0, -1.0
        actual = lesion_predictions(network, images, readout, "features.4")
        base = lesion_predictions(network, images, readout, "features.4", channels=[7], gain=1.0)[:, 0]
    finally:
        with torch.no_grad():
            convolution.weight[7], convolution.bias[7] = kept
    assert torch.equal(actual[:, 7], base)
    assert not torch.equal(actual[:, 8], base)


def test_channels_in_the_order_asked_and_duplicates():
    network = untrained("toynet")
    images, readout = images_for(network, 2), readout_for(network, 2)
    every = lesion_predictions(network, images, readout, "features.7")
    some = lesion_predictions(network, images, readout, "features.7", channels=[9, 2, 9])
    assert_close(some, every[:, [9, 2, 9]], 1e-6)
    assert torch.equal(some[:, 0], some[:, 2])
    assert lesion_predictions(network, images, readout, "features.7", channels=[]).shape == (2, 0, 2)
    alone = lesion_predictions(network, images, some_runs(readout, [1]), "features.7")
    assert_close(alone.shape[0] == 1 and alone[0], every[1], 1e-9)


def test_a_saturated_sigmoid_keeps_stimuli_apart():
    network = untrained("toynet")
    images, readout = images_for(network, 6), readout_for(network, 1, link="sigmoid")
    readout = scaled(readout, 1, bias=torch.tensor([[20.0]]))
    actual = lesion_predictions(network, images, readout, "features.9")
    assert actual.max() < 1 and len(torch.unique(actual[0, 0])) == 6
    assert len(torch.unique(actual[0, 0].float())) < 6  # single precision would have tied them


def test_copies_stay_within_the_blocks():
    network = untrained("alexnet")
    images, readout = images_for(network, 5), readout_for(network, 1)
    largest = 4 * 192 * 27 * 27  # bytes of a copy behind the convolution that reads the layer's maps
    seen, features = [], network.features(images)
    hooks = [
        part.register_forward_hook(lambda _, __, result: seen.append(result.nbytes))
        for part in network.folded_stages_behind("features.1")[1:]
    ]
    try:
        for copies in (1, 3):
            seen.clear()
            half = 4 * copies * largest  # of the bound; an operation's input, output and two more of that size
            actual = lesion_predictions(
                network,
                images,
                readout,
                "features.1",
                channels=range(6),
                features=features,
                block_bytes=2 * half,
            )
            assert max(seen) <= copies * largest and len(seen) >= 12 / copies
    finally:
        for hook in hooks:
            hook.remove()
    assert actual.shape == (1, 6, 5)


def test_a_definition_of_ones_own_with_blocks_that_are_not_known():
    """A first step that is not known to be linear, a skip without a convolution, grouped filters: still exact."""

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.weigh = nn.Conv2d(6, 6, 1)

        def forward(self, x):
            return x * torch.sigmoid(self.weigh(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(inplace=True))
            self.odd, self.after = Odd(), nn.ReLU()
            self.block = BasicBlock(6, 6)
            self.grouped = nn.Sequential(nn.Conv2d(6, 12, 3, groups=3, dilation=2), nn.ReLU())
            self.normed = nn.Sequential(nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 8, 2, stride=2), nn.ReLU())
            self.pool, self.fc = nn.AdaptiveAvgPool2d(2), nn.Linear(32, 3)

        def forward(self, x):
            x = self.normed(self.grouped(self.block(self.after(self.odd(self.first(x))))))
            return self.fc(torch.flatten(self.pool(x), 1))

    names = ["first", "odd", "after", "block", "grouped", "normed", "pool"]
    layers = ("first", "after", "block", "grouped", "normed")
    definition = Architecture(
        "odd", Net, lambda m: stages_of(m, *names, FLATTEN), layers, Preprocessing(40, 32, (0.5,) * 3, (0.5,) * 3), "fc"
    )
    register(definition)
    network = load_backbone("odd", "untrained", seed=3)
    for part in network.module.modules():  # running statistics as after training, or batch norm does nothing
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.2, 2.0)
    images, readout = images_for(network, 3), readout_for(network, 2)
    module = whole_network(network, readout)
    for layer, gain in itertools.product(layers, (0.0, -1.0, 2.5)):
        actual = lesion_predictions(network, images, readout, layer, gain=gain, block_bytes=100_000)
        for channel in range(network.shape(layer)[0]):
            assert_close(actual[:, channel], full_forward_with_gain(module, images, layer, channel, gain).T, 1e-5)


def test_refuses_bad_input():
    network = untrained("toynet")
    images, readout = images_for(network, 2), readout_for(network, 2)
    with pytest.raises(InputError, match="no such filter"):
        lesion_predictions(network, images, readout, "features.4", channels=[0, 24])
    with pytest.raises(InputError, match="no such filter"):
        lesion_predictions(network, images, readout, "features.4", channels=[-1])
    with pytest.raises(ModelError, match="no such layer"):
        lesion_predictions(network, images, readout, "layer4")
    with pytest.raises(ParameterError, match="gain"):
        lesion_predictions(network, images, readout, "features.4", gain=float("nan"))
    with pytest.raises(ParameterError, match="block_bytes"):
        lesion_predictions(network, images, readout, "features.4", block_bytes=0)
    with pytest.raises(ParameterError, match="no such output"):
        lesion_predictions(network, images, readout, "features.4", output=1)
    with pytest.raises(InputError, match="not finite"):
        lesion_predictions(network, images / 0, readout, "features.4")
