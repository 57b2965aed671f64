"""Feature maps and GradCAM weights of every filter, for every run, from one forward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch

from o2b_helpers.core.errors import ModelError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.cams.dense_tail import FlatTail
from o2b_helpers.kernels.cams.gradient_means import gradient_sum, output_edges, readers
from o2b_helpers.kernels.outputs import OUTPUTS, linear_values, output_slope
from o2b_helpers.kernels.regions.box_statistics import map_extremes

if TYPE_CHECKING:
    from o2b_helpers.models.backbones.backbone import Backbone

RUNS_AT_ONCE = 8
IN_CACHE = 8 * 2**20  # bytes of one result in front of the first target layer


class LayerMaps(NamedTuple):
    """What one target layer gives for a batch of images.

    Parameters
    ----------
    maps : tensor (image, channel, height, width)
        Feature maps A, not negative.
    weights : tensor (run, image, channel)
        GradCAM weights w, float64, on the CPU.
    lowest, highest : tensor (image, channel)
        Extremes of every map.
    """

    maps: torch.Tensor
    weights: torch.Tensor
    lowest: torch.Tensor
    highest: torch.Tensor


def filter_maps(
    backbone: Backbone,
    images: torch.Tensor,
    head_weight: torch.Tensor,
    head_bias: torch.Tensor,
    layers: Sequence[str],
    output: str = "linear",
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Give the feature maps A of the target layers and the GradCAM weights w of their filters.

    w is the spatial mean of d output / d A (the paper, section 3.1; METHODS 3). See :func:`layer_maps`, which
    this one is without the extremes.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed images, finite.
    head_weight, head_bias : tensor (run, feature), (run,)
        The heads that share this backbone.
    layers : sequence of str
        Target layers, by module path.
    output : {"linear", "sigmoid"}
        What follows the linear layer.

    Returns
    -------
    dict of layer to (maps, weights)
        maps (image, channel, height, width), not negative, on the backbone's device; weights (run, image, channel)
        float64, on the CPU, in units of the output per unit of the map.

    Raises
    ------
    InputError, ParameterError
        Values that are not finite; an unknown output.
    ModelError
        A target layer with negative values: its map is not a ReLU'd one.
    """
    found = layer_maps(backbone, images, head_weight, head_bias, layers, output)
    return {layer: (one.maps, one.weights) for layer, one in found.items()}


def layer_maps(
    backbone: Backbone,
    images: torch.Tensor,
    head_weight: torch.Tensor,
    head_bias: torch.Tensor,
    layers: Sequence[str],
    output: str = "linear",
) -> dict[str, LayerMaps]:
    """Compute the target layers' maps and weights, and the extremes of the maps.

    The trunk runs once for all runs and without gradients up to the first target layer, so that each run's backward
    pass stops there, or one convolution earlier (:mod:`gradient_means`). What stands behind the maps, the fully
    connected layers, goes back for several runs at once: their weights are more than a cache holds.

    Parameters
    ----------
    backbone, images, head_weight, head_bias, layers, output
        As for :func:`filter_maps`, which also lists what is raised.

    Returns
    -------
    dict of layer to LayerMaps
        In the order of `layers`.
    """
    checks.choice("output", output, OUTPUTS)
    map_extremes("images", images)
    weight, bias = checks.head(head_weight, head_bias, backbone.n_features)
    images = images.to(backbone.device)
    maps, features, sums = maps_and_gradients(backbone, images, weight.to(images), layers)
    slope = output_slope(linear_values(features, weight, bias), output)
    result = {}
    for layer in layers:
        one = maps[layer]
        lowest, highest = map_extremes(f"maps of {layer}", one)
        if bool((lowest < 0).any()):
            raise ModelError(
                f"Target layer {layer} of {backbone.name} gives negative values",
                value=float(lowest.min()),
                expected="the output of a ReLU, 0 or more",
                remedy="name the ReLU that follows it as target layer",
            )
        # the output's slope is one positive factor for each image; multiplied afterwards it cannot underflow
        weights = sums[layer].to("cpu", torch.float64) / one[0, 0].numel() * slope[:, :, None]
        result[layer] = LayerMaps(one, weights, lowest, highest)
    return result


