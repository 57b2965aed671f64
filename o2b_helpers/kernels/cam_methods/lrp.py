"""Layer-wise relevance propagation from an output back to the maps of a layer, by Captum."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import ModuleType

import torch
from jaxtyping import Float
from torch import nn

from o2b_helpers.core.errors import ModelError
from o2b_helpers.kernels.cam_methods.libraries import library
from o2b_helpers.kernels.cams.class_cams import ClassCams, predicted_outputs
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.fast.kinds import FIRE, INCEPTION, is_kind
from o2b_helpers.models.fast.steps import SpatialMean
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import OutputChoice, Readout

WHOLE = (FIRE, INCEPTION)  # blocks in which nothing is added up, and no module is passed twice


def lrp_cam(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layer: str,
    output: OutputChoice = "predicted",
) -> ClassCams:
    """Make a map of relevance for every picture (Bach et al. 2015; METHODS 5).

    The linear value of the output is handed back through the network to the maps of a layer by the epsilon rule, as
    Captum's ``LRP`` has it. The map is the positive part of the relevance, summed over the filters.

    Parameters
    ----------
    backbone, images, readout, layer, output
        As for :func:`~o2b_helpers.kernels.cams.class_cams.grad_cam`, which also lists what is raised.

    Returns
    -------
    ClassCams
        On the layer's grid, in units of the linear value.

    Raises
    ------
    ModelError
        Something stands behind the layer that Captum has no rule for, such as the sums of a residual network.
    ParameterError
        Captum is not installed.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone = load_backbone("toynet", "toyworld")
    >>> images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    >>> readout = Readout(torch.eye(432)[None, :3], torch.zeros(1, 3), "softmax")
    >>> lrp_cam(backbone, images, readout, "features.9", "all").maps.shape
    torch.Size([1, 3, 2, 12, 12])
    """
    output = readout.checked(output, backbone.n_features)
    finite("images", images, ("image", "channel", "height", "width"))
    with torch.no_grad():
        by_layer, features = backbone.run(images.to(backbone.device), [layer])
    maps, predicted = by_layer[layer], predicted_outputs(readout, features)
    behind = _Behind(backbone, layer, readout)

    def relevance(targets: torch.Tensor | int) -> torch.Tensor:
        handed_back = captum_lrp().LRP(behind).attribute(maps.detach().clone().requires_grad_(), target=targets)
        return handed_back.detach().sum(1).clamp(min=0.0).cpu()

    rows = torch.arange(readout.n_runs * readout.n_outputs).view(readout.n_runs, readout.n_outputs)
    if output == "all":
        cams = torch.stack([relevance(row) for row in rows.flatten().tolist()]).unflatten(0, rows.shape)
    elif output == "predicted":
        cams = torch.stack([relevance(rows[run][predicted[run]].to(maps.device)) for run in range(readout.n_runs)])
    else:
        cams = torch.stack([relevance(int(row)) for row in rows[:, output]])
    return ClassCams(cams, predicted)


def captum_lrp() -> ModuleType:
    """Return Captum's module of attributions, or say that it is missing."""
    with library("captum", "LRP", "captum>=0.8"):
        import captum.attr
    return captum.attr


class _Behind(nn.Module):
    """The network behind a layer and the readout, as Captum wants it: copies, and no module without a rule."""

    def __init__(self, backbone: Backbone, layer: str, readout: Readout) -> None:
        super().__init__()
        steps = [step for stage in _stages(backbone, layer) for step in _steps(stage, backbone.name)]
        head = nn.Linear(readout.n_features, readout.n_runs * readout.n_outputs)
        with torch.no_grad():
            head.weight.copy_(torch.as_tensor(readout.weight).flatten(0, 1))
            head.bias.copy_(torch.as_tensor(readout.bias).flatten())
        self.steps: list[Callable] = [*steps, head.to(backbone.device)]
        self.known = nn.ModuleList([step for step in self.steps if isinstance(step, nn.Module)])

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Take maps (image, channel, height, width) to linear values (image, run * output)."""
        for step in self.steps:
            values = step(values)
        return values


def _stages(backbone: Backbone, layer: str) -> list[nn.Module]:
    if backbone.splits:
        return backbone.stages_behind(layer)
    raise ModelError(
        f"{backbone.name} cannot be passed from a layer on, which LRP does",
        value=layer,
        expected="an architecture that is registered with stages",
        remedy="name its stages where it is registered, or leave lrp out",
    )


def _steps(stage: nn.Module, name: str) -> Iterator[Callable]:
    """Cut a stage into what Captum has rules for, flattening as plain functions."""
    if isinstance(stage, nn.Sequential):
        for part in stage:
            yield from _steps(part, name)
    elif isinstance(stage, SpatialMean):
        yield from (nn.AdaptiveAvgPool2d(1), _flatten)
    elif isinstance(stage, nn.Flatten):
        yield _flatten
    elif isinstance(stage, nn.Identity | nn.Dropout):
        return
    elif any(is_kind(stage, kind) for kind in WHOLE) or type(stage) in captum_rules():
        copied = copy.deepcopy(stage).requires_grad_(True)
        for part in copied.modules():
            if isinstance(part, nn.ReLU):
                part.inplace = False
        yield copied
    else:
        raise ModelError(
            f"LRP has no rule for a part of {name}",
            value=type(stage).__name__,
            expected="convolutions, pooling, ReLU and linear layers in a row",
            remedy="name the last layer of convolutions as target layer, or leave lrp out",
        )


def captum_rules() -> tuple[type, ...]:
    """List the modules that Captum's LRP knows."""
    with library("captum", "LRP", "captum>=0.8"):
        from captum.attr._core import lrp as known
    return (*known.SUPPORTED_LAYERS_WITH_RULES, *known.SUPPORTED_NON_LINEAR_LAYERS)


def _flatten(values: torch.Tensor) -> torch.Tensor:
    return values.flatten(1)
