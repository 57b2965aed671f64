"""Where heads read features from: memory, a file, or the backbone itself, which then runs again in every pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import FileIO
from mmap import mmap
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.progress import progress
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.heads.features import Images, maps_in_order, n_features

Bounds = Sequence[tuple[int, int]]


class FeatureSource(Protocol):
    """Features of many images, read some images at a time.

    Attributes
    ----------
    shape : (int, int)
        Number of images and of features.
    device : str
        Where they are wanted.
    """

    shape: tuple[int, int]
    device: str

    def read(self, order: np.ndarray, bounds: Bounds, room: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the features (image, feature) of ``order[start:stop]`` for each of the bounds, one after the other.

        They lie in the first rows of `room` (row, feature), so that each overwrites the one before; whoever reads
        may change them there.
        """


class InMemory:
    """Features that are there already.

    Parameters
    ----------
    features : array (image, feature)
        Any numbers; kept as float32 on the device.
    device : str
        As torch names it.
    overwrite : bool
        Whether the array itself may be changed, which saves the memory of a copy.

    Examples
    --------
    >>> source, order = InMemory(np.array([[0, 1], [2, 3], [4, 5]])), np.array([2, 0, 1])
    >>> [block.tolist() for block in source.read(order, [(0, 2), (2, 3)], torch.empty(2, 2))]
    [[[4.0, 5.0], [0.0, 1.0]], [[2.0, 3.0]]]
    """

    def __init__(self, features: np.ndarray, device: str = "cpu", overwrite: bool = False) -> None:
        ours = overwrite and features.dtype == np.float32 and features.flags.c_contiguous and features.flags.writeable
        values = torch.from_numpy(features) if ours else torch.tensor(np.asarray(features), dtype=torch.float32)
        self.values, self.shape, self.device = values.to(device), features.shape, device

    def read(self, order: np.ndarray, bounds: Bounds, room: torch.Tensor) -> Iterator[torch.Tensor]:
        """Copy rows; see `FeatureSource`."""
        rows = torch.from_numpy(order).to(self.device).split([stop - start for start, stop in bounds])
        for some in rows:
            yield torch.index_select(self.values, 0, some, out=room[: len(some)])


class OnDisk:
    """Features in a file (.npy, float32), read row by row.

    Not through a memory map: whatever is looked at there counts as the process' own memory.

    Parameters
    ----------
    file : Path
        Holds an array (image, feature) in C order.
    device : str
        As torch names it.
    """

    def __init__(self, file: Path | str, device: str = "cpu") -> None:
        mapped = np.load(file, mmap_mode="r")
        if mapped.dtype != np.float32 or not mapped.flags.c_contiguous or mapped.ndim != 2:
            raise InputError(
                "This file does not hold features",
                value=f"{file}: {mapped.dtype} of shape {mapped.shape}",
                expected="float32 of shape (image, feature) in C order",
                remedy="write it with layer_features",
            )
        self.file, self.offset, self.shape, self.device = Path(file), mapped.offset, mapped.shape, device

    def read(self, order: np.ndarray, bounds: Bounds, room: torch.Tensor) -> Iterator[torch.Tensor]:
        """Read rows, each part of the order forwards through the file; see `FeatureSource`."""
        size = 4 * self.shape[1]
        staged = room if room.device.type == "cpu" else torch.empty(room.shape)
        lines = staged.numpy().data.cast("B")
        with open(self.file, "rb", buffering=0) as file:
            for start, stop in bounds:
                images = order[start:stop]
                for row in np.argsort(images):
                    file.seek(self.offset + int(images[row]) * size)
                    _fill(file, lines[row * size : (row + 1) * size])
                yield _on(room, staged, stop - start)


class Streamed:
    """Features that are never kept: the backbone computes them in every pass.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : Tensor (image, 3, height, width), or pictures with ``pick``
        See `features.layer_features`.
    layer : str
        Whose maps are wanted.
    batch_size : int
        Images in one forward pass.
    """

    def __init__(self, backbone: Backbone, images: Images, layer: str, batch_size: int = 32) -> None:
        self.backbone, self.images, self.layer, self.batch_size = backbone, images, layer, batch_size
        self.shape, self.device = (len(images), n_features(backbone, layer)), backbone.device

    def read(self, order: np.ndarray, bounds: Bounds, room: torch.Tensor) -> Iterator[torch.Tensor]:
        """Compute, in batches that end where a part ends; see `FeatureSource`."""
        batches = []
        for start, stop in bounds:
            count = -(-(stop - start) // self.batch_size)
            batches += np.array_split(order[start:stop], count)
        maps = maps_in_order(self.backbone, self.images, self.layer, batches)
        what = f"streaming {self.layer} of {self.backbone.name}, batches of images"
        maps = progress(maps, what, len(batches))
        for start, stop in bounds:
            filled = 0
            while filled < stop - start:
                some = next(maps).flatten(1)
                room[filled : filled + len(some)] = some
                filled += len(some)
            yield room[:filled]


def as_source(features: np.ndarray | FeatureSource, device: str = "cpu") -> FeatureSource:
    """Return a source as it is, the memory map of a whole file as `OnDisk`, other arrays as `InMemory`."""
    if not isinstance(features, np.ndarray):
        return features
    if isinstance(features, np.memmap) and isinstance(features.base, mmap):
        return OnDisk(features.filename, device)
    return InMemory(features, device)


def read_once(source: FeatureSource) -> InMemory:
    """Read all features of a source into memory, for those who read them several times; there is room for few images.

    Examples
    --------
    >>> read_once(InMemory(np.array([[0, 1], [2, 3]]))).values.tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    images = source.shape[0]
    room = torch.empty(source.shape, device=source.device)
    for block in source.read(np.arange(images), [(0, images)], room):
        room = block
    return InMemory(room.cpu().numpy(), source.device, overwrite=True)


def _fill(file: FileIO, line: memoryview) -> None:
    """Read until the line is full: one call may give less."""
    while len(line):
        read = file.readinto(line)
        if not read:
            raise EOFError(f"{file.name} is shorter than its header says")
        line = line[read:]


def _on(room: torch.Tensor, staged: torch.Tensor, count: int) -> torch.Tensor:
    return room[:count] if staged is room else room[:count].copy_(staged[:count])
