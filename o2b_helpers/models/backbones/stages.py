"""The stages of a network: an ordered list of named modules whose composition is the network.

A network that is cut anywhere in this list splits exactly: what stands before the cut gives the feature maps,
what stands after it takes them to the features that a head reads.
"""

from __future__ import annotations

import torch
from torch import nn

Stages = list[tuple[str, nn.Module]]
FLATTEN = ("flatten", nn.Flatten(1))


class SpatialMean(nn.Module):
    """Mean of each feature map: (image, channel, height, width) -> (image, channel)."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Average over height and width."""
        return maps.mean(dim=(2, 3))


class InputRescaling(nn.Module):
    """GoogLeNet's own first step: from ImageNet's mean and deviation per colour to 0.5 and 0.5."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Rescale normalised images (image, 3, height, width), as torchvision's `transform_input` does."""
        red = torch.unsqueeze(images[:, 0], 1) * (0.229 / 0.5) + (0.485 - 0.5) / 0.5
        green = torch.unsqueeze(images[:, 1], 1) * (0.224 / 0.5) + (0.456 - 0.5) / 0.5
        blue = torch.unsqueeze(images[:, 2], 1) * (0.225 / 0.5) + (0.406 - 0.5) / 0.5
        return torch.cat((red, green, blue), 1)


def stages_of(module: nn.Module, *parts: str | tuple[str, nn.Module]) -> Stages:
    """List the stages of a network by module path.

    Parameters
    ----------
    module : nn.Module
        The network.
    *parts : str or (str, nn.Module)
        A module path (``"layer1"``), all children of a module in order (``"features.*"``), or a step that the
        network does in its `forward` without a module, with a name for it (``("flatten", nn.Flatten(1))``).

    Returns
    -------
    list of (str, nn.Module)
        In the order in which an image passes through them.
    """
    stages: Stages = []
    for part in parts:
        if isinstance(part, tuple):
            stages.append(part)
        elif part.endswith(".*"):
            parent = part[:-2]
            stages += [(f"{parent}.{name}", child) for name, child in module.get_submodule(parent).named_children()]
        else:
            stages.append((part, module.get_submodule(part)))
    return stages
