"""Two more networks for the toy worlds, so that no claim rests on one network alone. Both learn which classes they see.

`mononet` is the toy backbone whose last layer has exactly one filter for each class. `bignet` is built as AlexNet is:
five convolutions, 96 filters in the last one, and two fully connected layers before the features that a head reads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from o2b_helpers.toyworld.truth import class_names

CELLS = 9  # the pooled map of a filter has 3 x 3 cells


class MonoNet(nn.Module):
    """Four convolutions with 12, 24, 32 and one filter per class; the logit of a class reads its own filter only."""

    def __init__(self) -> None:
        super().__init__()
        n_classes = len(class_names())
        self.features = nn.Sequential(
            nn.Conv2d(3, 12, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(24, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, n_classes, 3, padding=1),
            nn.ReLU(),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(3)
        self.classifier = nn.Linear(n_classes * CELLS, n_classes)
        self.bound_to_own_filters()

    @torch.no_grad()
    def bound_to_own_filters(self) -> None:
        """Make every weight of the classifier positive, and 0 where it reads the filter of another class."""
        own = torch.eye(len(class_names())).repeat_interleave(CELLS, dim=1)
        self.classifier.weight.copy_(self.classifier.weight.abs() * own)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(images)), 1))


class BigNet(nn.Module):
    """Five convolutions with 32, 64, 96, 96 and 96 filters, and two fully connected layers, as AlexNet has them."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 96, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(96, 96, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(96, 96, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(3)
        self.classifier = nn.Sequential(
            nn.Linear(96 * CELLS, 256),
            nn.ReLU(),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Linear(128, len(class_names())),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(images)), 1))
