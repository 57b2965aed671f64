from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from kernels_reference import assert_close, box_values, score_of
from torch.nn import functional

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.kernels.regions.box_statistics import box_scores, box_statistics, pixel_boxes

GRIDS = [
    ((13, 13), (224, 224)),
    ((7, 7), (224, 224)),
    ((27, 27), (224, 224)),
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
    ((13, 13), (227, 227)),
    ((5, 5), (96, 96)),
    ((2, 3), (31, 37)),
    ((112, 56), (224, 224)),
    ((21, 20), (20, 21)),
]


def random_boxes(size, count, seed):
    height, width = size
    rng = np.random.default_rng(seed)
    boxes = []
    for _ in range(count):
        x0, y0 = rng.integers(0, width), rng.integers(0, height)
        boxes.append([x0, y0, rng.integers(x0, width) + 1, rng.integers(y0, height) + 1])
    boxes += [[0, 0, width, height], [0, 0, 1, 1], [width - 1, height - 1, width, height]]  # all, and corners
    boxes += [[width // 2, 0, width // 2 + 1, height], [0, height // 3, width, height // 3 + 1]]  # one pixel wide
    return torch.tensor(np.array(boxes))


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


@pytest.mark.parametrize(("native", "size"), GRIDS)
@pytest.mark.parametrize("resizer", ["torch", "cv2"])
def test_equals_statistics_of_resized_maps(native, size, resizer):
    maps = random_maps(native)
    boxes = random_boxes(size, 20, seed=native[0])
    owner = torch.arange(len(boxes)) % 2
    mean, maximum = box_statistics(maps, boxes, owner, size)
    ours = scaled(maps)
    assert mean.shape == maximum.shape == (len(boxes), maps.shape[1])
    for box in range(len(boxes)):
        for channel in range(maps.shape[1]):
            each = ours[owner[box], channel]
            if resizer == "torch":
                resized = functional.interpolate(each[None, None], size, mode="bilinear", align_corners=False)[0, 0]
                resized = resized.numpy()
            else:
                resized = cv2.resize(each.numpy(), size[::-1])
            wanted = box_values(resized, boxes[box])
            assert (float(mean[box, channel]), float(maximum[box, channel])) == pytest.approx(wanted, abs=1e-5)


def test_unscaled_maps_keep_their_unit():
    maps = random_maps((9, 14)) * 250
    size, boxes = (80, 120), random_boxes((80, 120), 15, seed=3)
    mean, maximum = box_statistics(maps[:1], boxes, torch.zeros(len(boxes), dtype=int), size, scale="none")
    resized = functional.interpolate(maps[:1], size, mode="bilinear", align_corners=False)[0].numpy()
    for box in range(len(boxes)):
        for channel in range(maps.shape[1]):
            wanted = box_values(resized[channel], boxes[box])
            assert (float(mean[box, channel]), float(maximum[box, channel])) == pytest.approx(wanted, rel=1e-5)


def test_empty_and_constant_maps_score_zero():
    maps = torch.stack([torch.zeros(4, 4), torch.full((4, 4), 2.5), torch.full((4, 4), 1e-30)])[None]
    boxes = torch.tensor([[0, 0, 32, 32], [5, 5, 6, 20]])
    mean, maximum = box_statistics(maps, boxes, torch.zeros(2, dtype=int), (32, 32))
    assert not mean.any() and not maximum.any()
    for score in ("homogeneity", "mean", "max", "ratio"):
        assert not box_scores(mean, maximum, score).any()


def test_box_on_an_empty_part_scores_zero_not_nan():
    maps = torch.zeros(1, 1, 8, 8)
    maps[..., 7, 7] = 1.0
    mean, maximum = box_statistics(maps, torch.tensor([[0, 0, 20, 20]]), torch.tensor([0]), (64, 64))
    assert float(mean) == float(maximum) == 0.0
    assert float(box_scores(mean, maximum)) == 0.0


def test_small_blocks_give_the_same():
    maps, size = random_maps((27, 27), channels=40), (224, 224)
    boxes = random_boxes(size, 6, seed=1)
    owner = torch.arange(len(boxes)) % 2
    for each, other in zip(
        box_statistics(maps, boxes, owner, size), box_statistics(maps, boxes, owner, size, block_bytes=1), strict=True
    ):
        assert_close(each, other, 1e-6)


@pytest.mark.parametrize("scale", ["map", "none"])
@pytest.mark.parametrize("block_bytes", [1, 100_000, 2**30])
def test_images_with_few_many_or_no_boxes(scale, block_bytes):
    size, maps = (64, 80), random_maps((9, 14), images=6)
    count = [0, 1, 40, 3, 0, 2]
    boxes = torch.cat([random_boxes(size, n, seed=n)[:n] for n in count])
    mixed = torch.randperm(len(boxes), generator=torch.Generator().manual_seed(0))
    boxes, owner = boxes[mixed], torch.repeat_interleave(torch.arange(6), torch.tensor(count))[mixed]
    mean, maximum = box_statistics(maps, boxes, owner, size, scale=scale, block_bytes=block_bytes)
    wanted = scaled(maps) if scale == "map" else maps
    resized = functional.interpolate(wanted, size, mode="bilinear", align_corners=False)
    for box, (x0, y0, x1, y1) in enumerate(boxes.tolist()):
        inside = resized[owner[box], :, y0:y1, x0:x1]
        tolerance = 1e-5 * max(1.0, float(inside.max()))
        assert_close(mean[box], inside.mean((1, 2)), tolerance)
        assert_close(maximum[box], inside.amax((1, 2)), tolerance)


def test_every_box_of_a_small_input():
    """All ranges of pixels along both axes: no place for a maximum is left out."""
    for native, size in (((5, 4), (14, 9)), ((3, 6), (11, 13)), ((8, 7), (8, 6))):
        maps = torch.randn(1, 5, *native, generator=torch.Generator().manual_seed(0)).abs()
        y, x = ([(start, stop) for start in range(n) for stop in range(start + 1, n + 1)] for n in size)
        boxes = torch.tensor([(x0, y0, x1, y1) for y0, y1 in y for x0, x1 in x])
        result = box_statistics(maps, boxes, torch.zeros(len(boxes), dtype=int), size, scale="none")
        resized = functional.interpolate(maps, size, mode="bilinear", align_corners=False)[0].double()
        inside = [resized[:, y0:y1, x0:x1] for x0, y0, x1, y1 in boxes.tolist()]
        assert_close(result[0], torch.stack([each.mean((1, 2)) for each in inside]), 1e-5)
        assert_close(result[1], torch.stack([each.amax((1, 2)) for each in inside]), 1e-5)


def test_negative_maps_too():
    maps, size = -1 - random_maps((6, 6)), (50, 40)
    boxes = random_boxes(size, 10, seed=5)
    result = box_statistics(maps[:1], boxes, torch.zeros(len(boxes), dtype=int), size, scale="none")[1]
    resized = functional.interpolate(maps[:1], size, mode="bilinear", align_corners=False)[0]
    wanted = torch.stack([resized[:, y0:y1, x0:x1].amax((1, 2)) for x0, y0, x1, y1 in boxes.tolist()])
    assert_close(result, wanted, 1e-5)


def test_no_boxes():
    boxes, owner = torch.empty(0, 4, dtype=int), torch.empty(0, dtype=int)
    mean, maximum = box_statistics(random_maps((7, 7)), boxes, owner, (50, 50))
    assert mean.shape == maximum.shape == (0, 6)


def test_box_statistics_refuses_bad_input():
    maps, boxes, owner = random_maps((5, 5)), torch.tensor([[0, 0, 5, 5]]), torch.tensor([0])
    broken = maps.clone()
    broken[1, 2, 0, 0] = float("nan")
    with pytest.raises(InputError, match="not finite"):
        box_statistics(broken, boxes, owner, (20, 20))
    with pytest.raises(InputError, match="inside its image"):
        box_statistics(maps, torch.tensor([[0, 0, 21, 5]]), owner, (20, 20))
    with pytest.raises(InputError, match="inside its image"):
        box_statistics(maps, torch.tensor([[3, 0, 3, 5]]), owner, (20, 20))
    with pytest.raises(InputError, match="inside its image"):
        box_statistics(maps, boxes, torch.tensor([2]), (20, 20))
    with pytest.raises(ParameterError, match="align"):
        box_statistics(maps, boxes, owner, (20, 20), align="corners")
    with pytest.raises(ParameterError, match="score"):
        box_scores(maps[0, 0], maps[0, 0], "median")


def test_pixel_boxes_take_every_touched_pixel():
    boxes = torch.tensor(
        [
            [1.2, 3.9, 5.0, 7.1],
            [4.3, 4.3, 4.4, 9.0],  # within one column
            [-8.0, -8.0, 500.0, 500.0],  # covers all
            [-20.0, 0.0, 0.0, 10.0],  # left of the input
            [30.0, 5.0, 40.0, 6.0],  # right of it
            [6.0, 6.0, 6.0, 9.0],  # no width
            [29.5, 19.5, 30.0, 20.0],
        ]
    )
    pixels, kept = pixel_boxes(boxes, height=20, width=30)
    assert kept.tolist() == [True, True, True, False, False, False, True]
    assert pixels.tolist() == [[1, 3, 5, 8], [4, 4, 5, 9], [0, 0, 30, 20], [29, 19, 30, 20]]


def test_pixel_boxes_refuse_bad_corners():
    with pytest.raises(InputError, match="not finite"):
        pixel_boxes(torch.tensor([[0.0, float("nan"), 1.0, 1.0]]), 10, 10)
    with pytest.raises(InputError, match="wrong order"):
        pixel_boxes(torch.tensor([[5.0, 0.0, 1.0, 1.0]]), 10, 10)
    assert pixel_boxes(torch.empty(0, 4), 10, 10)[0].shape == (0, 4)


@pytest.mark.parametrize("score", ["homogeneity", "mean", "max", "ratio"])
def test_box_scores(score):
    mean, maximum = torch.tensor([[0.0, 0.2], [0.5, 1.0]]), torch.tensor([[0.0, 0.8], [0.5, 1.0]])
    result = box_scores(mean, maximum, score)
    for place in np.ndindex(2, 2):
        assert float(result[place]) == pytest.approx(score_of(float(mean[place]), float(maximum[place]), score))
