"""Do the filters that are said to carry a change carry it? Put back theirs alone, and see how much returns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer

from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.hooked import HookedBackbone
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import Readout

BATCH_SIZE = 32


@torch.no_grad()
def patched_predictions(
    backbone: Backbone,
    images: Float[torch.Tensor, "pair 3 height width"],
    filled: Float[torch.Tensor, "pair 3 height width"],
    readout: Readout,
    layer: str,
    filters: Sequence[Bool[np.ndarray, "pair filter"]],
    *,
    output: int = 0,
    batch_size: int = BATCH_SIZE,
) -> Float[np.ndarray, "set run pair"]:
    """Predict pictures with something hidden, the maps of some filters taken from the whole pictures.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images, filled : tensor (pair, 3, height, width)
        Preprocessed whole pictures, and the same with something hidden; finite.
    readout : Readout
        What the runs that share this backbone make of its features.
    layer : str
        Target layer, by module path.
    filters : sequence of array (pair, filter)
        Sets of filters to put back, each set one prediction more.
    output : int
        The output to look at.
    batch_size : int
        Pairs in one pass; bounds the memory.

    Returns
    -------
    array (set, run, pair)
        float64.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone, images = load_backbone("toynet", "toyworld"), torch.ones(1, 3, 96, 96)
    >>> readout = Readout.valence(torch.ones(1, 432), torch.zeros(1))
    >>> every = np.ones((1, 48), dtype=bool)  # the whole picture is back
    >>> back = patched_predictions(backbone, images, images * 0, readout, "features.9", [every])
    >>> bool(np.allclose(back[0, 0], readout.outputs(backbone.features(images))[0]))
    True
    """
    readout.checked(output, backbone.n_features)
    finite("images", images, ("pair", "channel", "height", "width"))
    finite("filled", filled, ("pair", "channel", "height", "width"))
    predictions = np.empty((len(filters), readout.n_runs, len(images)))
    for start in range(0, len(images), batch_size):
        some = slice(start, start + batch_size)
        hidden_pictures = filled[some].to(backbone.device)
        whole = backbone.trunk(images[some].to(backbone.device), layer)
        hidden = backbone.trunk(hidden_pictures, layer)
        for number, chosen in enumerate(filters):
            back = torch.as_tensor(chosen[some], device=whole.device)[:, :, None, None]
            maps = torch.where(back, whole, hidden)
            if isinstance(backbone, HookedBackbone):
                features = backbone.changed_features(hidden_pictures, layer, partial(_in_place_of, maps))
            else:
                features = backbone.tail(maps, layer)
            predictions[number][:, some] = readout.outputs(features, output).numpy()
    return predictions


def _in_place_of(maps: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    return maps


def restored_share(
    base: Float[np.ndarray, "run pair"], hidden: Float[np.ndarray, "run pair"], patched: Float[np.ndarray, "run pair"]
) -> float:
    """Return how much of the changes comes back, over all pairs: 0 nothing, 1 all of it; mean over runs.

    Pairs count by the square of their change, so that a change near 0 does not decide.

    Examples
    --------
    >>> restored_share(np.array([[1.0, 0.5]]), np.array([[0.0, 0.5]]), np.array([[0.6, 0.5]]))
    0.6
    """
    change = base - hidden
    size = (change * change).sum(1)
    share = np.divide(((patched - hidden) * change).sum(1), size, out=np.full(len(size), np.nan), where=size > 0)
    return float(np.nanmean(share)) if np.isfinite(share).any() else float("nan")


def carrying_filters(
    changes: Float[np.ndarray, "run filter pair"], change: Float[np.ndarray, "run pair"], count: int
) -> Integer[np.ndarray, " chosen"]:
    """Choose the filters whose shares go most with the changes of some pairs, mean over runs.

    Parameters
    ----------
    changes : array (run, filter, pair)
        Each filter's share, see :func:`~o2b_helpers.kernels.mediation.mediated_changes.mediated_changes`.
    change : array (run, pair)
        The whole change.
    count : int
        How many to choose.

    Examples
    --------
    >>> shares = np.array([[[0.1, 0.0], [0.8, -0.4], [0.1, 0.2]]])
    >>> carrying_filters(shares, shares.sum(1), 1).tolist()
    [1]
    """
    size = (change * change).sum(1)
    scaled = np.divide(change, size[:, None], out=np.zeros_like(change), where=size[:, None] > 0)
    score = np.einsum("rkp,rp->k", changes, scaled)
    return np.argsort(-score, kind="stable")[:count]
