"""Ablation-CAM: each filter of a layer weighs as much as the output loses without it."""

from __future__ import annotations

import torch
from jaxtyping import Float

from o2b_helpers.kernels.cams.class_cams import ClassCams, weighted_cams
from o2b_helpers.kernels.lesions.single_filters import BLOCK_BYTES, lesion_predictions
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import OutputChoice, Readout


def ablation_cam(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layer: str,
    output: OutputChoice = "predicted",
    *,
    before_link: bool = True,
    block_bytes: int = BLOCK_BYTES,
) -> ClassCams:
    """Make the Ablation-CAM of every picture (Desai and Ramaswamy 2020; METHODS 5).

    Parameters
    ----------
    backbone, images, readout, layer, output, before_link
        As for :func:`~o2b_helpers.kernels.cams.class_cams.grad_cam`, which also lists what is raised.
    block_bytes : int
        Bound on the working memory of the lesions, bytes.

    Returns
    -------
    ClassCams
        On the layer's grid, float64.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone = load_backbone("toynet", "toyworld")
    >>> images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    >>> readout = Readout(torch.eye(432)[None, :3], torch.zeros(1, 3), "softmax")
    >>> ablation_cam(backbone, images, readout, "features.9", "all").maps.shape
    torch.Size([1, 3, 2, 12, 12])
    """
    maps, weights, features = ablation_weights(
        backbone, images, readout, layer, output, before_link=before_link, block_bytes=block_bytes
    )
    return weighted_cams(maps, weights, readout, features)


def ablation_weights(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layer: str,
    output: OutputChoice = "predicted",
    *,
    before_link: bool = True,
    block_bytes: int = BLOCK_BYTES,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute by which share of itself the output drops without each filter, for all runs and outputs at once.

    The lesions are those of :func:`~o2b_helpers.kernels.lesions.single_filters.lesion_predictions`: the filter's map is
    0, and the pass is resumed at the layer. Where only pooling and the readout follow, nothing runs again.

    Parameters
    ----------
    backbone, images, readout, layer, output, before_link, block_bytes
        As for :func:`ablation_cam`.

    Returns
    -------
    maps : tensor (image, channel, height, width)
        Feature maps.
    weights : tensor (run, image, channel), or (run, output, image, channel) with ``"all"``
        (y - y without the filter) / abs(y), float64, on the CPU; not divided where y is 0.
    features : tensor (image, feature)
        What the network gives.

    Notes
    -----
    The paper behind it divides by y. For a linear value below 0 that would turn the map over: filters that speak
    against the output would light up. So the size of y is taken (ours); for y above 0 the two are the same.

    pytorch-grad-cam's AblationCAM sets a map to 0 only in a picture whose lowest value at the layer is exactly 0. In
    any other one it takes the lowest value minus ten million, and looks for the lowest value again after each filter of
    its batch of 32, so that the numbers grow from filter to filter. Behind a ReLU this happens where no unit is silent.
    It also divides by y, whatever its sign.
    """
    output = readout.checked(output, backbone.n_features)
    finite("images", images, ("image", "channel", "height", "width"))
    asked = readout.before_link() if before_link else readout
    images = images.to(backbone.device)
    with torch.no_grad():
        by_layer, features = backbone.run(images, [layer])
    maps = by_layer[layer]
    whole = asked.outputs(features, output)
    without = lesion_predictions(
        backbone, images, asked, layer, output=output, features=features, maps=maps, block_bytes=block_bytes
    ).transpose(-2, -1)
    size = whole.abs()
    weights = (whole[..., None] - without) / torch.where(size > 0, size, 1.0)[..., None]
    return maps, weights, features
