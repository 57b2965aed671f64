from __future__ import annotations

import copy

import pytest
import torch
from captum.attr import LayerGradientXActivation
from kernels_reference import assert_close, images_for, readout_for, untrained, whole_network

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.kernels.lesions.screening import screened_predictions
from o2b_helpers.kernels.lesions.single_filters import lesion_predictions


@pytest.mark.parametrize("name", ["toynet", "alexnet", "resnet18"])
def test_the_change_is_captums_gradient_times_activation(name):
    network = untrained(name)
    images, readout = images_for(network, 2), readout_for(network, 2)
    module = copy.deepcopy(whole_network(network, readout))
    result = screened_predictions(network, images, readout, network.target_layers, batch_size=1)
    whole = module(images).detach().T
    for layer in network.target_layers:
        for run in range(2):
            peer = LayerGradientXActivation(module, module.get_submodule(layer)).attribute(images, target=run)
            assert_close(result[layer][run], whole[run] - peer.detach().sum((2, 3)).T, 1e-5)


def test_exact_where_a_mean_and_the_head_follow():
    network = untrained("resnet18")
    images, readout = images_for(network, 2), readout_for(network, 2, link="sigmoid")
    for gain in (0.0, 3.0, -1.0):
        screened = screened_predictions(network, images, readout, ["layer4"], gain=gain)
        exact = lesion_predictions(network, images, readout, "layer4", gain=gain)
        assert_close(screened["layer4"], exact, 1e-6)


def test_small_changes_are_predicted_to_second_order():
    network = untrained("toynet")
    images, readout = images_for(network, 3), readout_for(network, 2)
    errors = []
    for step in (1e-1, 1e-2):
        screened = screened_predictions(network, images, readout, ["features.1"], gain=1 + step)["features.1"]
        exact = lesion_predictions(network, images, readout, "features.1", gain=1 + step)
        whole = lesion_predictions(network, images, readout, "features.1", channels=[0], gain=1.0)
        errors.append(float((screened - exact).abs().max() / (exact - whole).abs().max()))
    assert errors[1] < errors[0] < 0.2 and errors[1] < 0.05


def test_refuses_bad_input():
    network = untrained("toynet")
    images, readout = images_for(network, 2), readout_for(network, 2)
    with pytest.raises(ModelError, match="no such layer"):
        screened_predictions(network, images, readout, ["layer4"])
    with pytest.raises(ParameterError, match="gain"):
        screened_predictions(network, images, readout, ["features.4"], gain=float("inf"))
    with pytest.raises(ParameterError, match="output"):
        screened_predictions(network, images, readout, ["features.4"], output="probit")
    with pytest.raises(InputError, match="not finite"):
        screened_predictions(network, images / 0, readout, ["features.4"])
    assert torch.isfinite(screened_predictions(network, images, readout, ["features.4"])["features.4"]).all()
