from __future__ import annotations

import numpy as np
import pytest
import torch

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.regions.occlusion import box_mask, fill_from_surroundings, hide_in_maps


def test_a_mask_covers_the_pixels_that_boxes_touch():
    mask = box_mask(torch.tensor([[1.2, 0.0, 3.0, 2.5], [-5.0, 4.0, 1.0, 9.0], [8.0, 8.0, 9.0, 9.0]]), 6, 8)
    wanted = np.zeros((6, 8), dtype=bool)
    wanted[0:3, 1:3] = True
    wanted[4:6, 0:1] = True
    assert np.array_equal(mask.numpy(), wanted)
    assert not box_mask(torch.empty(0, 4), 6, 8).any()


def test_what_is_not_hidden_stays_and_what_is_hidden_does_not_show_through():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 3, 37, 50, generator=generator)
    hidden = torch.zeros(3, 37, 50, dtype=torch.bool)
    hidden[0, 5:20, 8:30] = hidden[1, :, 10:] = True
    hidden[1, 3, 20] = False
    result = fill_from_surroundings(images, hidden)
    seen = (~hidden)[:, None].expand_as(images)
    assert torch.equal(result[seen], images[seen]) and torch.equal(result[2], images[2])
    other = torch.where(seen, images, torch.randn(images.shape, generator=generator) * 100)
    assert torch.equal(fill_from_surroundings(other, hidden), result)
    for each, was, mask in zip(result, images, hidden, strict=True):  # an average of what is known, nothing beyond
        for channel in range(3):
            known = was[channel][~mask]
            assert known.min() - 1e-5 <= each[channel].min() and each[channel].max() <= known.max() + 1e-5


def test_a_plain_ground_is_continued_exactly_and_a_slope_nearly():
    hidden = torch.zeros(1, 40, 40, dtype=torch.bool)
    hidden[0, 10:30, 12:33] = True
    plain = torch.full((1, 3, 40, 40), 0.7)
    square = torch.where(hidden[:, None], -3.0, plain)
    assert torch.allclose(fill_from_surroundings(square, hidden), plain, rtol=0, atol=1e-5)
    slope = torch.linspace(0, 1, 40).expand(1, 3, 40, 40)
    result = fill_from_surroundings(torch.where(hidden[:, None], 9.0, slope), hidden)
    assert float((result - slope).abs().max()) < 0.3 and float((result - slope).abs().mean()) < 0.05


def test_a_picture_that_is_hidden_as_a_whole_becomes_the_mean_colour():
    images = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    hidden = torch.tensor([True, False])[:, None, None].expand(2, 9, 9)
    result = fill_from_surroundings(images, hidden)
    assert not result[0].any() and torch.equal(result[1], images[1])


def test_neighbours_in_a_batch_do_not_matter():
    images = torch.randn(4, 3, 20, 20, generator=torch.Generator().manual_seed(2))
    hidden = torch.zeros(4, 20, 20, dtype=torch.bool)
    for image in range(4):
        hidden[image, : 5 * image, 3:18] = True
    whole = fill_from_surroundings(images, hidden)
    for image in range(4):
        alone = fill_from_surroundings(images[image : image + 1], hidden[image : image + 1])
        assert torch.allclose(alone[0], whole[image], rtol=0, atol=1e-6)


def test_maps_lose_the_cells_that_are_hidden():
    maps = torch.arange(1.0, 9.0).reshape(1, 2, 2, 2)
    hidden = torch.zeros(1, 8, 8, dtype=torch.bool)
    hidden[0, :4, :6] = True  # the upper left cell, and half of the upper right one
    result = hide_in_maps(maps, hidden, (8, 8))
    left = torch.tensor([[0.0, 0.5], [1.0, 1.0]])
    assert torch.allclose(result, maps * left, rtol=0, atol=1e-6)
    assert torch.equal(hide_in_maps(maps, hidden & False, (8, 8)), maps)


def test_refuses_what_does_not_fit():
    images, hidden = torch.zeros(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.bool)
    with pytest.raises(InputError, match="do not fit"):
        fill_from_surroundings(images, hidden[:1])
    with pytest.raises(InputError, match="do not fit"):
        fill_from_surroundings(images, hidden.float())
    with pytest.raises(InputError, match="not finite"):
        fill_from_surroundings(images * float("nan"), hidden)
    with pytest.raises(InputError, match="hidden area"):
        hide_in_maps(torch.zeros(2, 4, 3, 3), hidden, (9, 9))
