"""Lesions seen by one output among several: against hooked full passes through network and softmax."""

from __future__ import annotations

from dataclasses import replace

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
    untrained,
    whole_network,
)

from o2b_helpers.kernels.lesions.screening import screened_predictions
from o2b_helpers.kernels.lesions.set_lesions import predictions_without
from o2b_helpers.kernels.lesions.single_filters import lesion_predictions

ARCHITECTURES = ["toynet", "alexnet", "resnet18", "vgg16"]
RUNS, OUTPUTS = 2, 3


def given(name):
    network = untrained(name)
    images = images_for(network, 1 if name == "vgg16" else 2)
    with torch.no_grad():
        features = network.features(images)
    readout = scaled(emotions_for(network, RUNS, OUTPUTS), 3 / float(features.abs().max()))
    return network, images, features, balanced(readout, features) if len(images) > 1 else readout


def plain(module, images, layer, channel, gain=0.0):
    """Outputs (run, output, image) of a full pass."""
    values = full_forward_with_gain(module, images, layer, channel, gain)
    return values.unflatten(1, (RUNS, OUTPUTS)).softmax(2).permute(1, 2, 0)


def of_highest(outputs, highest):
    """Keep the output that the whole network predicts: (run, output, image), (run, image) -> (run, image)."""
    return torch.stack([outputs[run, highest[run], torch.arange(outputs.shape[2])] for run in range(RUNS)])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_predicted_and_numbered_outputs_equal_full_passes(name):
    """Every target layer, sampled filters, <= 1e-5."""
    network, images, features, readout = given(name)
    module, rng, largest = whole_network(network, readout), np.random.default_rng(0), 0.0
    whole = plain(module, images, network.target_layers[0], 0, 1.0)
    assert_close(readout.outputs(features, "all"), whole, 1e-5)
    highest = whole.argmax(1)
    for layer in network.target_layers:
        channels = rng.choice(network.shape(layer)[0], 2, replace=False).tolist()
        every, predicted, second = (
            lesion_predictions(network, images, readout, layer, channels=channels, output=output, features=features)
            for output in ("all", "predicted", 1)
        )
        assert every.shape == (RUNS, OUTPUTS, 2, len(images)) and predicted.shape == (RUNS, 2, len(images))
        assert torch.equal(second, every[:, 1])
        for row, channel in enumerate(channels):
            wanted = plain(module, images, layer, channel)
            assert_close(every[:, :, row], wanted, 1e-5)
            assert_close(predicted[:, row], of_highest(wanted, highest), 1e-5)
            largest = max(largest, float((wanted - whole).abs().max()))
    assert largest > 1e-4  # a lesion does something


@pytest.mark.parametrize("name", ["toynet", "resnet18"])
def test_sets_of_filters_equal_the_lesion_of_one(name):
    network, images, features, readout = given(name)
    layer = network.target_layers[1]
    with torch.no_grad():
        maps = network.trunk(images, layer)
    for output in ("all", "predicted", 2):
        wanted = lesion_predictions(network, images, readout, layer, channels=[3], output=output)
        result = predictions_without(network, images, maps, features, readout, layer, [3], output=output)
        assert_close(result, wanted[..., 0, :], 1e-6)
        none = predictions_without(network, images, maps, features, readout, layer, [], output=output)
        assert torch.equal(none, readout.outputs(features, output))


@pytest.mark.parametrize("link", ["linear", "sigmoid", "softmax"])
def test_screening_is_exact_where_a_mean_follows(link):
    network, images, _, readout = given("resnet18")
    readout = replace(readout, link=link)
    for output in ("all", "predicted", 2):
        screened = screened_predictions(network, images, readout, ["layer4", "layer3"], output=output)
        exact = lesion_predictions(network, images, readout, "layer4", output=output)
        assert_close(screened["layer4"], exact, 1e-6)
        lead = (RUNS, OUTPUTS) if output == "all" else (RUNS,)
        assert screened["layer3"].shape == (*lead, 256, len(images))


def test_predicted_is_what_the_whole_network_predicts():
    """A lesion may change which output is highest; the output looked at stays."""
    network, images, features, readout = given("toynet")
    readout = scaled(readout, 30.0)
    every = lesion_predictions(network, images, readout, "features.9", gain=-3.0, output="all")
    predicted = lesion_predictions(network, images, readout, "features.9", gain=-3.0, output="predicted")
    highest = readout.outputs(features, "all").argmax(1)
    assert (every.argmax(1) != highest[:, None]).any()
    for filter_ in range(every.shape[2]):
        assert torch.equal(predicted[:, filter_], of_highest(every[:, :, filter_], highest))
