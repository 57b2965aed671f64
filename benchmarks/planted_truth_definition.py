"""The networks of planted_truth_networks.py as a profile names them."""

from __future__ import annotations

from planted_truth_networks import BigNet, MonoNet

from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.registry import Architecture, register
from o2b_helpers.models.backbones.stages import FLATTEN, stages_of
from o2b_helpers.toyworld.backbone import CHANNEL_MEAN, CHANNEL_STD, INPUT_SIZE

PREPROCESSING = Preprocessing(INPUT_SIZE, INPUT_SIZE, CHANNEL_MEAN, CHANNEL_STD)
register(
    Architecture(
        name="mononet",
        build=MonoNet,
        stages=lambda net: stages_of(net, "features.*", "avgpool", FLATTEN),
        target_layers=("features.1", "features.4", "features.7", "features.9"),
        preprocessing=PREPROCESSING,
        last_layer="classifier",
    )
)
register(
    Architecture(
        name="bignet",
        build=BigNet,
        stages=lambda net: stages_of(
            net, "features.*", "avgpool", FLATTEN, *[f"classifier.{number}" for number in range(4)]
        ),
        target_layers=("features.1", "features.4", "features.9", "features.11"),
        preprocessing=PREPROCESSING,
        last_layer="classifier.4",
    )
)
