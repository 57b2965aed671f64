"""LIFT-CAM: against Captum's LayerDeepLift, and the shares add up."""

from __future__ import annotations

import copy

import pytest
import torch
from captum.attr import LayerDeepLift
from kernels_reference import assert_close, balanced, emotions_for, images_for, untrained
from torch import nn

from o2b_helpers.kernels.cams.lift_cam import lift_cam, lift_shares


def given(name, count=2):
    network = untrained(name)
    images = images_for(network, count)
    with torch.no_grad():
        features = network.features(images)
    readout = emotions_for(network, 2, 3, 3 / float(features.abs().max()))
    return network, images, balanced(readout, features) if count > 1 else readout


def tail_module(network, layer, readout):
    """Maps to linear values (image, run * output); the first module gives the maps back."""
    head = nn.Linear(readout.n_features, readout.n_runs * readout.n_outputs)
    with torch.no_grad():
        head.weight.copy_(torch.as_tensor(readout.weight).flatten(0, 1))
        head.bias.copy_(torch.as_tensor(readout.bias).flatten())
    stages = [copy.deepcopy(stage) for stage in network.stages_behind(layer)]
    module = nn.Sequential(nn.Identity(), *stages, head)
    for part in module.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    return module


def captum_shares(network, images, readout, layer, row):
    """Shares (image, filter) of one output by Captum, and by how much they miss the output."""
    module = tail_module(network, layer, readout)
    with torch.no_grad():
        maps = network.trunk(images, layer)
        change = module(maps)[:, row] - module(torch.zeros_like(maps))[:, row]
    oracle = LayerDeepLift(module, module[0])
    shares = oracle.attribute(maps, torch.zeros_like(maps), target=row).detach().sum((2, 3))
    return shares, float((shares.sum(1) - change).abs().max() / change.abs().max())


@pytest.mark.parametrize(
    ("name", "layer", "theirs"),
    [
        ("toynet", "features.9", "features.9"),
        ("toynet", "features.7", "features.7"),
        ("resnet18", "layer4", "layer4"),
        ("vgg16", "features.29", "features.29"),
        ("alexnet", "features.11", "features.12"),  # a pooling keeps filters apart: a filter's share is that behind it
    ],
)
def test_shares_equal_captum(name, layer, theirs):
    """The last layer of convolutions, and one behind which another convolution stands: <= 1e-4."""
    network, images, readout = given(name, 1 if name == "vgg16" else 2)
    _, every, _ = lift_shares(network, images, readout, layer, "all")
    for row in range(6):
        shares, missing = captum_shares(network, images, readout, theirs, row)
        assert missing < 1e-4
        size = float(shares.abs().max())
        assert size > 0
        assert_close(every[row // 3, row % 3], shares, 1e-4 * size)


def test_captum_loses_shares_where_poolings_overlap():
    """AlexNet's poolings of 3 x 3 stand 2 apart; Captum then keeps one of two windows' shares in a place."""
    network, images, readout = given("alexnet")
    assert captum_shares(network, images, readout, "features.11", 0)[1] > 0.01


@pytest.mark.parametrize("name", ["toynet", "alexnet", "resnet18"])
def test_shares_add_up_at_every_layer(name):
    """Output minus output for maps of 0; a residual network's blocks pass one ReLU twice."""
    network, images, readout = given(name)
    for layer in network.target_layers:
        maps, shares, features = lift_shares(network, images, readout, layer, "all")
        with torch.no_grad():
            zero = network.tail(torch.zeros_like(maps), layer)
        change = readout.values(features) - readout.values(zero)
        assert_close(shares.sum(3), change, 1e-4 * float(change.abs().max()))


@pytest.mark.parametrize(("name", "layer"), [("toynet", "features.9"), ("alexnet", "features.11")])
def test_one_output_is_its_row_of_all(name, layer):
    network, images, readout = given(name)
    _, every, features = lift_shares(network, images, readout, layer, "all")
    size = float(every.abs().max())
    assert_close(lift_shares(network, images, readout, layer, 2)[1], every[:, 2], 1e-6 * size)
    _, highest, _ = lift_shares(network, images, readout, layer)
    predicted = readout.values(features).argmax(1)
    assert len(predicted.unique()) > 1
    for run in range(2):
        for image in range(2):
            assert_close(highest[run, image], every[run, predicted[run, image], image], 1e-6 * size)


def test_cams_are_the_positive_part_of_the_weighted_sum():
    network, images, readout = given("alexnet")
    maps, shares, _ = lift_shares(network, images, readout, "features.11", 0)
    cams = lift_cam(network, images, readout, "features.11", 0)
    wanted = torch.einsum("ric,ichw->rihw", shares, maps.double()).clamp(min=0)
    assert_close(cams.maps, wanted, 1e-5 * float(wanted.max()))
    assert float(wanted.max()) > 0
