"""The facial expression network of face-api.js: four blocks of separable convolutions, 7 expressions.

Its definition follows the library's weights (MIT licence; the architecture is a small Xception, Chollet 2017, whose
shortcuts are sums). Strided convolutions pad as TensorFlow does: on an even side only to the right and the bottom.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.registry import Architecture

WIDTHS = (3, 32, 64, 128, 256)  # maps at the input and behind each block
SIDE = 112  # pixels of the input
MEAN = (122.782 / 255, 117.001 / 255, 104.298 / 255)


class SamePadding(nn.Module):
    """Pad maps for a 3 x 3 convolution as TensorFlow's ``same`` does."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return maps (image, channel, height, width) with a frame of zeros."""
        need = [max((-(-n // self.stride) - 1) * self.stride + 3 - n, 0) for n in maps.shape[-2:]]
        return F.pad(maps, (need[1] // 2, need[1] - need[1] // 2, need[0] // 2, need[0] - need[0] // 2))


def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Return a 3 x 3 convolution of each map by itself, then a 1 x 1 convolution that mixes the maps."""
    return nn.Sequential(
        SamePadding(stride),
        nn.Conv2d(inputs, inputs, 3, stride, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1),
    )


class SummedBlock(nn.Module):
    """A strided convolution and three more; each reads the ReLU of the sum of all before it."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        plain = nn.Sequential(SamePadding(2), nn.Conv2d(inputs, width, 3, 2))
        self.down = plain if inputs == WIDTHS[0] else separable(inputs, width, 2)
        self.convs = nn.ModuleList(separable(width, width) for _ in range(3))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return maps (image, channel, height / 2, width / 2), none below 0."""
        total = latest = F.relu(self.down(maps))
        for convolution in self.convs:
            total = total + convolution(latest)
            latest = F.relu(total)
        return latest


class FaceExpressionNet(nn.Module):
    """Input (image, 3, 112, 112), RGB; output one logit for each expression."""

    def __init__(self, classes: int = 7) -> None:
        super().__init__()
        pairs = zip(WIDTHS[:-1], WIDTHS[1:], strict=True)
        self.blocks = nn.Sequential(*(SummedBlock(inputs, width) for inputs, width in pairs))
        self.head = nn.Linear(WIDTHS[-1], classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (image, class)."""
        return self.head(F.avg_pool2d(self.blocks(images), 7, 2).flatten(1))


FACE_EXPRESSION = Architecture(
    name="face_expression",
    build=FaceExpressionNet,
    stages=None,
    target_layers=(),
    preprocessing=Preprocessing(SIDE, SIDE, MEAN, (1.0, 1.0, 1.0)),
    last_layer="head",
)
