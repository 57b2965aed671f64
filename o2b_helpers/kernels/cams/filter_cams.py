"""Feature maps and GradCAM weights of every filter, for every run, from one forward pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float

from o2b_helpers.core.errors import ModelError
from o2b_helpers.kernels.cams.dense_tail import DenseTail
from o2b_helpers.kernels.cams.gradient_means import gradient_sum, output_edges, readers
from o2b_helpers.kernels.regions.box_statistics import map_extremes
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.hooked import HookedBackbone
from o2b_helpers.models.backbones.stages import Stages
from o2b_helpers.models.heads.readout import OutputChoice, Readout

ROWS_AT_ONCE = 8
IN_CACHE = 8 * 2**20  # bytes of one result in front of the first target layer


class LayerMaps(NamedTuple):
    """What one target layer gives for a batch of images.

    Parameters
    ----------
    maps : tensor (image, channel, height, width)
        Feature maps A, not negative.
    weights : tensor (run, image, channel), or (run, output, image, channel)
        GradCAM weights w, float64, on the CPU.
    lowest, highest : tensor (image, channel)
        Extremes of every map.
    """

    maps: Float[torch.Tensor, "image channel height width"]
    weights: Float[torch.Tensor, "*run image channel"]
    lowest: Float[torch.Tensor, "image channel"]
    highest: Float[torch.Tensor, "image channel"]


def filter_maps(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layers: Sequence[str],
    output: OutputChoice = 0,
    *,
    before_link: bool = False,
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
    readout : Readout
        What the runs that share this backbone make of its features.
    layers : sequence of str
        Target layers, by module path.
    output : int, "predicted" or "all"
        The output to look at: its number, or each image's (and run's) highest, or every one.
    before_link : bool
        Look at the output's linear value, before the link: what the GradCAM of a class usually does.

    Returns
    -------
    dict of layer to (maps, weights)
        maps (image, channel, height, width), not negative, on the backbone's device; weights (run, image, channel)
        float64, on the CPU, in units of the output per unit of the map. With ``"all"`` weights are (run, output, image,
        channel).

    Raises
    ------
    InputError, ParameterError
        Values that are not finite; a readout that does not fit; an output that is not there.
    ModelError
        A target layer with negative values: its map is not a ReLU'd one.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone, images = load_backbone("toynet", "toyworld"), torch.zeros(1, 3, 96, 96)
    >>> readout = Readout.valence(torch.ones(1, 432), torch.zeros(1))  # the mean over 4 x 4 places, everywhere
    >>> maps, weights = filter_maps(backbone, images, readout, ["features.9"])["features.9"]
    >>> maps.shape, weights.shape, weights.unique().tolist()
    (torch.Size([1, 48, 12, 12]), torch.Size([1, 1, 48]), [0.0625])
    """
    by_layer = layer_maps(backbone, images, readout, layers, output, before_link=before_link)
    return {layer: (of_layer.maps, of_layer.weights) for layer, of_layer in by_layer.items()}


def layer_maps(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layers: Sequence[str],
    output: OutputChoice = 0,
    *,
    before_link: bool = False,
) -> dict[str, LayerMaps]:
    """Compute the target layers' maps and weights, and the extremes of the maps.

    The trunk runs once for all runs and without gradients up to the first target layer, so that each run's backward
    pass stops there, or one convolution earlier (:mod:`gradient_means`). What stands behind the maps, the fully
    connected layers, goes back for several runs at once: their weights are more than a cache holds.

    Parameters
    ----------
    backbone, images, readout, layers, output, before_link
        As for :func:`filter_maps`, which also lists what is raised.

    Returns
    -------
    dict of layer to LayerMaps
        In the order of `layers`.
    """
    output = readout.checked(output, backbone.n_features)
    map_extremes("images", images)
    images = images.to(backbone.device)
    readout = readout.before_link() if before_link else readout
    factors: list[torch.Tensor] = []

    def directions(features: torch.Tensor) -> torch.Tensor:
        rows, of_rows = readout.gradients(features, output)
        factors.append(of_rows)
        return rows

    maps, sums = maps_and_gradients(backbone, images, directions, layers)
    result = {}
    for layer in layers:
        of_layer = maps[layer]
        lowest, highest = map_extremes(f"maps of {layer}", of_layer)
        if bool((lowest < 0).any()):
            raise ModelError(
                f"Target layer {layer} of {backbone.name} gives negative values",
                value=float(lowest.min()),
                expected="the output of a ReLU, 0 or more",
                remedy="name the ReLU that follows it as target layer",
            )
        # the output's slope is one positive factor for each image; multiplied afterwards it cannot underflow
        weights = sums[layer].to("cpu", torch.float64) / of_layer[0, 0].numel() * factors[0][:, :, None]
        if output == "all":
            weights = weights.unflatten(0, (readout.n_runs, readout.n_outputs))
        result[layer] = LayerMaps(of_layer, weights, lowest, highest)
    return result


