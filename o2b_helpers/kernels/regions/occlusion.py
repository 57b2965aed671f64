"""Hide objects in pictures, and in feature maps, without drawing anything new into them."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Real
from torch.nn import functional

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.regions.box_statistics import pixel_boxes
from o2b_helpers.models.finite import finite


def box_mask(boxes: Real[torch.Tensor, "box 4"], height: int, width: int) -> Bool[torch.Tensor, "{height} {width}"]:
    """Mark the pixels that boxes touch.

    Parameters
    ----------
    boxes : tensor (box, 4)
        x0, y0, x1, y1 in pixels of the model's input.
    height, width : int
        Size of the input.

    Returns
    -------
    tensor (height, width)
        bool; True in the union of the boxes.

    Examples
    --------
    >>> import torch
    >>> box_mask(torch.tensor([[1.0, 0.0, 3.0, 1.5]]), 3, 4).int().tolist()
    [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    mask = torch.zeros(height, width, dtype=torch.bool)
    for x0, y0, x1, y1 in pixel_boxes(boxes, height, width)[0].tolist():
        mask[y0:y1, x0:x1] = True
    return mask


def fill_from_surroundings(
    images: Float[torch.Tensor, "image 3 height width"], hidden: Bool[torch.Tensor, "image height width"]
) -> Float[torch.Tensor, "image 3 height width"]:
    """Replace the hidden pixels of pictures by a blurred continuation of what surrounds them.

    The picture is halved again and again, each time averaging only the pixels that are known, until all are. On the way
    back, every unknown pixel takes the (bilinearly resized) value of the coarser picture. So a pixel near the edge of a
    large box looks like what is next to it, and one in the middle like the wide surroundings; no edge is drawn and
    no colour is invented (ours; known as push-pull filling).

    Parameters
    ----------
    images : tensor (image, 3, height, width)
        Preprocessed images, finite.
    hidden : tensor (image, height, width)
        bool; the pixels to replace.

    Returns
    -------
    tensor (image, 3, height, width)
        What is not hidden stays bit for bit. A picture that is hidden as a whole becomes 0 everywhere: the mean colour
        of the pictures that the network was trained on.

    Raises
    ------
    InputError
        Values that are not finite, shapes that do not fit.

    Examples
    --------
    >>> import torch
    >>> images = torch.full((1, 3, 4, 4), 0.5)
    >>> images[:, :, 1, 1] = 9.0  # an object on a plain wall
    >>> hidden = box_mask(torch.tensor([[1, 1, 2, 2]]), 4, 4)[None]
    >>> round(float(fill_from_surroundings(images, hidden).max()), 3)
    0.5
    """
    images, hidden = _fitting("images", images, hidden)
    known = (~hidden)[:, None].to(images.dtype)
    return torch.where(hidden[:, None], _filled(images * known, known), images)


def hide_in_maps(
    maps: Float[torch.Tensor, "image channel map_height map_width"],
    hidden: Bool[torch.Tensor, "image height width"],
    size: tuple[int, int],
) -> Float[torch.Tensor, "image channel map_height map_width"]:
    """Set feature maps to 0 where the picture is hidden: a lesion of a place, not of a filter.

    A cell of the map that the hidden area covers in part keeps its value times the share that is left.

    Parameters
    ----------
    maps : tensor (image, channel, height, width)
        Feature maps on their native grid.
    hidden : tensor (image, input height, input width)
        bool.
    size : (int, int)
        Height and width of the input, as `hidden` has them.

    Returns
    -------
    tensor (image, channel, height, width)

    Raises
    ------
    InputError
        Values that are not finite, shapes that do not fit.

    Examples
    --------
    >>> import torch
    >>> hidden = box_mask(torch.tensor([[0, 0, 3, 2]]), 4, 4)[None]
    >>> hide_in_maps(torch.ones(1, 1, 2, 2), hidden, (4, 4)).tolist()
    [[[[0.0, 0.5], [1.0, 1.0]]]]
    """
    if tuple(hidden.shape[1:]) != tuple(size):
        raise InputError(
            "The hidden area is not that of the input",
            value=tuple(hidden.shape),
            expected=f"(image, {size[0]}, {size[1]})",
            remedy="make it with box_mask for the model's input",
        )
    grid = functional.adaptive_avg_pool2d(
        hidden[:, None].to(maps.device, torch.float32), (maps.shape[2], maps.shape[3])
    )
    finite("maps", maps, ("image", "channel", "height", "width"))
    return maps * (1.0 - grid).to(maps.dtype)


def _fitting(name: str, images: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    finite(name, images, ("image", "channel", "height", "width"))
    if hidden.shape != (len(images), *images.shape[2:]) or hidden.dtype != torch.bool:
        raise InputError(
            f"{name} and what to hide in them do not fit",
            value=f"{tuple(images.shape)} and {tuple(hidden.shape)}, {hidden.dtype}",
            expected="(image, channel, height, width) and (image, height, width), bool",
            remedy="make one mask for each image with box_mask",
        )
    return images, hidden.to(images.device)


def _filled(values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Fill what is unknown; `values` are 0 there, `known` (image, 1, height, width) is 0 or 1."""
    if bool(known.all()) or max(values.shape[2:]) == 1:
        return values
    share = functional.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False)
    coarse = functional.avg_pool2d(values, 2, ceil_mode=True, count_include_pad=False)
    coarse = torch.where(share > 0, coarse / share.clamp(min=1e-12), 0.0)
    coarse = _filled(coarse, (share > 0).to(known))
    wide = functional.interpolate(coarse, size=values.shape[2:], mode="bilinear", align_corners=False)
    return torch.where(known > 0, values, wide)
