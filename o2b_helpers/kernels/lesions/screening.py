"""First-order screening: roughly what each filter's lesion changes, from one backward pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float

from o2b_helpers.kernels import checks
from o2b_helpers.kernels.cams.filter_cams import recorded_pass
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import OutputChoice, Readout

BATCH_SIZE = 16


def screened_predictions(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    readout: Readout,
    layers: Sequence[str],
    *,
    gain: float = 0.0,
    output: OutputChoice = 0,
    batch_size: int = BATCH_SIZE,
) -> dict[str, torch.Tensor]:
    """Approximate the predictions with each filter changed in turn, A_k -> gain * A_k, for all layers at once.

    An approximation: the linear value is taken to change by (gain - 1) times the sum over space of A_k times its
    gradient, as if every ReLU and every maximum behind the layer stayed as it is. That is exact where only pooling
    means and a linear head follow. :func:`o2b_helpers.kernels.lesion_predictions` is exact everywhere.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed images, finite.
    readout : Readout
        What the runs that share this backbone make of its features; one backward pass for each run, and for each output
        where all of them are looked at or a softmax couples them.
    layers : sequence of str
        Target layers, by module path.
    gain : float
        0 lesions the filter, 1 leaves the model as it is.
    output : int, "predicted" or "all"
        The output to look at: its number, or the one that the whole network predicts (each image's and run's
        highest), or every one, on an axis behind the runs. The link is applied to the approximated linear values.
    batch_size : int
        Images in one pass; bounds the memory.

    Returns
    -------
    dict of str to tensor (run, filter, image), or (run, output, filter, image) with ``"all"``
        By layer; float64, on the CPU.

    Raises
    ------
    InputError, ParameterError
        Values that are not finite, a readout that does not fit, an output that is not there.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone, images = load_backbone("toynet", "toyworld"), torch.zeros(1, 3, 96, 96)
    >>> readout = Readout.valence(torch.eye(48).repeat_interleave(9, 1)[[1]], torch.ones(1))  # reads filter 1 alone
    >>> screened = screened_predictions(backbone, images, readout, ["features.9"])["features.9"]
    >>> screened.shape, round(float(screened[0, 1, 0]), 3)  # without filter 1 the bias
    (torch.Size([1, 48, 1]), 1.0)
    """
    output = readout.checked(output, backbone.n_features)
    checks.positive("batch_size", batch_size)
    finite("images", images, ("image", "channel", "height", "width"))
    checks.finite_gain(gain)
    needed = "all" if readout.link == "softmax" else output  # a softmax needs the linear values of all outputs
    changed: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}
    values = []
    for some in images.split(batch_size):
        whole, slopes = _slopes(backbone, some, readout, needed, layers)
        values.append(whole)
        at = readout.pick(whole, needed, whole).flatten(0, -2)
        for layer, slope in slopes.items():
            changed[layer].append(at[:, None] + (gain - 1.0) * slope)
    result = {}
    for layer, parts in changed.items():
        by_row = torch.cat(parts, 2)
        if needed != "all":
            result[layer] = readout.after_link(by_row)
        else:
            by_output = readout.after_link(by_row.unflatten(0, (readout.n_runs, readout.n_outputs)))
            result[layer] = readout.pick(by_output, output, torch.cat(values, 2))
    return result


def _slopes(
    backbone: Backbone, images: torch.Tensor, readout: Readout, output: OutputChoice, layers: Sequence[str]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Linear values (run, output, image) and, by layer, derivatives by each filter's gain (row, filter, image)."""
    slopes: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}
    maps, flat, tail = recorded_pass(backbone, images.to(backbone.device), layers)
    kept = [maps[layer] for layer in layers]
    rows, _ = readout.before_link().gradients(tail.features, output)
    for row, direction in enumerate(tail.back(rows), start=1):
        gradients = torch.autograd.grad(flat, kept, direction.contiguous(), retain_graph=row < len(rows))
        for layer, own, gradient in zip(layers, kept, gradients, strict=True):
            slopes[layer].append((own.detach() * gradient).sum((2, 3)).T.to("cpu", torch.float64))
    return readout.values(tail.features), {layer: torch.stack(of_rows) for layer, of_rows in slopes.items()}
