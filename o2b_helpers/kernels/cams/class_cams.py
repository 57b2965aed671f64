"""GradCAM of a class: one map for each picture and output, from one forward pass for all runs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Integer
from torch import nn

from o2b_helpers.kernels.cams.filter_cams import maps_and_gradients
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.fast.steps import SpatialMean
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import OutputChoice, Readout

AVERAGING = (nn.AvgPool2d, nn.AdaptiveAvgPool2d, SpatialMean, nn.Identity, nn.Dropout, nn.Dropout2d)


@dataclass(frozen=True, eq=False)
class ClassCams:
    """Class activation maps of some pictures.

    Parameters
    ----------
    maps : tensor (run, image, height, width), or (run, output, image, height, width)
        0 or more, on the CPU: what speaks for the output, place by place. On the grid of the layer, or of the
        picture where the method works there. A map that is 0 everywhere says nothing; see `empty`.
    predicted : tensor (run, image)
        int64; the highest output of each picture.
    """

    maps: Float[torch.Tensor, "*run image height width"]
    predicted: Integer[torch.Tensor, "run image"]

    @property
    def empty(self) -> Bool[torch.Tensor, "*run image"]:
        """Tell the maps that are 0 everywhere: nothing speaks for the output."""
        return ~self.maps.flatten(-2).any(-1)


def joined(parts: Sequence[ClassCams]) -> ClassCams:
    """Put the maps of several batches of pictures together."""
    return ClassCams(torch.cat([part.maps for part in parts], -3), torch.cat([part.predicted for part in parts], 1))


def grad_cam(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layer: str,
    output: OutputChoice = "predicted",
    *,
    before_link: bool = True,
) -> ClassCams:
    """Make the Grad-CAM of every picture (Selvaraju et al. 2017; EmoCAM, section 3.1).

    The weight of a filter is the mean over space of the gradient of the output at its map; the CAM is the positive part
    of the weighted sum of the maps. Where nothing but averages stands between the maps and the readout, the
    gradient is known and nothing goes backwards.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed pictures, finite; one batch.
    readout : Readout
        What the runs that share this backbone make of its features.
    layer : str
        The layer whose maps are summed, by module path; usually the last of convolutions.
    output : int, "predicted" or "all"
        The output to explain: its number, each picture's (and run's) highest, or every one.
    before_link : bool
        Explain the output's linear value (the usual way), or what stands behind the link.

    Returns
    -------
    ClassCams
        On the layer's grid, float64, in units of the output.

    Raises
    ------
    InputError, ParameterError
        Values that are not finite, a readout that does not fit, an output that is not there.
    ModelError
        A layer that the network does not have.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone = load_backbone("toynet", "toyworld")
    >>> images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    >>> readout = Readout(torch.eye(432)[None, :3], torch.zeros(1, 3), "softmax")
    >>> cams = grad_cam(backbone, images, readout, "features.9", "all")
    >>> cams.maps.shape, cams.predicted.shape
    (torch.Size([1, 3, 2, 12, 12]), torch.Size([1, 2]))
    """
    maps, weights, features = grad_cam_weights(backbone, images, readout, layer, output, before_link=before_link)
    return weighted_cams(maps, weights, readout, features)


def grad_cam_weights(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layer: str,
    output: OutputChoice = "predicted",
    *,
    before_link: bool = True,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute a layer's maps, the weights of its filters, and the features.

    Parameters
    ----------
    backbone, images, readout, layer, output, before_link
        As for :func:`grad_cam`.

    Returns
    -------
    maps : tensor (image, channel, height, width)
        Feature maps.
    weights : tensor (run, image, channel), or (run, output, image, channel) with ``"all"``
        float64, on the CPU.
    features : tensor (image, feature)
        What the network gives.
    """
    output = readout.checked(output, backbone.n_features)
    finite("images", images, ("image", "channel", "height", "width"))
    asked = readout.before_link() if before_link else readout
    images = images.to(backbone.device)
    averages = spatial_averages(backbone, layer)
    if averages is not None:
        with torch.no_grad():
            by_layer, features = backbone.run(images.contiguous(memory_format=torch.channels_last), [layer])
        maps = by_layer[layer]
        directions, factors = asked.gradients(features, output)
        sums = directions.unflatten(2, (maps.shape[1], -1)) @ averages.sum(0).to(directions)
    else:
        kept: list[torch.Tensor] = []
        of_rows: list[torch.Tensor] = []

        def gradients(features: torch.Tensor) -> torch.Tensor:
            directions, factors = asked.gradients(features, output)
            kept.append(features)
            of_rows.append(factors)
            return directions

        all_maps, all_sums = maps_and_gradients(backbone, images, gradients, [layer])
        maps, sums, features, factors = all_maps[layer], all_sums[layer], kept[0], of_rows[0]
    weights = sums.to("cpu", torch.float64) / maps[0, 0].numel() * factors[:, :, None]
    if output == "all":
        weights = weights.unflatten(0, (readout.n_runs, readout.n_outputs))
    return maps, weights, features


