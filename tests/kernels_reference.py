"""Plain and slow ways to the kernels' results, for comparison: whole networks, hooks, resized maps, loops."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from o2b_helpers.models.backbones import loading, registry
from o2b_helpers.models.heads.readout import Readout

SCALE_ABOVE_EPSILON = 1e8  # pytorch-grad-cam adds 1e-7 to the divisor; heads this large make that vanish


@lru_cache(maxsize=2)
def untrained(name: str):
    """The backbone under test (cached: building VGG16 takes seconds)."""
    return loading.load_backbone(name, "untrained", seed=0)


def images_for(network, count: int, seed: int = 0) -> torch.Tensor:
    size = network.preprocessing.crop
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def readout_for(network, runs: int, scale: float = 1.0, seed: int = 1, link: str = "linear") -> Readout:
    """A valence readout with random weights."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(runs, network.n_features, generator=generator) / network.n_features**0.5
    return Readout.valence(weight * scale, torch.randn(runs, generator=generator), link)


def emotions_for(network, runs: int = 2, outputs: int = 3, scale: float = 1.0, seed: int = 1) -> Readout:
    """A softmax readout with random weights."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(runs, outputs, network.n_features, generator=generator) / network.n_features**0.5
    return Readout(weight * scale, torch.randn(runs, outputs, generator=generator), "softmax")


def balanced(readout: Readout, features: torch.Tensor) -> Readout:
    """The same readout with the bias that makes different outputs highest in different images."""
    return replace(readout, bias=-replace(readout, bias=readout.bias * 0).values(features).mean(2))


def scaled(readout: Readout, factor: float, **changes) -> Readout:
    """The same readout with its weights times a factor."""
    return replace(readout, weight=readout.weight * factor, **changes)


def some_runs(readout: Readout, runs) -> Readout:
    return replace(readout, weight=readout.weight[runs], bias=readout.bias[runs])


def whole_network(network, readout: Readout) -> nn.Module:
    """torchvision's own module with its own forward, its last layer exchanged: (image, run * output), no link."""
    module, weight, bias = copy.deepcopy(network.module).eval(), readout.weight.flatten(0, 1), readout.bias.flatten()
    name = registry.architecture(network.name).last_layer
    old = module.get_submodule(name)
    new = nn.Linear(weight.shape[1], len(weight)) if isinstance(old, nn.Linear) else nn.Conv2d(*weight.shape[::-1], 1)
    with torch.no_grad():
        new.weight.copy_(weight.reshape(new.weight.shape))
        new.bias.copy_(bias)
    parent, _, child = name.rpartition(".")
    setattr(module.get_submodule(parent), child, new)
    if isinstance(new, nn.Conv2d):
        module.classifier[2] = nn.Identity()  # SqueezeNet's closing ReLU, left out by us
    return module.requires_grad_(True)


def full_forward_with_gain(
    module: nn.Module, images: torch.Tensor, layer: str, channels: int | np.ndarray, gain: float
):
    """Predictions (image, run) of a full forward pass in which a hook changes one map, or several."""

    def change(_, __, maps):
        maps = maps.clone()
        maps[:, channels] = maps[:, channels] * gain
        return maps

    hook = module.get_submodule(layer).register_forward_hook(change)
    try:
        with torch.no_grad():
            return module(images)
    finally:
        hook.remove()


def box_values(resized: np.ndarray, box) -> tuple[float, float]:
    """Mean and maximum of a resized map inside a box of whole pixels."""
    x0, y0, x1, y1 = (int(corner) for corner in box)
    inside = resized[y0:y1, x0:x1]
    return float(inside.mean(dtype=np.float64)), float(inside.max())


def score_of(mean: float, maximum: float, score: str = "homogeneity") -> float:
    if score == "mean":
        return mean
    if score == "max":
        return maximum
    if score == "ratio":
        return mean / maximum if maximum > 0 else 0.0
    return mean * mean / maximum if maximum > 0 else 0.0


def assert_close(result, wanted, tolerance: float) -> None:
    """Largest difference at most `tolerance` (pytest.approx walks through arrays one value at a time)."""
    result, wanted = np.asarray(result, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    assert result.shape == wanted.shape
    assert np.isfinite(result).all() and np.isfinite(wanted).all()
    assert not result.size or np.abs(result - wanted).max() <= tolerance
