"""Steps that networks take in their ``forward`` without a module, as modules."""

from __future__ import annotations

import torch
from torch import nn


class SpatialMean(nn.Module):
    """Mean of each feature map: (image, channel, height, width) -> (image, channel).

    Examples
    --------
    >>> SpatialMean()(torch.tensor([[[[0.0, 2.0], [4.0, 6.0]]]]))
    tensor([[3.]])
    """

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
