"""Class CAM of every picture and output: against pytorch-grad-cam, and the importance of regions in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kernels_reference import (
    SCALE_ABOVE_EPSILON,
    assert_close,
    balanced,
    emotions_for,
    images_for,
    scaled,
    some_runs,
    untrained,
    whole_network,
)
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torch.nn import functional

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.kernels.cams.class_cams import grad_cam, grad_cam_weights, joined, spatial_averages
from o2b_helpers.kernels.regions.region import Regions
from o2b_helpers.kernels.regions.region_importance import region_importance, scaled_at_input, total_share

ARCHITECTURES = ["toynet", "alexnet", "resnet18"]


class Times(nn.Module):
    def forward(self, values):
        return values * SCALE_ABOVE_EPSILON


def given(name, outputs=3):
    network = untrained(name)
    images = images_for(network, 2)
    with torch.no_grad():
        features = network.features(images)
    return network, images, balanced(emotions_for(network, 2, outputs, 3 / float(features.abs().max())), features)


def peer(network, layer, images, readout, run, outputs, before_link):
    """Scaled maps in the input's size by pytorch-grad-cam."""
    module = whole_network(network, some_runs(readout, [run]))
    ends = [Times()] if before_link else [nn.Softmax(1), Times()]
    with GradCAM(nn.Sequential(module, *ends), [module.get_submodule(layer)]) as cam:
        return cam(
            images.to(memory_format=torch.channels_last), [ClassifierOutputTarget(int(output)) for output in outputs]
        )


