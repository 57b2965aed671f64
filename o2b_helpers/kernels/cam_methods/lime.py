"""LIME: which parts of a picture raise an output, from masked copies that all runs and outputs share."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.cam_methods.libraries import library
from o2b_helpers.kernels.cams.class_cams import ClassCams
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import OutputChoice, Readout

REGRESSIONS = ("ridge", "lasso")


@dataclass(frozen=True)
class LimeSettings:
    """How LIME masks and fits.

    Parameters
    ----------
    samples : int
        Masked copies of each picture.
    rows : int
        The picture is cut into rows x rows parts.
    regression : {"ridge", "lasso"}
        The linear model; LIME's own is a ridge regression.
    penalty : float
        Its weight, scikit-learn's `alpha`.
    kernel_width : float
        How fast copies that show less of the picture count less.
    seed : int
        Of the masks.
    batch_size : int
        Copies in one pass; bounds the memory.
    """

    samples: int = 256
    rows: int = 7
    regression: str = "ridge"
    penalty: float = 1.0
    kernel_width: float = 0.25
    seed: int = 0
    batch_size: int = 64


def lime_cam(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    output: OutputChoice = "predicted",
    *,
    before_link: bool = False,
    settings: LimeSettings = LimeSettings(),  # noqa: B008 (frozen)
    segments: Integer[torch.Tensor, "*image height width"] | None = None,
    masks: Bool[torch.Tensor, "sample segment"] | None = None,
) -> ClassCams:
    """Make a map of LIME's coefficients for every picture (Ribeiro et al. 2016; METHODS 5).

    Copies of a picture show a random half of its parts, the others in the mean colour of the pictures that the network
    was trained on. A linear model, in which copies count more the more they show, says how much each part adds to the
    output. The map is the positive part of its coefficients. All pictures share the masks, and all runs and outputs the
    passes.

    Parameters
    ----------
    backbone, images, readout, output, before_link
        As for :func:`~o2b_helpers.kernels.cams.class_cams.grad_cam`, which also lists what is raised.
    settings : LimeSettings
        How to mask and fit.
    segments : tensor (height, width) or (image, height, width) of int, optional
        The part of every pixel, from 0; another cut than the grid, e.g. superpixels.
    masks : tensor (sample, segment) of bool, optional
        Which parts each copy shows, where they are chosen already. Of a picture with fewer parts, the first columns.

    Returns
    -------
    ClassCams
        In the size of the input.

    Raises
    ------
    ParameterError
        scikit-learn is not installed; settings that cannot be used.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone = load_backbone("toynet", "toyworld")
    >>> images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    >>> readout = Readout(torch.eye(432)[None, :3], torch.zeros(1, 3), "softmax")
    >>> lime_cam(backbone, images, readout, settings=LimeSettings(samples=20, rows=4)).maps.shape
    torch.Size([1, 2, 96, 96])
    """
    output = readout.checked(output, backbone.n_features)
    finite("images", images, ("image", "channel", "height", "width"))
    if segments is None:
        segments = grid_segments(images.shape[2], images.shape[3], settings.rows)
    segments = _checked_segments(torch.as_tensor(segments).cpu(), images)
    count = int(segments.max()) + 1
    masks = lime_masks(settings.samples, count, settings.seed) if masks is None else torch.as_tensor(masks).cpu()
    asked = readout.before_link() if before_link else readout
    values = masked_outputs(backbone, images, asked, segments, masks, settings.batch_size)
    with torch.no_grad():
        whole = readout.values(torch.cat([backbone.features(some.to(backbone.device)) for some in images.split(32)]))
    # with the images last, as `pick` wants them
    wanted = readout.pick(values.movedim(2, -1), output, whole)
    lead, n_samples = wanted.shape[:-2], wanted.shape[-2]
    by_row = wanted.reshape(-1, n_samples, len(images))
    rows = torch.zeros(len(by_row), *segments.shape, dtype=torch.float64)
    for parts in torch.unique(segments.flatten(1).amax(1)).tolist():
        own = torch.nonzero(segments.flatten(1).amax(1) == parts)[:, 0]
        fits = by_row[:, :, own].permute(1, 0, 2).reshape(n_samples, -1)
        coefficients = lime_coefficients(masks[:, : parts + 1], fits, settings).view(len(by_row), len(own), -1)
        shown = segments[own].flatten(1).expand(len(by_row), -1, -1)
        rows[:, own] = coefficients.clamp(min=0.0).gather(2, shown).view(len(by_row), len(own), *segments.shape[1:])
    return ClassCams(rows.view(*lead, *segments.shape).float(), whole.argmax(1))


@torch.no_grad()
def masked_outputs(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    segments: Integer[torch.Tensor, "image height width"],
    masks: Bool[torch.Tensor, "sample segment"],
    batch_size: int = 64,
) -> Float[torch.Tensor, "run output image sample"]:
    """Give all outputs for masked copies of the pictures.

    Parameters
    ----------
    backbone, images, readout
        The frozen network, preprocessed pictures, and what the runs make of its features.
    segments : tensor (image, height, width)
        The part of every pixel.
    masks : tensor (sample, segment)
        Which parts each copy shows; the others are 0.
    batch_size : int
        Copies in one pass.

    Returns
    -------
    tensor (run, output, image, sample)
        float64, on the CPU.
    """
    checks.positive("batch_size", batch_size)
    values = []
    for image, parts in zip(images.to(backbone.device), segments.to(backbone.device), strict=True):
        for some in masks.to(backbone.device).split(batch_size):
            values.append(readout.outputs(backbone.features(image * some[:, parts][:, None]), "all"))
    return torch.cat(values, 2).unflatten(2, (len(images), len(masks)))


def lime_coefficients(
    masks: Bool[torch.Tensor, "sample segment"],
    values: Float[torch.Tensor, "sample row"],
    settings: LimeSettings = LimeSettings(),  # noqa: B008 (frozen)
) -> Float[torch.Tensor, "row segment"]:
    """Fit LIME's weighted linear model to outputs of masked copies.

    Parameters
    ----------
    masks : tensor (sample, segment)
        Which parts each copy shows.
    values : tensor (sample, row)
        Outputs of the copies; rows share the masks and so the weights.
    settings : LimeSettings
        The linear model.

    Returns
    -------
    tensor (row, segment)
        float64.

    Raises
    ------
    ParameterError
        scikit-learn is not installed; a regression that is not known.

    Examples
    --------
    >>> masks = lime_masks(50, 3, seed=0)
    >>> values = masks.double() @ torch.tensor([[1.0], [0.0], [-2.0]]).double()
    >>> lime_coefficients(masks, values, LimeSettings(penalty=1e-9)).round(decimals=3).abs().tolist()
    [[1.0, 0.0, 2.0]]
    """
    checks.choice("regression", settings.regression, REGRESSIONS)
    models = linear_models()
    shown = masks.double().numpy()
    weight = mask_weights(masks, settings.kernel_width).numpy()
    model = {"ridge": models.Ridge, "lasso": models.Lasso}[settings.regression](alpha=settings.penalty)
    fitted = model.fit(shown, values.double().numpy(), sample_weight=weight)
    return torch.as_tensor(np.atleast_2d(fitted.coef_))


def linear_models() -> ModuleType:
    """Return scikit-learn's module of linear models, or say that it is missing."""
    with library("sklearn", "LIME", "scikit-learn>=1.5"):
        import sklearn.linear_model
    return sklearn.linear_model


