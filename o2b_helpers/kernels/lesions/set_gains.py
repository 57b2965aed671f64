"""Predictions of a model in which sets of filters of one layer are lesioned or strengthened, resumed at that layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.lesions.set_changes import BLOCK_BYTES, set_changes
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import OutputChoice, Readout

SAME = 1e-6  # features that differ by less, beside the largest, differ by rounding
VALUES_BYTES = 128 * 2**20  # of linear values of all outputs at once


@torch.no_grad()
def set_gains(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    maps: Float[torch.Tensor, "image filter map_height map_width"] | None,
    features: Float[torch.Tensor, "image feature"],
    readout: Readout,
    layer: str,
    sets: Bool[np.ndarray, "set filter"] | Bool[torch.Tensor, "set filter"],
    alphas: Sequence[float] | np.ndarray,
    *,
    output: OutputChoice = 0,
    block_bytes: int = BLOCK_BYTES,
) -> Float[torch.Tensor, "*run set alpha image"]:
    """Predict with the filters of each set multiplied by each gain: A_k -> (1 + alpha) * A_k (paper 002, eq. 1).

    An alpha of -1 lesions the set; 0 leaves the model as it is; more strengthens the set, as feature attention does.
    The effects of single filters do not add up where anything behind the layer is not linear, so every set and alpha is
    a pass through the rest of the network, resumed at the layer. Where the first step that mixes filters is linear, it
    is not computed again: one change for each set and image serves all alphas. All runs and outputs share the passes.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed images; only read where maps are not given, or the network cannot be resumed at a layer.
    maps : tensor (image, filter, height, width) or None
        What the layer gives for these images, as ``backbone.trunk(images, layer)``; left as it is. Where memory cannot
        hold them for all images, None: they are then computed block by block.
    features : tensor (image, feature)
        What the whole network gives for them.
    readout : Readout
        What the runs that share this backbone make of its features.
    layer : str
        Where the filters are, by module path.
    sets : array or tensor (set, filter) of bool
        The filters of each set; a set without any leaves the whole model.
    alphas : sequence of float
        Strengths, -1 or more.
    output : int, "predicted" or "all"
        The output to look at: its number, or the one that the whole network predicts (each image's and run's
        highest), or every one, on an axis behind the runs.
    block_bytes : int
        Bound on the working memory beyond what is handed over and given back, bytes; one image and one copy always go.

    Returns
    -------
    tensor (run, set, alpha, image), or (run, output, set, alpha, image) with ``"all"``
        float64, on the CPU. For an alpha of 0, and for images in which all of a set's maps are empty: the whole
        model's, bit for bit. Where what is left of the network tells no image from another, exactly the same for all
        images: ranks and thresholds would order rounding.

    Raises
    ------
    InputError, ParameterError
        Sets that are not of the layer's filters, maps of another layer, values that are not finite, an alpha below -1,
        a readout that does not fit, an output that is not there.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone, images = load_backbone("toynet", "toyworld"), torch.zeros(1, 3, 96, 96)
    >>> maps, features = backbone.trunk(images, "features.9"), backbone.features(images)
    >>> readout = Readout.valence(torch.ones(1, 432), torch.full((1,), 0.5))
    >>> every, alphas = np.ones((1, 48), dtype=bool), [-1.0, 0.0, 1.0]
    >>> values = set_gains(backbone, images, maps, features, readout, "features.9", every, alphas)[0, 0, :, 0]
    >>> without, whole, twice = (values - 0.5).tolist()  # beside the bias
    >>> round(abs(without), 9), round(twice / whole, 9)
    (0.0, 2.0)
    """
    output = readout.checked(output, backbone.n_features)
    checks.positive("block_bytes", block_bytes)
    finite("features", features, ("image", "feature"))
    finite("images", images, ("image", "channel", "height", "width"))
    if maps is not None:
        finite(f"maps of {layer}", maps, ("image", "channel", "height", "width"))
        _check_maps(maps, backbone.shape(layer), layer)
    members = _members(sets, backbone.shape(layer), layer)
    gains = _gains(alphas)
    weight, whole = readout.rows(), readout.values(features)
    tolerance = SAME * ((weight * features.abs().amax(0).to("cpu", torch.float64)) ** 2).sum(1).sqrt()
    at_once = max(1, VALUES_BYTES // max(1, 8 * len(weight) * len(gains) * len(images)))
    results = []
    for start in range(0, len(members), at_once) or [0]:
        some = members[start : start + at_once]
        values = set_changes(backbone, images, maps, features, layer, some, gains, weight, block_bytes)
        least = values.abs().amax(0).min(2)  # the least changed image of each (set, alpha)
        changed = values.ne(0).any(3).any(0)
        values += whole.flatten(0, 1)[:, None, None]
        alike = changed & (values.amax(3) - values.amin(3) <= tolerance[:, None, None]).all(0)
        values[:, alike] = values[:, alike, least.indices[alike]][..., None]
        results.append(readout.pick(readout.after_link(values.unflatten(0, whole.shape[:2])), output, whole))
    return torch.cat(results, -3)


def _check_maps(maps: torch.Tensor, shape: tuple[int, ...], layer: str) -> None:
    if tuple(maps.shape[1:]) != tuple(shape):
        raise InputError(
            f"These are not maps of {layer}",
            value=tuple(maps.shape),
            expected=f"(image, {', '.join(map(str, shape))})",
            remedy="take them from the backbone's trunk up to this layer",
        )


def _members(sets: np.ndarray | torch.Tensor, shape: tuple[int, ...], layer: str) -> list[torch.Tensor]:
    """List the filters of each set."""
    sets = torch.as_tensor(sets)
    if sets.ndim != 2 or sets.shape[1] != shape[0] or sets.dtype != torch.bool:
        raise InputError(
            f"These are not sets of the filters of {layer}",
            value=f"{sets.dtype} {tuple(sets.shape)}",
            expected=f"bool (set, {shape[0]})",
            remedy="give one row for each set, True where a filter belongs to it",
        )
    return [torch.nonzero(row)[:, 0] for row in sets.cpu()]


def _gains(alphas: Sequence[float] | np.ndarray) -> list[float]:
    """Turn strengths into factors."""
    strengths = np.asarray(alphas, np.float64)
    if strengths.ndim != 1 or not np.isfinite(strengths).all() or (strengths < -1).any():
        raise ParameterError(
            "alphas is not usable",
            value=strengths.tolist(),
            expected="a list of finite numbers, -1 or more",
            remedy="-1 lesions a set, 0 leaves the model as it is; a negative gain is not defined",
        )
    return (1 + strengths).tolist()
