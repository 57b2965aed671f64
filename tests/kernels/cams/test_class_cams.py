"""GradCAM of one output among several: against pytorch-grad-cam, behind the softmax and before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from filter_score_setting import LAYERS, N_CLASSES, setting
from kernels_reference import (
    SCALE_ABOVE_EPSILON,
    assert_close,
    balanced,
    box_values,
    emotions_for,
    images_for,
    score_of,
    some_runs,
    untrained,
    whole_network,
)
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import scale_cam_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from o2b_helpers.kernels.cams.filter_cams import filter_maps
from o2b_helpers.kernels.cams.filter_scores import filter_scores

ARCHITECTURES = ["toynet", "alexnet", "resnet18", "vgg16"]


class Times(nn.Module):
    """Makes outputs so large that the 1e-7 that pytorch-grad-cam adds to a map's maximum vanishes beside it."""

    def forward(self, values):
        return values * SCALE_ABOVE_EPSILON


def class_cam(network, layers, images, readout, outputs, before_link):
    """Maps and weights by pytorch-grad-cam for one run, `outputs` (image,) the output looked at: {layer: (A, w)}."""
    module = whole_network(network, readout)
    chosen = [module.get_submodule(layer) for layer in layers]
    ends = [Times()] if before_link else [nn.Softmax(1), Times()]
    images = images.to(memory_format=torch.channels_last)
    with GradCAM(nn.Sequential(module, *ends), chosen) as cam:
        cam(images, [ClassifierOutputTarget(int(output)) for output in outputs])
        taken = cam.activations_and_grads
        return {
            layer: (maps.numpy(), cam.get_cam_weights(images, stage, None, maps, gradients.numpy()))
            for layer, stage, maps, gradients in zip(layers, chosen, taken.activations, taken.gradients, strict=True)
        }


@pytest.mark.parametrize("before_link", [False, True])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_scores_of_a_class_equal_grad_cam(name, before_link):
    """Every target layer, sampled filters: <= 1e-4, for an output by number and for the predicted one."""
    network = untrained(name)
    count = 1 if name == "vgg16" else 2
    images, readout = images_for(network, count), emotions_for(network)
    size = images.shape[-2:]
    boxes = torch.tensor([[10, 5, 71, 60], [0, 0, size[1], size[0]], [40, 20, 41, 90]])
    owner, classes, layers = torch.arange(3) % count, torch.arange(3), network.target_layers
    rng, compared = np.random.default_rng(0), {layer: 0 for layer in layers}
    with torch.no_grad():
        features = network.features(images)
    readout = balanced(readout, features) if count > 1 else readout
    highest = readout.outputs(features, "all").argmax(1)
    assert count == 1 or (highest[:, 0] != highest[:, 1]).all()
    for output in (1, "predicted"):
        result = filter_scores(
            network, images, readout, boxes, owner, classes, 3, layers, output=output, before_link=before_link
        )
        weights_found = filter_maps(network, images, readout, layers, output, before_link=before_link)
        for run in range(2):
            outputs = highest[run] if output == "predicted" else [output] * count
            reference = class_cam(network, layers, images, some_runs(readout, [run]), outputs, before_link)
            for layer in layers:
                maps, weights = reference[layer]
                ours = weights_found[layer][1][run] * SCALE_ABOVE_EPSILON
                assert_close(ours / np.abs(weights).max(), weights / np.abs(weights).max(), 1e-4)
                seen = np.flatnonzero((weights * maps.max((2, 3)) > 1).any(0))  # sampled where there is a map to score
                for k in rng.choice(seen, 3, replace=False):
                    wanted = []
                    for image, box in zip(owner.tolist(), boxes.tolist(), strict=True):
                        cam = np.maximum(weights[image, k] * maps[image, k], 0)
                        wanted.append(score_of(*box_values(scale_cam_image(cam[None], size[::-1])[0], box)))
                    row = (result.layer == layer) & (result.channel == k)
                    assert_close(result.score_sum[run, row][0], wanted, 1e-4)
                    compared[layer] += int(max(wanted) > 0.01)
    assert min(compared.values()) > 0  # not a comparison of nothing with nothing


@pytest.mark.parametrize("cam_scale", ["filter", "layer"])
@pytest.mark.parametrize("link", ["linear", "sigmoid", "softmax"])
def test_all_outputs_are_each_output_alone(cam_scale, link):
    network, pictures, _, *boxes = setting()
    with torch.no_grad():
        features = network.features(pictures)
    readout = replace(balanced(emotions_for(network), features), link=link)
    more = {"cam_scale": cam_scale, "squares": True, "ungated": True}
    every = filter_scores(network, pictures, readout, *boxes, N_CLASSES, LAYERS, output="all", **more)
    assert every.score_sum.shape == every.square_sum.shape == (2, 3, 116, N_CLASSES)
    assert every.ungated_sum.shape == (116, N_CLASSES)
    maps = filter_maps(network, pictures, readout, LAYERS, "all")
    for output in range(3):
        alone = filter_scores(network, pictures, readout, *boxes, N_CLASSES, LAYERS, output=output, **more)
        assert_close(every.score_sum[:, output], alone.score_sum, 1e-6)
        assert_close(every.square_sum[:, output], alone.square_sum, 1e-6)
        assert_close(every.ungated_sum, alone.ungated_sum, 1e-9)
        for layer, (_, weights) in filter_maps(network, pictures, readout, LAYERS, output).items():
            assert_close(maps[layer][1][:, output], weights, 1e-6 * float(weights.abs().max()))
    highest = readout.outputs(features, "all").argmax(1)
    assert len(torch.unique(highest)) > 1
    for layer, (_, weights) in filter_maps(network, pictures, readout, LAYERS, "predicted").items():
        for run in range(2):
            for image in range(len(pictures)):
                wanted = maps[layer][1][run, highest[run, image], image]
                assert_close(weights[run, image], wanted, 1e-6 * float(wanted.abs().max()))


def test_several_outputs_go_back_in_more_than_one_portion():
    network = untrained("alexnet")
    images, readout = images_for(network, 2), emotions_for(network, runs=2, outputs=5)
    _, together = filter_maps(network, images, readout, ["features.9"], "all")["features.9"]
    assert together.shape == (2, 5, 2, 256)
    for output in (0, 4):
        _, alone = filter_maps(network, images, readout, ["features.9"], output)["features.9"]
        assert_close(together[:, output], alone, 1e-5 * float(alone.abs().max()))
