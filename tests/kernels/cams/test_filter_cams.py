from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from kernels_reference import (
    SCALE_ABOVE_EPSILON,
    assert_close,
    box_values,
    images_for,
    readout_for,
    scaled,
    score_of,
    some_runs,
    untrained,
    whole_network,
)
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import scale_cam_image
from torch import nn
from torch.nn import functional

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.kernels.cams.dense_tail import DenseTail
from o2b_helpers.kernels.cams.filter_cams import filter_maps
from o2b_helpers.kernels.cams.filter_scores import filter_scores
from o2b_helpers.kernels.cams.gradient_means import gradient_sum, output_edges, readers
from o2b_helpers.models.backbones.loading import load_backbone

ARCHITECTURES = ["toynet", "alexnet", "resnet18", "vgg16", "squeezenet1_1"]
ARCHITECTURES += ["resnet50", "densenet121", "googlenet"]


class OneRun:
    """pytorch-grad-cam's target: the output of one run, through a sigmoid where the readout has one."""

    def __init__(self, run, link):
        self.run, self.link = run, link

    def __call__(self, outputs):
        value = outputs[self.run]
        return torch.sigmoid(value) if self.link == "sigmoid" else value


class DenseNet(nn.Module):
    """torchvision's DenseNet, whose own forward applies its last ReLU in place: autograd then refuses to go back."""

    def __init__(self, module):
        super().__init__()
        self.features, self.classifier = module.features, module.classifier

    def forward(self, images):
        maps = functional.relu(self.features(images))
        return self.classifier(torch.flatten(functional.adaptive_avg_pool2d(maps, (1, 1)), 1))


def lively(name):
    """The untrained network. GoogLeNet's own random weights are so small that its gradients leave single precision."""
    network = untrained(name) if name != "googlenet" else load_backbone(name, "untrained")
    if name == "googlenet":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            for part in network.module.modules():
                if isinstance(part, nn.Conv2d):
                    nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    return network


def grad_cam(network, layers, images, readout, run):
    """Activations and GradCAM weights by pytorch-grad-cam itself: {layer: (maps, weights)}.

    The images' memory layout is the kernel's, so that both add up in the same order. Among a deep network's millions of
    ReLUs some stand closer to 0 than a rounding error, and each of them is open or shut by that order alone.
    """
    module = whole_network(network, readout)
    module = DenseNet(module) if network.name.startswith("densenet") else module
    images = images.to(memory_format=torch.channels_last)
    chosen = [module.get_submodule(layer) for layer in layers]
    with GradCAM(module, chosen) as cam:
        cam(images, [OneRun(run, readout.link)] * len(images))
        taken = cam.activations_and_grads
        return {
            layer: (maps.numpy(), cam.get_cam_weights(images, stage, None, maps, gradients.numpy()))
            for layer, stage, maps, gradients in zip(layers, chosen, taken.activations, taken.gradients, strict=True)
        }


@pytest.mark.parametrize(
    ("name", "score"),
    [*((name, "homogeneity") for name in ARCHITECTURES), *((name, "ratio") for name in ("toynet", "alexnet"))],
)
def test_scores_equal_grad_cam_one_filter_at_a_time(name, score):
    """Every target layer, sampled filters: <= 1e-4.

    pytorch-grad-cam divides a map by (1e-7 + maximum), which flattens maps of small gradients; heads scaled far
    above 1e-7 make both scalings the same. Ours does not depend on the size of the head.
    """
    network = lively(name)
    count = 1 if name.startswith("vgg") else 2
    images, readout = images_for(network, count), readout_for(network, 2)
    size = images.shape[-2:]
    boxes = torch.tensor([[10.3, 5.0, 70.9, 60.0], [0, 0, size[1], size[0]], [40.0, 20, 41, 90], [3.0, 8, 60, 21]])
    pixels = [[10, 5, 71, 60], [0, 0, size[1], size[0]], [40, 20, 41, 90], [3, 8, 60, 21]]
    owner, classes = torch.arange(4) % count, torch.tensor([0, 1, 0, 2])
    layers = network.target_layers
    actual = filter_scores(network, images, readout, boxes, owner, classes, 4, layers, score=score)
    rng = np.random.default_rng(0)
    compared = {layer: 0 for layer in layers}
    for run in range(2):
        reference = grad_cam(network, layers, images, scaled(readout, SCALE_ABOVE_EPSILON), run)
        for layer in layers:
            maps, weights = reference[layer]
            seen = np.flatnonzero((weights * maps.max((2, 3)) > 1).any(0))  # sampled where there is a map to score
            for k in rng.choice(seen, 3, replace=False):
                wanted = np.zeros(4)
                for box in range(4):
                    cam = np.maximum(weights[owner[box], k] * maps[owner[box], k], 0)
                    resized = scale_cam_image(cam[None], size[::-1])[0]
                    wanted[classes[box]] += score_of(*box_values(resized, pixels[box]), score)
                spot = (actual.layer == layer) & (actual.channel == k)
                assert spot.sum() == 1
                assert_close(actual.score_sum[run, spot][0], wanted, 1e-4)
                compared[layer] += int(wanted.max() > 0.01)
    assert min(compared.values()) > 0  # not a comparison of nothing with nothing
    assert actual.box_count.tolist() == [2, 1, 1, 0]


