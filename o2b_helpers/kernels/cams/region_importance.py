"""How important a region is in class activation maps, without resizing any map."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float

from o2b_helpers.kernels import checks
from o2b_helpers.kernels.cams.class_cams import ClassCams
from o2b_helpers.kernels.regions.box_statistics import box_scores, box_statistics, scaled_to_map
from o2b_helpers.kernels.regions.region import Regions, pixel_regions

IMPORTANCES = ("mean", "homogeneity", "share")


def region_importance(
    cams: ClassCams, regions: Regions, size: tuple[int, int], importance: str = "mean"
) -> tuple[Float[torch.Tensor, "*run kept"], Bool[torch.Tensor, " region"]]:
    """Say how important every region is in the maps of its picture (EmoCAM, section 2; METHODS 5).

    The maps count as if they were resized to the input bilinearly and then scaled to 0..1, as pytorch-grad-cam
    does, but exactly: nothing is added to the divisor, and a map without any spread is 0.

    Parameters
    ----------
    cams : ClassCams
        Of the pictures.
    regions : Regions
        Boxes, or masks, in pixels of the input.
    size : (int, int)
        Height and width of the input.
    importance : {"mean", "homogeneity", "share"}
        The mean of the map inside (EmoCAM); mean * mean / maximum; or the share of the map's total that lies inside,
        divided by the region's share of the area, which is 1 where the map does not care.

    Returns
    -------
    importance : tensor (run, kept region), or (run, output, kept region)
        0..1, the share 0 or more.
    kept : tensor (region,)
        bool; False where nothing of the region lies inside the input.

    Raises
    ------
    InputError, ParameterError
        Regions that do not fit, an unknown importance.

    Examples
    --------
    >>> import numpy as np
    >>> cams = ClassCams(torch.tensor([[[[0.0, 0.0], [1.0, 1.0]]]]), torch.zeros(1, 1, dtype=torch.int64))
    >>> regions = Regions(np.array([[0, 1, 2, 2], [0, 0, 2, 2]]), np.array([0, 0]))
    >>> [region_importance(cams, regions, (2, 2), kind)[0].tolist() for kind in ("mean", "share")]
    [[[1.0, 0.5]], [[2.0, 1.0]]]
    """
    checks.choice("importance", importance, IMPORTANCES)
    maps = cams.channels()
    whole_mean, low, high = (values.double() for values in picture_statistics(maps, size))
    mean, maximum, kept = regions.statistics(maps, size, scale="none")
    image = torch.as_tensor(regions.image, dtype=torch.int64)[kept]
    mean, maximum = scaled_to_map((mean.double(), maximum.double()), low[image], high[image])
    if importance == "share":
        (whole, _) = scaled_to_map((whole_mean, whole_mean), low, high)
        whole = whole[image]
        values = torch.where(whole > 0, mean / torch.where(whole > 0, whole, 1.0), 0.0)
    else:
        values = box_scores(mean, maximum, importance)
    return values.T.unflatten(0, cams.maps.shape[:-3]), kept


def total_share(
    cams: ClassCams, regions: Regions, size: tuple[int, int]
) -> tuple[Float[torch.Tensor, "*run kept"], Bool[torch.Tensor, " region"]]:
    """Say which share of a map's total lies in each region.

    Parameters
    ----------
    cams, regions, size
        As for :func:`region_importance`. Maps count as they are, not scaled.

    Returns
    -------
    share : tensor (run, kept region), or (run, output, kept region)
        0..1; 0 in an empty map.
    kept : tensor (region,)
        As for :func:`region_importance`.

    Examples
    --------
    >>> import numpy as np
    >>> cams = ClassCams(torch.tensor([[[[1.0, 0.0], [2.0, 1.0]]]]), torch.zeros(1, 1, dtype=torch.int64))
    >>> total_share(cams, Regions(np.array([[0, 1, 1, 2]]), np.array([0])), (2, 2))[0].tolist()
    [[0.5]]
    """
    maps = cams.channels().double()
    mean, _, kept = regions.statistics(maps, size, scale="none")
    corners, _, masks = pixel_regions(torch.as_tensor(regions.boxes), regions.masks, *size)
    pixels = (corners[:, 2:] - corners[:, :2]).prod(1).double()
    for number, mask in enumerate(masks or ()):
        pixels[number] = pixels[number] if mask is None else float(mask.sum())
    area = pixels[:, None] / (size[0] * size[1])
    whole = picture_statistics(maps, size)[0][torch.as_tensor(regions.image, dtype=torch.int64)[kept]]
    share = torch.where(whole > 0, mean * area / torch.where(whole > 0, whole, 1.0), 0.0)
    return share.T.unflatten(0, cams.maps.shape[:-3]), kept


def picture_statistics(
    maps: Float[torch.Tensor, "image row height width"], size: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean, lowest and highest value (image, row) that maps have after they are resized to the input."""
    boxes = torch.tensor([[0, 0, size[1], size[0]]]).expand(len(maps), -1)
    place = torch.arange(len(maps))
    mean, highest = box_statistics(maps, boxes, place, size, scale="none")
    _, lowest = box_statistics(-maps, boxes, place, size, scale="none")
    return mean, -lowest, highest
