"""Any method of pytorch-grad-cam, by its name."""

from __future__ import annotations

from contextlib import redirect_stderr
from io import StringIO

import torch
from jaxtyping import Float
from torch import nn

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.kernels.cam_methods.libraries import library
from o2b_helpers.kernels.cam_methods.names import PEERS, PREFIX
from o2b_helpers.kernels.cams.class_cams import ClassCams, predicted_outputs
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import OutputChoice, Readout


def peer_cam(
    method: str,
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layer: str,
    output: OutputChoice = "predicted",
    *,
    before_link: bool = True,
) -> ClassCams:
    """Make the maps of a method of pytorch-grad-cam: one call for each run and output.

    Parameters
    ----------
    method : str
        ``gradcam:`` and a name of `PEERS`.
    backbone, images, readout, layer, output, before_link
        As for :func:`~o2b_helpers.kernels.cams.class_cams.grad_cam`, which also lists what is raised.

    Returns
    -------
    ClassCams
        In the size of the input, scaled to 0..1 as pytorch-grad-cam does.

    Raises
    ------
    ParameterError
        An unknown name; grad-cam is not installed.
    """
    make = peer_class(method)
    output = readout.checked(output, backbone.n_features)
    finite("images", images, ("image", "channel", "height", "width"))
    images = images.to(backbone.device)
    with torch.no_grad():
        predicted = predicted_outputs(readout, backbone.features(images))
    whole = _Whole(backbone, readout.before_link() if before_link else readout)
    target_layer = dict(backbone.stages)[layer] if backbone.splits else backbone.module.get_submodule(layer)
    with library("pytorch_grad_cam", method, "grad-cam>=1.5.5"):
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget as target_of

    def cams_of(run: int, outputs: list[int]) -> torch.Tensor:
        targets = [target_of(run * readout.n_outputs + number) for number in outputs]
        # its bars of progress are none of the user's concern
        with redirect_stderr(StringIO()), make(model=whole, target_layers=[target_layer]) as cam:
            made = cam(input_tensor=images.clone().requires_grad_(), targets=targets)
        return torch.as_tensor(made).float()

    runs, count = range(readout.n_runs), len(images)
    if output == "all":
        each = [torch.stack([cams_of(run, [number] * count) for number in range(readout.n_outputs)]) for run in runs]
    elif output == "predicted":
        each = [cams_of(run, predicted[run].tolist()) for run in runs]
    else:
        each = [cams_of(run, [int(output)] * count) for run in runs]
    return ClassCams(torch.stack(each), predicted)


def peer_class(method: str) -> type:
    """Return the class of pytorch-grad-cam that makes a method's maps.

    Raises
    ------
    ParameterError
        An unknown name; grad-cam is not installed.
    """
    name = method.removeprefix(PREFIX)
    if name not in PEERS:
        raise ParameterError(
            "Unknown method of pytorch-grad-cam",
            value=repr(method),
            expected=f"{PREFIX} and one of " + ", ".join(PEERS),
            remedy="correct the name of the method",
        )
    with library("pytorch_grad_cam", method, "object2brain[emocam]"):
        import pytorch_grad_cam
    return getattr(pytorch_grad_cam, name)


class _Whole(nn.Module):
    """Network, readout and link as one module: images to outputs (image, run * output)."""

    def __init__(self, backbone: Backbone, readout: Readout) -> None:
        super().__init__()
        # as children, so that a method that exchanges a layer finds it
        self.body = nn.Sequential(*[stage for _, stage in backbone.stages]) if backbone.splits else backbone.module
        self.backbone_features = None if backbone.splits else backbone.features
        self.head = nn.Linear(readout.n_features, readout.n_runs * readout.n_outputs)
        self.readout = readout
        with torch.no_grad():
            self.head.weight.copy_(torch.as_tensor(readout.weight).flatten(0, 1))
            self.head.bias.copy_(torch.as_tensor(readout.bias).flatten())
        self.head.to(backbone.device).requires_grad_(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.body(images) if self.backbone_features is None else self.backbone_features(images)
        values = self.head(features).unflatten(1, (self.readout.n_runs, self.readout.n_outputs))
        return self.readout.after_link(values.transpose(0, 1).transpose(1, 2)).permute(2, 0, 1).flatten(1)
