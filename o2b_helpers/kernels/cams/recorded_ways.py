"""What stands behind a layer, passed between two sets of maps, so that gradients are averaged on the way."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import nn

from o2b_helpers.kernels.cams.dense_tail import DenseTail
from o2b_helpers.kernels.cams.filter_cams import dense_stages, map_stages
from o2b_helpers.kernels.cams.mean_derivatives import averaged
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.hooked import HookedBackbone


def recorded_way(
    backbone: Backbone,
    layer: str,
    starts: Float[torch.Tensor, "image channel map_height map_width"],
    ends: Float[torch.Tensor, "image channel map_height map_width"],
    images: Float[torch.Tensor, "image 3 height width"],
) -> tuple[torch.Tensor, DenseTail]:
    """Pass the rest of a network at the ends, then, recorded, at the starts.

    Gradients that go back from there are the mean derivatives between the two, unit by unit
    (:mod:`~o2b_helpers.kernels.cams.mean_derivatives`).

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    layer : str
        Where the maps are.
    starts, ends : tensor (image, channel, map height, map width)
        Maps of that layer. From here on `starts` asks for a gradient.
    images : tensor (image, 3, height, width)
        Only read where the network cannot be resumed at a layer.

    Returns
    -------
    flat : tensor (image, feature)
        The flattened maps, recorded; a gradient at them goes back to `starts`.
    tail : DenseTail
        What follows, up to the features, which it has at both.
    """
    dense = []
    if isinstance(backbone, HookedBackbone):
        modules: list[nn.Module] = [backbone.module]

        def passed(maps: torch.Tensor) -> torch.Tensor:
            return backbone.changed_features(images, layer, lambda _: maps)
    else:
        modules, dense = [stage for _, stage in map_stages(backbone, layer)], dense_stages(backbone)

        def passed(maps: torch.Tensor) -> torch.Tensor:
            for module in modules:
                maps = module(maps)
            return maps

    with torch.no_grad(), averaged(modules) as turn:
        last = passed(ends)
        turn()
        with torch.enable_grad():
            flat = passed(starts.requires_grad_())
    return flat, DenseTail(dense, flat, last)
