"""The toy backbone: a small convolutional network in torchvision's style.

``features`` ends in the last target layer, ``avgpool`` and a flatten give the penultimate features, ``classifier``
says which toy classes are in the picture.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from o2b_helpers.toyworld.truth import class_names, planted

INPUT_SIZE = 96  # pixels; side of the input
CHANNEL_MEAN = (0.5, 0.5, 0.5)
CHANNEL_STD = (0.25, 0.25, 0.25)
TARGET_LAYERS = ("features.1", "features.4", "features.7", "features.9")
N_FEATURES = 48 * 3 * 3


class ToyNet(nn.Module):
    """Four convolutions with 12, 24, 32 and 48 filters; multi-label output, one logit per toy class.

    Parameters
    ----------
    n_classes
        Outputs of the classifier; the number of toy classes unless given.

    Notes
    -----
    Input ``(image, channel=3, height=96, width=96)``, normalised with ``CHANNEL_MEAN`` and ``CHANNEL_STD``. Target
    layers are the ReLUs ``features.1`` (12 maps of 48 x 48), ``features.4`` (24 of 24 x 24), ``features.7`` (32 of
    12 x 12) and ``features.9`` (48 of 12 x 12). No ReLU works in place, because that would overwrite the maps of the
    layer before it. Penultimate features: 48 x 3 x 3 = 432.
    """

    def __init__(self, n_classes: int | None = None) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 12, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(24, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 48, 3, padding=1),
            nn.ReLU(),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(3)
        self.classifier = nn.Linear(N_FEATURES, len(class_names()) if n_classes is None else n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return one logit per class, ``(image, class)``."""
        return self.classifier(torch.flatten(self.avgpool(self.features(images)), 1))


def untrained_toynet(seed: int | None = None) -> ToyNet:
    """Return the backbone as it is before training, the same for the same seed (``weights_seed`` unless given)."""
    seed = planted("weights_seed") if seed is None else seed
    # The global generator is what torch's layers draw from; it is put back as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ToyNet().eval()
