"""What sets of filters with other gains add to the linear values of a readout; all kernels of gains stand on it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float

from o2b_helpers.core.progress import progress
from o2b_helpers.kernels.lesions.lesion_tails import Copies, Tail
from o2b_helpers.kernels.lesions.segments import ALIVE
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.hooked import HookedBackbone
from o2b_helpers.models.finite import finite

BLOCK_BYTES = 512 * 2**20
COPIES = 512  # whose features are held at once in double precision


def set_changes(
    backbone: Backbone,
    images: Float[torch.Tensor, "image 3 height width"],
    maps: Float[torch.Tensor, "image filter map_height map_width"] | None,
    features: Float[torch.Tensor, "image feature"],
    layer: str,
    sets: Sequence[torch.Tensor],
    gains: Sequence[float],
    weight: Float[torch.Tensor, "row feature"],
    block_bytes: int,
) -> Float[torch.Tensor, "row set gain image"]:
    """Give what is added to linear values where the maps of a set are multiplied by a gain, A_k -> gain * A_k.

    Everything up to the first stage that mixes filters runs once. Stages before it that keep filters apart (pooling,
    ReLU, batch norm) pass a gain of 0 or more on as it is, or nearly so; then one change for each set and image serves
    all gains, and where the mixing stage is linear, so does its share of that stage's result. Otherwise each gain has
    a change of its own. Many copies go through the rest of the network at once. Where there is no rest, the change is a
    sum over filters. A set whose maps are empty in an image, and a gain of 1, add exactly 0.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (image, 3, height, width)
        Preprocessed images.
    maps : tensor (image, filter, height, width) or None
        What the layer gives for them, where it is known already.
    features : tensor (image, feature)
        What the whole network gives for them.
    layer : str
        Where the filters are.
    sets : sequence of tensor (filter,)
        Numbers of the filters of each set, each once.
    gains : sequence of float
        Factors; 0 lesions.
    weight : tensor (row, feature)
        float64, on the CPU.
    block_bytes : int
        Bound on the working memory, bytes; one image and one copy always go.

    Returns
    -------
    tensor (row, set, gain, image)
        float64, on the CPU.
    """
    change = torch.zeros(len(weight), len(sets), len(gains), len(images), dtype=torch.float64)
    if not sets or not gains:
        return change
    tail, start = None, 0
    for some in images.split(images_at_once(backbone, block_bytes)):
        rows = slice(start, start := start + len(some))
        own = backbone.trunk(some.to(backbone.device), layer) if maps is None else maps[rows]
        finite(f"maps of {layer}", own, ("image", "channel", "height", "width"))
        if isinstance(backbone, HookedBackbone):
            change[..., rows] = _full_passes(backbone, some, own, features[rows], layer, sets, gains, weight)
        else:
            tail = tail or Tail(backbone, layer)
            change[..., rows] = _resumed(tail, own, sets, gains, weight, block_bytes // 2)
    return change


def images_at_once(backbone: Backbone, block_bytes: int) -> int:
    """Images whose way through the network, and whose maps kept at the layer, fit into half of the memory."""
    largest = max(math.prod(shape) for shape in backbone.shapes.values()) * 4
    return max(1, block_bytes // 2 // (ALIVE * largest))


def _resumed(
    tail: Tail,
    maps: torch.Tensor,
    sets: Sequence[torch.Tensor],
    gains: Sequence[float],
    weight: torch.Tensor,
    block_bytes: int,
) -> torch.Tensor:
    """Give the changes (row, set, gain, image) for maps (image, filter, height, width)."""
    change = torch.zeros(len(weight), len(sets), len(gains), len(maps), dtype=torch.float64)
    read = tail.before(maps)
    for columns, factors, delta in _directions(tail, maps, read, gains):
        if tail.mixing_step is None:  # only the head is left
            share = torch.einsum(
                "rkc,ikc->rki",
                weight.view(len(weight), maps.shape[1], -1),
                delta.flatten(2).to("cpu", torch.float64),
            )
            for number, filters in enumerate(sets):
                change[:, number, columns] = share[:, filters].sum(1)[:, None] * factors.double()[:, None]
            continue
        live = delta.flatten(2).any(2).cpu()  # (image, filter)
        touched = torch.stack([live[:, filters].any(1) for filters in sets])  # (set, image)
        copy = torch.nonzero(touched[:, :, None] & (factors != 0))  # set after set, image after image
        if not len(copy):
            continue
        copies = Copies(tail, read, delta, sets, factors, block_bytes)
        # in double precision from here on: what is small beside the prediction keeps its digits
        whole = copies.features(torch.arange(len(maps))).to("cpu", torch.float64)
        for block in progress(copy.split(COPIES), f"changed copies, {COPIES} at a time"):
            number, image, factor = block.T
            features = copies.features(image, block[:, [0, 2]]).to("cpu", torch.float64)
            change[:, number, columns[factor], image] = weight @ (features - whole[image]).T
    return change


def _directions(
    tail: Tail, maps: torch.Tensor, read: torch.Tensor, gains: Sequence[float]
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Give changes (image, filter, ...) of what is read, with the gains' columns that they serve, and how many times.

    Between two gains, and on either side of them, what a filter's map becomes lies on a straight line wherever the
    stages before the mixing stage keep it straight.
    """
    if len(gains) > 1 and min(gains) >= 0 and tail.keeps_gains():
        delta = read - tail.before(maps * 0.0)
        yield torch.arange(len(gains)), torch.tensor(gains, dtype=torch.float64).sub(1).to(read.dtype), delta
        return
    for column, gain in enumerate(gains):
        if gain != 1:
            yield torch.tensor([column]), torch.ones(1), tail.before(maps * gain) - read


def _full_passes(
    backbone: HookedBackbone,
    images: torch.Tensor,
    maps: torch.Tensor,
    features: torch.Tensor,
    layer: str,
    sets: Sequence[torch.Tensor],
    gains: Sequence[float],
    weight: torch.Tensor,
) -> torch.Tensor:
    """Do what `_resumed` does where the network cannot be resumed: one full forward pass for every set and gain."""
    change = torch.zeros(len(weight), len(sets), len(gains), len(images), dtype=torch.float64)
    live, shown = maps.flatten(2).any(2), images.to(backbone.device)
    for number, filters in enumerate(progress(sets, f"changed passes at {layer}")):
        touched = live[:, filters].any(1)
        if not bool(touched.any()):
            continue
        for column, gain in enumerate(gains):
            if gain == 1:
                continue

            def with_gain(whole_maps: torch.Tensor, own: torch.Tensor = filters, by: float = gain) -> torch.Tensor:
                changed_maps = whole_maps.clone()
                changed_maps[:, own] *= by
                return changed_maps

            changed = backbone.changed_features(shown, layer, with_gain)
            difference = changed.to("cpu", torch.float64) - features.to("cpu", torch.float64)
            difference[~touched.cpu()] = 0.0  # empty maps change nothing
            change[:, number, column] = weight @ difference.T
    return change
