"""How important regions are to a class activation map, in their own picture and in others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.regions.box_statistics import box_scores
from o2b_helpers.kernels.regions.region import Regions, pixel_regions
from o2b_helpers.kernels.regions.resize import resize_axis

IMPORTANCES = ("mean", "homogeneity", "share")
REGIONS_AT_ONCE, VALUES_AT_ONCE = 100_000, 2**25
PAIRS_PER_EXCHANGE = 20  # up to so many hosts for each exchange, a matrix product over all pairs is faster


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
    highest = _whole(len(maps), size).statistics(both, size, scale="none")[1]
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
        overall = _whole(len(maps), size).statistics(maps[:, None], size, scale="none")[0][:, 0]
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


def exchanged_hits(
    regions: Regions,
    label: Integer[np.ndarray, " region"],
    maps: Float[torch.Tensor, "picture map_height map_width"],
    size: tuple[int, int],
    threshold: float,
    importance: str = "mean",
    exchanges: int = 199,
    seed: int = 0,
) -> Iterator[tuple[int, Integer[np.ndarray, " host"], Bool[np.ndarray, "exchange host"]]]:
    """Exchange the regions of a class between the pictures that show it, and ask again whether any is important.

    What is left of the importance is due to how large the regions of the class are, how many a picture has and where
    in a picture they lie; what is lost is that the map belongs to the same picture. In each exchange every picture
    gives its regions of the class once, to a picture drawn by chance, itself among them: a random permutation.

    Parameters
    ----------
    regions : Regions
        Their images are rows of `maps`; all have a pixel inside the input.
    label : array (region,) of int
        Class of each region, from 0.
    maps, size, importance
        As for :func:`region_importance`.
    threshold : float
        Important is what lies above.
    exchanges : int
        How many permutations are drawn for each class.
    seed : int
        Class c draws from ``default_rng([seed, c])``.

    Yields
    ------
    label : int
        A class, in order.
    hosts : array (host,)
        The pictures that show it.
    hits : array (exchange, host)
        Whether any region that a picture was given is important there.
    """
    checks.choice("importance", importance, IMPORTANCES)
    label, image = np.asarray(label), np.asarray(regions.image)
    weights = (
        None if importance == "homogeneity" else mean_weights(regions, (maps.shape[1], maps.shape[2]), size).to(maps)
    )
    flat = maps.flatten(1)
    if importance == "share":
        flat = flat / _whole(len(maps), size).statistics(maps[:, None], size, scale="none")[0].clamp(min=1e-30)
    for number in np.unique(label):
        own = np.flatnonzero(label == number)
        own = own[np.argsort(image[own], kind="stable")]
        hosts, start, count = np.unique(image[own], return_index=True, return_counts=True)
        rng = np.random.default_rng([seed, int(number)])
        hits = np.zeros((exchanges, len(hosts)), dtype=bool)
        if weights is not None and len(hosts) <= PAIRS_PER_EXCHANGE * exchanges:
            donors = rng.permuted(np.tile(np.arange(len(hosts)), (exchanges, 1)), axis=1)
            yield int(number), hosts, _all_pairs(weights[own], start, flat[hosts], threshold, donors)
            continue
        step = max(1, REGIONS_AT_ONCE // len(own))
        for first in range(0, exchanges, step):
            block = hits[first : first + step]
            donor = rng.permuted(np.tile(np.arange(len(hosts)), (len(block), 1)), axis=1).ravel()
            many = count[donor]
            place = np.repeat(start[donor] - np.cumsum(many) + many, many) + np.arange(many.sum())
            given, cell = own[place], np.repeat(np.arange(len(donor)), many)
            at = hosts[cell % len(hosts)]
            if weights is None:
                masks: Sequence | None = None if regions.masks is None else [regions.masks[row] for row in given]
                moved = Regions(np.asarray(regions.boxes)[given], at, masks)
                important = region_importance(moved, maps, size, importance) > threshold
            else:
                important = (torch.einsum("rp,rp->r", weights[given], flat[at]) > threshold).cpu().numpy()
            block.ravel()[cell[important]] = True
        yield int(number), hosts, hits


def _all_pairs(
    weights: torch.Tensor, start: np.ndarray, flat: torch.Tensor, threshold: float, donors: np.ndarray
) -> np.ndarray:
    """Return the hits (exchange, host) from the importance of every region in every host, one matrix product."""
    hits = np.empty(donors.shape, dtype=bool)
    step = max(1, VALUES_AT_ONCE // max(len(weights), len(donors)))
    for first in range(0, len(flat), step):
        block = slice(first, first + step)
        important = ((weights @ flat[block].T) > threshold).cpu().numpy()
        of_donor = np.logical_or.reduceat(important, start, axis=0)  # (donor, host)
        hits[:, block] = of_donor[donors[:, block], np.arange(of_donor.shape[1])]
    return hits


def _whole(pictures: int, size: tuple[int, int]) -> Regions:
    """Return the whole input of each picture as its region."""
    return Regions(np.tile([0, 0, size[1], size[0]], (pictures, 1)), np.arange(pictures))
