"""What the benchmarks share: networks, input, a whole module for the peers, a clock, and a row of the table."""

from __future__ import annotations

import copy
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from o2b_helpers.inputs.images.preprocessing import load_images
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.models.fast.folding import FastLinear
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.toyworld.world import write_corpus

REAL_DATA = Path(os.environ.get("O2B_REAL_DATA", Path(__file__).parents[2] / "shared" / "real"))


@dataclass(frozen=True)
class Timing:
    """Wall seconds of one call: median, lowest and highest of the repeats; all times a factor for what was sampled."""

    median: float
    lowest: float
    highest: float

    def __mul__(self, factor: float) -> Timing:
        return Timing(self.median * factor, self.lowest * factor, self.highest * factor)

    def __add__(self, other: Timing) -> Timing:
        return Timing(self.median + other.median, self.lowest + other.lowest, self.highest + other.highest)


@dataclass(frozen=True)
class Row:
    """One line of the table and of latest.json; what was not measured is None.

    `runs` is the number of heads that share the backbone; peer and naive times are for all of them as well.
    """

    kernel: str
    architecture: str
    setting: str
    runs: int
    ours: Timing
    peer: str | None = None
    peer_time: Timing | None = None
    naive: Timing | None = None
    floor: Timing | None = None
    max_difference: float | None = None
    note: str = ""
    more: dict = field(default_factory=dict)

    def as_dict(self) -> dict:
        """The row with its ratios (above 1: ours is faster; ratio_floor: ours over the floor) and the times' ranges."""
        row = {name: getattr(self, name) for name in ("kernel", "architecture", "setting", "runs")}
        times = {"ours": self.ours, "peer": self.peer_time, "naive": self.naive, "floor": self.floor}
        row |= {"peer": self.peer} | {
            f"{name}_s": None if time is None else time.median for name, time in times.items()
        }
        for name, above, below in (
            ("peer", self.peer_time, self.ours),
            ("naive", self.naive, self.ours),
            ("floor", self.ours, self.floor),
        ):
            row[f"ratio_{name}"] = above.median / below.median if above and below else None
        row |= {"max_difference": self.max_difference, "note": self.note} | self.more
        return row | {f"{name}_range_s": [t.lowest, t.highest] for name, t in times.items() if t is not None}


def timed(work: Mapping[str, Callable[[], object]], repeats: int = 3, warm_up: bool = True) -> dict[str, Timing]:
    """Time several ways in turn, so that a change of the machine's mood hits all of them."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for repeat in range(repeats + warm_up):
        for name, call in work.items():
            began = time.perf_counter()
            call()
            if repeat >= warm_up:
                taken[name].append(time.perf_counter() - began)
    return {name: Timing(statistics.median(all_), min(all_), max(all_)) for name, all_ in taken.items()}


@lru_cache(maxsize=1)
def network(name: str) -> Backbone:
    """An untrained backbone: the weights' values change no time but for how many maps are empty."""
    return load_backbone(name, "untrained", seed=0)


def heads(backbone: Backbone, runs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (run, feature) and bias (run,) of valence readouts."""
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(runs, backbone.n_features, generator=generator) / backbone.n_features**0.5
    return weight, torch.randn(runs, generator=generator)


def readout(backbone: Backbone, runs: int) -> Readout:
    """The same heads as the kernels take them."""
    return Readout.valence(*heads(backbone, runs))


def picture_files(count: int, folder: Path) -> list[Path]:
    """OASIS photographs where they are at hand, else pictures of the toy world drawn into `folder`."""
    photographs = sorted((REAL_DATA / "oasis" / "images").glob("*.jpg"))
    if photographs:
        return [photographs[i % len(photographs)] for i in range(count)]
    return sorted(write_corpus(folder, count, seed=1).parent.rglob("*.png"))[:count]


@lru_cache(maxsize=2)
def pictures(name: str, count: int) -> torch.Tensor:
    """Network input (image, 3, height, width)."""
    with TemporaryDirectory() as folder:
        return load_images(picture_files(count, Path(folder)), architecture(name).preprocessing)


def kind_of_pictures() -> str:
    return "photographs" if (REAL_DATA / "oasis" / "images").is_dir() else "toy pictures"


def random_boxes(images: int, boxes: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (box, 4) in whole pixels, sides 8 to half the input, and the image of each."""
    rng = np.random.default_rng(3)
    corner = rng.integers(0, size // 2, (images * boxes, 2))
    return np.concatenate([corner, corner + rng.integers(8, size // 2, (images * boxes, 2))], 1), np.repeat(
        np.arange(images), boxes
    )


def whole_module(backbone: Backbone, weight: torch.Tensor, bias: torch.Tensor) -> nn.Module:
    """The architecture's own module with its last layer exchanged for heads: what a peer works on."""
    module = copy.deepcopy(backbone.module).eval()
    parent, _, child = architecture(backbone.name).last_layer.rpartition(".")
    head = nn.Linear(weight.shape[1], len(weight))
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
    setattr(module.get_submodule(parent), child, head)
    return module.requires_grad_(True)


def scaled_sum(parts: Sequence[tuple[Timing, float]]) -> Timing:
    """The sum of sampled times, each scaled up to the whole."""
    total = Timing(0.0, 0.0, 0.0)
    for part, factor in parts:
        total = total + part * factor
    return total


def matrix_product_rate() -> float:
    """Floating-point operations a second of a large single-precision matrix product, by the faster of two libraries."""
    a, b = torch.randn(4096, 4096), torch.randn(4096, 4096)
    with torch.no_grad():
        blocked = FastLinear(nn.Linear(4096, 4096))
        took = timed({"product": lambda: a @ b, "blocked": lambda: blocked(a)}, 5)
    return 2 * 4096**3 / min(item.median for item in took.values())
