"""Which layers of a network come from a ReLU behind a convolution: known networks, and definitions of one's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from o2b_helpers.core.errors import ModelError
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.meta import meta_backbone
from o2b_helpers.models.backbones.registry import Architecture, architecture_names, register
from o2b_helpers.models.backbones.stages import FLATTEN, stages_of
from o2b_helpers.models.relu_layers import check_relu_layers, relu_layers

HOW_MANY = {
    "toynet": 4, "alexnet": 5, "vgg16": 13, "vgg19": 16, "resnet18": 5, "squeezenet1_1": 9, "densenet121": 5,
    "googlenet": 12,
}  # fmt: skip


class Branches(nn.Module):
    """Two ReLU'd convolutions side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(4, 3, 1), nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.left(maps).relu(), nn.functional.relu(self.right(maps))], dim=1)


class Mixed(nn.Module):
    """What may stand between convolutions: other nonlinearities, batch norm, pooling, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.ReLU(), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout2d(), nn.MaxPool2d(2),
            Branches(), nn.Conv2d(5, 4, 3), nn.LeakyReLU(), nn.Conv2d(4, 4, 3), nn.Sigmoid(), nn.Conv2d(4, 6, 3),
            nn.ReLU6(), nn.AdaptiveAvgPool2d(1),
        )  # fmt: skip
        self.classifier = nn.Linear(6, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(images).flatten(1))


def _register(name: str, *, staged: bool) -> str:
    if name not in architecture_names():
        register(
            Architecture(
                name, Mixed, (lambda module: stages_of(module, "features.*", FLATTEN)) if staged else None,
                ("features.3", "features.5", "features.12"), Preprocessing(32, 32), "classifier",
            )
        )  # fmt: skip
    return name


@pytest.mark.parametrize("name", HOW_MANY)
def test_known_networks_have_their_relu_layers_and_all_target_layers_are_among_them(name):
    backbone = meta_backbone(name)
    layers = relu_layers(backbone)
    assert len(layers) == len(set(layers)) == HOW_MANY[name]
    assert set(backbone.target_layers) <= set(layers)


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_they_are_the_modules_behind_the_convolutions(name):
    parts = dict(meta_backbone(name).module.named_modules())
    relus = [path for path, part in parts.items() if isinstance(part, nn.ReLU) and path.startswith("features")]
    assert list(relu_layers(meta_backbone(name))) == relus


def test_only_what_a_relu_gives_behind_a_convolution_counts():
    name = _register("mixed", staged=True)
    layers = ("features.3", "features.6", "features.12")
    assert relu_layers(meta_backbone(name)) == layers == relu_layers(load_backbone(name, "untrained"))
    hooked = load_backbone(_register("mixed_hooked", staged=False), "untrained")
    assert relu_layers(hooked) == ("features.3", "features.12")  # pooled maps come from no ReLU


def test_a_layer_without_a_relu_is_refused():
    backbone = meta_backbone(_register("mixed", staged=True))
    assert check_relu_layers(backbone, ["features.12", "features.3"]) == ("features.3", "features.12")
    with pytest.raises(ModelError, match="do not come from a ReLU") as refused:
        check_relu_layers(backbone, ["features.3", "features.10"])
    assert refused.value.value == "features.10" and "features.6" in refused.value.expected
    with pytest.raises(ModelError, match="no such layer"):
        check_relu_layers(backbone, ["features.99"])
