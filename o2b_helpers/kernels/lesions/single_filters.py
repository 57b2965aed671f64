"""Predictions of a model without one filter, resumed at the filter's layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import nn

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.lesions.lesion_tails import Copies, Tail
from o2b_helpers.kernels.lesions.set_changes import BLOCK_BYTES, COPIES, images_at_once, set_changes
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.meta import pass_bytes, peak_bytes
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import OutputChoice, Readout

IMAGES = 32  # in one pass for the whole network's features


@torch.no_grad()
def lesion_predictions(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layer: str,
    *,
    channels: Sequence[int] | None = None,
    gain: float = 0.0,
    output: OutputChoice = 0,
    features: Float[torch.Tensor, "image feature"] | None = None,
    maps: Float[torch.Tensor, "image channel map_height map_width"] | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Float[torch.Tensor, "*run filter image"]:
    """Predict with each filter of a layer changed in turn: A_k -> gain * A_k (the paper, section 3.2).

    Everything up to the first stage that mixes filters runs once. Where that stage is linear (a convolution, a fully
    connected layer, the first step of a residual, fire or inception block), the changed filter's share is added to its
    result, and many changed copies go through the rest of the network at once; where only pooling stands
    between the layer and the head, the prediction loses exactly the filter's own share, and nothing runs
    again. Only the readout differs between runs, so all runs and outputs share that pass. A filter whose map is 0 all
    over an image changes nothing there: its prediction is the whole model's, bit for bit.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed images, finite.
    readout : Readout
        What the runs that share this backbone make of its features.
    layer : str
        Target layer, by module path.
    channels : sequence of int, optional
        Filters of the layer, in the order of the result; all of them where left out.
    gain : float
        0 lesions the filter, 1 leaves the model as it is, more strengthens the filter.
    output : int, "predicted" or "all"
        The output to look at: its number, or the one that the whole network predicts (each image's and run's
        highest), or every one, on an axis behind the runs.
    features : tensor (image, feature), optional
        What the backbone gives for these images, where it is known already.
    maps : tensor (image, channel, height, width), optional
        What the layer gives for them, where it is known already.
    block_bytes : int
        Bound on the working memory, bytes; one image and one copy always go.

    Returns
    -------
    tensor (run, filter, image), or (run, output, filter, image) with ``"all"``
        float64, on the CPU.

    Raises
    ------
    InputError, ParameterError
        Values that are not finite, a channel that the layer does not have, a readout that does not fit, an output that
        is not there.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone, images = load_backbone("toynet", "toyworld"), torch.zeros(1, 3, 96, 96)
    >>> readout = Readout.valence(torch.eye(48).repeat_interleave(9, 1)[[1, 3]], torch.ones(2))
    >>> whole = readout.outputs(backbone.features(images))  # run 0 reads filter 1 alone, run 1 filter 3
    >>> lesioned = lesion_predictions(backbone, images, readout, "features.9", channels=[1, 3])
    >>> (lesioned[:, :, 0] < whole).tolist()  # (run, filter)
    [[True, False], [False, True]]
    """
    output = readout.checked(output, backbone.n_features)
    checks.positive("block_bytes", block_bytes)
    finite("images", images, ("image", "channel", "height", "width"))
    checks.finite_gain(gain)
    filters = _channels(channels, backbone.shape(layer)[0], layer)
    if features is None:
        features = torch.cat([backbone.features(some.to(backbone.device)) for some in images.split(IMAGES)])
    sets = list(filters[:, None])
    change = set_changes(backbone, images, maps, features, layer, sets, [gain], readout.rows(), block_bytes)[:, :, 0]
    whole = readout.values(features)
    values = whole[:, :, None] + change.unflatten(0, whole.shape[:2])
    return readout.pick(readout.after_link(values), output, whole)


def _channels(channels: Sequence[int] | None, count: int, layer: str) -> torch.Tensor:
    if channels is None:
        return torch.arange(count)
    filters = torch.as_tensor(channels, dtype=torch.int64).reshape(-1)
    if bool(((filters < 0) | (filters >= count)).any()):
        raise InputError(
            f"Layer {layer} has no such filter",
            value=filters[(filters < 0) | (filters >= count)].tolist(),
            expected=f"channels 0..{count - 1}",
            remedy="take the channels from the backbone's shape of this layer",
        )
    return filters


def lesion_bytes(backbone: Backbone, layer: str, images: int, runs: int, block_bytes: int = BLOCK_BYTES) -> int:
    """Estimate the working memory of :func:`lesion_predictions` for all filters of a layer, on a CPU.

    Parameters
    ----------
    backbone : Backbone
        On the "meta" device (:func:`o2b_helpers.models.backbones.meta.meta_backbone`): shapes, no values.
    layer : str
        Target layer.
    images : int
        Number of images.
    runs : int
        Number of runs, times the outputs of each.
    block_bytes : int
        As for the lesions.

    Returns
    -------
    int
        Bytes beyond the network itself and the images.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.meta import meta_backbone
    >>> sizes = [lesion_bytes(meta_backbone("toynet"), "features.9", images, runs=5) for images in (16, 32)]
    >>> sizes[0] < sizes[1] < 1e9
    True
    """
    some, filters = min(images, images_at_once(backbone, block_bytes)), backbone.shape(layer)[0]
    shown = torch.empty(some, 3, backbone.preprocessing.crop, backbone.preprocessing.crop, device="meta")
    known = 8 * (2 * runs * filters * images + images * backbone.n_features)
    whole = pass_bytes(backbone, min(images, IMAGES))
    if not backbone.splits:
        return known + 2 * whole
    convolutions = [part for s in backbone.stages_behind(layer) for part in s.modules() if isinstance(part, nn.Conv2d)]
    twins = sum(convolution.weight.nbytes for convolution in convolutions)

    @torch.no_grad()
    def one_block() -> tuple:
        maps = backbone.trunk(shown, layer)
        tail = Tail(backbone, layer)
        read = tail.before(maps)
        delta = tail.before(maps * 0.0) - read
        if tail.mixing_step is None:
            return maps, delta
        copies = Copies(tail, read, delta, list(torch.arange(filters)[:, None]), torch.ones(1), block_bytes // 2)
        copies.features(torch.zeros(1, dtype=torch.int64))
        many = min(COPIES, some * filters)
        image = torch.arange(many) % some
        one_filter = torch.stack([torch.arange(many) // some, torch.zeros(many, dtype=torch.int64)], 1)
        features = copies.features(image, one_filter)
        return maps, delta, copies, features, features.double()

    return known + max(whole, twins + peak_bytes(one_block))
