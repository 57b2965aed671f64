"""Deletion and insertion: against a plain loop over pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kernels_reference import balanced, emotions_for, images_for, untrained
from torch.nn import functional

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.cams.class_cams import grad_cam
from o2b_helpers.kernels.faithfulness import blurred, faithfulness, probability_of


def test_curves_equal_a_plain_loop():
    network = untrained("toynet")
    images = images_for(network, 2)
    with torch.no_grad():
        readout = balanced(emotions_for(network, 2), network.features(images))
    run, outputs = 1, grad_cam(network, images, readout, "features.9").predicted[1]
    maps = torch.rand(2, 96, 96, generator=torch.Generator().manual_seed(5))
    result = faithfulness(probability_of(network, readout, outputs, run), images, maps, steps=5, batch_size=4)
    hidden = blurred(images)
    weight, bias = readout.weight[run].double(), readout.bias[run].double()
    for picture in range(2):
        order = np.argsort(-maps[picture].numpy().ravel())
        for step, count in enumerate(np.linspace(0, 96 * 96, 6).round().astype(int)):
            gone = np.zeros(96 * 96, bool)
            gone[order[:count]] = True
            mask = torch.as_tensor(gone.reshape(96, 96))
            for start, end, curve in ((images, hidden, result.deletion), (hidden, images, result.insertion)):
                copy = torch.where(mask, end[picture], start[picture])
                with torch.no_grad():
                    values = (weight @ network.features(copy[None])[0].double() + bias).softmax(0)
                assert curve[picture, step] == pytest.approx(float(values[outputs[picture]]), abs=1e-6)
    assert np.array_equal(result.share, np.linspace(0, 96 * 96, 6).round() / (96 * 96))
    assert np.allclose(result.deletion[:, -1], result.insertion[:, 0], atol=1e-6)
    assert np.allclose(result.deletion[:, 0], result.insertion[:, -1], atol=1e-6)
    for area, curve in ((result.deletion_area, result.deletion), (result.insertion_area, result.insertion)):
        assert np.allclose(area, ((curve[:, 1:] + curve[:, :-1]) / 2) @ np.diff(result.share))


def test_coarse_maps_are_resized():
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    coarse = torch.rand(2, 4, 5, generator=torch.Generator().manual_seed(1))
    wide = functional.interpolate(coarse[:, None].double(), (32, 32), mode="bilinear")[:, 0]
    results = [faithfulness(lambda copies, _: copies[:, 0, 8:16].mean((1, 2)), images, maps) for maps in (coarse, wide)]
    assert np.array_equal(results[0].deletion, results[1].deletion)


def test_a_faithful_map_is_told_from_an_unfaithful_one():
    images = torch.zeros(2, 3, 32, 32)
    images[0, :, 4:12, 4:12] = images[1, :, 20:28, 16:24] = 1.0

    def bright(copies, picture):
        parts = [copies[:, 0, 4:12, 4:12].mean((1, 2)), copies[:, 0, 20:28, 16:24].mean((1, 2))]
        return torch.where(picture == 0, *parts)

    good = images[:, 0]
    right, wrong = (faithfulness(bright, images, maps, blur=0.3) for maps in (good, 1 - good))
    empty = faithfulness(bright, images, torch.zeros_like(good), blur=0.3)
    assert (right.deletion_area < empty.deletion_area).all() and (empty.deletion_area < wrong.deletion_area).all()
    assert (right.insertion_area > empty.insertion_area).all() and (empty.insertion_area > wrong.insertion_area).all()


def test_an_empty_map_has_no_direction():
    """Equal pixels go in a random order, not row by row."""
    images = torch.zeros(1, 3, 40, 40)
    images[:, :, :20] = 1.0
    result = faithfulness(lambda copies, _: copies[:, 0, :20].mean((1, 2)), images, torch.zeros(1, 5, 5), blur=0.4)
    half = result.deletion[0, 10] - (result.deletion[0, 0] + result.deletion[0, -1]) / 2
    assert abs(half) < 0.1 * (result.deletion[0, 0] - result.deletion[0, -1])


def test_blur_hides_and_keeps_the_mean():
    image = torch.zeros(1, 3, 64, 64)
    image[:, :, 28:36, 28:36] = 1.0
    soft = blurred(image)
    assert float(soft.max()) < 0.5 and float(soft.sum()) == pytest.approx(float(image.sum()), rel=1e-3)
    assert torch.isfinite(blurred(torch.rand(1, 3, 8, 8), 2.0)).all()
    with pytest.raises(InputError, match="blurred"):
        blurred(image, 0.0)


def test_maps_that_do_not_fit_are_refused():
    images = torch.zeros(2, 3, 8, 8)
    with pytest.raises(InputError, match="one map for each picture"):
        faithfulness(lambda c, _: c[:, 0, 0, 0], images, torch.zeros(1, 4, 4))
    with pytest.raises(InputError, match="not finite"):
        faithfulness(lambda c, _: c[:, 0, 0, 0], images, torch.full((2, 4, 4), float("nan")))
