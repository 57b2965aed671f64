"""Pictures decoded, resized and cropped once, for every step and every architecture of the same geometry.

What lies in the store are bytes (uint8), in shards of some hundred pictures, found by the pictures' content. A shard is
written whole or not at all, so that a run that was killed goes on behind the last one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.lib import format as npy

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.errors import InputError
from o2b_helpers.core.progress import progress
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.decoding import decode_image, read_bytes
from o2b_helpers.inputs.images.preprocessing import Preprocessing

MODULE = "o2b_helpers.inputs.images.pixel_cache"
KIND = "images"
PICTURES_IN_A_SHARD = 500
DECODED_AT_ONCE = 64


@dataclass(frozen=True)
class Shard:
    """Some pictures of one geometry, in the store or yet to be decoded.

    Parameters
    ----------
    label : str
        What the store calls them.
    paths, digests : tuple of str
        File and sha256 of each picture.
    geometry : Preprocessing
        How they are resized and cropped, and whether they are grey.
    """

    label: str
    paths: tuple[str, ...]
    digests: tuple[str, ...]
    geometry: Preprocessing

    @property
    def part(self) -> dict[str, Any]:
        """Return what the pixels are made from besides code: content and geometry, without names and places."""
        return {"pictures": digest_of(self.digests), **self.geometry.geometry_part}

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape (image, channel, height, width) of the pixels, one byte each."""
        return len(self.digests), 3, self.geometry.crop, self.geometry.crop

    def file(self, store: Store) -> Path:
        """Return the file (.npy) with the pixels, decoding the pictures first where it is not there."""
        return store.result(KIND, self.label, self.part, MODULE, self._decode, quiet=True).folder / "pixels.npy"

    def is_there(self, store: Store) -> bool:
        """Say whether the pixels are in the store."""
        return store.find(KIND, Store.key(self.part, MODULE)) is not None

    def _decode(self, folder: Path) -> None:
        workers = min(8, os.cpu_count() or 1)
        starts = range(0, len(self.paths), DECODED_AT_ONCE)
        # written as a stream: pages of a map that is written to count as the process' own memory
        with ThreadPoolExecutor(workers) as pool, open(folder / "pixels.npy", "wb") as file:  # decoders free the lock
            header = {"descr": "|u1", "fortran_order": False, "shape": self.shape}
            npy.write_array_header_1_0(file, header)
            for start in progress(starts, f"decoding {DECODED_AT_ONCE} pictures at a time", len(starts)):
                some = slice(start, start + DECODED_AT_ONCE)
                for pixels in pool.map(self._pixels, self.paths[some], self.digests[some]):
                    file.write(pixels.tobytes())

    def _pixels(self, path: str, digest: str) -> np.ndarray:
        content = read_bytes(path)
        read_digest = hashlib.sha256(content).hexdigest()
        if read_digest != digest:  # kept under the digest of what was there before, it would pass for that ever after
            raise InputError(
                "A picture was changed after the inputs were checked",
                value=f"{path}: sha256 {read_digest}",
                expected=f"sha256 {digest}",
                remedy="run 00_inputs again",
            )
        return self.geometry.geometry(decode_image(content, path)).numpy()


