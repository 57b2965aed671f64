"""Pictures as network inputs: the cache in the store against decoding in every pass and torchvision's own way."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch
from common import Row, kind_of_pictures, picture_files, timed
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms._presets import ImageClassification

from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.pixel_cache import cached_images
from o2b_helpers.inputs.images.preprocessing import load_images
from o2b_helpers.models.backbones.registry import architecture

PICTURES, BATCH, REPEATS = 303, 32, 3
ARCHITECTURES = ("alexnet", "vgg16", "resnet18")


class Files(Dataset):
    """What torchvision's ImageFolder does with a list of files."""

    def __init__(self, files: list[Path], transform: Callable[[Image.Image], torch.Tensor]) -> None:
        self.files, self.transform = files, transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(Image.open(self.files[index]).convert("RGB"))


def rows() -> list[Row]:
    with TemporaryDirectory() as folder:
        files = picture_files(PICTURES, Path(folder) / "drawn")
        return _rows(files, Path(folder) / "store")


def _rows(files: list[Path], store: Path) -> list[Row]:
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    table = pd.DataFrame({"path": files, "sha256": digests})
    inputs = [architecture(name).preprocessing for name in ARCHITECTURES]
    starts = range(0, len(files), BATCH)

    def kept() -> list[torch.Tensor]:
        with redirect_stdout(StringIO()):  # what the store says about itself
            shown = [cached_images(Store(store), table, own, "benchmark") for own in inputs]
            return [images.batch(at, at + BATCH) for images in shown for at in starts][:: len(starts)]

    def first_use() -> list[torch.Tensor]:
        shutil.rmtree(store, ignore_errors=True)
        return kept()

    def naive() -> list[torch.Tensor]:
        return [load_images(files[at : at + BATCH], own) for own in inputs for at in starts][:: len(starts)]

    def peer() -> list[torch.Tensor]:
        first_batches = []
        for own in inputs:
            transform = ImageClassification(crop_size=own.crop, resize_size=own.resize, mean=own.mean, std=own.std)
            for number, batch in enumerate(DataLoader(Files(files, transform), batch_size=BATCH, num_workers=2)):
                first_batches += [batch] if number == 0 else []
        return first_batches

    difference = max(float((a - b).abs().max()) for a, b in zip(first_use(), peer(), strict=True))
    # later use last: the first use before it leaves the cache behind
    times = timed({"first": first_use, "naive": naive, "peer": peer, "later": kept}, REPEATS)
    what = f"{len(files)} {kind_of_pictures()} of {len(ARCHITECTURES)} architectures, batches of {BATCH}"
    common: dict[str, Any] = {
        "peer": "torchvision, DataLoader with 2 workers",
        "peer_time": times["peer"],
        "naive": times["naive"],
    }
    common |= {"max_difference": difference}
    names = ", ".join(ARCHITECTURES)
    return [
        Row("images", names, f"{what}, first use", 1, times["first"], **common, note="decoded and written once"),
        Row("images", names, f"{what}, later use", 1, times["later"], **common),
    ]
