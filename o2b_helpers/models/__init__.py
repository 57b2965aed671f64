"""Backbones, heads and the object detector."""

from o2b_helpers.models import architectures, toynet  # noqa: F401  (importing them registers what ships)
from o2b_helpers.models.backbone import Backbone, load_backbone, weights_digest
from o2b_helpers.models.device import pick_device
from o2b_helpers.models.registry import (
    Architecture,
    WeightsSource,
    architecture,
    architecture_names,
    load_definition,
    register,
)
from o2b_helpers.models.stages import SpatialMean, stages_of

__all__ = [
    "Architecture",
    "Backbone",
    "SpatialMean",
    "WeightsSource",
    "architecture",
    "architecture_names",
    "load_backbone",
    "load_definition",
    "pick_device",
    "register",
    "stages_of",
    "weights_digest",
]
