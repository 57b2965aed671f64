"""LIFT-CAM: each filter of a layer weighs as much as DeepLIFT says that it adds to the output."""

from __future__ import annotations

import torch
from jaxtyping import Float

from o2b_helpers.kernels.cams.class_cams import ClassCams, weighted_cams
from o2b_helpers.kernels.cams.recorded_ways import recorded_way
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.fast.first_mixing_step import is_channelwise
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import OutputChoice, Readout


def lift_cam(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layer: str,
    output: OutputChoice = "predicted",
) -> ClassCams:
    """Make the LIFT-CAM of every picture (Jung and Oh 2021; METHODS 5).

    The CAM is the positive part of the sum of the maps, each times its DeepLIFT share. Shares are taken of the linear
    value, before the link, as DeepLIFT recommends: behind a softmax they would depend on the other outputs.

    Parameters
    ----------
    backbone, images, readout, layer, output
        As for :func:`~o2b_helpers.kernels.cams.class_cams.grad_cam`, which also lists what is raised.

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
    >>> lift_cam(backbone, images, readout, "features.9", 1).maps.shape
    torch.Size([1, 2, 12, 12])
    """
    maps, shares, features = lift_shares(backbone, images, readout, layer, output)
    return weighted_cams(maps, shares, readout, features)


def lift_shares(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layer: str,
    output: OutputChoice = "predicted",
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Share an output among the filters of a layer: DeepLIFT's rescale rule against maps of 0.

    The shares of all filters add up to the output minus what it is for maps of 0. Where nothing between the
    layer and the readout mixes filters, a filter's share is what its own features add, and nothing goes backwards.

    A maximum pooling hands a change on to the place that is largest, and where another one overtakes it, to that one in
    proportion. Captum differs from that behind another convolution, where pooled maps of the baseline are not 0, and
    where windows of a pooling overlap: there it keeps the share of one of the windows, and the sum is not complete.

    Parameters
    ----------
    backbone, images, readout, layer, output
        As for :func:`lift_cam`.

    Returns
    -------
    maps : tensor (image, channel, height, width)
        Feature maps.
    shares : tensor (run, image, channel), or (run, output, image, channel) with ``"all"``
        float64, on the CPU, in units of the linear value.
    features : tensor (image, feature)
        What the network gives.
    """
    output = readout.checked(output, backbone.n_features)
    finite("images", images, ("image", "channel", "height", "width"))
    linear, images = readout.before_link(), images.to(backbone.device)
    with torch.no_grad():
        by_layer, features = backbone.run(images.contiguous(memory_format=torch.channels_last), [layer])
    maps = by_layer[layer]
    directions, _ = linear.gradients(features, output)
    if backbone.splits and all(map(is_channelwise, backbone.stages_behind(layer))):
        with torch.no_grad():
            added = features - backbone.tail(torch.zeros_like(maps[:1]), layer)
        shares = (directions * added).unflatten(2, (maps.shape[1], -1)).sum(3).to("cpu", torch.float64)
    else:
        starts = maps.detach().clone()
        flat, tail = recorded_way(backbone, layer, starts, torch.zeros_like(maps), images)
        rows = []
        for row, direction in enumerate(tail.back(directions), 1):
            more = row < len(directions)
            (gradient,) = torch.autograd.grad(flat, starts, direction.contiguous(), retain_graph=more)
            rows.append((gradient * maps).sum((2, 3)).to("cpu", torch.float64))
        shares = torch.stack(rows)
    if output == "all":
        shares = shares.unflatten(0, (readout.n_runs, readout.n_outputs))
    return maps, shares, features
