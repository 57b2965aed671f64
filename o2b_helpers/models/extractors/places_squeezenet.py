"""SqueezeNet 1.1 with batch normalisation, as trained on Places365 (365 scenes; github urbste/squeezenet_places365).

The weights were trained on blue-green-red pictures, less a mean and divided by 255, which were resized to 256 x 256
without keeping their aspect (option ``fit: stretch`` of an extractor).
"""

from __future__ import annotations

import torch
from torch import nn

from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.registry import Architecture

LEAK = 0.55  # Lasagne's RandomizedRectifier(0.3, 0.8) after training: the middle of its range
RESIZE, CROP = 256, 224
MEAN = (116.676 / 255, 112.5145 / 255, 104.051 / 255)  # red, green, blue


class ConvolutionNormLeaky(nn.Sequential):
    """A convolution, batch normalisation, and a leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2),
            nn.BatchNorm2d(outputs, eps=1e-4),
            nn.LeakyReLU(LEAK),
        )


class Fire(nn.Module):
    """SqueezeNet's module: few 1 x 1 filters, then 1 x 1 and 3 x 3 ones side by side (Iandola et al. 2016)."""

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = ConvolutionNormLeaky(inputs, squeeze, 1)
        self.expand1x1 = ConvolutionNormLeaky(squeeze, expand, 1)
        self.expand3x3 = ConvolutionNormLeaky(squeeze, expand, 3)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return maps (image, 2 x expand, height, width)."""
        maps = self.squeeze(maps)
        return torch.cat([self.expand1x1(maps), self.expand3x3(maps)], dim=1)


class PlacesSqueezeNet(nn.Module):
    """Input (image, 3, 224, 224), RGB, which it turns into BGR; output one logit for each scene."""

    def __init__(self, classes: int = 365) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvolutionNormLeaky(3, 64, 3, stride=2), nn.MaxPool2d(3, 2),
            Fire(64, 16, 64), Fire(128, 16, 64), nn.MaxPool2d(3, 2),
            Fire(128, 32, 128), Fire(256, 32, 128), nn.MaxPool2d(3, 2),
            Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(512, classes, 1), nn.LeakyReLU(LEAK), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (image, class)."""
        return self.classifier(self.features(images.flip(1))).flatten(1)


PLACES_SQUEEZENET = Architecture(
    name="places365_squeezenet",
    build=PlacesSqueezeNet,
    stages=None,
    target_layers=(),
    preprocessing=Preprocessing(RESIZE, CROP, MEAN, (1.0, 1.0, 1.0)),
    last_layer="classifier.1",
)
