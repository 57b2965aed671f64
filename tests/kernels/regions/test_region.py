"""Boxes and masks side by side: each has its own statistics, in order, and shares are those of counted pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.images.run_lengths import encode_mask
from o2b_helpers.kernels.regions import region as module
from o2b_helpers.kernels.regions.box_coverage import box_coverage
from o2b_helpers.kernels.regions.box_statistics import box_statistics, pixel_boxes
from o2b_helpers.kernels.regions.mask_statistics import mask_statistics
from o2b_helpers.kernels.regions.region import Regions, pixel_regions

SIZE = (40, 50)


def setting(count=24, images=3, seed=0):
    """Boxes at fractions of a pixel; every other one has a mask inside; one box and two masks are not seen."""
    rng = np.random.default_rng(seed)
    boxes = np.sort(rng.uniform(0, 50, (count, 2, 2)), axis=1).reshape(count, 4) * [1, 0.8, 1, 0.8]
    masks = []
    for number, (x0, y0, x1, y1) in enumerate(boxes.astype(int)):
        mask = np.zeros(SIZE, dtype=bool)
        mask[y0 : y1 + 1, x0 : x1 + 1] = rng.random((y1 + 1 - y0, x1 + 1 - x0)) < 0.7
        masks.append(mask if number % 2 else None)
    boxes[4] = [-9, 3, -1, 20]
    masks[5], masks[7] = np.zeros(SIZE, dtype=bool), encode_mask(np.zeros(SIZE, dtype=bool))
    masks[9] = encode_mask(masks[9])
    boxes[11] = [-9, 3, -1, 20]  # its mask counts, not its box
    image = rng.integers(0, images, count)
    maps = torch.relu(torch.randn(images, 7, 9, 12, generator=torch.Generator().manual_seed(seed)))
    return boxes, image, masks, maps


@pytest.mark.parametrize("scale", ["map", "none"])
def test_each_region_has_the_statistics_of_its_kind(scale):
    boxes, image, masks, maps = setting()
    regions = Regions(boxes, image, masks)
    mean, maximum, kept = regions.statistics(maps, SIZE, scale=scale)
    assert np.flatnonzero(~kept.numpy()).tolist() == [4, 5, 7] and len(regions) == 24
    rows = np.flatnonzero(kept.numpy())
    assert len(mean) == len(maximum) == len(rows)
    for place, row in enumerate(rows):
        owner = torch.tensor([image[row]])
        if masks[row] is None:
            pixels = pixel_boxes(torch.tensor(boxes[row : row + 1]), *SIZE)[0]
            wanted = box_statistics(maps, pixels, owner, SIZE, scale=scale)
        else:
            mask = module.decode_mask(masks[row], *SIZE) if isinstance(masks[row], str) else masks[row]
            wanted = mask_statistics(maps, [mask], owner, SIZE, scale=scale)
        assert torch.allclose(mean[place], wanted[0][0], rtol=0, atol=1e-6)
        assert torch.allclose(maximum[place], wanted[1][0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("masks", [None, [None] * 24])
def test_without_masks_all_is_as_with_boxes(masks):
    boxes, image, _, maps = setting()
    mean, maximum, kept = Regions(boxes, image, masks).statistics(maps, SIZE)
    pixels, seen = pixel_boxes(torch.tensor(boxes), *SIZE)
    wanted = box_statistics(maps, pixels, torch.tensor(image)[seen], SIZE)
    assert torch.equal(kept, seen) and torch.equal(mean, wanted[0]) and torch.equal(maximum, wanted[1])


def test_all_masks():
    boxes, image, masks, maps = setting()
    rows = [row for row in range(24) if isinstance(masks[row], np.ndarray) and masks[row].any()]
    own = [masks[row] for row in rows]
    mean, maximum, kept = Regions(boxes[rows], image[rows], own).statistics(maps, SIZE)
    wanted = mask_statistics(maps, own, torch.tensor(image[rows]), SIZE)
    assert kept.all() and torch.equal(mean, wanted[0]) and torch.equal(maximum, wanted[1])


def test_no_regions():
    empty = Regions(np.empty((0, 4)), np.empty(0, int), [])
    assert empty.statistics(setting()[3], SIZE)[0].shape == (0, 7)
    assert [len(column) for column in empty.coverage(np.empty(0, int), SIZE)] == [0, 0, 0]


def test_a_masks_box_is_the_one_around_it():
    mask = np.zeros(SIZE, dtype=bool)
    mask[[3, 20], [40, 7]] = True
    pixels, kept, masks = pixel_regions(torch.tensor([[0.0, 0, 50, 40]]), [mask], *SIZE)
    assert pixels.tolist() == [[7, 3, 41, 21]] and kept.tolist() == [True] and masks[0] is mask


def test_shares_are_those_of_counted_pixels():
    boxes, image, masks, _ = setting()
    label = np.random.default_rng(1).integers(0, 4, 24)
    region, classes, share = Regions(boxes, image, masks).coverage(label, SIZE)
    table = np.zeros((24, 4))
    table[region, classes] = share
    assert (np.diff(region) >= 0).all() and (share > 0).all()
    pixels = np.zeros((24, *SIZE), dtype=bool)
    for row, mask in enumerate(masks):
        if mask is None:
            x0, y0, x1, y1 = np.clip(boxes[row], 0, [50, 40, 50, 40])
            if x1 > x0 and y1 > y0:
                pixels[row, int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
        else:
            pixels[row] = module.decode_mask(mask, *SIZE) if isinstance(mask, str) else mask
    for row in range(24):
        for c in range(4):
            cover = pixels[(image == image[row]) & (label == c)].any(0)
            area = pixels[row].sum()
            wanted = (pixels[row] & cover).sum() / area if area else 0.0
            assert table[row, c] == pytest.approx(wanted, abs=1e-12)


def test_masks_of_whole_boxes_are_covered_like_boxes():
    boxes, image, _, _ = setting()
    boxes, label = np.clip(np.rint(boxes), 0, [50, 40, 50, 40]), image * 2 % 3
    by_box = box_coverage(boxes, image, label)
    by_count = Regions(boxes, image, [None] * 24).coverage(label, SIZE)
    for wanted, values in zip(by_box, by_count, strict=True):
        assert np.allclose(wanted, values, rtol=0, atol=1e-12)
    for wanted, values in zip(by_box, Regions(boxes, image).coverage(label, SIZE), strict=True):
        assert np.array_equal(wanted, values)


def test_bad_regions_are_refused():
    boxes, image, masks, maps = setting()
    for bad in ((boxes, image[:-1], masks), (boxes, image, masks[:-1])):
        with pytest.raises(InputError, match="do not fit together"):
            Regions(*bad)
    with pytest.raises(InputError, match="Boxes and masks do not fit"):
        pixel_regions(torch.tensor(boxes), masks[1:], *SIZE)
    for bad in (np.ones(SIZE), np.ones((3, 3), dtype=bool)):
        with pytest.raises(InputError, match="does not fit the input"):
            Regions(boxes[:1], image[:1], [bad]).statistics(maps, SIZE)
    with pytest.raises(InputError, match="does not fit its picture"):
        Regions(boxes[:1], image[:1], ["0 9"]).statistics(maps, SIZE)
    with pytest.raises(InputError, match="their classes do not fit"):
        Regions(boxes, image, masks).coverage(image[:-1], SIZE)
