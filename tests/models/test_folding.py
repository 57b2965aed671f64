from __future__ import annotations

import copy

import pytest
import torch
from kernels_reference import assert_close, images_for, untrained
from torch import nn

from o2b_helpers.models.fast.folding import FastLinear, fold_batch_norm, folded_twin

NAMES = ["alexnet", "resnet18", "resnet50", "squeezenet1_1", "densenet121", "googlenet"]


def _trained_looking(network):
    """Batch norms with statistics as after training; untrained ones do almost nothing."""
    twin = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(5)
    for _, stage in twin.stages:
        for part in stage.modules():
            if isinstance(part, nn.BatchNorm2d):
                size = part.running_mean.shape
                part.running_mean.copy_(torch.randn(size, generator=generator) * 0.1)
                part.running_var.copy_(torch.rand(size, generator=generator) + 0.5)
                with torch.no_grad():
                    part.weight.copy_(torch.rand(size, generator=generator) + 0.5)
    return twin


@pytest.mark.parametrize("name", NAMES)
def test_a_folded_network_computes_the_same_and_leaves_the_network_as_it_is(name):
    network = _trained_looking(untrained(name))
    images = images_for(network, 2)
    with torch.no_grad():
        maps = network.trunk(images, network.target_layers[0])
        before, kept = network.tail(maps, network.target_layers[0]), maps.clone()
        values = maps.clone()
        for stage in network.folded_stages_behind(network.target_layers[0]):
            values = stage(values)
        scale = float(before.abs().max())
        assert_close(values / scale, before / scale, 1e-5)
        assert torch.equal(network.tail(maps, network.target_layers[0]), before) and torch.equal(maps, kept)


def test_what_is_folded_is_the_pair():
    convolution, norm = nn.Conv2d(3, 5, 3, stride=2, bias=False), nn.BatchNorm2d(5).eval()
    norm.running_mean.uniform_(-1, 1), norm.running_var.uniform_(0.1, 3)
    images = torch.randn(2, 3, 9, 9)
    with torch.no_grad():
        assert_close(fold_batch_norm(convolution, norm)(images), norm(convolution(images)), 1e-5)
    twin = folded_twin(nn.Sequential(convolution, norm, nn.ReLU()).eval())
    assert not any(isinstance(part, nn.BatchNorm2d) for part in twin.modules())
    assert convolution.bias is None  # the module itself keeps its parts


def test_a_batch_norm_that_follows_no_convolution_stays():
    pair = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4)).eval()
    pair[1].running_mean.uniform_(-1, 1)
    images = torch.randn(2, 4, 5, 5)
    assert torch.equal(folded_twin(pair)(images), pair(images))


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer(bias):
    linear = nn.Linear(70, 33, bias=bias).requires_grad_(False)
    values = torch.randn(5, 140)[:, ::2]
    assert_close(FastLinear(linear)(values), linear(values), 1e-5)


def test_a_twin_that_differs_is_not_used(capsys):
    class Strange(nn.BatchNorm2d):
        pass

    network = _trained_looking(untrained("resnet18"))
    block = network.module.layer4[0]
    block.bn1.__class__ = Strange  # no longer the batch norm that is folded
    assert isinstance(folded_twin(network.module.layer4)[0].bn1, Strange)
    block.conv1.forward = lambda x: nn.Conv2d.forward(block.conv1, x) + 1  # a module that was changed by hand
    block.bn1.__class__ = nn.BatchNorm2d
    stages = network.folded_stages_behind("layer3")
    assert stages[0] is network.module.layer4 and stages[1] is not None
    assert "layer4 is computed as it stands" in capsys.readouterr().out
