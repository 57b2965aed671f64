"""Class activation maps by the name of the method."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.cam_methods.ablation_cam import ablation_cam
from o2b_helpers.kernels.cam_methods.lime import LimeSettings, lime_cam, linear_models
from o2b_helpers.kernels.cam_methods.lrp import captum_lrp, lrp_cam
from o2b_helpers.kernels.cam_methods.names import METHODS, OF_A_PEER, PEERS, PREFIX, CamMethod
from o2b_helpers.kernels.cam_methods.peer_cams import peer_cam, peer_class
from o2b_helpers.kernels.cams.class_cams import ClassCams, grad_cam, joined
from o2b_helpers.kernels.cams.lift_cam import lift_cam
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.heads.readout import OutputChoice, Readout

BATCH_SIZE = 16


def cam_method(name: str) -> CamMethod:
    """Look a method up, and make sure that the libraries that it needs are there.

    Parameters
    ----------
    name : str
        One of `METHODS`, or ``gradcam:`` and the name of a method of pytorch-grad-cam, e.g. ``gradcam:HiResCAM``.

    Returns
    -------
    CamMethod

    Raises
    ------
    ParameterError
        An unknown name, or a library that is not installed.

    Examples
    --------
    >>> cam_method("lime").before_link
    False
    """
    if name.startswith(PREFIX):
        peer_class(name)
        return OF_A_PEER
    if name not in METHODS:
        raise ParameterError(
            "Unknown CAM method",
            value=repr(name),
            expected=", ".join(METHODS) + f", or {PREFIX} and one of " + ", ".join(PEERS),
            remedy="correct the name of the method",
        )
    if name == "lrp":
        captum_lrp()
    if name == "lime":
        linear_models()
    return METHODS[name]


def class_cams(
    method: str,
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layer: str | None = None,
    output: OutputChoice = "predicted",
    *,
    before_link: bool | None = None,
    lime: LimeSettings | None = None,
    batch_size: int = BATCH_SIZE,
) -> ClassCams:
    """Make class activation maps by any method.

    Parameters
    ----------
    method : str
        See :func:`cam_method`.
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed pictures, finite.
    readout : Readout
        What the runs that share this backbone make of its features.
    layer : str, optional
        The layer whose maps are summed, by module path; the last target layer where left out. LIME looks at none.
    output : int, "predicted" or "all"
        The output to explain: its number, each picture's (and run's) highest, or every one.
    before_link : bool, optional
        Explain the output's linear value, or what stands behind the link; the method's usual way where left out.
    lime : LimeSettings, optional
        Only for LIME.
    batch_size : int
        Pictures in one pass; bounds the memory.

    Returns
    -------
    ClassCams
        On the layer's grid; those of LIME and of pytorch-grad-cam in the size of the input.

    Raises
    ------
    ParameterError
        An unknown method, a missing library, a side of the link that the method does not explain.
    InputError, ModelError
        As the methods' own functions.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone = load_backbone("toynet", "toyworld")
    >>> images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    >>> readout = Readout(torch.eye(432)[None, :3], torch.zeros(1, 3), "softmax")
    >>> {name: tuple(class_cams(name, backbone, images, readout).maps.shape) for name in ("grad_cam", "lift_cam")}
    {'grad_cam': (1, 2, 12, 12), 'lift_cam': (1, 2, 12, 12)}
    """
    declared = cam_method(method)
    checks.positive("batch_size", batch_size)
    side = declared.before_link if before_link is None else before_link
    if side != declared.before_link and not declared.free:
        raise ParameterError(
            f"{method} explains the linear value of an output",
            value=f"before_link={before_link}",
            expected="before_link=True, or nothing",
            remedy="leave it out, or choose another method",
        )
    layer = layer or backbone.target_layers[-1]

    def of_batch(some: torch.Tensor) -> ClassCams:
        if method.startswith(PREFIX):
            return peer_cam(method, backbone, some, readout, layer, output, before_link=side)
        if method == "lime":
            return lime_cam(backbone, some, readout, output, before_link=side, settings=lime or LimeSettings())
        if method in ("lift_cam", "lrp"):
            make: Callable[..., ClassCams] = lift_cam if method == "lift_cam" else lrp_cam
            return make(backbone, some, readout, layer, output)
        make = grad_cam if method == "grad_cam" else ablation_cam
        return make(backbone, some, readout, layer, output, before_link=side)

    return joined([of_batch(some) for some in images.split(batch_size)])