@pytest.mark.parametrize(
    ("name", "link"),
    [("toynet", "sigmoid"), ("alexnet", "sigmoid"), ("resnet18", "sigmoid"), ("toynet", "linear"), ("vgg16", "linear")],
)
def test_maps_and_weights_equal_grad_cam(name, link):
    network = untrained(name)
    images, readout = images_for(network, 1), readout_for(network, 2, link=link)
    actual = filter_maps(network, images, readout, network.target_layers)
    for run in range(2):
        reference = grad_cam(network, network.target_layers, images, readout, run)
        for layer in network.target_layers:
            maps, weights = actual[layer]
            assert_close(maps, reference[layer][0], 1e-5 * reference[layer][0].max())
            size = np.abs(reference[layer][1]).max()
            assert size > 0
            assert_close(weights[run], reference[layer][1], 1e-4 * size)


@pytest.mark.parametrize("name", ["toynet", "alexnet", "resnet18"])
def test_filter_maps_equal_captum(name):
    network = untrained(name)
    images, readout = images_for(network, 2), readout_for(network, 2)
    module = whole_network(network, readout)
    actual = filter_maps(network, images, readout, network.target_layers)
    for layer in network.target_layers:
        maps, weights = actual[layer]
        for run in range(2):
            oracle = LayerGradCam(module, module.get_submodule(layer))
            theirs = oracle.attribute(images, target=run, attr_dim_summation=False).detach()
            ours = weights[run][:, :, None, None] * maps
            assert_close(ours, theirs, 1e-4 * float(theirs.abs().max()))


def test_backward_stops_at_the_first_target_layer():
    network = untrained("toynet")
    images, readout = images_for(network, 2).requires_grad_(), readout_for(network, 1)
    maps, weights = filter_maps(network, images, readout, ["features.4", "features.9"])["features.4"]
    assert images.grad is None and not maps.requires_grad and not weights.requires_grad
    with torch.no_grad():  # a caller's no_grad does not get in the way
        again = filter_maps(network, images, readout, ["features.9", "features.4"])
    assert list(again) == ["features.9", "features.4"]
    assert torch.equal(again["features.4"][1], weights)


@pytest.mark.parametrize("taps", [(5, 5), (3, 1), (1, 1)])
@pytest.mark.parametrize(
    "more", [{}, {"stride": 2, "padding": 1}, {"padding": (4, 2), "dilation": 2}, {"stride": (1, 3)}]
)
@pytest.mark.parametrize("pooled", [False, True])
def test_gradient_sums_equal_the_summed_gradient(taps, more, pooled):
    torch.manual_seed(0)
    maps = torch.randn(2, 6, 15, 13, dtype=torch.float64, requires_grad=True)
    pools = [nn.MaxPool2d(3, 2, padding=1), nn.MaxPool2d(2, ceil_mode=True)] if pooled else [nn.Identity()] * 2
    pads = {"stride": 1, "padding": 2, **more}
    item, other = nn.Conv2d(6, 4, taps, **pads).double(), nn.Conv2d(6, 5, 1, bias=False).double()
    behind = torch.relu(item(pools[0](maps))).sum((2, 3)), other(pools[1](maps)).tanh().sum((2, 3))  # two readers
    result = (torch.cat(behind, 1) ** 2).sum()
    actual = readers(result, maps)
    assert len(actual) == 2
    gradients = torch.autograd.grad(result, output_edges(actual), retain_graph=True)
    (whole,) = torch.autograd.grad(result, maps, retain_graph=True)
    wanted = whole.sum((2, 3))
    assert_close(sum(map(gradient_sum, actual, gradients)), wanted, 1e-12 * float(wanted.abs().max()))


@pytest.mark.parametrize(
    "reader",
    [
        nn.BatchNorm2d(4).eval(),
        nn.Conv2d(4, 4, 3, groups=2),
        nn.ConvTranspose2d(4, 4, 3),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.AvgPool2d(2),
    ],
)
def test_other_readers_of_maps_are_noticed(reader):
    maps, plain = torch.randn(1, 4, 8, 8, requires_grad=True), nn.Conv2d(4, 4, 1)
    assert len(readers(plain(maps).sum(), maps)) == 1
    assert readers(reader(maps).sum() + plain(maps).sum(), maps) is None
    assert readers((maps + nn.functional.pad(plain(maps), (0, 0))).sum(), maps) is None  # a residual connection


