"""Blocks of torchvision's networks by name: torchvision takes seconds to import, and many sessions use none of them."""

from __future__ import annotations

from torch import nn

BASIC_BLOCK = "torchvision.models.resnet.BasicBlock"
BOTTLENECK = "torchvision.models.resnet.Bottleneck"
CONVOLUTION = "torchvision.models.googlenet.BasicConv2d"
INCEPTION = "torchvision.models.googlenet.Inception"
FIRE = "torchvision.models.squeezenet.Fire"
DENSE_LAYER = "torchvision.models.densenet._DenseLayer"


def is_kind(module: nn.Module, kind: str) -> bool:
    """Whether a module is of a class, or of one made from it, as ``isinstance`` says.

    Examples
    --------
    >>> is_kind(nn.Conv2d(3, 8, 3), "torch.nn.modules.conv.Conv2d"), is_kind(nn.ReLU(), FIRE)
    (True, False)
    """
    return any(f"{parent.__module__}.{parent.__qualname__}" == kind for parent in type(module).__mro__)
