"""What networks, pictures and detectors take, for the cost estimates of all studies; nothing is loaded for it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from o2b_helpers.core.cost import Need
from o2b_helpers.core.device import pick_device
from o2b_helpers.core.params import Params
from o2b_helpers.inputs.images.decoding import DECODED_PIXEL
from o2b_helpers.inputs.images.pixel_cache import CachedImages
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.meta import meta_backbone, weight_bytes
from o2b_helpers.studies.common.networks import target_layers
from o2b_helpers.studies.common.options import Model

Folders = Mapping[str, Path]
FLOAT, DOUBLE = 4, 8  # bytes of a number
PIXEL_ON_ITS_WAY = 3 * (1 + 2 * FLOAT)  # bytes of a network's input: as stored, as number, normalised
FEWER_IMAGES = "take fewer images in analysis.corpus"
FEWER_LAYERS = "name fewer layers in analysis.models[].layers"


def network_shapes(params: Params, model: Model) -> Backbone:
    """Return the shapes of a profile's network, without its numbers."""
    target_layers(params, model)  # reads the file that defines the architecture, where there is one
    return meta_backbone(model.architecture)


def with_network(params: Params, backbone: Backbone, what: str, working: int, scratch: int = 0, disk: int = 0) -> Need:
    """Add the network to what a pass through it takes; while it is loaded, file and network are both in memory."""
    weights = weight_bytes(backbone)
    return placed(params, what, 2 * weights, weights + working, 0, scratch, disk)


def placed(params: Params, what: str, loading: int, computing: int, kept: int, scratch: int = 0, disk: int = 0) -> Need:
    """Put what is computed where it is computed: in memory or on a GPU."""
    if pick_device(params.execution.device).startswith("cuda"):
        return Need(what, loading + kept, computing, disk=disk, scratch=scratch, less_disk=FEWER_LAYERS)
    return Need(what, max(loading, computing) + kept, disk=disk, scratch=scratch, less_disk=FEWER_LAYERS)


def decoding_needs(backbone: Backbone, shown: Sequence[CachedImages], table: pd.DataFrame) -> list[Need]:
    """Return what it takes to decode the pictures that are not in the store yet; the network is loaded by then."""
    disk, geometry = sum(images.bytes_to_write() for images in shown), backbone.preprocessing
    if not disk:
        return []
    # the same for all models of this geometry, and then counted once
    kept = Need(f"pictures {_words(geometry)}", disk=disk, less_disk=FEWER_IMAGES)
    memory = weight_bytes(backbone) + largest_pixels(table, min(8, os.cpu_count() or 1)) * DECODED_PIXEL
    return [kept, Need(f"decoding for {backbone.name}", memory, less="lower analysis.corpus.max_pixels")]


def _words(geometry: Preprocessing) -> str:
    grey = ", in grey" if geometry.grey else ""
    return f"resized to {geometry.resize} and cut to {geometry.crop} pixels{grey}"


def counted_once(needs: list[Need]) -> list[Need]:
    """Leave out what is the same for several models: pictures of one geometry are kept once."""
    return list(dict.fromkeys(needs))


def largest_pixels(table: pd.DataFrame, count: int) -> int:
    """Return the pixels of the largest pictures, as many as are decoded at a time."""
    return int((table["width"] * table["height"]).nlargest(count).sum())


def reading_bytes(backbone: Backbone, images: int) -> int:
    """Return what pictures take on their way from the store to a network's input, bytes."""
    return images * PIXEL_ON_ITS_WAY * backbone.preprocessing.crop**2
