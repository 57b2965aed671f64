"""Predictions of a model without several filters at once, resumed at their layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.hooked import HookedBackbone
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import OutputChoice, Readout

IMAGES = 16  # that go through the rest of the network together
SAME = 1e-6  # features that differ by less, beside the largest, differ by rounding


@torch.no_grad()
def predictions_without(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    maps: Float[torch.Tensor, "image filter map_height map_width"],
    features: Float[torch.Tensor, "image feature"],
    readout: Readout,
    layer: str,
    channels: Sequence[int] | np.ndarray,
    *,
    output: OutputChoice = 0,
    batch_size: int = IMAGES,
) -> Float[torch.Tensor, "*run image"]:
    """Predict with several filters' maps set to zero together (one filter: the paper, section 3.2; sets: ours).

    The effects of single filters do not add up where anything behind the layer is not linear, so a set is a pass of its
    own. It starts from the maps at the layer, which are the same for every set.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed images; only read where the network cannot be resumed at a layer.
    maps : tensor (image, filter, height, width)
        What the layer gives for these images, as ``backbone.trunk(images, layer)``; left as it is.
    features : tensor (image, feature)
        What the whole network gives for them.
    readout : Readout
        What the runs that share this backbone make of its features.
    layer : str
        Where the filters are, by module path.
    channels : sequence of int
        The filters; none of them leaves the whole model.
    output : int, "predicted" or "all"
        The output to look at: its number, or the one that the whole network predicts (each image's and run's
        highest), or every one, on an axis behind the runs.
    batch_size : int
        Images in one pass.

    Returns
    -------
    tensor (run, image), or (run, output, image) with ``"all"``
        float64, on the CPU. For images in which all of these maps are empty: the whole model's, bit for bit. Where what
        is left of the network gives the same features for all images, exactly the same: ranks would order rounding.

    Raises
    ------
    InputError, ParameterError
        A channel that the layer does not have, maps of another layer, values that are not finite, a readout that
        does not fit, an output that is not there.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone, images = load_backbone("toynet", "toyworld"), torch.zeros(1, 3, 96, 96)
    >>> maps, features = backbone.trunk(images, "features.9"), backbone.features(images)
    >>> readout = Readout.valence(torch.ones(1, 432), torch.full((1,), 0.5))
    >>> predictions_without(backbone, images, maps, features, readout, "features.9", range(48)).tolist()  # the bias
    [[0.5]]
    """
    output = readout.checked(output, backbone.n_features)
    checks.positive("batch_size", batch_size)
    finite(f"maps of {layer}", maps, ("image", "channel", "height", "width"))
    filters = sorted(set(_checked(channels, backbone.shape(layer), maps, layer)))
    changed, whole = features.clone(), features.clone()
    touched = torch.nonzero(maps[:, filters].flatten(1).any(1))[:, 0]

    def silenced(whole_maps: torch.Tensor) -> torch.Tensor:
        changed_maps = whole_maps.clone()
        changed_maps[:, filters] = 0.0
        return changed_maps

    for some in touched.split(batch_size):
        if isinstance(backbone, HookedBackbone):
            shown = images[some.to(images.device)].to(backbone.device)
            changed[some] = backbone.changed_features(shown, layer, silenced)
        else:
            # the whole model goes the same way in the same batch, so that what differs is the lesion alone
            changed[some] = backbone.tail(silenced(maps[some]), layer)
            whole[some] = backbone.tail(maps[some], layer)
    whole_values = readout.values(features)
    if len(touched) and float((changed - changed[:1]).abs().max()) <= SAME * float(changed.abs().max()):
        values = readout.values(changed[:1]).repeat(1, 1, len(images))
    else:
        difference = changed.to("cpu", torch.float64) - whole.to("cpu", torch.float64)
        values = whole_values + (readout.rows() @ difference.T).view_as(whole_values)
    return readout.pick(readout.after_link(values), output, whole_values)


def _checked(channels: Sequence[int] | np.ndarray, shape: tuple[int, ...], maps: torch.Tensor, layer: str) -> list[int]:
    if tuple(maps.shape[1:]) != tuple(shape):
        raise InputError(
            f"These are not maps of {layer}",
            value=tuple(maps.shape),
            expected=f"(image, {', '.join(map(str, shape))})",
            remedy="take them from the backbone's trunk up to this layer",
        )
    wanted = [int(channel) for channel in channels]
    unknown = [channel for channel in wanted if not 0 <= channel < shape[0]]
    if unknown:
        raise InputError(
            f"Layer {layer} has no such filter",
            value=unknown,
            expected=f"channels 0..{shape[0] - 1}",
            remedy="take the channels from the backbone's shape of this layer",
        )
    return wanted