def resized(maps, size):
    """Resize (image, height, width) to the input and scale to 0..1."""
    wide = functional.interpolate(maps[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    low, high = wide.amin((1, 2), keepdim=True), wide.amax((1, 2), keepdim=True)
    return torch.where(high > low, (wide - low) / (high - low), 0.0)


@pytest.mark.parametrize("before_link", [True, False])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_class_cams_equal_grad_cam(name, before_link):
    """First and last target layer, by number, predicted and all outputs: <= 1e-4."""
    network, images, readout = given(name)
    size = tuple(images.shape[2:])
    for layer in (network.target_layers[0], network.target_layers[-1]):
        every = grad_cam(network, images, readout, layer, "all", before_link=before_link)
        highest = grad_cam(network, images, readout, layer, before_link=before_link)
        assert every.maps.shape[:3] == (2, 3, 2) and len(highest.predicted.unique()) > 1
        for run in range(2):
            for output in range(3):
                wanted = peer(network, layer, images, readout, run, [output] * 2, before_link)
                assert_close(resized(every.maps[run, output], size), wanted, 1e-4)
            alone = grad_cam(network, images, readout, layer, 2, before_link=before_link)
            assert_close(alone.maps[run], every.maps[run, 2], 1e-6 * float(every.maps.max()))
            wanted = peer(network, layer, images, readout, run, highest.predicted[run], before_link)
            assert_close(resized(highest.maps[run], size), wanted, 1e-4)


@pytest.mark.parametrize("name", ["toynet", "resnet18", "squeezenet1_1", "densenet121", "googlenet"])
def test_closed_form_equals_going_backwards(name, monkeypatch):
    network, images, readout = given(name)
    layer = network.target_layers[-1]
    assert spatial_averages(network, layer) is not None
    for output in (1, "predicted", "all"):
        for before_link in (True, False):
            _, closed, _ = grad_cam_weights(network, images, readout, layer, output, before_link=before_link)
            with monkeypatch.context() as patch:
                patch.setattr("o2b_helpers.kernels.cams.class_cams.spatial_averages", lambda *_: None)
                _, wanted, _ = grad_cam_weights(network, images, readout, layer, output, before_link=before_link)
            assert_close(closed, wanted, 1e-5 * float(wanted.abs().max()))


def test_other_layers_have_no_closed_form():
    assert spatial_averages(untrained("alexnet"), "features.11") is None
    assert spatial_averages(untrained("toynet"), "features.7") is None


def test_a_saturated_output_keeps_its_map():
    """The slope of a softmax underflows in single precision; the map's shape does not."""
    network, images, readout = given("toynet")
    far = scaled(readout, 30.0)
    behind = grad_cam(network, images, far, "features.9", 0, before_link=False)
    assert behind.maps.flatten(2).any(2).all() and torch.isfinite(behind.maps).all()


def test_maps_that_say_nothing_are_named():
    network, images, readout = given("toynet")
    silent = grad_cam(network, images, scaled(readout, 0.0), "features.9", "all")
    assert silent.empty.all() and silent.empty.shape == (2, 3, 2)
    boxes = Regions(np.array([[0.0, 0, 40, 40]]), np.array([1]))
    empty = silent.maps[0, 0]
    for importance in ("mean", "homogeneity", "share"):
        assert not region_importance(boxes, scaled_at_input(empty, (96, 96)), (96, 96), importance).any()
    assert not total_share(boxes, empty, (96, 96)).any()


def test_batches_join():
    network, images, readout = given("toynet")
    together = grad_cam(network, images, readout, "features.9", "all")
    parts = joined([grad_cam(network, some, readout, "features.9", "all") for some in images.split(1)])
    assert_close(parts.maps, together.maps, 1e-6 * float(together.maps.max()))
    assert torch.equal(parts.predicted, together.predicted)


def test_bad_input():
    network, images, readout = given("toynet")
    with pytest.raises(InputError, match="not finite"):
        grad_cam(network, images * float("nan"), readout, "features.9")
    with pytest.raises(ParameterError, match="no such output"):
        grad_cam(network, images, readout, "features.9", 3)
    with pytest.raises(InputError, match="does not fit"):
        grad_cam(network, images, emotions_for(untrained("alexnet")), "features.9")


@pytest.mark.parametrize("native", [(7, 7), (12, 9), (96, 96), (150, 120)])
def test_importance_equals_resized_maps(native):
    """Against maps that are resized by OpenCV's rule, scaled, and averaged pixel by pixel."""
    size, rng = (96, 96), torch.Generator().manual_seed(0)
    maps = torch.rand(2, *native, generator=rng).double() ** 4
    corners = np.array([[3, 5, 40, 60], [0, 0, 96, 96], [10, 10, 11, 12], [50, 20, 90, 33]])
    mask = np.zeros(size, dtype=bool)
    mask[20:30, 5:9] = mask[22, 50] = True
    regions = Regions(np.vstack([corners, [[0, 0, 1, 1]]]), np.array([0, 1, 0, 1, 1]), [None] * 4 + [mask])
    wide = functional.interpolate(maps[:, None], size, mode="bilinear")[:, 0].numpy()
    unit, shares = resized(maps, size).numpy(), total_share(regions, maps, size)
    for importance in ("mean", "homogeneity", "share"):
        values = region_importance(regions, scaled_at_input(maps, size), size, importance)
        assert values.shape == (5,)
        for number, image in enumerate(regions.image):
            inside = np.zeros(size, dtype=bool)
            if number < 4:
                x0, y0, x1, y1 = corners[number]
                inside[y0:y1, x0:x1] = True
            else:
                inside = mask
            part, whole = unit[image][inside], unit[image]
            wanted = {
                "mean": part.mean(),
                "homogeneity": part.mean() ** 2 / part.max(),
                "share": (part.sum() / whole.sum()) / (inside.sum() / whole.size),
            }[importance]
            assert values[number] == pytest.approx(wanted, abs=1e-6)
            assert shares[number] == pytest.approx(wide[image][inside].sum() / wide[image].sum(), abs=1e-9)


def test_importance_equals_pytorch_grad_cam_in_boxes():
    network, images, readout = given("alexnet")
    cams = grad_cam(network, images, readout, "features.11", 1)
    boxes = np.array([[5, 9, 100, 180], [60, 50, 70, 61]])
    size = tuple(images.shape[2:])
    for run in range(2):
        values = region_importance(Regions(boxes, np.array([0, 1])), scaled_at_input(cams.maps[run], size), size)
        wanted = peer(network, "features.11", images, readout, run, [1, 1], True)
        for number, (x0, y0, x1, y1) in enumerate(boxes):
            assert values[number] == pytest.approx(wanted[number, y0:y1, x0:x1].mean(), abs=1e-4)
