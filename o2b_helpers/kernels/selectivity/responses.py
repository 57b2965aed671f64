"""What filters respond to pictures: the spatial mean of each map, for the filters of many layers in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float

from o2b_helpers.models.backbones.backbone import Backbone


@torch.no_grad()
def mean_responses(
    backbone: Backbone, images: Float[torch.Tensor, "picture 3 height width"], layers: Sequence[str]
) -> Float[torch.Tensor, "picture filter"]:
    """Compute the spatial mean of every map of several layers in one pass (METHODS 6).

    Parameters
    ----------
    backbone : Backbone
        The network.
    images : Tensor (picture, 3, height, width)
        Normalised, on the network's device.
    layers : sequence of str
        In the network's order. No map outlives the step behind it, where the network is split into stages.

    Returns
    -------
    Tensor (picture, filter)
        The filters of the first layer, then those of the next.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone = load_backbone("toynet", "toyworld")
    >>> mean_responses(backbone, torch.zeros(2, 3, 96, 96), backbone.target_layers).shape
    torch.Size([2, 116])
    """
    if not backbone.splits:
        maps, _ = backbone.run(images, layers)
        return torch.cat([maps[layer].mean((2, 3)) for layer in layers], dim=1)
    means, wanted, tensor = [], set(layers), images
    for name, stage in backbone.stages:
        tensor = stage(tensor)
        if name in wanted:
            means.append(tensor.mean((2, 3)))
        if name == layers[-1]:
            break
    return torch.cat(means, dim=1)
