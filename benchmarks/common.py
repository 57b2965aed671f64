"""What the benchmarks share: the network, its input, the whole module for the peers, and a clock."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from o2b_helpers.models.architectures import architecture
from o2b_helpers.models.backbone import Backbone, load_backbone

RUNS, REPEATS = 5, 3


def network(name: str) -> tuple[Backbone, torch.Tensor, torch.Tensor]:
    """An untrained backbone and five heads: weight (run, feature), bias (run,)."""
    backbone = load_backbone(name, "untrained", seed=0)
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(RUNS, backbone.n_features, generator=generator) / backbone.n_features**0.5
    return backbone, weight, torch.randn(RUNS, generator=generator)


def pictures(backbone: Backbone, count: int) -> torch.Tensor:
    size = backbone.preprocessing.crop
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(2))


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


def seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median wall time of one call."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def row(kernel: str, setting: str, ours: float, peer: str, other: float, difference: float) -> str:
    return f"{kernel:<18}{setting:<52}{ours:>9.3f} s{peer:>34}{other:>10.2f} s{other / ours:>9.0f}x{difference:>11.1e}"
