"""Deletion and insertion: whether a map names the places on which an output hangs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch.nn import functional

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import Readout

STEPS, BATCH_SIZE = 20, 64
BLUR = 1 / 16  # standard deviation of the blur, share of the shorter side: objects can no longer be told
Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Faithfulness:
    """Curves of an output while places are taken away, or brought back, from the most important one on.

    Attributes
    ----------
    share : array (step,)
        Of the picture's pixels that were taken away, or brought back: 0..1.
    deletion, insertion : array (picture, step)
        The output. Deletion ends where insertion begins, with the picture all blurred.
    deletion_area, insertion_area : array (picture,)
        Area below each curve (trapezoids). A faithful map has a small one for deletion and a large one for insertion.
    """

    share: Float[np.ndarray, " step"]
    deletion: Float[np.ndarray, "picture step"]
    insertion: Float[np.ndarray, "picture step"]

    @property
    def deletion_area(self) -> Float[np.ndarray, " picture"]:  # noqa: D102 (above)
        return np.trapezoid(self.deletion, self.share, axis=1)

    @property
    def insertion_area(self) -> Float[np.ndarray, " picture"]:  # noqa: D102 (above)
        return np.trapezoid(self.insertion, self.share, axis=1)


def faithfulness(
    predict: Predict,
    images: Float[torch.Tensor, "picture 3 height width"],
    maps: Float[torch.Tensor, "picture map_height map_width"],
    *,
    steps: int = STEPS,
    blur: float = BLUR,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> Faithfulness:
    """Take away the most important places of pictures first, and bring them back first (METHODS 5).

    Curves are those of Petsiuk et al. (2018). A place that is taken away is shown blurred. Pixels are ordered by the
    map, resized to the picture bilinearly; equal ones, such as those of an empty map, in an order drawn at random.

    Parameters
    ----------
    predict : callable
        From copies (copy, 3, height, width) and the picture that each copy is of (copy,) to an output (copy,), e.g. the
        probability of the label that is predicted for the whole picture. See :func:`probability_of`.
    images : tensor (picture, 3, height, width)
        Preprocessed pictures, finite.
    maps : tensor (picture, height, width)
        One for each picture, on any grid.
    steps : int
        Into how many equal steps the picture's pixels are cut.
    blur : float
        Standard deviation of the blur, share of the shorter side.
    seed : int
        Of the order of equal pixels.
    batch_size : int
        Copies in one pass.

    Returns
    -------
    Faithfulness

    Raises
    ------
    InputError, ParameterError
        Pictures and maps that do not fit or are not finite.

    Examples
    --------
    >>> images = torch.zeros(1, 3, 8, 8)
    >>> images[..., :4, :] = 1.0
    >>> upper, lower = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)
    >>> upper[:, 0], lower[:, 1] = 1.0, 1.0
    >>> bright = lambda copies, _: copies[:, 0, :4].mean((1, 2))  # an output that hangs on the upper half
    >>> good, bad = (faithfulness(bright, images, maps, steps=8, blur=0.5) for maps in (upper, lower))
    >>> bool(good.deletion_area < bad.deletion_area), bool(good.insertion_area > bad.insertion_area)
    (True, True)
    """
    checks.positive("steps", steps)
    checks.positive("batch_size", batch_size)
    finite("images", images, ("picture", "channel", "height", "width"))
    finite("maps", maps, ("picture", "height", "width"))
    if len(images) != len(maps):
        raise InputError(
            "Pictures and maps do not fit",
            value=f"{len(images)} pictures, {len(maps)} maps",
            expected="one map for each picture",
            remedy="take one run and one output for each picture",
        )
    place = _order(maps, (images.shape[2], images.shape[3]), seed).to(images.device)
    hidden = blurred(images, blur)
    counts = torch.as_tensor(np.linspace(0, place[0].numel(), steps + 1).round().astype(np.int64))
    curves = [
        _curve(predict, images, hidden, place, counts, batch_size),
        _curve(predict, hidden, images, place, counts, batch_size),
    ]
    return Faithfulness(counts.numpy() / place[0].numel(), *curves)


def blurred(images: Float[torch.Tensor, "picture 3 height width"], blur: float = BLUR) -> torch.Tensor:
    """Blur pictures with a Gaussian whose standard deviation is a share of the shorter side."""
    from torchvision.transforms.functional import gaussian_blur  # torchvision takes seconds to import

    side = min(images.shape[2:])
    deviation = blur * side
    if not deviation > 0:
        raise InputError("Nothing is blurred", value=blur, expected="a share above 0", remedy="raise the blur")
    # the kernel must not reach over the picture's mirrored edge
    size = min(2 * math.ceil(3 * deviation) + 1, 2 * side - 1)
    return gaussian_blur(images, [size, size], [deviation, deviation])


def probability_of(
    backbone: Backbone, readout: Readout, outputs: Integer[torch.Tensor, " picture"], run: int = 0
) -> Predict:
    """Make a function for :func:`faithfulness`: what a run gives for one output of each picture.

    Parameters
    ----------
    backbone, readout
        The frozen network, and what runs make of its features.
    outputs : tensor (picture,) of int
        The output of each picture, e.g. the predicted one.
    run : int
        Which run.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone = load_backbone("toynet", "toyworld")
    >>> readout = Readout(torch.eye(432)[None, :3], torch.zeros(1, 3), "softmax")
    >>> predict = probability_of(backbone, readout, torch.tensor([2, 0]))
    >>> predict(torch.zeros(3, 3, 96, 96), torch.tensor([0, 0, 1])).shape
    torch.Size([3])
    """

    def predict(copies: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
        values = readout.outputs(backbone.features(copies.to(backbone.device)), "all")[run]
        return values.gather(0, outputs[picture][None])[0]

    return predict


def _order(maps: torch.Tensor, size: tuple[int, int], seed: int) -> torch.Tensor:
    """Give each pixel (picture, height, width) its place in the order, from the most important one on."""
    wide = functional.interpolate(maps[:, None].double().cpu(), size, mode="bilinear", align_corners=False).flatten(1)
    shuffled = torch.as_tensor(np.random.default_rng(seed).permutation(wide.shape[1]))
    order = shuffled[torch.sort(wide[:, shuffled], dim=1, descending=True, stable=True).indices]
    return torch.argsort(order, dim=1).view(-1, *size)


@torch.no_grad()
def _curve(
    predict: Predict,
    starts: torch.Tensor,
    ends: torch.Tensor,
    place: torch.Tensor,
    counts: torch.Tensor,
    batch_size: int,
) -> np.ndarray:
    """Give the outputs (picture, step) while pixels go over from one picture to the other, in their order."""
    picture, step = (numbers.flatten() for numbers in torch.meshgrid(
        torch.arange(len(starts)), torch.arange(len(counts)), indexing="ij"
    ))  # fmt: skip
    values = []
    for some in torch.arange(len(picture)).split(batch_size):
        own = picture[some]
        gone = place[own] < counts[step[some]].to(place.device)[:, None, None]
        copies = torch.where(gone[:, None], ends[own], starts[own])
        values.append(torch.as_tensor(predict(copies, own)).to("cpu", torch.float64))
    return torch.cat(values).view(len(starts), len(counts)).numpy()
