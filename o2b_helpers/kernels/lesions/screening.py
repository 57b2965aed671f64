"""First-order screening: roughly what each filter's lesion changes, from one backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from o2b_helpers.kernels import checks
from o2b_helpers.kernels.cams.filter_cams import recorded_pass
from o2b_helpers.kernels.outputs import OUTPUTS, apply_output, linear_values

if TYPE_CHECKING:
    from o2b_helpers.models.backbones.backbone import Backbone

BATCH_SIZE = 16


def screened_predictions(
    backbone: Backbone,
    images: torch.Tensor,
    head_weight: torch.Tensor,
    head_bias: torch.Tensor,
    layers: Sequence[str],
    *,
    gain: float = 0.0,
    output: str = "linear",
    batch_size: int = BATCH_SIZE,
) -> dict[str, torch.Tensor]:
    """Approximate the predictions with each filter changed in turn, A_k -> gain * A_k, for all layers at once.

    An approximation: the linear value is taken to change by (gain - 1) times the sum over space of A_k times its
    gradient, as if every ReLU and every maximum behind the layer stayed as it is. That is exact where only pooling
    means and a linear head follow. :func:`o2b_helpers.kernels.lesion_predictions` is exact everywhere.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed images, finite.
    head_weight, head_bias : tensor (run, feature), (run,)
        The heads that share this backbone; one backward pass for each.
    layers : sequence of str
        Target layers, by module path.
    gain : float
        0 lesions the filter, 1 leaves the model as it is.
    output : {"linear", "sigmoid"}
        What follows the linear layer; it is applied to the approximated linear value.
    batch_size : int
        Images in one pass; bounds the memory.

    Returns
    -------
    dict of str to tensor (run, filter, image)
        By layer; float64, on the CPU.

    Raises
    ------
    InputError, ParameterError
        Values that are not finite, an unknown output.
    """
    checks.choice("output", output, OUTPUTS)
    checks.positive("batch_size", batch_size)
    checks.finite("images", images, ("image", "channel", "height", "width"))
    weight, bias = checks.head(head_weight, head_bias, backbone.n_features)
    checks.finite_gain(gain)
    found: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}
    for some in images.split(batch_size):
        whole, slopes = _slopes(backbone, some, weight, bias, layers)
        for layer, slope in slopes.items():
            found[layer].append(whole[:, None] + (gain - 1.0) * slope)
    return {layer: apply_output(torch.cat(parts, 2), output) for layer, parts in found.items()}


def _slopes(
    backbone: Backbone, images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, layers: Sequence[str]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Linear values (run, image) and, by layer, their derivatives by each filter's gain (run, filter, image)."""
    slopes: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}
    maps, flat, tail = recorded_pass(backbone, images.to(backbone.device), layers)
    kept, heads = [maps[layer] for layer in layers], weight.to(flat)
    directions = tail.back(heads[:, None].expand(-1, *tail.features.shape))
    for run, direction in enumerate(directions, start=1):
        gradients = torch.autograd.grad(flat, kept, direction.contiguous(), retain_graph=run < len(heads))
        for layer, own, gradient in zip(layers, kept, gradients, strict=True):
            slopes[layer].append((own.detach() * gradient).sum((2, 3)).T.to("cpu", torch.float64))
    return linear_values(tail.features, weight, bias), {layer: torch.stack(all_) for layer, all_ in slopes.items()}
