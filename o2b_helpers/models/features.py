"""Compute features of many images: penultimate ones, or the flattened maps of layers, several in one pass."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from o2b_helpers.errors import StoreError
from o2b_helpers.inputs.preprocessing import InputImages
from o2b_helpers.models.backbone import Backbone
from o2b_helpers.progress import progress

Images = Sequence[Path | str] | torch.Tensor


def penultimate_features(backbone: Backbone, images: Images, *, batch_size: int = 32) -> np.ndarray:
    """Compute the features that a full model's head reads.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : sequence of Path, or Tensor (image, 3, height, width)
        Files, or images that are normalised already.
    batch_size : int
        Images at once.

    Returns
    -------
    array (image, feature), float32
    """
    last = backbone.stages[-1][0]
    return layer_features(backbone, images, [last], batch_size=batch_size)[last]


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
    images : sequence of Path, or Tensor (image, 3, height, width)
        Files, or images that are normalised already, of the preprocessing's size.
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
    InputError
        A picture cannot be read.
    ModelError
        The network has no such layer.
    StoreError
        There is no room for a file.
    """
    files = files or {}
    arrays = {}
    for layer in layers:
        shape = (len(images), math.prod(backbone.shape(layer)))
        if layer in files:
            _check_room(files[layer], shape, layer)
            arrays[layer] = np.lib.format.open_memmap(files[layer], mode="w+", dtype=np.float32, shape=shape)
        else:
            arrays[layer] = np.empty(shape, dtype=np.float32)
    names = [name for name, _ in backbone.stages]
    deepest = max(layers, key=names.index)
    batches = _batches(backbone, images, batch_size)
    start, total = 0, -(-len(images) // batch_size)
    with torch.no_grad():
        for batch in progress(batches, f"features of {backbone.name}", total):
            stop = start + len(batch)
            maps = backbone.run(batch.to(backbone.device), layers, until=deepest)[0]
            for layer in layers:
                arrays[layer][start:stop] = maps[layer].flatten(1).cpu().numpy()
            start = stop
    for layer in files:
        if layer in arrays:
            arrays[layer].flush()
    return arrays


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


def _batches(backbone: Backbone, images: Images, batch_size: int) -> Iterator[torch.Tensor]:
    """Yield batches of normalised images; while one is computed, the next is read."""
    if isinstance(images, torch.Tensor):
        yield from images.split(batch_size)
        return
    data = InputImages(images, backbone.preprocessing)
    with ThreadPoolExecutor(max_workers=2) as readers:
        ahead: list = []
        for start in range(0, len(data) + batch_size, batch_size):
            coming = [readers.submit(data.__getitem__, at) for at in range(start, min(start + batch_size, len(data)))]
            if ahead:
                yield torch.stack([one.result() for one in ahead])
            ahead = coming
