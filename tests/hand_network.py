"""A network built by hand, whose filters are known, and pictures of coloured squares that go through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.kernels.cams.filter_scores import filter_scores
from o2b_helpers.kernels.regions.exchanged_boxes import exchanged_partners
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import Architecture, architecture_names, register
from o2b_helpers.models.backbones.stages import FLATTEN, stages_of
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.object2brain.box_scores.carried_boxes import CarriedBoxes, box_columns
from o2b_helpers.studies.object2brain.box_scores.sums import sums_of

NAME, LAYER, SIZE = "colours", "features.1", 48
CLASSES = ("red", "green", "blue")
RED, GREEN, BLUE, OTHER = range(4)  # the filters: one for each colour, and one for all but red


class Colours(nn.Module):
    """One convolution that sees colours, a mean over space, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        convolution = nn.Conv2d(3, 4, 3, padding=1)
        self.features = nn.Sequential(convolution, nn.ReLU())
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4, 1)
        with torch.no_grad():
            convolution.weight.zero_()
            convolution.bias.fill_(-0.1)  # the background stays silent
            centre = [[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [-1, 1, 1]]
            convolution.weight[:, :, 1, 1] = torch.tensor(centre, dtype=torch.float32)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """From images to the output."""
        return self.classifier(self.avgpool(self.features(images)).flatten(1))


def colours():
    """Load the network."""
    if NAME not in architecture_names():
        register(
            Architecture(
                name=NAME,
                build=Colours,
                stages=lambda module: stages_of(module, "features.*", "avgpool", FLATTEN),
                target_layers=(LAYER,),
                preprocessing=Preprocessing(SIZE, SIZE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
                last_layer="classifier",
            )
        )
    return load_backbone(NAME, "untrained")


@dataclass
class Squares:
    """Pictures on a dark ground with one square of each colour in places of their own.

    Parameters
    ----------
    images : tensor (image, 3, height, width)
        The pictures.
    boxes : array (image, class, 4)
        The squares, exactly.
    """

    images: torch.Tensor
    boxes: np.ndarray

    @property
    def area(self) -> np.ndarray:
        """Area (image, class) of the squares, pixels."""
        return (self.boxes[..., 2:] - self.boxes[..., :2]).prod(-1)


def draw_squares(count: int, seed: int, present: float = 1.0) -> Squares:
    """Draw pictures; a square is there with a probability, and has an empty box where it is not."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 0.05, (count, 3, SIZE, SIZE)).astype(np.float32)
    boxes = np.zeros((count, 3, 4))
    for image in range(count):
        for colour, quarter in enumerate(rng.permutation(4)[:3]):
            side = rng.integers(4, SIZE // 2)
            x, y = (SIZE // 2 * part + rng.integers(0, SIZE // 2 - side + 1) for part in (quarter % 2, quarter // 2))
            if rng.uniform() < present:
                images[image, :, y : y + side, x : x + side] = np.eye(3)[colour][:, None, None]
                boxes[image, colour] = x, y, x + side, y + side
    return Squares(torch.tensor(images), boxes)


def sums_over(backbone, squares: Squares, readout: Readout, confidence: float = 0.8) -> dict[str, np.ndarray]:
    """Return the sums of a results file for these pictures and their true boxes."""
    image, label = (item.ravel() for item in np.indices(squares.boxes.shape[:2]))
    corners = squares.boxes.reshape(-1, 4)
    there = corners[:, 2] > corners[:, 0]
    shown = np.unique(image[there])
    donor = np.full(len(squares.images), -1)
    given = exchanged_partners([str(item) for item in shown], 0)
    donor[shown] = np.where(given >= 0, shown[given], -1)
    carried = CarriedBoxes(corners[there], image[there], label[there], np.full(there.sum(), confidence), donor)
    columns = box_columns(carried, 0, len(squares.images))
    scores = filter_scores(
        backbone,
        squares.images,
        readout,
        torch.as_tensor(columns.corners),
        torch.as_tensor(columns.image),
        torch.as_tensor(columns.column),
        2 * len(columns.classes),
        [LAYER],
        members=columns.members,
        squares=True,
        ungated=True,
    )
    return {name: values for name, (_, values) in sums_of(scores, columns.classes, columns.gram).variables().items()}
