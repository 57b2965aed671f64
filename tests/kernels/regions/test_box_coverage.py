from __future__ import annotations

import numpy as np
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.regions.box_coverage import box_coverage
from o2b_helpers.kernels.regions.exchanged_boxes import exchanged_partners


def dense(result, shape):
    table = np.zeros(shape)
    table[result[0], result[1]] = result[2]
    return table


def test_shares_are_those_of_counted_pixels():
    rng = np.random.default_rng(0)
    corners = np.sort(rng.integers(0, 20, (30, 2, 2)), axis=1).reshape(30, 4)
    corners[4, 2] = corners[4, 0]  # no area
    image, label = rng.integers(0, 6, 30), rng.integers(0, 4, 30)
    result = dense(box_coverage(corners, image, label), (30, 4))
    pixels = np.zeros((30, 20, 20), dtype=bool)
    for box, (x0, y0, x1, y1) in enumerate(corners):
        pixels[box, y0:y1, x0:x1] = True
    for box in range(30):
        for c in range(4):
            cover = pixels[(image == image[box]) & (label == c)].any(0)
            area = pixels[box].sum()
            assert result[box, c] == pytest.approx((pixels[box] & cover).sum() / area if area else 0.0, abs=1e-12)
    real = pixels.any((1, 2))
    assert (result[real, label[real]] == 1).all() and not result[~real].any() and not real.all()


def test_boxes_of_one_class_count_once_where_they_overlap():
    boxes = [[0, 0, 4, 4], [0, 0, 2, 4], [0, 0, 2.5, 4], [0, 0, 4, 1]]
    result = dense(box_coverage(np.array(boxes), np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])), (4, 2))
    assert np.allclose(result, [[1, 0.625], [1, 1], [1, 1], [0, 1]], rtol=0, atol=1e-15)


def test_no_boxes_and_bad_ones():
    assert [len(each) for each in box_coverage(np.empty((0, 4)), np.empty(0, int), np.empty(0, int))] == [0, 0, 0]
    with pytest.raises(InputError, match="do not fit"):
        box_coverage(np.zeros((2, 4)), np.zeros(1, int), np.zeros(2, int))
    with pytest.raises(InputError, match="do not fit"):
        box_coverage(np.full((1, 4), np.nan), np.zeros(1, int), np.zeros(1, int))


def test_every_image_gives_its_boxes_once_and_keeps_none():
    names = [f"{number:03d}.png" for number in range(200)]
    given = exchanged_partners(names, 0)
    assert sorted(given) == list(range(200)) and not (given == np.arange(200)).any()
    assert (given == exchanged_partners(names, 0)).all() and (given != exchanged_partners(names, 1)).any()
    assert exchanged_partners(["a", "b"], 0).tolist() == [1, 0]
    assert exchanged_partners(["a"], 0).tolist() == [-1] and exchanged_partners([], 0).tolist() == []


def test_one_more_image_changes_one_exchange():
    names = [f"{number:03d}.png" for number in range(100)]
    before, after = exchanged_partners(names, 3), exchanged_partners([*names, "new.png"], 3)
    assert (before != after[:-1]).sum() == 1