def maps_and_gradients(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    directions: Callable[[torch.Tensor], torch.Tensor],
    layers: Sequence[str],
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Run a batch forwards, and backwards for every direction; looks at no value, so that shapes alone suffice.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        On its device.
    directions : callable
        From the features (image, feature) to the gradients (row, image, feature) at them that go backwards: one row for
        each run, or for each run and output.
    layers : sequence of str
        Target layers.

    Returns
    -------
    maps : dict of layer to tensor (image, channel, height, width)
        Feature maps.
    sums : dict of layer to tensor (row, image, channel)
        Each row's gradient at the maps, summed over space.
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
    rows = directions(tail.features)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        taken_back = tail.back(rows[start : start + ROWS_AT_ONCE])
        for row, direction in enumerate(taken_back, start + 1):
            gradients = torch.autograd.grad(flat, ends, direction.contiguous(), retain_graph=row < len(rows))
            if convolutions:
                sums[first].append(sum(map(gradient_sum, convolutions, gradients), start=gradients[0].new_zeros(())))
            else:
                for layer, gradient in zip(asked, gradients, strict=True):
                    _collect(sums[layer], gradient)
    stacked = {layer: torch.stack(of_rows) for layer, of_rows in sums.items()}
    return {layer: maps[layer].detach() for layer in layers}, stacked


def _collect(sums: list[torch.Tensor], gradient: torch.Tensor) -> None:
    sums.append(gradient.sum((2, 3)))


def recorded_pass(
    backbone: Backbone, images: Float[torch.Tensor, "image 3 height width"], layers: Sequence[str]
) -> tuple[dict[str, torch.Tensor], torch.Tensor, DenseTail]:
    """Compute maps and the flattened values behind them, recorded for gradients, and what follows by hand."""
    for layer in layers:
        backbone.shape(layer)  # refuses a layer that the network does not have
    # with the channel last, convolutions and the box statistics are faster
    images = images.contiguous(memory_format=torch.channels_last)
    if isinstance(backbone, HookedBackbone):
        maps, features = backbone.run_from(images, layers)
        return maps, features, DenseTail([], features)
    names = [name for name, _ in backbone.stages]
    first = min(map(names.index, layers))
    # what only passes by should stay in the cache, and not be there for all images at once
    largest = max(math.prod(backbone.shapes[name]) for name in names[: first + 1]) * images.element_size()
    some = max(1, IN_CACHE // largest) if images.device.type != "cuda" else len(images)
    with torch.no_grad():
        start = torch.cat([backbone.trunk(few, names[first]) for few in images.split(some)])
    with torch.enable_grad():
        values = start.requires_grad_()
        maps = {names[first]: values}
        for name, stage in map_stages(backbone, names[first]):
            values = stage(values)
            if name in layers:
                maps[name] = values
    return maps, values, DenseTail(dense_stages(backbone), values)


def map_stages(backbone: Backbone, layer: str) -> Stages:
    """List the stages that take the maps at a layer to flat values (image, feature)."""
    names = [name for name, _ in backbone.stages]
    return backbone.stages[names.index(layer) + 1 : _flat(backbone) + 1]


def dense_stages(backbone: Backbone) -> Stages:
    """List the stages that take the flat values to the features."""
    return backbone.stages[_flat(backbone) + 1 :]


def _flat(backbone: Backbone) -> int:
    return next(place for place, (name, _) in enumerate(backbone.stages) if len(backbone.shapes[name]) == 1)
