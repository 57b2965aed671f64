from __future__ import annotations

import numpy as np
import pytest
import torch
from kernels_reference import SCALE_ABOVE_EPSILON, emotions_for, images_for, untrained, whole_network
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torch.nn.functional import interpolate

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.cams.class_maps import class_cam_maps
from o2b_helpers.kernels.regions.region_importance import scaled_at_input
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.heads.readout import Readout


class Times(nn.Module):
    """Makes outputs large."""

    def forward(self, values):
        return values * SCALE_ABOVE_EPSILON


@pytest.fixture(scope="module", params=["toynet", "squeezenet1_1", "alexnet"])
def network(request):
    backbone = load_backbone(request.param, "untrained")
    rng = np.random.default_rng(0)
    readout = Readout(rng.normal(0, 0.05, (2, 4, backbone.n_features)), rng.normal(size=(2, 4)), "softmax")
    side = backbone.preprocessing.crop
    images = torch.from_numpy(rng.normal(size=(5, 3, side, side))).float()
    return backbone, readout, images


def test_maps_are_those_of_one_backward_pass_for_each_picture(network):
    backbone, readout, images = network
    layer, names = backbone.target_layers[-1], [name for name, _ in backbone.stages]
    outputs, runs = np.array([0, 1, 2, 3, 0]), np.array([0, 1, 0, 1, 1])
    cams = class_cam_maps(backbone, readout, images, outputs, layer=layer, runs=runs)
    largest = float(cams.max())
    assert largest > 0
    for number, image in enumerate(images):
        values = image[None]
        for name, stage in backbone.stages:
            values = stage(values)
            if name == layer:
                maps = values = values.detach().requires_grad_()
        assert name == names[-1]
        score = values.flatten() @ torch.as_tensor(readout.weight[runs[number], outputs[number]])
        (gradient,) = torch.autograd.grad(score, maps)
        expected = (gradient.mean((2, 3), keepdim=True) * maps).sum(1).relu()[0].detach()
        torch.testing.assert_close(cams[number], expected, rtol=0, atol=1e-5 * largest)


def test_outputs_that_are_not_there_are_refused(network):
    backbone, readout, images = network
    for outputs, runs in (([0, 1, 2, 3, 4], None), ([0, 1], None), ([0] * 5, [0, 0, 0, 0, 2])):
        with pytest.raises(InputError, match="to look at do not fit"):
            class_cam_maps(backbone, readout, images, np.array(outputs), layer=backbone.target_layers[-1],
                           runs=None if runs is None else np.array(runs))  # fmt: skip


@pytest.mark.parametrize("name", ["toynet", "alexnet", "resnet18"])
def test_maps_are_pytorch_grad_cams(name):
    """Scaled and resized, <= 1e-4; pytorch-grad-cam adds 1e-7 to a map's maximum, so outputs are made large."""
    backbone = untrained(name)
    images, readout = images_for(backbone, 3), emotions_for(backbone)
    layer, outputs = backbone.target_layers[-1], np.arange(3) % readout.n_outputs
    module = nn.Sequential(whole_network(backbone, readout), Times())
    with GradCAM(module, [module[0].get_submodule(layer)]) as cam:
        expected = cam(images, [ClassifierOutputTarget(int(output)) for output in outputs])
    maps = class_cam_maps(backbone, readout, images, outputs, layer=layer)
    scaled = scaled_at_input(maps, images.shape[-2:])
    resized = interpolate(scaled[:, None], images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
    assert resized.max() > 0.5
    np.testing.assert_allclose(resized.numpy(), expected, atol=1e-4)
