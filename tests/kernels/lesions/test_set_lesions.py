from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from kernels_reference import assert_close, images_for, readout_for, scaled, untrained, whole_network

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.lesions.set_lesions import predictions_without
from o2b_helpers.kernels.lesions.single_filters import lesion_predictions
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import Architecture, register
from o2b_helpers.toyworld.backbone import TARGET_LAYERS, untrained_toynet


def forward_without(module, images, layer, channels):
    """Predictions (run, image) of a full forward pass in which a hook sets several maps to zero."""

    def silence(_, __, maps):
        maps = maps.clone()
        maps[:, channels] = 0.0
        return maps

    hook = module.get_submodule(layer).register_forward_hook(silence)
    try:
        with torch.no_grad():
            return module(images).T
    finally:
        hook.remove()


def given(network, count, runs=2):
    images, readout = images_for(network, count), readout_for(network, runs)
    with torch.no_grad():
        features = network.features(images)
    return images, features, scaled(readout, 1 / float(features.abs().max()))


@pytest.mark.parametrize("name", ["toynet", "alexnet", "resnet18", "squeezenet1_1", "densenet121", "googlenet"])
def test_equals_a_full_forward_pass_with_the_maps_zeroed(name):
    network = untrained(name)
    images, features, readout = given(network, 2)
    module, rng = whole_network(network, readout), np.random.default_rng(0)
    for layer in network.target_layers:
        with torch.no_grad():
            maps = network.trunk(images, layer)
        kept = maps.clone()
        for size in (1, 3, maps.shape[1]):
            channels = rng.choice(maps.shape[1], size, replace=False).tolist()
            result = predictions_without(network, images, maps, features, readout, layer, channels)
            assert result.shape == (2, 2) and result.dtype == torch.float64
            assert_close(result, forward_without(module, images, layer, channels), 1e-5)
        assert torch.equal(maps, kept)
        # all filters gone: that must show
        assert float((result - readout.outputs(features)).abs().max()) > 1e-4


def test_one_filter_is_what_the_lesion_kernel_gives_and_none_is_the_whole_model():
    network = untrained("toynet")
    images, features, readout = given(network, 5)
    for layer, link in zip(network.target_layers, ["linear", "sigmoid"] * 2, strict=True):
        with torch.no_grad():
            maps = network.trunk(images, layer)
        readout = replace(readout, link=link)
        wanted = lesion_predictions(network, images, readout, layer)
        for channel in range(maps.shape[1]):
            result = predictions_without(network, images, maps, features, readout, layer, [channel, channel])
            assert_close(result, wanted[:, channel], 1e-6)
        none = predictions_without(network, images, maps, features, readout, layer, [])
        assert torch.equal(none, readout.outputs(features))


def test_a_network_that_cannot_be_resumed_runs_as_a_whole():
    register(
        Architecture(
            name="toynet_by_hooks",
            build=untrained_toynet,
            stages=None,
            target_layers=TARGET_LAYERS,
            preprocessing=untrained("toynet").preprocessing,
            last_layer="classifier",
        )
    )
    network = load_backbone("toynet_by_hooks", "untrained")
    assert not network.splits
    images, features, readout = given(network, 3)
    module = whole_network(network, readout)
    with torch.no_grad():
        maps = network.trunk(images, "features.4")
    result = predictions_without(network, images, maps, features, readout, "features.4", [1, 5, 9])
    assert_close(result, forward_without(module, images, "features.4", [1, 5, 9]), 1e-5)


def test_what_does_not_fit_is_refused():
    network = untrained("toynet")
    images, features, readout = given(network, 1)
    with torch.no_grad():
        maps = network.trunk(images, "features.4")
    with pytest.raises(InputError, match="24"):
        predictions_without(network, images, maps, features, readout, "features.4", [3, 24])
    with pytest.raises(InputError, match=r"not maps of features\.7"):
        predictions_without(network, images, maps, features, readout, "features.7", [3])
    maps[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="not finite"):
        predictions_without(network, images, maps, features, readout, "features.4", [3])