def weighted_cams(
    maps: Float[torch.Tensor, "image channel height width"],
    weights: Float[torch.Tensor, "*run image channel"],
    readout: Readout,
    features: Float[torch.Tensor, "image feature"],
) -> ClassCams:
    """Sum the maps with their weights and keep what is positive.

    Parameters
    ----------
    maps : tensor (image, channel, height, width)
        Feature maps.
    weights : tensor (run, image, channel), or (run, output, image, channel)
        Of the filters, float64, on the CPU.
    readout : Readout
        Says what is predicted from the features.
    features : tensor (image, feature)
        What the network gives.

    Returns
    -------
    ClassCams
        float64.
    """
    lead = weights.shape[:-2]
    rows = weights.flatten(0, -3).transpose(0, 1)  # (image, row, channel)
    # weights far below 1 would leave single precision; their size is one factor for each map
    size = rows.abs().amax(2, keepdim=True)
    unit = (rows / torch.where(size > 0, size, 1.0)).to(maps)
    sums = torch.bmm(unit, maps.flatten(2)).to("cpu", torch.float64) * size
    cams = sums.clamp(min=0.0).transpose(0, 1).unflatten(0, lead).unflatten(-1, tuple(maps.shape[2:]))
    return ClassCams(cams, predicted_outputs(readout, features))


def predicted_outputs(
    readout: Readout, features: Float[torch.Tensor, "image feature"]
) -> Integer[torch.Tensor, "run image"]:
    """Return the number of the highest output (the first of equals) of every run and picture."""
    return readout.values(features).argmax(1)


@torch.no_grad()
def spatial_averages(backbone: Backbone, layer: str) -> Float[torch.Tensor, "cell average"] | None:
    """Tell how the features average the maps of a layer, where they do nothing else.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    layer : str
        Where the maps are.

    Returns
    -------
    tensor (cell, average)
        Weight of every cell of a filter's map in each of the filter's features, the same for all filters; None where
        anything else stands behind the layer.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone = load_backbone("toynet", "toyworld")  # 12 x 12 places, 3 x 3 averages
    >>> spatial_averages(backbone, "features.9").shape, spatial_averages(backbone, "features.7")
    (torch.Size([144, 9]), None)
    """
    channels, height, width = backbone.shape(layer)
    stages = backbone.stages_behind(layer) if backbone.splits else []
    flat = [type(stage) is nn.Flatten and stage.start_dim == 1 and stage.end_dim == -1 for stage in stages]
    if not stages or not all(known or type(stage) in AVERAGING for known, stage in zip(flat, stages, strict=True)):
        return None
    cells = torch.eye(height * width, device=backbone.device).view(-1, 1, height, width)
    for stage in stages:
        cells = stage(cells)
    return cells if cells.shape[1] * channels == backbone.n_features else None
