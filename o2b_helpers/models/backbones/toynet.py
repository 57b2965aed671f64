"""The toy world's backbone as an architecture like any other."""

from __future__ import annotations

from torch import nn

from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.registry import Architecture, WeightsSource, register
from o2b_helpers.models.backbones.stages import FLATTEN, Stages, stages_of
from o2b_helpers.toyworld.backbone import CHANNEL_MEAN, CHANNEL_STD, INPUT_SIZE, TARGET_LAYERS, ToyNet
from o2b_helpers.toyworld.weights import digests, toynet_weights


def _stages(module: nn.Module) -> Stages:
    return stages_of(module, "features.*", "avgpool", FLATTEN)


_FILE = toynet_weights(trained=True)
register(
    Architecture(
        name="toynet",
        build=ToyNet,
        stages=_stages,
        target_layers=TARGET_LAYERS,
        preprocessing=Preprocessing(INPUT_SIZE, INPUT_SIZE, CHANNEL_MEAN, CHANNEL_STD),
        last_layer="classifier",
        weights={"toyworld": WeightsSource(_FILE.name, sha256=digests()[_FILE.name], folder=_FILE.parent)},
    )
)