@dataclass(frozen=True)
class CachedImages:
    """Network inputs by number, read from the store batch by batch.

    Nothing is decoded before the first batch is asked for. No batch leaves anything in memory: a file is mapped
    for as long as its pixels are copied.

    Parameters
    ----------
    store : Store
        Where the pixels are kept.
    preprocessing : Preprocessing
        Geometry, mean and deviation.
    shards : tuple of Shard
        The pictures that are decoded together.
    place : tuple of (int, int)
        Shard and row in it, for each picture.
    """

    store: Store = field(repr=False)
    preprocessing: Preprocessing
    shards: tuple[Shard, ...] = field(repr=False)
    place: tuple[tuple[int, int], ...] = field(repr=False)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.place)

    def __add__(self, other: CachedImages) -> CachedImages:
        """Append the pictures of another selection of the same preprocessing."""
        if other.preprocessing != self.preprocessing:
            raise InputError(
                "Pictures of different preprocessings cannot be put together",
                value=f"{self.preprocessing} and {other.preprocessing}",
                expected="one preprocessing",
                remedy="make both for the same architecture",
            )
        moved = tuple((shard + len(self.shards), row) for shard, row in other.place)
        return replace(self, shards=self.shards + other.shards, place=self.place + moved)

    def of(self, digests: Sequence[str]) -> CachedImages:
        """Return the pictures with these sha256 digests, in this order.

        Raises
        ------
        InputError
            For a digest that none of the pictures has.
        """
        known = {self.shards[shard].digests[row]: (shard, row) for shard, row in self.place}
        unknown = [digest for digest in digests if digest not in known]
        if unknown:
            raise InputError(
                "A picture is not among those that were checked",
                value=f"sha256 {unknown[0]}",
                expected=f"one of the {len(known)} pictures of the inputs",
                remedy="run 00_inputs again",
            )
        return replace(self, place=tuple(known[digest] for digest in digests))

    def batch(self, start: int, stop: int) -> torch.Tensor:
        """Return neighbouring inputs, float32 of shape (image, 3, crop, crop), bit for bit those of `load_images`."""
        return self.pick(range(start, min(stop, len(self))))

    def pick(self, rows: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Return any inputs, in the order asked for; as `batch`."""
        return self.preprocessing.normalise(self.pixels(rows))

    def pixels(self, rows: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Return any pictures as bytes, uint8 of shape (image, 3, crop, crop)."""
        places = [self.place[row] for row in rows]
        result = np.empty((len(places), 3, self.preprocessing.crop, self.preprocessing.crop), np.uint8)
        for shard in sorted({shard for shard, _ in places}):
            block = [number for number, (owner, _) in enumerate(places) if owner == shard]
            # mapped anew for each batch: pages that were looked at count as the process' own until the map is gone
            result[block] = np.load(self.files[shard], mmap_mode="r")[[places[number][1] for number in block]]
        return torch.from_numpy(result)

    @cached_property
    def files(self) -> dict[int, Path]:
        """The files of the shards in use; the first look at them decodes whatever is not there."""
        return {shard: self.shards[shard].file(self.store) for shard in sorted({shard for shard, _ in self.place})}

    def bytes_to_write(self) -> int:
        """Return how much is yet to be decoded and written."""
        used = {shard for shard, _ in self.place}
        return sum(int(np.prod(self.shards[i].shape)) for i in used if not self.shards[i].is_there(self.store))


def cached_images(store: Store, pictures: pd.DataFrame, preprocessing: Preprocessing, label: str) -> CachedImages:
    """Give pictures their places in the cache; every caller names the same table, so that all share the shards.

    Parameters
    ----------
    store : Store
        Where the pixels are kept.
    pictures : DataFrame
        Columns path and sha256, of every picture of the corpus or of every stimulus; see `CachedImages.of` for less.
    preprocessing : Preprocessing
        What the weights expect.
    label : str
        Whose pictures they are, e.g. ``"demo corpus"``.

    Returns
    -------
    CachedImages
        In the table's order.
    """
    shards = []
    for start in range(0, len(pictures), PICTURES_IN_A_SHARD):
        rows = pictures.iloc[start : start + PICTURES_IN_A_SHARD]
        crop = preprocessing.crop
        grey = " in grey" if preprocessing.grey else ""
        what = f"{label} at {crop} x {crop}{grey}, pictures {start + 1} to {start + len(rows)}"
        shards.append(Shard(what, tuple(map(str, rows["path"])), tuple(rows["sha256"]), preprocessing))
    place = tuple((row // PICTURES_IN_A_SHARD, row % PICTURES_IN_A_SHARD) for row in range(len(pictures)))
    return CachedImages(store, preprocessing, tuple(shards), place)