def mask_weights(
    masks: Bool[torch.Tensor, "sample segment"], kernel_width: float = 0.25
) -> Float[torch.Tensor, " sample"]:
    """Weigh masked copies by how much of the picture they show, as LIME does for pictures.

    Parameters
    ----------
    masks : tensor (sample, segment)
        Which parts each copy shows.
    kernel_width : float
        Above 0.

    Returns
    -------
    tensor (sample,)
        sqrt(exp(-d^2 / width^2)), with d the cosine distance of a mask to the whole picture's; float64.

    Examples
    --------
    >>> mask_weights(torch.tensor([[True, True], [False, False]])).round(decimals=4).tolist()
    [1.0, 0.0003]
    """
    distance = 1.0 - masks.double().mean(1).sqrt()
    return torch.exp(-(distance**2) / kernel_width**2).sqrt()


def lime_masks(samples: int, segments: int, seed: int) -> Bool[torch.Tensor, "sample segment"]:
    """Draw which parts masked copies show: each with probability 1/2; the first copy shows all of them.

    Examples
    --------
    >>> masks = lime_masks(4, 3, seed=0)
    >>> masks.shape, masks[0].tolist()
    (torch.Size([4, 3]), [True, True, True])
    """
    checks.positive("samples", samples)
    masks = torch.as_tensor(np.random.default_rng([seed, segments]).random((samples, segments)) < 0.5)
    masks[0] = True
    return masks


def grid_segments(height: int, width: int, rows: int) -> Integer[torch.Tensor, "{height} {width}"]:
    """Cut a picture into rows x rows parts of equal size, as near as whole pixels allow.

    Examples
    --------
    >>> grid_segments(2, 4, 2).tolist()
    [[0, 0, 1, 1], [2, 2, 3, 3]]
    """
    if checks.positive("rows", rows) > min(height, width):
        raise InputError(
            "A picture cannot be cut into so many parts",
            value=f"{rows} x {rows} parts of {height} x {width} pixels",
            expected="at least a pixel for each part",
            remedy="lower the number of rows",
        )
    down, across = (torch.arange(side) * rows // side for side in (height, width))
    return down[:, None] * rows + across


def _checked_segments(segments: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    if segments.ndim == 2:
        segments = segments.expand(len(images), -1, -1)
    if segments.shape != (len(images), *images.shape[2:]) or segments.is_floating_point() or int(segments.min()) < 0:
        raise InputError(
            "Pictures and their parts do not fit",
            value=f"{tuple(images.shape)} and {tuple(segments.shape)}, {segments.dtype}",
            expected="(height, width) or (image, height, width) of int, 0 or more",
            remedy="number the parts of each picture from 0",
        )
    return segments.long()
