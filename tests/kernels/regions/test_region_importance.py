from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.kernels.regions.region import Regions
from o2b_helpers.kernels.regions.region_importance import exchanged_hits, region_importance, scaled_at_input

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


def test_boxes_that_have_nothing_to_do_with_the_maps_are_rarely_beyond_exchanges():
    small = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        maps = scaled_at_input(torch.from_numpy(rng.uniform(size=(40, 6, 6))).float(), SIZE)
        corner = rng.integers(0, 28, (60, 2))
        regions = Regions(np.hstack([corner, corner + 10]).astype(float), rng.integers(0, 40, 60))
        ((_, hosts, hits),) = exchanged_hits(regions, np.zeros(60, int), maps, SIZE, 0.6, exchanges=99, seed=seed)
        own = region_importance(regions, maps, SIZE) > 0.6
        count = len(np.unique(regions.image[own]))
        small.append((1 + (hits.sum(1) >= count).sum()) / 100)
    assert np.mean(np.array(small) <= 0.1) < 0.2 and 0.4 < np.mean(small) < 0.7


def test_an_unknown_importance_and_no_region(scene):
    maps, regions, _ = scene
    with pytest.raises(ParameterError, match="importance"):
        region_importance(regions, maps, SIZE, "median")
    assert region_importance(Regions(np.empty((0, 4)), np.empty(0, int)), maps, SIZE).shape == (0,)


@pytest.mark.parametrize(("importance", "threshold"), [("mean", 0.45), ("homogeneity", 0.3), ("share", 1.05)])
@pytest.mark.parametrize(("masked", "pairs"), [(False, 0), (True, 0), (False, 20), (True, 20)])
def test_exchanges_are_those_of_plain_loops(scene, masked, pairs, importance, threshold, monkeypatch):
    maps, regions, label = scene
    maps = scaled_at_input(maps, SIZE)
    kept = np.flatnonzero(~np.isnan(region_importance(regions, maps, SIZE)))
    masks = None
    if masked:
        masks = [np.random.default_rng(number).uniform(size=SIZE) < 0.1 for number in kept]
        masks[0] = None
    regions, label = Regions(regions.boxes[kept], regions.image[kept], masks), label[kept]
    monkeypatch.setattr("o2b_helpers.kernels.regions.region_importance.REGIONS_AT_ONCE", 50)
    monkeypatch.setattr("o2b_helpers.kernels.regions.region_importance.PAIRS_PER_EXCHANGE", pairs)
    monkeypatch.setattr("o2b_helpers.kernels.regions.region_importance.VALUES_AT_ONCE", 50)
    seen = []
    for number, hosts, hits in exchanged_hits(regions, label, maps, SIZE, threshold, importance, exchanges=15, seed=7):
        seen.append(number)
        assert hosts.tolist() == sorted(set(regions.image[label == number])) and hits.shape == (15, len(hosts))
        rng = np.random.default_rng([7, number])
        for row in hits:
            donors = rng.permuted(np.arange(len(hosts))[None], axis=1)[0]
            for host, donor, hit in zip(hosts, donors, row, strict=True):
                rows = np.flatnonzero((label == number) & (regions.image == hosts[donor]))
                given = Regions(regions.boxes[rows], np.full(len(rows), host),
                                None if masks is None else [masks[n] for n in rows])  # fmt: skip
                assert hit == bool((region_importance(given, maps, SIZE, importance) > threshold).any())
    assert seen == [0, 1, 2]
