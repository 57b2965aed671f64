"""The architectures of torchvision, with the paper's cuts and the places where their weights are published.

The cuts of AlexNet, VGG16 and ResNet are the paper's (section 2.2); those of VGG19 follow VGG16's rule. The cuts of
DenseNet, GoogLeNet and SqueezeNet are ours: one per resolution or so, always behind a ReLU.
"""

from __future__ import annotations

import re
from functools import partial

import torch
import torchvision.models as tv
from torch import nn
from torch.nn import functional
from torchvision.models.googlenet import BasicConv2d, Inception, InceptionAux

from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.registry import Architecture, WeightsSource, register
from o2b_helpers.models.backbones.stages import FLATTEN, Stages, stages_of
from o2b_helpers.models.fast.steps import InputRescaling, SpatialMean

PLACES365 = "http://places2.csail.mit.edu/models_places365/"


def _sources(name: str, places: bool = False) -> dict[str, WeightsSource]:
    """List torchvision's first ImageNet-1k weights and, where there is one, the Places365 checkpoint."""
    url = tv.get_model_weights(name).IMAGENET1K_V1.url
    file = url.rsplit("/", 1)[1]
    digits = re.findall(r"-([0-9a-f]{8,64})\.pth$", file)[0]
    sources = {"imagenet": WeightsSource(file, url, sha256=digits, download=True)}
    if places:  # published over plain http and without a digest: not fetched on anyone's behalf
        file = f"{name}_places365.pth.tar"
        sources["places365"] = WeightsSource(file, PLACES365 + file)
    return sources


def _preprocessing(name: str) -> Preprocessing:
    """Read the preprocessing that torchvision publishes with the ImageNet weights."""
    return Preprocessing.from_preset(tv.get_model_weights(name).IMAGENET1K_V1.transforms())


def _register(name: str, stages, target_layers: tuple[str, ...], last_layer: str, build=None, places=False, **more):
    register(
        Architecture(
            name=name,
            build=build or partial(tv.get_model, name, weights=None),
            stages=stages,
            target_layers=target_layers,
            preprocessing=_preprocessing(name),
            last_layer=last_layer,
            weights=_sources(name, places),
            **more,
        )
    )


def _alexnet_stages(module: nn.Module) -> Stages:
    return stages_of(module, "features.*", "avgpool", FLATTEN, *[f"classifier.{i}" for i in range(6)])


def _vgg_stages(module: nn.Module) -> Stages:
    return stages_of(module, "features.*", "avgpool", FLATTEN, *[f"classifier.{i}" for i in range(6)])


def _resnet_stages(module: nn.Module) -> Stages:
    layers = ("layer1", "layer2", "layer3", "layer4")
    return stages_of(module, "conv1", "bn1", "relu", "maxpool", *layers, "avgpool", FLATTEN)


def _densenet(name: str) -> nn.Module:
    module = tv.get_model(name, weights=None)
    # torchvision's forward applies the last ReLU without a module, in place; as a module it can be named and cut
    # behind, and the second, functional one then changes nothing.
    module.features.add_module("relu5", nn.ReLU())
    return module


def _densenet_stages(module: nn.Module) -> Stages:
    parts = ["features.conv0", "features.norm0", "features.relu0", "features.pool0"]
    for block in (1, 2, 3):
        parts += [f"features.denseblock{block}", f"features.transition{block}.*"]
    parts += ["features.denseblock4", "features.norm5", "features.relu5"]
    return stages_of(module, *parts, ("avgpool", nn.AdaptiveAvgPool2d((1, 1))), FLATTEN)


def _densenet_key(key: str) -> str:
    """Spell a key as torchvision does today: ``norm.1`` of old checkpoints is ``norm1``."""
    return re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.", r"\1\2.", key)


class _ConvolutionReLU(BasicConv2d):
    """GoogLeNet's convolution, batch norm and ReLU; torchvision's own overwrites the batch norm's output."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.bn(self.conv(x)))


def _googlenet() -> nn.Module:
    block = partial(Inception, conv_block=_ConvolutionReLU)
    auxiliary = partial(InceptionAux, conv_block=_ConvolutionReLU)
    blocks = [_ConvolutionReLU, block, auxiliary]
    # torchvision's published weights expect its rescaling of the input, so the architecture keeps it
    return tv.GoogLeNet(aux_logits=False, transform_input=True, init_weights=True, blocks=blocks)


def _googlenet_stages(module: nn.Module) -> Stages:
    inception = {3: "ab", 4: "abcde", 5: "ab"}
    parts: list[str | tuple[str, nn.Module]] = [("transform_input", InputRescaling())]
    parts += ["conv1", "maxpool1", "conv2", "conv3", "maxpool2"]
    for number, letters in inception.items():
        parts += [f"inception{number}{letter}" for letter in letters]
        parts += [f"maxpool{number}"] if number < 5 else []
    return stages_of(module, *parts, "avgpool", FLATTEN)


def _squeezenet_stages(module: nn.Module) -> Stages:
    # torchvision's last layer is a convolution with a closing ReLU and then the mean over space. Ours is the mean over
    # space and then a linear layer: without the ReLU (our choice) the two are the same.
    return stages_of(module, "features.*", ("mean", SpatialMean()))


_ALEXNET_LAYERS = ("features.1", "features.4", "features.7", "features.9", "features.11")
_register("alexnet", _alexnet_stages, _ALEXNET_LAYERS, "classifier.6", places=True)
_VGG16_LAYERS = ("features.8", "features.15", "features.22", "features.29")
_VGG19_LAYERS = ("features.8", "features.17", "features.26", "features.35")
_register("vgg16", _vgg_stages, _VGG16_LAYERS, "classifier.6")
_register("vgg19", _vgg_stages, _VGG19_LAYERS, "classifier.6")
_RESNET_LAYERS = ("layer1", "layer2", "layer3", "layer4")
for _name in ("resnet18", "resnet34", "resnet50", "resnet101"):
    _register(_name, _resnet_stages, _RESNET_LAYERS, "fc", places=_name in ("resnet18", "resnet50"))
_DENSENET_LAYERS = (*[f"features.transition{block}.relu" for block in (1, 2, 3)], "features.relu5")
for _name in ("densenet121", "densenet161"):
    _register(
        _name,
        _densenet_stages,
        _DENSENET_LAYERS,
        "classifier",
        build=partial(_densenet, _name),
        places=_name == "densenet161",
        rename_key=_densenet_key,
    )
_GOOGLENET_LAYERS = ("inception3b", "inception4c", "inception4e", "inception5b")
_register("googlenet", _googlenet_stages, _GOOGLENET_LAYERS, "fc", build=_googlenet, ignored_keys=("aux1.", "aux2."))
_SQUEEZENET_LAYERS = ("features.4", "features.7", "features.10", "features.12")
_register("squeezenet1_1", _squeezenet_stages, _SQUEEZENET_LAYERS, "classifier.1")
