"""Predictions of a model without one filter, resumed at the filter's layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from o2b_helpers.errors import InputError, ParameterError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.outputs import OUTPUTS, apply_output, linear_values
from o2b_helpers.models.stages import SpatialMean

if TYPE_CHECKING:
    from o2b_helpers.models.backbone import Backbone

BLOCK_BYTES = 256 * 2**20
CPU_BLOCK_BYTES = 32 * 2**20  # larger blocks only leave the caches and cost a CPU time
# an operation's input and output, and two more of that size that a branch may hold
ALIVE = 4
# stages that keep filters apart and take gain * A to gain * (what they make of A)
ANY_GAIN = (nn.AvgPool2d, nn.AdaptiveAvgPool2d, SpatialMean, nn.Dropout, nn.Dropout2d, nn.Identity)
GAIN_NOT_NEGATIVE = (nn.MaxPool2d, nn.AdaptiveMaxPool2d, nn.ReLU)


def lesion_predictions(
    backbone: Backbone,
    images: torch.Tensor,
    head_weight: torch.Tensor,
    head_bias: torch.Tensor,
    layer: str,
    *,
    channels: Sequence[int] | None = None,
    gain: float = 0.0,
    output: str = "linear",
    block_bytes: int = BLOCK_BYTES,
) -> torch.Tensor:
    """Predict with each filter of a layer changed in turn: A_k -> gain * A_k (the paper, section 3.2).

    Everything up to the first stage that mixes filters runs once; from there on, many changed copies go
    through the rest of the network at once. Only the head differs between runs, so all of them share that
    pass. A filter whose map is 0 all over an image changes nothing there: its prediction is the whole model's,
    bit for bit. Where only pooling stands between the layer and the head, the prediction loses exactly the
    filter's own share, and nothing runs again.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed images, finite.
    head_weight, head_bias : tensor (run, feature), (run,)
        The heads that share this backbone.
    layer : str
        Target layer, by module path.
    channels : sequence of int, optional
        Filters of the layer, in the order of the result; all of them where left out.
    gain : float
        0 lesions the filter, 1 leaves the model as it is, more strengthens the filter.
    output : {"linear", "sigmoid"}
        What follows the linear layer.
    block_bytes : int
        Bound on the working memory of one pass through the rest of the network, bytes; one copy always goes. A CPU
        takes 32 MiB at most, whatever the bound.

    Returns
    -------
    tensor (run, filter, image)
        float64, on the CPU.

    Raises
    ------
    InputError, ParameterError
        Values that are not finite, a channel that the layer does not have, an unknown output.
    """
    checks.choice("output", output, OUTPUTS)
    checks.positive("block_bytes", block_bytes)
    checks.finite("images", images, ("image", "channel", "height", "width"))
    weight, bias = checks.head(head_weight, head_bias, backbone.n_features)
    if not math.isfinite(gain):
        raise ParameterError("gain is not usable", value=gain, expected="a finite number", remedy="0 lesions a filter")
    filters = _channels(channels, backbone.shape(layer)[0], layer)
    if torch.device(backbone.device).type == "cpu":
        block_bytes = min(block_bytes, CPU_BLOCK_BYTES)
    apart, rest = _mixing_split(backbone, layer, gain)
    with torch.no_grad():
        values = _before_mixing(backbone, images, layer, apart, block_bytes)
        shape, values = values.shape[1:], values.reshape(len(values), backbone.shape(layer)[0], -1)
        if rest:
            # the network's own stage expects the shape that it is used to
            rest = [nn.Flatten(1), nn.Unflatten(1, shape), *rest]
            linear = _resumed(rest, values, filters, gain, weight, bias, block_bytes)
        else:
            share = torch.einsum("rkc,ikc->rki", weight.view(len(weight), *values.shape[1:]), values.to(weight))
            linear = linear_values(values.flatten(1), weight, bias)[:, None] + (gain - 1.0) * share[:, filters]
    return apply_output(linear, output)


def _channels(channels: Sequence[int] | None, count: int, layer: str) -> torch.Tensor:
    if channels is None:
        return torch.arange(count)
    filters = torch.as_tensor(channels, dtype=torch.int64).reshape(-1)
    if bool(((filters < 0) | (filters >= count)).any()):
        raise InputError(
            f"Layer {layer} has no such filter",
            value=filters[(filters < 0) | (filters >= count)].tolist(),
            expected=f"channels 0..{count - 1}",
            remedy="take the channels from the backbone's shape of this layer",
        )
    return filters


def _mixing_split(backbone: Backbone, layer: str, gain: float) -> tuple[list[nn.Module], list[nn.Module]]:
    """Split the stages behind the layer before the first one that mixes filters."""
    apart = ANY_GAIN + (GAIN_NOT_NEGATIVE if gain >= 0 else ())
    names = [name for name, _ in backbone.stages]
    stages = [stage for _, stage in backbone.stages[names.index(layer) + 1 :]]
    for number, stage in enumerate(stages):
        flattens = type(stage) is nn.Flatten and stage.start_dim == 1 and stage.end_dim == -1
        if not flattens and type(stage) not in apart:
            return stages[:number], stages[number:]
    return stages, []


def _before_mixing(
    backbone: Backbone, images: torch.Tensor, layer: str, apart: list[nn.Module], block_bytes: int
) -> torch.Tensor:
    """Run the images to the first stage that mixes filters, as many at once as fit."""
    largest = max(math.prod(shape) for shape in backbone.shapes.values()) * images.element_size()
    found = []
    for block in images.split(max(1, block_bytes // (ALIVE * largest))):
        maps = backbone.trunk(block.to(backbone.device), layer)
        checks.finite(f"maps of {layer}", maps, ("image", "channel", "height", "width"))
        found.append(_through(apart, maps))
    return torch.cat(found)


def _resumed(
    rest: list[nn.Module],
    values: torch.Tensor,
    filters: torch.Tensor,
    gain: float,
    weight: torch.Tensor,
    bias: torch.Tensor,
    block_bytes: int,
) -> torch.Tensor:
    """Run changed copies of (image, filter, cell) through the rest; (run, filter, image) linear values."""
    step = max(1, block_bytes // _bytes_per_copy(rest, values[:1]))
    whole = torch.cat([linear_values(_through(rest, block), weight, bias) for block in values.split(step)], 1)
    result = whole[:, None].repeat(1, len(filters), 1)
    # an empty map changes nothing, and neither does a gain of 1
    changes = (values.amax(2) > 0) | (values.amin(2) < 0) if gain != 1.0 else values.new_zeros(values.shape[:2]).bool()
    row, image = torch.nonzero(changes.cpu()[:, filters].T, as_tuple=True)
    for rows, images in zip(row.split(step), image.split(step), strict=True):
        copies = values[images]
        copies[torch.arange(len(rows)), filters[rows]] *= gain
        result[:, rows, images] = linear_values(_through(rest, copies), weight, bias)
    return result


def _through(rest: list[nn.Module], values: torch.Tensor) -> torch.Tensor:
    for stage in rest:
        values = stage(values)
    return values


def _bytes_per_copy(rest: list[nn.Module], one: torch.Tensor) -> int:
    """Working memory of one copy on its way through the rest."""
    largest = one.nbytes

    def watch(module: nn.Module, inputs: tuple, result: torch.Tensor) -> None:
        nonlocal largest
        if isinstance(result, torch.Tensor):
            largest = max(largest, result.nbytes)

    hooks = [part.register_forward_hook(watch) for stage in rest for part in stage.modules()]
    try:
        _through(rest, one)
    finally:
        for hook in hooks:
            hook.remove()
    return ALIVE * largest