def maps_and_gradients(
    backbone: Backbone, images: torch.Tensor, heads: torch.Tensor, layers: Sequence[str]
) -> tuple[dict[str, torch.Tensor], torch.Tensor, dict[str, torch.Tensor]]:
    """Run a batch forwards, and backwards for every head; looks at no value, so that shapes alone suffice.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        On its device.
    heads : tensor (run, feature)
        Weights of each run's linear layer, as the images' dtype and device.
    layers : sequence of str
        Target layers.

    Returns
    -------
    maps : dict of layer to tensor (image, channel, height, width)
        Feature maps.
    features : tensor (image, feature)
        What the heads read.
    sums : dict of layer to tensor (run, image, channel)
        Each run's gradient of the linear layer's value at the maps, summed over space.
    """
    maps, flat, tail = recorded_pass(backbone, images, layers)
    first = next(layer for layer in maps if maps[layer].is_leaf)
    sums: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}
    # through stages, gradients pass all layers on their way to the first one, and are not kept
    passed = [layer for layer in maps if backbone.splits and layer != first]
    for layer in passed:
        maps[layer].register_hook(partial(_collect, sums[layer]))
    asked = [layer for layer in maps if layer not in passed]
    convolutions = readers(flat, maps[first]) if backbone.splits else None
    ends = output_edges(convolutions) if convolutions else [maps[layer] for layer in asked]
    for start in range(0, len(heads), RUNS_AT_ONCE):
        some = heads[start : start + RUNS_AT_ONCE, None]
        directions = tail.back(some.expand(-1, *tail.features.shape))
        for run, direction in enumerate(directions, start + 1):
            gradients = torch.autograd.grad(flat, ends, direction.contiguous(), retain_graph=run < len(heads))
            if convolutions:
                sums[first].append(sum(map(gradient_sum, convolutions, gradients)))
            else:
                for layer, gradient in zip(asked, gradients, strict=True):
                    _collect(sums[layer], gradient)
    stacked = {layer: torch.stack(runs) for layer, runs in sums.items()}
    return {layer: maps[layer].detach() for layer in layers}, tail.features, stacked


def _collect(sums: list[torch.Tensor], gradient: torch.Tensor) -> None:
    sums.append(gradient.sum((2, 3)))


def recorded_pass(
    backbone: Backbone, images: torch.Tensor, layers: Sequence[str]
) -> tuple[dict[str, torch.Tensor], torch.Tensor, FlatTail]:
    """Compute maps and the flattened values behind them, recorded for gradients, and what follows by hand."""
    for layer in layers:
        backbone.shape(layer)  # refuses a layer that the network does not have
    # with the channel last, convolutions and the box statistics are faster
    images = images.contiguous(memory_format=torch.channels_last)
    if not backbone.splits:
        maps, features = backbone.run_from(images, layers)
        return maps, features, FlatTail([], features)
    names = [name for name, _ in backbone.stages]
    first, flat = min(map(names.index, layers)), next(i for i, n in enumerate(names) if len(backbone.shapes[n]) == 1)
    # what only passes by should stay in the cache, and not be there for all images at once
    largest = max(math.prod(backbone.shapes[name]) for name in names[: first + 1]) * images.element_size()
    some = max(1, IN_CACHE // largest) if images.device.type != "cuda" else len(images)
    with torch.no_grad():
        start = torch.cat([backbone.trunk(few, names[first]) for few in images.split(some)])
    with torch.enable_grad():
        values = start.requires_grad_()
        maps = {names[first]: values}
        for name, stage in backbone.stages[first + 1 : flat + 1]:
            values = stage(values)
            if name in layers:
                maps[name] = values
    return maps, values, FlatTail(backbone.stages[flat + 1 :], values)
