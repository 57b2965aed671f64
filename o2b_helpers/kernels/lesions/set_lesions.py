"""Predictions of a model without several filters at once, resumed at their layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.lesions.set_changes import BLOCK_BYTES
from o2b_helpers.kernels.lesions.set_gains import set_gains
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.heads.readout import OutputChoice, Readout


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
    block_bytes: int = BLOCK_BYTES,
) -> Float[torch.Tensor, "*run image"]:
    """Predict with several filters' maps set to zero together (one filter: the paper, section 3.2; sets: ours).

    One set and the one alpha of -1 of :func:`~o2b_helpers.kernels.lesions.set_gains.set_gains`.

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
    block_bytes : int
        Bound on the working memory, bytes; one image always goes.

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
    shape = backbone.shape(layer)
    wanted = [int(channel) for channel in channels]
    unknown = [channel for channel in wanted if not 0 <= channel < shape[0]]
    if unknown:
        raise InputError(
            f"Layer {layer} has no such filter",
            value=unknown,
            expected=f"channels 0..{shape[0] - 1}",
            remedy="take the channels from the backbone's shape of this layer",
        )
    lesioned = np.isin(np.arange(shape[0]), wanted)[None]
    values = set_gains(
        backbone, images, maps, features, readout, layer, lesioned, [-1.0], output=output, block_bytes=block_bytes
    )
    return values[..., 0, 0, :]
