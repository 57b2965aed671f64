"""Lesions against one hooked full forward pass per filter and head, and against captum's LayerFeatureAblation.

Ours lesions every filter of every cut (of VGG16 every 32nd, of ResNet18 every fourth, scaled up but for what a call
without any filter takes); the others are timed on a few filters of every cut and scaled up.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from captum.attr import LayerFeatureAblation
from common import (
    Row,
    Timing,
    heads,
    kind_of_pictures,
    matrix_product_rate,
    network,
    pictures,
    readout,
    scaled_sum,
    timed,
    whole_module,
)
from torch import nn

from o2b_helpers.kernels.lesions.lesion_tails import Copies, Tail
from o2b_helpers.kernels.lesions.single_filters import lesion_predictions
from o2b_helpers.models.backbones.backbone import Backbone

IMAGES, RUNS, SAMPLE = 48, 5, 2
EVERY = {"vgg16": 32, "resnet18": 4}


def rows(name: str) -> list[Row]:
    backbone, images, every = network(name), pictures(name, IMAGES), EVERY.get(name, 1)
    weight, bias = heads(backbone, RUNS)
    valence = readout(backbone, RUNS)
    ours, naive, peer, difference, needed = [], [], [], 0.0, 0.0
    rate = matrix_product_rate()
    for layer in backbone.target_layers:
        count = backbone.shape(layer)[0]
        some = list(range(0, count, every))
        lesion_predictions(backbone, images[:1], valence, layer, channels=[0])  # makes the folded twins
        took = timed({"ours": partial(lesion_predictions, backbone, images, valence, layer, channels=some)}, 3, False)
        fixed = Timing(0.0, 0.0, 0.0)
        if every > 1:  # what does not grow with the filters is not scaled up
            alone = partial(lesion_predictions, backbone, images, valence, layer, channels=[])
            fixed = timed({"fixed": alone}, 2, False)["fixed"]
        ours += [(took["ours"], count / len(some)), (fixed, 1 - count / len(some))]
        needed += needed_operations(backbone, images, layer)
        actual = lesion_predictions(backbone, images, valence, layer, channels=range(SAMPLE))
        module = whole_module(backbone, weight, bias)
        for channel in range(SAMPLE):
            wanted = hooked(module, layer, images, channel).T
            difference = max(difference, float((actual[:, channel] - wanted).abs().max()))
        module = whole_module(backbone, weight[:1], bias[:1])
        item, few = partial(hooked, module, layer, images, 0), partial(captum, module, layer, images)
        slow = timed({"naive": item, "peer": few}, 3 if every == 1 else 2, every == 1)
        naive.append((slow["naive"], count * RUNS))
        peer.append((slow["peer"], count * RUNS / (SAMPLE + 1)))
    total = scaled_sum(ours)
    setting = f"{IMAGES} stimuli ({kind_of_pictures()}), all {_filters(backbone)} filters of all cuts"
    share = needed / total.median / rate
    note = f"{needed / 1e12:.1f} TFLOP needed: {100 * share:.0f} % of the {rate / 1e9:.0f} GFLOP/s of a matrix product"
    note += "; peer and naive sampled" + (f"; ours on every {every}th filter" if every > 1 else "")
    return [
        Row(
            "lesions",
            name,
            setting,
            RUNS,
            total,
            "captum LayerFeatureAblation, a call per head",
            scaled_sum(peer),
            scaled_sum(naive),
            Timing(*[needed / rate] * 3),
            difference,
            note,
            {"needed_tflop": needed / 1e12, "peak_gflops": rate / 1e9, "share_of_peak": share},
        )
    ]


def _filters(backbone: Backbone) -> int:
    return sum(backbone.shape(layer)[0] for layer in backbone.target_layers)


@torch.no_grad()
def hooked(module: nn.Module, layer: str, images: torch.Tensor, channel: int) -> torch.Tensor:
    """One full forward pass in which a hook zeroes one map."""

    def zero(_, __, maps):
        maps = maps.clone()
        maps[:, channel] = 0
        return maps

    hook = module.get_submodule(layer).register_forward_hook(zero)
    try:
        return module(images)
    finally:
        hook.remove()


@torch.no_grad()
def captum(module: nn.Module, layer: str, images: torch.Tensor) -> None:
    """The peer's way on a few filters: all others of the layer count as one more, lesioned together."""
    ablation = LayerFeatureAblation(module, module.get_submodule(layer))
    read = []
    hook = module.get_submodule(layer).register_forward_hook(lambda _, __, maps: read.append(maps.shape[1]))
    module(images[:1])
    hook.remove()
    groups = torch.arange(read[0]).clamp(max=SAMPLE)[None, :, None, None]
    ablation.attribute(images, layer_baselines=0, target=0, layer_mask=groups)


@torch.no_grad()
def needed_operations(backbone: Backbone, images: torch.Tensor, layer: str) -> float:
    """Floating-point operations of convolutions and linear layers that no exact way spares, for all filters.

    What mixes the filters first costs one filter's share; what lies behind it runs once for each filter and image
    whose map is not empty.
    """
    maps = backbone.trunk(images, layer)
    live = float((maps.flatten(2).amax(2) > 0).sum())
    first, rest = tail_operations(backbone, maps[:1], layer)
    return live * (first / maps.shape[1] + rest)


@torch.no_grad()
def tail_operations(backbone: Backbone, maps: torch.Tensor, layer: str) -> tuple[float, float]:
    """Operations of one copy behind a layer: in what mixes the filters first, and in all that follows."""
    operations = 0.0

    def count(module: nn.Module, inputs: tuple, result: torch.Tensor) -> None:
        nonlocal operations
        if isinstance(module, nn.Conv2d | nn.Linear):
            operations += 2 * math.prod(result.shape[1:]) * module.weight[0].numel()

    hooks = [part.register_forward_hook(count) for stage in backbone.stages_behind(layer) for part in stage.modules()]
    backbone.tail(maps, layer)
    for hook in hooks:
        hook.remove()
    tail = Tail(backbone, layer)
    if tail.mixing_step is None:
        return 0.0, 0.0
    read, first = tail.before(maps), 0.0
    for reading in Copies(tail, read, -read, [], torch.ones(1), 2**20).readings:
        if reading.step is not None:
            first += 2 * math.prod(reading.whole.shape[1:]) * reading.step.weight[0].numel()
    return first, operations - first
