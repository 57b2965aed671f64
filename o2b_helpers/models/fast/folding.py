"""The same network for many forward passes: batch norm folded in, fewer passes over memory, the faster linear layer.

What is changed is exact up to rounding; whoever uses it compares it with the network itself first.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from o2b_helpers.models.fast.kinds import BASIC_BLOCK, BOTTLENECK, CONVOLUTION, DENSE_LAYER, is_kind
from o2b_helpers.models.fast.matrix_product import product

# batch norms that directly follow a convolution in their module's `forward`
FOLDED = {
    BASIC_BLOCK: (("conv1", "bn1"), ("conv2", "bn2")),
    BOTTLENECK: (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")),
    CONVOLUTION: (("conv", "bn"),),
    DENSE_LAYER: (("conv1", "norm2"),),
}
NOTHING = (nn.Dropout, nn.Dropout2d, nn.Identity)


class FastLinear(nn.Module):
    """A linear layer by the faster of the libraries that torch brings; it shares its weights with the plain one."""

    def __init__(self, linear: nn.Linear) -> None:
        """Keep the plain layer as `linear`."""
        super().__init__()
        self.linear = linear

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (image, feature) to (image, output); no gradient passes."""
        values = product(x, self.linear.weight)
        return values if self.linear.bias is None else values.add_(self.linear.bias)


def folded_twin(module: nn.Module) -> nn.Module:
    """Give a twin of a frozen module that computes the same with less work.

    The twin shares what it does not change with the module, takes no gradient, and may overwrite its input where the
    architecture's own definition did so.

    Parameters
    ----------
    module : nn.Module
        In eval mode.

    Returns
    -------
    nn.Module
        Maps (image, channel, height, width) should come with channels last in memory.

    Examples
    --------
    >>> module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout()).eval()
    >>> folded_twin(module)
    Sequential(
      (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
      (1): Identity()
      (2): Identity()
    )
    """
    if type(module) is nn.Linear:
        return FastLinear(module)
    if type(module) is nn.Conv2d:
        return _with_weights(module, module.weight, module.bias)
    if type(module) in NOTHING:
        return nn.Identity()
    twin: Any = copy.copy(module)
    twin._modules = {name: folded_twin(child) for name, child in module.named_children()}
    if getattr(module, "overwrites_input", False):
        twin.inplace = True
    pairs = [pair for kind, pairs in FOLDED.items() if is_kind(module, kind) for pair in pairs]
    if type(module) is nn.Sequential:
        names = list(twin._modules)
        pairs = list(zip(names, names[1:], strict=False))
    for convolution, norm in pairs:
        first, second = module._modules[convolution], module._modules[norm]
        if type(first) is nn.Conv2d and type(second) is nn.BatchNorm2d and second.running_var is not None:
            twin._modules[convolution] = fold_batch_norm(first, second)
            twin._modules[norm] = nn.Identity()
    return twin


def fold_batch_norm(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """Give one convolution that does what a convolution and the batch norm behind it do (in eval mode).

    Examples
    --------
    >>> convolution, norm, images = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8).eval(), torch.ones(1, 3, 5, 5)
    >>> torch.allclose(fold_batch_norm(convolution, norm)(images), norm(convolution(images)), atol=1e-5)
    True
    """
    assert norm.running_mean is not None and norm.running_var is not None, "a norm that keeps no statistics"
    weight, variance = convolution.weight.double(), norm.running_var.double()
    scale = (variance + norm.eps).rsqrt() * (1.0 if norm.weight is None else norm.weight.double())
    bias = 0.0 if convolution.bias is None else convolution.bias.double()
    bias = (bias - norm.running_mean.double()) * scale + (0.0 if norm.bias is None else norm.bias.double())
    kind = convolution.weight.dtype
    return _with_weights(convolution, (weight * scale[:, None, None, None]).to(kind), bias.to(kind))


def _with_weights(convolution: nn.Conv2d, weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Conv2d:
    twin = copy.copy(convolution)
    weight = weight.detach().contiguous(memory_format=torch.channels_last)
    twin._parameters = {
        "weight": nn.Parameter(weight, requires_grad=False),
        "bias": None if bias is None else nn.Parameter(bias.detach(), requires_grad=False),
    }
    return twin
