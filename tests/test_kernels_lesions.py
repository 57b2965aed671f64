from __future__ import annotations

import numpy as np
import pytest
import torch
from kernels_reference import assert_close, full_forward_with_gain, heads_for, images_for, untrained, whole_network

from o2b_helpers.errors import InputError, ModelError, ParameterError
from o2b_helpers.kernels import head_outputs, lesion_predictions

ARCHITECTURES = ["toynet", "alexnet", "resnet18", "vgg16", "squeezenet1_1", "densenet121", "googlenet"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_equals_full_forward_passes_with_the_map_zeroed(name):
    """Every target layer, sampled filters, <= 1e-5: the whole network runs, and a hook zeroes the map."""
    network = untrained(name)
    count = 1 if name == "vgg16" else 2
    images, (weight, bias) = images_for(network, count), heads_for(network, 2)
    with torch.no_grad():
        unit = float(network.features(images).abs().max())
    weight = weight / unit  # outputs of about the size of a valence
    module = whole_network(network, weight, bias)
    rng, largest = np.random.default_rng(0), 0.0
    for layer in network.target_layers:
        channels = rng.choice(network.shape(layer)[0], 2 if name == "vgg16" else 3, replace=False).tolist()
        found = lesion_predictions(network, images, weight, bias, layer, channels=channels)
        assert found.shape == (2, len(channels), count) and found.dtype == torch.float64
        for row, channel in enumerate(channels):
            wanted = full_forward_with_gain(module, images, layer, channel, 0.0).T
            assert_close(found[:, row], wanted, 1e-5)
            with torch.no_grad():
                largest = max(largest, float((wanted - module(images).T).abs().max()))
    assert largest > 1e-4  # a lesion does something


@pytest.mark.parametrize("gain", [-0.5, 0.0, 0.5, 3.0])
@pytest.mark.parametrize("output", ["linear", "sigmoid"])
@pytest.mark.parametrize("block_bytes", [1, 2**28])
def test_any_gain_every_filter_of_toynet(gain, output, block_bytes):
    network = untrained("toynet")
    images, (weight, bias) = images_for(network, 3), heads_for(network, 2, scale=3.0)
    module = whole_network(network, weight, bias)
    for layer in network.target_layers:
        found = lesion_predictions(
            network, images, weight, bias, layer, gain=gain, output=output, block_bytes=block_bytes
        )
        for channel in range(network.shape(layer)[0]):
            wanted = full_forward_with_gain(module, images, layer, channel, gain).T
            wanted = torch.sigmoid(wanted) if output == "sigmoid" else wanted
            assert_close(found[:, channel], wanted, 1e-5)


def test_a_negative_gain_does_not_pass_through_max_pooling_first():
    network = untrained("alexnet")
    images, (weight, bias) = images_for(network, 1), heads_for(network, 1)
    module = whole_network(network, weight, bias)
    for layer in ("features.1", "features.11"):
        found = lesion_predictions(network, images, weight, bias, layer, channels=[5, 6], gain=-2.0)
        for row, channel in enumerate([5, 6]):
            wanted = full_forward_with_gain(module, images, layer, channel, -2.0)
            assert_close(found[:, row], wanted.T, 1e-5)


@pytest.mark.parametrize("layer", ["features.4", "features.7", "features.9"])
def test_what_changes_nothing_gives_the_whole_model_bit_for_bit(layer):
    network = untrained("toynet")
    images, (weight, bias) = images_for(network, 4), heads_for(network, 2)
    with torch.no_grad():
        dead = [k for k in range(network.shape(layer)[0]) if not network.trunk(images, layer)[:, k].any()]
    # gain 1 for every filter; gain 0 for filters that never respond
    same = lesion_predictions(network, images, weight, bias, layer, gain=1.0)
    assert (same == same[:, :1]).all()
    with torch.no_grad():
        whole = head_outputs(network.features(images), weight, bias)
    assert_close(same[:, 0], whole, 1e-6)
    silenced = lesion_predictions(network, images, weight, bias, layer, channels=dead + [0])
    assert torch.equal(silenced[:, : len(dead)], same[:, dead])


def test_a_dead_filter_is_bit_identical():
    network = untrained("toynet")
    images, (weight, bias) = images_for(network, 4), heads_for(network, 2)
    convolution = network.module.get_submodule("features.3")
    kept = convolution.weight[7].clone(), convolution.bias[7].clone()
    try:
        with torch.no_grad():
            convolution.weight[7], convolution.bias[7] = 0.0, -1.0
        found = lesion_predictions(network, images, weight, bias, "features.4")
        base = lesion_predictions(network, images, weight, bias, "features.4", channels=[7], gain=1.0)[:, 0]
    finally:
        with torch.no_grad():
            convolution.weight[7], convolution.bias[7] = kept
    assert torch.equal(found[:, 7], base)
    assert not torch.equal(found[:, 8], base)


def test_channels_in_the_order_asked_and_duplicates():
    network = untrained("toynet")
    images, (weight, bias) = images_for(network, 2), heads_for(network, 2)
    every = lesion_predictions(network, images, weight, bias, "features.7")
    some = lesion_predictions(network, images, weight, bias, "features.7", channels=[9, 2, 9])
    assert_close(some, every[:, [9, 2, 9]], 1e-6)
    assert torch.equal(some[:, 0], some[:, 2])
    assert lesion_predictions(network, images, weight, bias, "features.7", channels=[]).shape == (2, 0, 2)
    alone = lesion_predictions(network, images, weight[1:], bias[1:], "features.7")
    assert_close(alone.shape[0] == 1 and alone[0], every[1], 1e-9)


def test_a_saturated_sigmoid_keeps_stimuli_apart():
    network = untrained("toynet")
    images, (weight, _) = images_for(network, 6), heads_for(network, 1)
    found = lesion_predictions(network, images, weight, torch.tensor([20.0]), "features.9", output="sigmoid")
    assert found.max() < 1 and len(torch.unique(found[0, 0])) == 6
    assert len(torch.unique(found[0, 0].float())) < 6  # single precision would have tied them


def test_memory_stays_within_the_blocks():
    network = untrained("alexnet")
    images, (weight, bias) = images_for(network, 5), heads_for(network, 1)
    largest = max(torch.empty(shape).nbytes for shape in network.shapes.values())
    for block_bytes in (4 * largest, 8 * largest):
        seen = []
        hooks = [
            part.register_forward_hook(lambda _, __, result, seen=seen: seen.append(result.nbytes))
            for part in network.module.modules()
            if not list(part.children())
        ]
        try:
            lesion_predictions(network, images, weight, bias, "features.9", channels=range(6), block_bytes=block_bytes)
        finally:
            for hook in hooks:
                hook.remove()
        assert block_bytes / 8 < max(seen) <= block_bytes / 4


def test_refuses_bad_input():
    network = untrained("toynet")
    images, (weight, bias) = images_for(network, 2), heads_for(network, 2)
    with pytest.raises(InputError, match="no such filter"):
        lesion_predictions(network, images, weight, bias, "features.4", channels=[0, 24])
    with pytest.raises(InputError, match="no such filter"):
        lesion_predictions(network, images, weight, bias, "features.4", channels=[-1])
    with pytest.raises(ModelError, match="no such layer"):
        lesion_predictions(network, images, weight, bias, "layer4")
    with pytest.raises(ParameterError, match="gain"):
        lesion_predictions(network, images, weight, bias, "features.4", gain=float("nan"))
    with pytest.raises(ParameterError, match="block_bytes"):
        lesion_predictions(network, images, weight, bias, "features.4", block_bytes=0)
    with pytest.raises(ParameterError, match="output"):
        lesion_predictions(network, images, weight, bias, "features.4", output="probit")
    with pytest.raises(InputError, match="not finite"):
        lesion_predictions(network, images / 0, weight, bias, "features.4")
