"""Ablation-CAM: against hooked full passes, and where pytorch-grad-cam's own is a true lesion, against that."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from kernels_reference import (
    assert_close,
    balanced,
    emotions_for,
    full_forward_with_gain,
    images_for,
    scaled,
    some_runs,
    untrained,
    whole_network,
)
from pytorch_grad_cam import AblationCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from o2b_helpers.kernels.cam_methods.ablation_cam import ablation_cam, ablation_weights
from o2b_helpers.kernels.cams.class_cams import grad_cam_weights

RUNS, OUTPUTS = 2, 3


def given(name):
    network = untrained(name)
    images = images_for(network, 2)
    with torch.no_grad():
        features = network.features(images)
    readout = scaled(emotions_for(network, RUNS, OUTPUTS), 3 / float(features.abs().max()))
    return network, images, balanced(readout, features)


def plain(module, images, layer, channel, gain, before_link):
    values = full_forward_with_gain(module, images, layer, channel, gain).unflatten(1, (RUNS, OUTPUTS)).double()
    return (values if before_link else values.softmax(2)).permute(1, 2, 0)


@pytest.mark.parametrize("before_link", [True, False])
@pytest.mark.parametrize("name", ["toynet", "alexnet", "resnet18"])
def test_weights_equal_full_passes(name, before_link):
    """First and last target layer, sampled filters, all outputs: <= 1e-5."""
    network, images, readout = given(name)
    module, rng = whole_network(network, readout), np.random.default_rng(0)
    for layer in (network.target_layers[-2], network.target_layers[-1]):
        maps, every, features = ablation_weights(network, images, readout, layer, "all", before_link=before_link)
        assert every.shape == (RUNS, OUTPUTS, 2, maps.shape[1])
        whole = plain(module, images, layer, 0, 1.0, before_link)
        largest = 0.0
        for channel in rng.choice(maps.shape[1], 6, replace=False).tolist():
            without = plain(module, images, layer, channel, 0.0, before_link)
            # an output near 0 would enlarge what single precision rounds; it is compared in units of the output
            assert_close(every[..., channel] * whole.abs(), whole - without, 1e-5)
            big = whole.abs() > 0.2
            assert_close(every[..., channel][big], ((whole - without) / whole.abs())[big], 1e-5)
            largest = max(largest, float(every[..., channel].abs().max()))
        assert largest > 1e-4
        highest = every.gather(1, readout.values(features).argmax(1)[:, None, :, None].expand(-1, 1, -1, maps.shape[1]))
        predicted = ablation_weights(network, images, readout, layer, before_link=before_link)[1]
        assert_close(predicted, highest[:, 0], 1e-12)


@pytest.mark.parametrize("name", ["toynet", "resnet18"])
def test_behind_averages_it_is_gradient_times_mean(name):
    """The closed form: only pooling and a linear readout follow."""
    network, images, readout = given(name)
    layer = network.target_layers[-1]
    maps, weights, features = ablation_weights(network, images, readout, layer, "all")
    if name == "resnet18":
        _, gradients, _ = grad_cam_weights(network, images, readout, layer, "all")
        wanted = gradients * maps.sum((2, 3)).double() / readout.values(features).abs()[..., None]
    else:  # nine averages of each filter
        shares = torch.as_tensor(readout.weight)[:, :, None].double() * features.double()
        wanted = shares.unflatten(3, (48, 9)).sum(4) / readout.values(features).abs()[..., None]
    assert_close(weights, wanted, 1e-5 * float(wanted.abs().max()))


def test_an_output_below_zero_does_not_turn_the_map_over():
    network, images, readout = given("toynet")
    _, weights, features = ablation_weights(network, images, readout, "features.9", "all")
    _, minus, _ = ablation_weights(network, images, scaled(readout, -1.0, bias=-readout.bias), "features.9", "all")
    assert bool((readout.values(features) < 0).any())
    assert_close(minus, -weights, 1e-6 * float(weights.abs().max()))


def test_cams_equal_pytorch_grad_cam_where_it_sets_maps_to_zero():
    """Behind a ReLU with silent units in every picture its ablation is a lesion; outputs above 0."""
    network, images, readout = given("toynet")
    readout = some_runs(readout, [0])
    lift = torch.as_tensor(readout.bias) + 0.2  # not much, or rounding of the output hides what a filter does to it
    readout = scaled(readout, 1.0, bias=lift)
    layer = "features.9"
    ours = ablation_cam(network, images, readout, layer, 1).maps[0]
    module = deepcopy(whole_network(network, readout)).double()  # its rounding is larger than what is allowed
    assert bool((network.trunk(images, layer).amin((1, 2, 3)) == 0).all())
    with AblationCAM(module, [module.get_submodule(layer)]) as cam:
        targets = [ClassifierOutputTarget(1)] * 2
        module_maps = network.trunk(images, layer)
        theirs = cam.get_cam_weights(images.double(), module.get_submodule(layer), targets, module_maps.double(), None)
    _, weights, _ = ablation_weights(network, images, readout, layer, 1)
    assert_close(weights[0], theirs, 1e-5)
    wanted = (torch.as_tensor(theirs)[:, :, None, None] * module_maps).sum(1).clamp(min=0)
    assert_close(ours, wanted, 1e-4 * float(wanted.max()))


def test_pytorch_grad_cam_is_no_lesion_where_no_unit_is_silent():
    """What the docstring says: maps above 0 everywhere are set to a huge negative value, not to 0."""
    network, images, readout = given("toynet")
    module = whole_network(network, readout)
    layer = module.get_submodule("features.9")
    hook = layer.register_forward_hook(lambda _, __, maps: maps + 1.0)
    try:
        with AblationCAM(module, [layer]) as cam:
            maps = network.trunk(images, "features.9") + 1.0
            theirs = cam.get_cam_weights(images, layer, [ClassifierOutputTarget(0)] * 2, maps, None)
    finally:
        hook.remove()
    assert np.abs(theirs).max() > 1e4
