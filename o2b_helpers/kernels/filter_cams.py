"""Feature maps and GradCAM weights of every filter, for every run, from one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from o2b_helpers.errors import ModelError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.outputs import OUTPUTS, linear_values, output_slope

if TYPE_CHECKING:
    from o2b_helpers.models.backbone import Backbone


def filter_maps(
    backbone: Backbone,
    images: torch.Tensor,
    head_weight: torch.Tensor,
    head_bias: torch.Tensor,
    layers: Sequence[str],
    output: str = "linear",
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Give the feature maps A of the target layers and the GradCAM weights w of their filters.

    w is the spatial mean of d output / d A (the paper, section 3.1; METHODS 3). The trunk runs once
    for all runs and without gradients up to the first target layer, so that each run's backward pass stops there.

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
    checks.choice("output", output, OUTPUTS)
    checks.finite("images", images, ("image", "channel", "height", "width"))
    weight, bias = checks.head(head_weight, head_bias, backbone.n_features)
    for layer in layers:
        backbone.shape(layer)  # refuses a layer that the network does not have
    with torch.enable_grad():
        names = [name for name, _ in backbone.stages]
        first = min(layers, key=names.index)
        with torch.no_grad():
            start = backbone.trunk(images.to(backbone.device), first)
        maps, features = backbone.resume(start.detach().requires_grad_(), first, layers)
        kept = [maps[layer] for layer in layers]
        slope = output_slope(linear_values(features.detach(), weight, bias), output)
        weights: list[list[torch.Tensor]] = [[] for _ in layers]
        for run, (direction, gain) in enumerate(zip(weight.to(features), slope, strict=True)):
            # the output's slope is one positive factor for each image; multiplied afterwards it cannot underflow
            gradients = torch.autograd.grad(
                features,
                kept,
                direction.expand_as(features).contiguous(),
                retain_graph=run + 1 < len(weight),
            )
            for collected, gradient in zip(weights, gradients, strict=True):
                collected.append(gradient.mean((2, 3)).to("cpu", torch.float64) * gain[:, None])
    result = {}
    for layer, layer_maps, layer_weights in zip(layers, kept, weights, strict=True):
        layer_maps = checks.finite(f"maps of {layer}", layer_maps.detach(), ("image", "channel", "height", "width"))
        if layer_maps.numel() and float(layer_maps.min()) < 0:
            raise ModelError(
                f"Target layer {layer} of {backbone.name} gives negative values",
                value=float(layer_maps.min()),
                expected="the output of a ReLU, 0 or more",
                remedy="name the ReLU that follows it as target layer",
            )
        result[layer] = (layer_maps, torch.stack(layer_weights))
    return result
