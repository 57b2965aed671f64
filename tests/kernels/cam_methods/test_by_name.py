"""CAM methods by name: LRP and pytorch-grad-cam against the libraries themselves, LIME against Captum and a loop."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnLasso, SkLearnRidge
from captum.attr import LRP, Lime
from kernels_reference import assert_close, balanced, emotions_for, images_for, some_runs, untrained, whole_network
from pytorch_grad_cam import HiResCAM, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from sklearn.linear_model import Ridge
from torch import nn

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.kernels.cam_methods.by_name import cam_method, class_cams
from o2b_helpers.kernels.cam_methods.lime import (
    LimeSettings,
    grid_segments,
    lime_cam,
    lime_coefficients,
    lime_masks,
    mask_weights,
    masked_outputs,
)
from o2b_helpers.kernels.cam_methods.lrp import lrp_cam
from o2b_helpers.kernels.cam_methods.names import METHODS, PEERS
from o2b_helpers.kernels.cam_methods.peer_cams import peer_cam
from o2b_helpers.kernels.cams.class_cams import grad_cam
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import architecture, register


def given(name, count=2):
    network = untrained(name)
    images = images_for(network, count)
    with torch.no_grad():
        features = network.features(images)
    return network, images, balanced(emotions_for(network, 2, 3, 3 / float(features.abs().max())), features)


# ------------------------------------------------------------------------------------------------------------- by name


@pytest.mark.parametrize("output", [0, "predicted", "all"])
@pytest.mark.parametrize("method", [*METHODS, "gradcam:HiResCAM"])
def test_every_method_keeps_to_the_interface(method, output):
    network, images, readout = given("toynet", 3)
    lead = (2, 3) if output == "all" else (2,)
    settings = LimeSettings(samples=12, rows=3)
    cams = class_cams(method, network, images, readout, output=output, lime=settings, batch_size=2)
    assert cams.maps.shape[:-2] == (*lead, 3) and cams.predicted.shape == (2, 3)
    assert bool(torch.isfinite(cams.maps).all()) and float(cams.maps.min()) >= 0 and not cams.maps.requires_grad
    assert float(cams.maps.max()) > 0 and cams.empty.shape == (*lead, 3)
    assert all(parameter.grad is None for parameter in network.module.parameters())
    assert not any(parameter.requires_grad for parameter in network.module.parameters())


def test_networks_are_left_as_they_were():
    network, images, readout = given("toynet")
    with torch.no_grad():
        before = network.features(images)
        for method in [*METHODS, "gradcam:AblationCAM"]:
            class_cams(method, network, images, readout, lime=LimeSettings(samples=5, rows=2))
        assert torch.equal(network.features(images), before)


@lru_cache
def without_stages():
    name = "toynet as a whole, for CAMs"
    register(replace(architecture("toynet"), name=name, stages=None))
    return load_backbone(name, "untrained", seed=0)


@pytest.mark.parametrize("method", ["grad_cam", "ablation_cam", "lift_cam", "lime", "gradcam:HiResCAM"])
@pytest.mark.parametrize("layer", ["features.7", "features.9"])
def test_a_network_without_stages_gives_the_same(method, layer):
    (split, images, readout), whole = given("toynet"), without_stages()
    settings = LimeSettings(samples=8, rows=2)
    wanted, made = (
        class_cams(method, backbone, images, readout, layer, "all", lime=settings) for backbone in (split, whole)
    )
    assert torch.equal(made.predicted, wanted.predicted)
    assert_close(made.maps, wanted.maps, 1e-4 * float(wanted.maps.max()))


def test_relevance_needs_stages():
    whole = without_stages()
    with pytest.raises(ModelError, match="cannot be passed from a layer on"):
        class_cams("lrp", whole, *given("toynet")[1:])


def test_errors_name_what_is_known():
    network, images, readout = given("toynet")
    with pytest.raises(ParameterError, match="grad_cam, ablation_cam, lift_cam, lrp, lime, or gradcam:"):
        cam_method("gradcam")
    with pytest.raises(ParameterError, match="HiResCAM"):
        cam_method("gradcam:HighResCAM")
    with pytest.raises(ParameterError, match="linear value"):
        class_cams("lift_cam", network, images, readout, before_link=False)


@pytest.mark.parametrize(
    ("method", "module", "install"),
    [
        ("lrp", "captum", "captum"),
        ("lime", "sklearn", "scikit-learn"),
        ("gradcam:HiResCAM", "pytorch_grad_cam", "emocam"),
    ],
)
def test_a_missing_library_is_named(method, module, install, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ParameterError, match=f"pip install .*{install}"):
        cam_method(method)


# ----------------------------------------------------------------------------------------------------------------- LRP


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_relevance_behind_averages_is_weight_times_map(name):
    """The epsilon rule in closed form: one average for each filter, and a linear readout."""
    network, images, readout = given(name)
    layer = network.target_layers[-1]
    with torch.no_grad():
        maps = network.trunk(images, layer)
    weight = torch.as_tensor(readout.weight).double()
    wanted = torch.einsum("rok,ikhw->roihw", weight, maps.double() / maps[0, 0].numel()).clamp(min=0)
    assert_close(lrp_cam(network, images, readout, layer, "all").maps, wanted, 1e-4 * float(wanted.max()))


@pytest.mark.parametrize("layer", ["features.11", "features.4"])
def test_relevance_equals_captum_on_the_rest_of_the_network(layer):
    network, images, readout = given("alexnet")
    cams = lrp_cam(network, images, readout, layer, "all")
    one = some_runs(readout, [1])
    module = whole_network(network, one)
    rest = nn.Sequential(*module.features[int(layer.split(".")[1]) + 1 :], module.avgpool, Flattened(module.classifier))
    for part in rest.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    with torch.no_grad():
        maps = network.trunk(images, layer)
    for output in range(3):
        wanted = LRP(rest).attribute(maps.clone(), target=output).detach().sum(1).clamp(min=0)
        assert float(wanted.max()) > 0
        assert_close(cams.maps[1, output], wanted, 1e-4 * float(wanted.max()))


class Flattened(nn.Module):
    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def forward(self, values):
        return self.steps(values.flatten(1))


def test_relevance_is_refused_where_captum_has_no_rule():
    network, images, readout = given("resnet18")
    with pytest.raises(ModelError, match="BasicBlock"):
        lrp_cam(network, images, readout, "layer3")


# ----------------------------------------------------------------------------------------------------- pytorch-grad-cam


@pytest.mark.parametrize(("method", "peer"), [("HiResCAM", HiResCAM), ("ScoreCAM", ScoreCAM)])
def test_peers_equal_the_peer_on_the_whole_network(method, peer):
    network, images, readout = given("toynet")
    cams = peer_cam(f"gradcam:{method}", network, images, readout, "features.9", "all")
    for run in range(2):
        module = whole_network(network, some_runs(readout, [run]))
        with peer(module, [module.get_submodule("features.9")]) as cam:
            for output in range(3):
                wanted = cam(images, [ClassifierOutputTarget(output)] * 2)
                assert_close(cams.maps[run, output], wanted, 1e-4)


def test_peer_grad_cam_behind_the_softmax_is_ours():
    network, images, readout = given("toynet")
    theirs = peer_cam("gradcam:GradCAM", network, images, readout, "features.9", 1, before_link=False)
    ours = grad_cam(network, images, readout, "features.9", 1, before_link=False)
    wide = nn.functional.interpolate(ours.maps[0][:, None], (96, 96), mode="bilinear")[:, 0]
    wide = wide - wide.amin((1, 2), keepdim=True)
    assert_close(theirs.maps[0], wide / wide.amax((1, 2), keepdim=True), 1e-3)


@pytest.mark.parametrize("name", PEERS)
def test_all_names_make_maps(name):
    network, images, readout = given("toynet", 1)
    cams = class_cams(f"gradcam:{name}", network, images, some_runs(readout, [0]), output=1)
    assert cams.maps.shape == (1, 1, 96, 96) and float(cams.maps.max()) <= 1.0


# ---------------------------------------------------------------------------------------------------------------- LIME


@pytest.mark.parametrize(("regression", "penalty"), [("ridge", 1.0), ("lasso", 0.002)])
def test_lime_equals_captum_on_the_same_masks(regression, penalty):
    network, images, readout = given("toynet")
    settings = LimeSettings(samples=60, rows=4, regression=regression, penalty=penalty)
    segments, masks = grid_segments(96, 96, 4), lime_masks(60, 16, 3)
    cams = lime_cam(network, images, readout, "all", settings=settings, masks=masks)
    module = nn.Sequential(whole_network(network, some_runs(readout, [0])), nn.Softmax(1)).requires_grad_(False)
    model = {"ridge": SkLearnRidge, "lasso": SkLearnLasso}[regression]
    for image in range(2):
        for output in range(3):
            waiting = iter(masks)
            captum = Lime(
                module,
                interpretable_model=model(alpha=penalty),
                similarity_func=lambda _, __, mask, **___: mask_weights(mask.bool()),
                perturb_func=lambda *_, waiting=waiting, **__: next(waiting)[None].long(),
            )
            wanted = captum.attribute(
                images[image : image + 1], target=output, feature_mask=segments[None, None], n_samples=60
            )
            assert float(wanted.max()) > 0
            assert_close(cams.maps[0, output, image], wanted[0, 0].clamp(min=0), 1e-5)


def test_lime_equals_a_plain_loop():
    """Other parts in every picture, fewer in the second one; an output before the link."""
    network, images, readout = given("toynet")
    segments = torch.stack([grid_segments(96, 96, 3), grid_segments(96, 96, 2).flip(1)])
    masks, settings = lime_masks(40, 9, 1), LimeSettings(batch_size=7)
    cams = lime_cam(network, images, readout, 2, before_link=True, settings=settings, segments=segments, masks=masks)
    weight, bias = (torch.as_tensor(values).double() for values in (readout.weight, readout.bias))
    for image, parts in enumerate((9, 4)):
        values = np.empty((40, 2))
        for sample in range(40):
            copy = images[image].clone()
            for part in range(parts):
                if not masks[sample, part]:
                    copy[:, segments[image] == part] = 0.0
            with torch.no_grad():
                features = network.features(copy[None])[0].double()
            values[sample] = [float(weight[run, 2] @ features + bias[run, 2]) for run in range(2)]
        shown = masks[:, :parts].numpy().astype(float)
        cosine = np.sqrt(shown.mean(1))
        importance = np.sqrt(np.exp(-((1 - cosine) ** 2) / 0.25**2))
        for run in range(2):
            model = Ridge(alpha=1.0).fit(shown, values[:, run], sample_weight=importance)
            wanted = np.maximum(model.coef_, 0)[segments[image].numpy()]
            assert_close(cams.maps[run, image], wanted, 1e-5)


def test_masked_copies_do_not_hang_on_the_batch():
    network, images, readout = given("toynet")
    segments, masks = grid_segments(96, 96, 3).expand(2, -1, -1), lime_masks(20, 9, 0)
    results = [masked_outputs(network, images, readout, segments, masks, size) for size in (3, 64)]
    assert_close(results[0], results[1], 1e-6)
    with torch.no_grad():
        whole = readout.outputs(network.features(images), "all")
    assert_close(results[0][..., 0], whole, 1e-6)


def test_lime_refuses_what_it_cannot_use():
    network, images, readout = given("toynet")
    with pytest.raises(ParameterError, match="Unknown regression"):
        lime_coefficients(lime_masks(5, 2, 0), torch.zeros(5, 1), LimeSettings(regression="tree"))
    with pytest.raises(InputError, match="parts"):
        lime_cam(network, images, readout, segments=torch.zeros(5, 96, 96, dtype=torch.int64))
    with pytest.raises(InputError, match="so many parts"):
        grid_segments(4, 4, 5)
