"""Backbones, heads and the object detector."""

from . import architectures, toynet  # noqa: F401  (importing them registers what ships)
from .backbone import Backbone, load_backbone, weights_digest
from .device import pick_device
from .registry import (
    Architecture,
    WeightsSource,
    architecture,
    architecture_names,
    load_definition,
    register,
)
from .stages import SpatialMean, stages_of

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
