"""How important regions are to a class activation map."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.regions.box_statistics import box_scores
from o2b_helpers.kernels.regions.region import Regions, pixel_regions
from o2b_helpers.kernels.regions.resize import resize_axis

IMPORTANCES = ("mean", "homogeneity", "share")


def scaled_at_input(
    maps: Float[torch.Tensor, "picture map_height map_width"], size: tuple[int, int]
) -> Float[torch.Tensor, "picture map_height map_width"]:
    """Scale native maps so that each, resized to the input, runs from 0 to 1 there; nothing is resized.

    A resized map may miss the highest and the lowest native value. Its own are exact here, and nothing is added to the
    divisor.

    Parameters
    ----------
    maps : tensor (picture, map height, map width)
        Native maps.
    size : (int, int)
        Height and width of the input.

    Returns
    -------
    tensor (picture, map height, map width)
        All 0 for a map without any spread.

    Examples
    --------
    >>> scaled_at_input(torch.tensor([[[1.0, 3.0], [5.0, 9.0]]]), (2, 2)).tolist()
    [[[0.0, 0.25], [0.5, 1.0]]]
    """
    both = torch.stack([maps, -maps], 1)
    highest = whole_inputs(len(maps), size).statistics(both, size, scale="none")[1]
    low, spread = -highest[:, 1, None, None], highest.sum(1)[:, None, None]
    return torch.where(spread > 0, (maps - low) / torch.where(spread > 0, spread, 1.0), 0.0)


def region_importance(
    regions: Regions,
    maps: Float[torch.Tensor, "picture map_height map_width"],
    size: tuple[int, int],
    importance: str = "mean",
) -> Float[np.ndarray, " region"]:
    """Say how much of a picture's map lies in each region (EmoCAM, section 2).

    The values are those of maps that are resized to the input; none is.

    Parameters
    ----------
    regions : Regions
        Boxes or masks in pixels of the input; their images are rows of `maps`.
    maps : tensor (picture, map height, map width)
        From :func:`scaled_at_input`.
    size : (int, int)
        Height and width of the input.
    importance : {"mean", "homogeneity", "share"}
        The mean inside (the paper); mean x mean / maximum inside, which is high only where the whole region is; or
        the share of the map's total that lies inside, divided by the region's share of the input: 1 is as much as the
        region would have of a map that is the same everywhere.

    Returns
    -------
    array (region,)
        float64; 0..1, ``"share"`` from 0; NaN where nothing of the region lies inside the input; 0 for an empty map.

    Raises
    ------
    InputError, ParameterError
        As Regions.statistics; an unknown importance.

    Examples
    --------
    >>> maps = scaled_at_input(torch.tensor([[[0.0, 1.0], [2.0, 4.0]]]), (2, 2))
    >>> boxes = Regions(np.array([[0, 0, 2, 1], [1, 1, 2, 2], [5, 5, 6, 6]]), np.array([0, 0, 0]))
    >>> [region_importance(boxes, maps, (2, 2), name).round(2).tolist() for name in ("mean", "share")]
    [[0.12, 1.0, nan], [0.29, 2.29, nan]]
    """
    checks.choice("importance", importance, IMPORTANCES)
    values = np.full(len(regions), np.nan)
    if not len(regions):
        return values
    mean, maximum, kept = regions.statistics(maps[:, None], size, scale="none")
    score = box_scores(mean, maximum, "homogeneity" if importance == "homogeneity" else "mean")[:, 0]
    values[kept.numpy()] = score.to("cpu", torch.float64).numpy()
    if importance == "share":
        overall = whole_inputs(len(maps), size).statistics(maps[:, None], size, scale="none")[0][:, 0]
        overall = overall.to("cpu", torch.float64).numpy()[np.asarray(regions.image)]
        values = values / np.where(overall > 0, overall, 1.0)  # an empty map is 0 already
    return values


def total_share(
    regions: Regions, maps: Float[torch.Tensor, "picture map_height map_width"], size: tuple[int, int]
) -> Float[np.ndarray, " region"]:
    """Say which share of its picture's map lies in each region.

    Parameters
    ----------
    regions, size
        As for :func:`region_importance`.
    maps : tensor (picture, map height, map width)
        Native maps, 0 or more. They count as they are, not scaled.

    Returns
    -------
    array (region,)
        float64, 0..1; NaN where nothing of the region lies inside the input; 0 for an empty map.

    Examples
    --------
    >>> boxes = Regions(np.array([[0, 1, 1, 2]]), np.array([0]))
    >>> total_share(boxes, torch.tensor([[[1.0, 0.0], [2.0, 1.0]]]), (2, 2)).tolist()
    [0.5]
    """
    share = region_importance(regions, maps, size, "share")
    corners, kept, masks = pixel_regions(torch.as_tensor(regions.boxes), regions.masks, *size)
    pixels = (corners[:, 2:] - corners[:, :2]).prod(1).double().numpy()
    for number, mask in enumerate(masks or ()):
        pixels[number] = pixels[number] if mask is None else np.count_nonzero(mask)
    share[kept.numpy()] *= pixels / (size[0] * size[1])
    return share


def mean_weights(
    regions: Regions, native: tuple[int, int], size: tuple[int, int]
) -> Float[torch.Tensor, "region place"]:
    """Return how each native sample of a map enters the mean in each region, whatever the map (METHODS 3, identity 1).

    Parameters
    ----------
    regions : Regions
        All have a pixel inside the input.
    native, size : (int, int)
        Height and width of the maps and of the input.

    Returns
    -------
    tensor (region, native height * native width)
        float32; every row sums to 1.

    Examples
    --------
    >>> mean_weights(Regions(np.array([[0, 0, 2, 1]]), np.array([0])), (2, 2), (2, 2)).tolist()
    [[0.5, 0.5, 0.0, 0.0]]
    """
    boxes, kept, masks = pixel_regions(torch.as_tensor(regions.boxes), regions.masks, *size)
    if not bool(kept.all()):
        raise InputError(
            "A region lies outside of the input",
            value=f"{int((~kept).sum())} of {len(kept)} regions",
            expected="regions with a pixel inside",
            remedy="leave out the regions whose importance is NaN first",
        )
    corners = boxes.numpy()
    y, x = (resize_axis(samples, pixels) for samples, pixels in zip(native, size, strict=True))
    rows, columns = y.mean_rows(corners[:, 1], corners[:, 3]), x.mean_rows(corners[:, 0], corners[:, 2])
    weights = np.einsum("rh,rw->rhw", rows, columns)
    down, across = y.rows(np.arange(len(y))), x.rows(np.arange(len(x)))
    for number, mask in enumerate(masks or ()):
        if mask is not None:
            weights[number] = down.T @ mask @ across / np.count_nonzero(mask)
    return torch.from_numpy(weights.reshape(len(corners), -1)).float()


def whole_inputs(pictures: int, size: tuple[int, int]) -> Regions:
    """Return the whole input of each picture as its region."""
    return Regions(np.tile([0, 0, size[1], size[0]], (pictures, 1)), np.arange(pictures))
