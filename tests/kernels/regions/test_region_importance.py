from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.kernels.regions.region import Regions
from o2b_helpers.kernels.regions.region_importance import region_importance, scaled_at_input

SIZE = (40, 40)


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(0)
    maps = torch.from_numpy(rng.uniform(0.5, 4, (4, 6, 6))).float()
    maps[3] = 0
    corner = rng.integers(0, 25, (60, 2))
    boxes = np.hstack([corner, corner + rng.integers(3, 15, (60, 2))]).astype(float)
    boxes[5] = [50, 50, 60, 60]  # outside
    return maps, Regions(boxes, rng.integers(0, 4, 60)), rng.integers(0, 3, 60)


def resized(maps: torch.Tensor) -> np.ndarray:
    """Resize each map and scale it from 0 to 1, as the paper's libraries do."""
    large = interpolate(maps[:, None], SIZE, mode="bilinear", align_corners=False)[:, 0]
    low, high = large.amin((1, 2), keepdim=True), large.amax((1, 2), keepdim=True)
    return torch.where(high > low, (large - low) / (high - low).clamp(min=1e-12), 0.0).numpy()


@pytest.mark.parametrize("importance", ["mean", "homogeneity", "share"])
def test_importance_is_that_of_scaled_and_resized_maps(scene, importance):
    maps, regions, _ = scene
    whole, values = resized(maps), region_importance(regions, scaled_at_input(maps, SIZE), SIZE, importance)
    for (x0, y0, x1, y1), image, value in zip(regions.boxes.astype(int), regions.image, values, strict=True):
        inside = whole[image][y0:y1, x0:x1]
        if not inside.size:
            assert np.isnan(value)
            continue
        mean, total = inside.mean(), whole[image].sum()
        area = inside.size / whole[image].size
        expected = {
            "mean": mean,
            "homogeneity": mean * mean / inside.max() if inside.max() else 0,
            "share": inside.sum() / total / area if total else 0,
        }[importance]
        assert value == pytest.approx(expected, abs=1e-5)


def test_masks_are_asked_for_their_own_pixels(scene):
    maps, regions, _ = scene
    masks = [np.random.default_rng(number).uniform(size=SIZE) < 0.2 for number in range(10)]
    own = Regions(regions.boxes[:10], regions.image[:10], masks)
    whole = resized(maps)
    expected = [whole[image][mask].mean() for image, mask in zip(own.image, masks, strict=True)]
    np.testing.assert_allclose(region_importance(own, scaled_at_input(maps, SIZE), SIZE), expected, atol=1e-5)


def test_an_unknown_importance_and_no_region(scene):
    maps, regions, _ = scene
    with pytest.raises(ParameterError, match="importance"):
        region_importance(regions, maps, SIZE, "median")
    assert region_importance(Regions(np.empty((0, 4)), np.empty(0, int)), maps, SIZE).shape == (0,)
