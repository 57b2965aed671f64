"""Statistics in masks equal those of maps that are really resized."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kernels_reference import assert_close
from torch.nn import functional

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.kernels.regions import mask_statistics as module
from o2b_helpers.kernels.regions.box_statistics import box_statistics
from o2b_helpers.kernels.regions.mask_statistics import mask_statistics, maximum_pixels
from o2b_helpers.kernels.regions.resize import resize_axis

GRIDS = [
    ((13, 13), (224, 224)),
    ((55, 55), (224, 224)),
    ((12, 12), (96, 96)),
    ((3, 5), (97, 64)),
    ((1, 4), (33, 50)),
    ((1, 1), (20, 20)),
    ((48, 48), (96, 96)),  # an even factor: no pixel sits on a native sample
    ((32, 32), (96, 96)),  # an odd one: some do
    ((40, 30), (40, 30)),  # nothing to resize
    ((50, 61), (32, 40)),  # finer than the input
    ((60, 5), (40, 50)),  # finer along one axis only
    ((2, 60), (90, 59)),
    ((2, 3), (31, 37)),
    ((21, 20), (20, 21)),
    ((112, 56), (224, 224)),
]


def blob(size, rng):
    """A smooth random shape, sometimes with holes and in several pieces."""
    coarse = torch.as_tensor(rng.random((1, 1, rng.integers(2, 7), rng.integers(2, 7))))
    fine = functional.interpolate(coarse, size, mode="bicubic")[0, 0].numpy()
    return fine > np.quantile(fine, rng.uniform(0.2, 0.9))


def some_masks(size, seed):
    rng = np.random.default_rng(seed)
    height, width = size
    y, x = np.mgrid[:height, :width]
    masks = [blob(size, rng) for _ in range(6)]
    masks += [rng.random(size) < share for share in (0.02, 0.5, 0.97)]  # scattered pixels
    masks += [np.abs(y * width - x * height) < max(size)]  # a thin diagonal
    masks += [(y == height // 2) ^ (x == width // 3)]  # a cross with a hole
    masks += [(y - height / 2) ** 2 / height**2 + (x - width / 2) ** 2 / width**2 < 0.2]
    masks += [np.ones(size, dtype=bool), y < height // 2, (y == height - 1) & (x == width - 1), x == 0]
    return [mask for mask in masks if mask.any()]


def random_maps(native, seed=0, images=2, channels=6):
    maps = torch.relu(torch.randn(images, channels, *native, generator=torch.Generator().manual_seed(seed)))
    maps[0, 1] = 0.0  # empty
    maps[0, 2] = 3.7  # constant
    maps[1, 3] *= 1e-20  # tiny, not empty
    maps[1, 4] += 1000.0  # far above 0
    return maps


def scaled(maps):
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    return torch.nan_to_num((maps - low) / (high - low))


def plain(maps, masks, owner, size):
    """Resize every map and look at every pixel of every mask."""
    resized = functional.interpolate(maps, size, mode="bilinear", align_corners=False)
    pixels = [resized[int(image)][:, torch.as_tensor(mask)] for image, mask in zip(owner, masks, strict=True)]
    return torch.stack([own.mean(1) for own in pixels]), torch.stack([own.amax(1) for own in pixels])


@pytest.mark.parametrize(("native", "size"), GRIDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_statistics_of_resized_maps(native, size, dtype):
    maps, masks = random_maps(native).to(dtype), some_masks(size, seed=native[0])
    owner = torch.arange(len(masks)) % 2
    mean, maximum = mask_statistics(maps, masks, owner, size)
    assert mean.shape == maximum.shape == (len(masks), maps.shape[1]) and mean.dtype == dtype
    wanted = plain(scaled(maps.double()), masks, owner, size)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    assert_close(mean, wanted[0], tolerance)
    assert_close(maximum, wanted[1], tolerance)
    assert (mean <= maximum).all()


@pytest.mark.parametrize(("native", "size"), [((13, 13), (224, 224)), ((5, 7), (31, 40)), ((9, 9), (9, 8))])
def test_unscaled_maps_keep_their_unit_and_sign(native, size):
    maps = torch.randn(1, 6, *native, generator=torch.Generator().manual_seed(4)).double() * 250 - 100
    masks = some_masks(size, seed=3)
    owner = torch.zeros(len(masks), dtype=int)
    statistics = mask_statistics(maps, masks, owner, size, scale="none")
    for values, wanted in zip(statistics, plain(maps, masks, owner, size), strict=True):
        assert_close(values, wanted, 1e-10)


def test_only_pixels_that_can_hold_a_maximum_are_looked_at():
    """With exact arithmetic: whole numbers as samples, so that ties are real ones."""
    rng = np.random.default_rng(0)
    for native, size in [((3, 4), (17, 21)), ((2, 2), (9, 9)), ((1, 3), (6, 12)), ((5, 5), (7, 6))]:
        y, x = (resize_axis(n, p) for n, p in zip(native, size, strict=True))
        matrices = [axis.rows(np.arange(len(axis))) for axis in (y, x)]
        for mask in some_masks(size, seed=1) * 3:
            place = maximum_pixels(mask, module.mask_bounds(mask), y, x)
            assert mask[tuple(place.T)].all() and len(place) <= mask.sum()
            for _ in range(10):
                resized = matrices[0] @ rng.integers(0, 3, native) @ matrices[1].T
                assert resized[tuple(place.T)].max() == pytest.approx(resized[mask].max(), abs=1e-12)


def test_few_pixels_are_looked_at():
    y = resize_axis(13, 224)
    inside = np.hypot(*(np.mgrid[:224, :224] - 111.5)) < 90
    assert len(maximum_pixels(inside, module.mask_bounds(inside), y, y)) < 0.03 * inside.sum()


@pytest.mark.parametrize("scale", ["map", "none"])
def test_a_rectangular_mask_has_the_boxs_statistics(scale):
    maps, size, rng = random_maps((13, 9)), (80, 61), np.random.default_rng(0)
    boxes, masks = [], []
    for _ in range(30):
        y0, x0 = rng.integers(0, size[0]), rng.integers(0, size[1])
        y1, x1 = rng.integers(y0, size[0]) + 1, rng.integers(x0, size[1]) + 1
        boxes.append([x0, y0, x1, y1])
        masks.append(np.zeros(size, dtype=bool))
        masks[-1][y0:y1, x0:x1] = True
    owner = torch.arange(30) % 2
    by_box = box_statistics(maps, torch.tensor(np.array(boxes)), owner, size, scale=scale)
    by_mask = mask_statistics(maps, masks, owner, size, scale=scale)
    assert all(torch.equal(box, mask) for box, mask in zip(by_box, by_mask, strict=True))


def test_a_mask_that_is_almost_a_box_is_almost_the_box(monkeypatch):
    """The path of masks itself, on boxes: what it gives does not hang on which path is taken."""
    maps, size = random_maps((13, 9)), (80, 61)
    mask = np.zeros(size, dtype=bool)
    mask[7:50, 11:60] = True
    by_box = box_statistics(maps, torch.tensor([[11, 7, 60, 50]]), torch.tensor([1]), size)
    monkeypatch.setattr(module, "mask_bounds", lambda mask: (0, 0, size[1], size[0]))  # never the area of the mask
    by_mask = mask_statistics(maps, [mask], torch.tensor([1]), size)
    for expected, values in zip(by_box, by_mask, strict=True):
        assert_close(values, expected, 1e-6)


def test_small_blocks_and_a_used_workspace_give_the_same():
    maps, size = random_maps((27, 27), channels=40), (224, 224)
    masks = some_masks(size, seed=1)
    masks += masks[:3]  # pixels that masks share
    owner = torch.arange(len(masks)) % 2
    whole = mask_statistics(maps, masks, owner, size)
    workspace = module.Workspace(maps)
    for block_bytes in (1, 200_000, 2**30):
        blocks = mask_statistics(maps, masks, owner, size, block_bytes=block_bytes, workspace=workspace)
        for expected, values in zip(whole, blocks, strict=True):
            assert_close(values, expected, 1e-6)


def test_empty_and_constant_maps_are_zero():
    maps = torch.stack([torch.zeros(4, 4), torch.full((4, 4), 2.5), torch.full((4, 4), 1e-30)])[None]
    mean, maximum = mask_statistics(maps, some_masks((32, 32), 0), torch.zeros(16, dtype=int), (32, 32))
    assert not mean.any() and not maximum.any()


def test_no_masks_and_bad_ones():
    maps, size = random_maps((5, 5)), (20, 20)
    assert mask_statistics(maps, [], torch.empty(0, dtype=int), size)[0].shape == (0, 6)
    good = np.eye(20, dtype=bool)
    for bad in (np.zeros(size, dtype=bool), np.ones((20, 21), dtype=bool), np.ones(size)):
        with pytest.raises(InputError, match="mask cannot be used"):
            mask_statistics(maps, [good, bad], torch.tensor([0, 1]), size)
    for images in ([2], [-1], [0, 1]):
        with pytest.raises(InputError, match="do not fit"):
            mask_statistics(maps, [good], torch.tensor(images), size)
    maps[1, 2, 0, 0] = float("nan")
    with pytest.raises(InputError, match="not finite"):
        mask_statistics(maps, [good], torch.tensor([0]), size)
    with pytest.raises(ParameterError, match="scale"):
        mask_statistics(maps, [good], torch.tensor([0]), size, scale="layer")
