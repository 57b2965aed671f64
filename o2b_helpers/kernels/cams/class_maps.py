"""The class activation map of one output for each picture: Grad-CAM, summed over the filters of a layer."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Integer

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.cams.filter_cams import maps_and_gradients
from o2b_helpers.kernels.regions.box_statistics import map_extremes
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.heads.readout import Readout


def class_cam_maps(
    backbone: Backbone,
    readout: Readout,
    images: Float[torch.Tensor, "picture 3 height width"],
    outputs: Integer[np.ndarray, " picture"],
    *,
    layer: str,
    runs: Integer[np.ndarray, " picture"] | None = None,
) -> Float[torch.Tensor, "picture map_height map_width"]:
    """Compute each picture's Grad-CAM of one output (Selvaraju et al. 2017).

    The map is relu(sum over filters k of w_k A_k), with A the layer's maps and w_k the mean over space of the
    derivative of the output's linear value by A_k. It is the native map: not scaled, not resized.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    readout : Readout
        What is read from its features. Its link does not matter: the linear value is looked at.
    images : tensor (picture, 3, height, width)
        Preprocessed pictures, finite.
    outputs : array (picture,) of int
        The output to look at in each picture.
    layer : str
        The layer whose maps are taken, by module path.
    runs : array (picture,) of int, optional
        The readout's run that is asked for each picture; the first where left out.

    Returns
    -------
    tensor (picture, map height, map width)
        Not negative, on the backbone's device; 0 everywhere where no filter speaks for the output.

    Raises
    ------
    InputError
        Values that are not finite; runs or outputs that the readout does not have, or not one for each picture; a
        readout that does not fit the backbone.
    ModelError
        A layer that the network does not have.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone, images = load_backbone("toynet", "toyworld"), torch.zeros(2, 3, 96, 96)
    >>> readout = Readout(np.ones((1, 5, 432)), np.zeros((1, 5)), "softmax")
    >>> class_cam_maps(backbone, readout, images, np.array([0, 3]), layer="features.9").shape
    torch.Size([2, 12, 12])
    """
    readout.checked("all", backbone.n_features)
    outputs, runs = np.asarray(outputs), np.zeros(len(images), np.int64) if runs is None else np.asarray(runs)
    limits = (("outputs", outputs, readout.n_outputs), ("runs", runs, readout.n_runs))
    for name, numbers, limit in limits:
        if numbers.shape != (len(images),) or (len(numbers) and not 0 <= numbers.min() <= numbers.max() < limit):
            raise InputError(
                f"The {name} to look at do not fit",
                value=f"{len(numbers)} for {len(images)} pictures, {numbers[:5].tolist()}",
                expected=f"a number from 0 to {limit - 1} for each picture",
                remedy=f"take {name} from the readout that is handed over",
            )
    map_extremes("images", images)
    images = images.to(backbone.device)
    rows = torch.as_tensor(np.asarray(readout.weight)[runs, outputs])
    maps, sums = maps_and_gradients(backbone, images, lambda features: rows.to(features)[None], [layer])
    weights = sums[layer][0] / maps[layer][0, 0].numel()
    cams = torch.einsum("pk,pkhw->phw", weights, maps[layer]).relu()
    map_extremes(f"class activation maps of {layer}", cams[:, None])
    return cams
