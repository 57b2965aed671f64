from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients
from kernels_reference import images_for, readout_for, untrained, whole_network

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.kernels.cams.mean_derivatives import averaged, mean_slope
from o2b_helpers.kernels.mediation.mediated_changes import mediated_changes


def hidden_parts(network, count=2, pairs=3):
    """Pictures, the same with a part replaced by the mean colour, and which picture each of these was."""
    images = images_for(network, count)
    stimuli = np.arange(pairs) % count
    filled, side = images[torch.as_tensor(stimuli)].clone(), images.shape[-1]
    for number, picture in enumerate(filled):
        start = side // 8 * (1 + number)
        picture[:, start : start + side // 3, side // 4 : side // 2] = 0.0
    return images, filled, stimuli


@pytest.mark.parametrize(
    "name, layers, points, link",
    [
        ("toynet", ["features.1", "features.4", "features.9"], 500, "linear"),
        ("toynet", ["features.1", "features.4", "features.9"], 500, "sigmoid"),
        ("alexnet", ["features.9"], 150, "sigmoid"),
        ("resnet18", ["layer3"], 100, "linear"),
    ],
)
def test_shares_are_captums_integrated_gradients(name, layers, points, link):
    network = untrained(name)
    images, filled, stimuli = hidden_parts(network, pairs=2 if name == "toynet" else 1)
    readout = readout_for(network, 2, link=link)
    shares = mediated_changes(network, images, filled, stimuli, readout, layers, pieces=32)
    module = copy.deepcopy(whole_network(network, readout))
    model = torch.nn.Sequential(module, torch.nn.Sigmoid()) if link == "sigmoid" else module
    for layer in layers:
        peer = LayerIntegratedGradients(model, module.get_submodule(layer))
        for run in range(2 if name == "toynet" else 1):
            expected = peer.attribute(
                images[torch.as_tensor(stimuli)], filled, target=run, n_steps=points, method="riemann_middle",
                internal_batch_size=32,
            )  # fmt: skip
            expected = expected.detach().sum((2, 3)).T.numpy()
            off = np.abs(shares.changes[layer][run] - expected).sum(0) / np.abs(expected).sum(0)
            assert off.max() < 0.02, (layer, run, off)


@pytest.mark.parametrize("name", ["toynet", "alexnet", "resnet18"])
def test_shares_add_up_to_the_change_of_the_prediction(name):
    network = untrained(name)
    images, filled, stimuli = hidden_parts(network)
    readout = readout_for(network, 2, link="sigmoid")
    shares = mediated_changes(network, images, filled, stimuli, readout, network.target_layers, pieces=1)
    with torch.no_grad():
        change = readout.outputs(network.features(images))[:, stimuli] - readout.outputs(network.features(filled))
    for layer in network.target_layers:
        assert np.allclose(shares.changes[layer].sum(1), change, rtol=0.01, atol=1e-7)
        assert np.median(shares.residual[layer]) < 0.01 and shares.residual[layer].max() < 0.05


def test_pieces_are_chosen_so_that_shares_stay():
    network = untrained("toynet")
    images, filled, stimuli = hidden_parts(network)
    readout = readout_for(network, 2)
    chosen = mediated_changes(network, images, filled, stimuli, readout, network.target_layers)
    fine = mediated_changes(network, images, filled, stimuli, readout, network.target_layers, pieces=64)
    assert chosen.pieces["features.9"] == 1  # what follows is linear
    assert chosen.pieces["features.1"] > 1
    for layer in network.target_layers:
        off = np.abs(chosen.changes[layer] - fine.changes[layer]).sum(1) / np.abs(fine.changes[layer]).sum(1)
        assert off.mean() < 0.08 and chosen.moved[layer] < 0.04


def test_blocks_do_not_change_the_shares():
    network = untrained("toynet")
    images, filled, stimuli = hidden_parts(network, 3, 5)
    readout = readout_for(network, 2)
    whole, parts = (
        mediated_changes(network, images, filled, stimuli, readout, ["features.4"], pieces=4, batch_size=size)
        for size in (64, 3)
    )
    assert np.allclose(whole.changes["features.4"], parts.changes["features.4"], atol=1e-6)
    assert np.allclose(whole.hidden, parts.hidden, atol=1e-6)


def test_nothing_hidden_gives_nothing():
    network = untrained("toynet")
    images, readout = images_for(network, 2), readout_for(network, 2)
    same = mediated_changes(network, images, images, np.arange(2), readout, ["features.4"])
    assert (same.changes["features.4"] == 0).all() and (same.residual["features.4"] == 0).all()
    none = mediated_changes(network, images, images[:0], np.arange(0), readout, ["features.4"])
    assert none.changes["features.4"].shape == (2, 24, 0)


@pytest.mark.parametrize("function", [torch.relu, torch.nn.functional.silu, torch.sigmoid])
def test_a_mean_slope_is_the_mean_of_the_slope(function):
    start, end = torch.tensor([-1.0, 0.5, 2.0, 0.3]), torch.tensor([2.0, -0.5, 3.0, 0.3001])
    points = torch.linspace(0, 1, 20001, dtype=torch.float64)[:-1] + 0.5 / 20000
    at = (start + points[:, None] * (end - start).double()).requires_grad_()
    (slopes,) = torch.autograd.grad(function(at).sum(), at)
    assert torch.allclose(mean_slope(start, end, function).double(), slopes.mean(0), atol=1e-3)


def test_a_maximum_pooling_shares_out_the_change():
    pool, generator = torch.nn.MaxPool2d(3, 2, padding=1), torch.Generator().manual_seed(3)
    ends, starts = torch.randn(2, 2, 4, 9, 9, generator=generator).unbind()
    with averaged([pool]) as turn:
        behind = pool(ends)
        turn()
        before = pool(starts.requires_grad_())
        (gradient,) = torch.autograd.grad(before.sum(), starts)
    change = (gradient * (ends - starts)).sum()
    assert float(change.detach()) == pytest.approx(float((behind - before).sum().detach()), rel=1e-4)
    assert "forward" not in pool.__dict__


def test_refuses_bad_input():
    network = untrained("toynet")
    images, filled, stimuli = hidden_parts(network)
    readout = readout_for(network, 2)
    with pytest.raises(ModelError, match="no such layer"):
        mediated_changes(network, images, filled, stimuli, readout, ["layer4"])
    with pytest.raises(ParameterError, match="output"):
        mediated_changes(network, images, filled, stimuli, readout, ["features.4"], output="all")
    with pytest.raises(ParameterError, match="pieces"):
        mediated_changes(network, images, filled, stimuli, readout, ["features.4"], pieces=0)
    with pytest.raises(InputError, match="do not fit"):
        mediated_changes(network, images, filled, stimuli + 2, readout, ["features.4"])
    with pytest.raises(InputError, match="not finite"):
        mediated_changes(network, images, filled / 0, stimuli, readout, ["features.4"])
