"""Compute features of many images: the flattened maps of layers, several in one pass."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import torch
from numpy.lib import format as npy

from o2b_helpers.core.errors import StoreError
from o2b_helpers.core.progress import progress
from o2b_helpers.models.backbones.backbone import Backbone


class Pictures(Protocol):
    """Inputs of a network that are read by number, such as those of `inputs.pixel_cache`."""

    def __len__(self) -> int:
        """Return the number of pictures."""

    def pick(self, rows: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Return some of them, normalised, in the order asked for: float32 (image, 3, height, width)."""


Images = torch.Tensor | Pictures


def layer_features(
    backbone: Backbone,
    images: Images,
    layers: Sequence[str],
    *,
    batch_size: int = 32,
    files: Mapping[str, Path] | None = None,
) -> dict[str, np.ndarray]:
    """Compute the flattened maps at several layers in one pass through the images; nothing behind the last layer runs.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : Tensor (image, 3, height, width), or Pictures
        Normalised images of the preprocessing's size.
    layers : sequence of str
        Stages of the network.
    batch_size : int
        Images at once.
    files : mapping of str to Path, optional
        A file (.npy) for each layer whose features are too many for memory; it is written and returned as a
        memory map.

    Returns
    -------
    dict of str to array (image, channel * height * width), float32
        By layer; an array or a memory map. Stages without maps, such as the last one, give (image, feature).

    Raises
    ------
    ModelError
        The network has no such layer.
    StoreError
        There is no room for a file.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> features = layer_features(load_backbone("toynet", "toyworld"), torch.zeros(2, 3, 96, 96), ["features.4"])
    >>> features["features.4"].shape
    (2, 13824)
    """
    files = {layer: file for layer, file in (files or {}).items() if layer in layers}
    shapes = {layer: (len(images), n_features(backbone, layer)) for layer in layers}
    for layer, file in files.items():
        _check_room(file, shapes[layer], layer)
    arrays = {layer: np.empty(shapes[layer], dtype=np.float32) for layer in layers if layer not in files}
    names = [name for name, _ in backbone.stages]
    deepest = max(layers, key=names.index)
    parts = [np.arange(at, min(at + batch_size, len(images))) for at in range(0, len(images), batch_size)]
    with torch.no_grad(), ExitStack() as opened:
        streams = {layer: opened.enter_context(_stream(file, shapes[layer])) for layer, file in files.items()}
        batches = progress(_batches(images, parts), f"features of {backbone.name}", len(parts))
        for part, batch in zip(parts, batches, strict=True):
            maps = backbone.run(batch.to(backbone.device), layers, until=deepest)[0]
            for layer in layers:
                flat = maps[layer].flatten(1).cpu().numpy()
                if layer in streams:
                    streams[layer].write(np.ascontiguousarray(flat).data)
                else:
                    arrays[layer][part[0] : part[-1] + 1] = flat
    return arrays | {layer: np.load(file, mmap_mode="r") for layer, file in files.items()}


def maps_in_order(
    backbone: Backbone, images: Images, layer: str, parts: Iterable[np.ndarray]
) -> Iterator[torch.Tensor]:
    """Yield the maps (image, channel, height, width) at a layer for each part, an array of numbers of images."""
    with torch.no_grad():
        for batch in _batches(images, parts):
            yield backbone.trunk(batch.to(backbone.device), layer)


def n_features(backbone: Backbone, layer: str) -> int:
    """Return the number of features of an image at a layer: channel * height * width."""
    return math.prod(backbone.shape(layer))


def _stream(file: Path, shape: tuple[int, int]) -> BinaryIO:
    """Open a file for the rows of an array; a memory map that is written to would count as the process' own memory."""
    stream = open(file, "wb")
    npy.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream


def _check_room(file: Path, shape: tuple[int, int], layer: str) -> None:
    """Refuse a file that the disk cannot hold before anything is computed."""
    wanted, free = 4 * math.prod(shape), shutil.disk_usage(Path(file).parent).free
    if wanted > free:
        raise StoreError(
            f"The features of {layer} do not fit on the disk",
            value=f"{shape[0]} images x {shape[1]} features = {wanted / 1e9:.1f} GB",
            expected=f"at most {free / 1e9:.1f} GB, which are free at {Path(file).parent}",
            remedy="free room, use a store on another disk, or leave this layer out of the layer models",
        )


def _batches(images: Images, parts: Iterable[np.ndarray]) -> Iterator[torch.Tensor]:
    """Yield normalised images, a batch for each part (numbers of images); while one is computed, the next is read."""
    if isinstance(images, torch.Tensor):
        yield from (images[torch.from_numpy(part)] for part in parts)
        return
    with ThreadPoolExecutor(1) as ahead:
        coming = None
        for part in parts:
            following = ahead.submit(images.pick, part)
            if coming is not None:
                yield coming.result()
            coming = following
        if coming is not None:
            yield coming.result()
