"""Readouts: what they refuse, their outputs, and gradients against those of torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kernels_reference import assert_close

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.models.heads.readout import Readout

RUNS, OUTPUTS, FEATURES, IMAGES = 2, 4, 7, 5


def made(link, scale=1.0, outputs=OUTPUTS):
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(RUNS, outputs, FEATURES, generator=generator) * scale
    return Readout(weight, torch.randn(RUNS, outputs, generator=generator), link)


def features():
    return torch.randn(IMAGES, FEATURES, generator=torch.Generator().manual_seed(1))


def by_torch(readout, values):
    """Outputs (run, output, image) of float64 features, one run after the other."""
    rows = []
    for weight, bias in zip(readout.weight, readout.bias, strict=True):
        linear = values @ weight.double().T + bias.double()
        rows.append({"linear": linear, "sigmoid": linear.sigmoid(), "softmax": linear.softmax(1)}[readout.link].T)
    return torch.stack(rows)


@pytest.mark.parametrize("link", ["linear", "sigmoid", "softmax"])
def test_outputs_and_the_output_to_look_at(link):
    readout, x = made(link), features()
    wanted = by_torch(readout, x.double())
    every = readout.outputs(x, "all")
    assert every.shape == (RUNS, OUTPUTS, IMAGES) and every.dtype == torch.float64
    assert_close(every, wanted, 1e-12)
    for output in range(OUTPUTS):
        assert torch.equal(readout.outputs(x, np.int64(output)), every[:, output])
    assert torch.equal(readout.outputs(x, "predicted"), every.amax(1))
    assert len(torch.unique(every.argmax(1))) > 1  # images differ in what is predicted
    assert_close(readout.before_link().outputs(x, "all"), readout.values(x), 1e-12)


@pytest.mark.parametrize("link", ["linear", "sigmoid", "softmax"])
@pytest.mark.parametrize("outputs", [2, 4])
def test_gradients_are_those_of_torch(link, outputs):
    readout, x = made(link, outputs=outputs), features()
    leaf = x.double().requires_grad_()
    results = by_torch(readout, leaf)
    wanted = torch.stack(
        [
            torch.stack([torch.autograd.grad(each.sum(), leaf, retain_graph=True)[0] for each in results[run]])
            for run in range(RUNS)
        ]
    )  # (run, output, image, feature)

    def ours(output):
        directions, factors = readout.gradients(x, output)
        assert directions.dtype == x.dtype
        return directions.double() * factors[:, :, None]

    assert_close(ours("all"), wanted.flatten(0, 1), 1e-6)
    assert_close(ours(1), wanted[:, 1], 1e-6)
    highest = results.argmax(1)
    for run in range(RUNS):
        for image in range(IMAGES):
            assert_close(ours("predicted")[run, image], wanted[run, highest[run, image], image], 1e-6)


def test_a_saturated_softmax_keeps_its_direction():
    readout, x = made("softmax", scale=30.0), features()
    directions, factors = readout.gradients(x, "all")
    assert float(factors.min()) < 1e-30 and (factors > 0).all()
    assert torch.isfinite(directions).all() and (directions.abs().amax(2) > 1).all()


def test_a_softmax_of_two_is_a_sigmoid_of_the_difference():
    readout, x = made("softmax", outputs=2), features()
    difference = Readout.valence(
        readout.weight[:, 1] - readout.weight[:, 0], readout.bias[:, 1] - readout.bias[:, 0], "sigmoid"
    )
    assert_close(readout.outputs(x, 1), difference.outputs(x), 1e-6)
    for ours, wanted in zip(readout.gradients(x, 1), difference.gradients(x, 0), strict=True):
        assert_close(ours, wanted, 1e-5)


def test_what_is_kept():
    weight, bias = np.ones((RUNS, FEATURES)), np.zeros(RUNS)
    valence = Readout.valence(weight, bias, "sigmoid")
    assert valence.weight.shape == (RUNS, 1, FEATURES) and valence.bias.shape == (RUNS, 1)
    assert isinstance(valence.weight, np.ndarray) and valence.weight.dtype == np.float32
    tensors = Readout.valence(torch.tensor(weight), torch.tensor(bias))
    assert isinstance(tensors.weight, torch.Tensor) and tensors.weight.dtype == torch.float32
    assert torch.equal(tensors.outputs(features()), valence.before_link().outputs(features()))


def test_what_does_not_fit_is_refused():
    weight, bias = torch.ones(RUNS, OUTPUTS, FEATURES), torch.zeros(RUNS, OUTPUTS)
    with pytest.raises(ParameterError, match="Unknown link"):
        Readout(weight, bias, "probit")
    with pytest.raises(InputError, match="weight has the wrong shape"):
        Readout(weight[0], bias)
    with pytest.raises(InputError, match="do not fit"):
        Readout(weight, bias[1:])
    with pytest.raises(InputError, match="do not fit"):
        Readout(weight[:0], bias[:0])
    with pytest.raises(InputError, match="softmax over one output"):
        Readout(weight[:, :1], bias[:, :1], "softmax")
    with pytest.raises(InputError, match="weight holds values that are not finite"):
        Readout(weight / 0, bias)
    with pytest.raises(InputError, match="bias holds values that are not finite"):
        Readout(weight, bias / 0)
    with pytest.raises(InputError, match="valence readout"):
        Readout.valence(weight, bias)
    readout = Readout(weight, bias)
    for output in (OUTPUTS, -1, 1.0, "highest"):
        with pytest.raises(ParameterError, match="no such output"):
            readout.outputs(features(), output)
    with pytest.raises(InputError, match="does not fit the backbone"):
        readout.outputs(features()[:, 1:])
    with pytest.raises(InputError, match="features holds values that are not finite"):
        readout.outputs(features() / 0)