def test_most_first_layers_are_left_by_convolutions():
    """Else the backward pass goes on to the maps themselves: as exact, and slower."""
    for name, expected in [("toynet", 1), ("alexnet", 1), ("resnet18", 2), ("squeezenet1_1", 1)]:
        network = untrained(name)
        first = network.target_layers[0]
        maps = network.trunk(images_for(network, 1), first).requires_grad_()
        assert len(readers(network.tail(maps, first), maps)) == expected


def test_weights_do_not_depend_on_how_the_first_layer_is_left(monkeypatch):
    for name in ("alexnet", "resnet18"):
        network = untrained(name)
        images, readout = images_for(network, 2), readout_for(network, 2)
        actual = filter_maps(network, images, readout, network.target_layers)
        with monkeypatch.context() as patch:
            patch.setattr("o2b_helpers.kernels.cams.filter_cams.readers", lambda *_: None)
            plain = filter_maps(network, images, readout, network.target_layers)
        for layer in network.target_layers:
            assert_close(actual[layer][1], plain[layer][1], 1e-5 * float(plain[layer][1].abs().max()))


def test_tail_of_any_stages_goes_back_for_all_runs():
    torch.manual_seed(0)
    stages = [
        nn.Dropout(),
        nn.Linear(12, 9),
        nn.ReLU(),
        nn.LayerNorm(9),
        nn.Linear(9, 7, bias=False),
        nn.Tanh(),
        nn.ReLU(),
    ]
    stages = [(str(number), stage.eval().requires_grad_(False)) for number, stage in enumerate(stages)]
    values, gradient = torch.randn(4, 12, requires_grad=True), torch.randn(3, 4, 7)
    whole = nn.Sequential(*[stage for _, stage in stages])(values)
    tail = DenseTail(stages, values)
    assert_close(tail.features, whole.detach(), 1e-6)
    actual = tail.back(gradient)
    for run in range(3):
        (wanted,) = torch.autograd.grad(whole, values, gradient[run], retain_graph=True)
        assert wanted.any()
        assert_close(actual[run], wanted, 1e-6)


def test_many_runs_equal_each_alone():
    network = untrained("alexnet")
    images, readout = images_for(network, 2), readout_for(network, 11)
    together = filter_maps(network, images, readout, ["features.1", "features.9"])
    for run in (0, 7, 8, 10):
        alone = filter_maps(network, images, some_runs(readout, [run]), ["features.1", "features.9"])
        for layer, (_, weights) in alone.items():
            assert_close(together[layer][1][run], weights[0], 1e-5 * float(weights.abs().max()))


def test_last_layer_in_closed_form():
    """Behind the last ReLU of ResNet18 only average pooling and the head follow: w = head / (height * width)."""
    network = untrained("resnet18")
    readout = readout_for(network, 2)
    maps, weights = filter_maps(network, images_for(network, 1), readout, ["layer4"])["layer4"]
    assert_close(weights[:, 0], readout.weight[:, 0] / maps[0, 0].numel(), 1e-7)


def test_a_saturated_sigmoid_keeps_the_sign():
    network = untrained("toynet")
    images, readout = images_for(network, 2), readout_for(network, 1)
    linear = filter_maps(network, images, readout, ["features.4"])["features.4"][1]
    saturated = scaled(readout, 1, bias=torch.tensor([[300.0]]), link="sigmoid")
    far = filter_maps(network, images, saturated, ["features.4"])["features.4"][1]
    assert torch.equal(far > 0, linear > 0) and (linear > 0).any()


def test_refuses_bad_input():
    network = untrained("toynet")
    images, readout = images_for(network, 2), readout_for(network, 2)
    broken = images.clone()
    broken[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="images holds values that are not finite"):
        filter_maps(network, broken, readout, ["features.4"])
    with pytest.raises(InputError, match="does not fit the backbone"):
        filter_maps(network, images, readout_for(untrained("alexnet"), 1), ["features.4"])
    for output in (1, -1, "highest", 0.5):
        with pytest.raises(ParameterError, match="no such output"):
            filter_maps(network, images, readout, ["features.4"], output)
    with pytest.raises(ModelError, match="no such layer"):
        filter_maps(network, images, readout, ["features.99"])
    with pytest.raises(ModelError, match="negative values"):
        filter_maps(network, images, readout, ["features.3"])  # a convolution
