"""Compute features of many images: penultimate ones, or the flattened maps of layers, all in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from ..errors import InputError
from .backbone import Backbone


def penultimate_features(backbone: Backbone, batches: Iterable[torch.Tensor]) -> np.ndarray:
    """Compute the features that a full model's head reads.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    batches : iterable of Tensor (image, 3, height, width)
        Normalised images, e.g. a DataLoader over `InputImages`.

    Returns
    -------
    array (image, feature), float32
    """
    parts = []
    with torch.no_grad():
        for images in batches:
            parts.append(backbone.features(images.to(backbone.device)).cpu().numpy())
    if not parts:
        return np.empty((0, backbone.n_features), dtype=np.float32)
    return np.concatenate(parts)


def layer_features(
    backbone: Backbone,
    batches: Iterable[torch.Tensor],
    layers: Sequence[str],
    n_images: int,
    files: Mapping[str, Path] | None = None,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Compute the flattened maps at several layers and the penultimate features, in one pass through the images.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    batches : iterable of Tensor (image, 3, height, width)
        Normalised images.
    layers : sequence of str
        Stages of the network.
    n_images : int
        Number of images in all batches.
    files : mapping of str to Path, optional
        A file (.npy) for each layer whose features are too many for memory; it is written and returned as a memory map.

    Returns
    -------
    layers : dict of str to array (image, channel * height * width), float32
        By layer; an array or a memory map.
    features : array (image, feature), float32

    Raises
    ------
    InputError
        The batches hold more or fewer images than `n_images`.
    """
    files = files or {}
    arrays = {}
    for layer in layers:
        shape = (n_images, int(np.prod(backbone.shape(layer))))
        if layer in files:
            arrays[layer] = np.lib.format.open_memmap(files[layer], mode="w+", dtype=np.float32, shape=shape)
        else:
            arrays[layer] = np.empty(shape, dtype=np.float32)
    features = np.empty((n_images, backbone.n_features), dtype=np.float32)
    start = 0
    with torch.no_grad():
        for images in batches:
            stop = start + len(images)
            if stop > n_images:
                raise _miscounted(f"more than {n_images}", n_images)
            maps, last = backbone.run(images.to(backbone.device), layers)
            for layer in layers:
                arrays[layer][start:stop] = maps[layer].flatten(1).cpu().numpy()
            features[start:stop] = last.cpu().numpy()
            start = stop
    if start != n_images:
        raise _miscounted(str(start), n_images)
    for layer in files:
        if layer in arrays:
            arrays[layer].flush()
    return arrays, features


def _miscounted(found: str, expected: int) -> InputError:
    return InputError(
        "The number of images is not the announced one",
        value=found,
        expected=f"{expected} images",
        remedy="pass the same images that were counted",
    )
