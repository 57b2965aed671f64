from __future__ import annotations

import numpy as np
import pytest
import torch

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.kernels.regions.class_exchanges import class_exchanges
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


def test_boxes_that_have_nothing_to_do_with_the_maps_are_rarely_beyond_exchanges():
    small = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        maps = scaled_at_input(torch.from_numpy(rng.uniform(size=(40, 6, 6))).float(), SIZE)
        corner = rng.integers(0, 28, (60, 2))
        regions = Regions(np.hstack([corner, corner + 10]).astype(float), rng.integers(0, 40, 60))
        (exchanges,) = class_exchanges(regions, np.zeros(60, int), maps, SIZE, 0.6, seed=seed)
        own = region_importance(regions, maps, SIZE) > 0.6
        count = len(np.unique(regions.image[own]))
        small.append((1 + (exchanges.draw(99).sum(1) >= count).sum()) / 100)
    assert np.mean(np.array(small) <= 0.1) < 0.2 and 0.4 < np.mean(small) < 0.7


@pytest.mark.parametrize(("importance", "threshold"), [("mean", 0.45), ("homogeneity", 0.3), ("share", 1.05)])
@pytest.mark.parametrize(("masked", "pairs"), [(False, 0), (True, 0), (False, 16), (True, 16)])
def test_exchanges_are_those_of_plain_loops(scene, masked, pairs, importance, threshold, monkeypatch):
    maps, regions, label = scene
    maps = scaled_at_input(maps, SIZE)
    kept = np.flatnonzero(~np.isnan(region_importance(regions, maps, SIZE)))
    masks = None
    if masked:
        masks = [np.random.default_rng(number).uniform(size=SIZE) < 0.1 for number in kept]
        masks[0] = None
    regions, label = Regions(regions.boxes[kept], regions.image[kept], masks), label[kept]
    limits = {"REGIONS_AT_ONCE": 50, "VALUES_AT_ONCE": 50, "DRAWN_AT_ONCE": 12, "MOST_PAIRS": pairs}
    for name, limit in limits.items():
        monkeypatch.setattr(f"o2b_helpers.kernels.regions.class_exchanges.{name}", limit)
    seen = []
    for own in class_exchanges(regions, label, maps, SIZE, threshold, importance, seed=7):
        number, hosts = own.label, own.hosts
        hits = np.concatenate([own.draw(9), own.draw(6)])
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


def test_counts_are_those_of_the_next_draws(scene, monkeypatch):
    maps, regions, label = scene
    maps = scaled_at_input(maps, SIZE)
    kept = np.flatnonzero(~np.isnan(region_importance(regions, maps, SIZE)))
    regions, label = Regions(regions.boxes[kept], regions.image[kept]), label[kept]
    monkeypatch.setattr("o2b_helpers.kernels.regions.class_exchanges.DRAWN_AT_ONCE", 12)
    member = np.array([[1.0, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]])
    counted, drawn = (list(class_exchanges(regions, label, maps, SIZE, 0.45, seed=3)) for _ in range(2))
    for one, other in zip(counted, drawn, strict=True):
        assert one.draw(5).tolist() == other.draw(5).tolist()
        expected = [[hits[own > 0].sum() for own in member[:, one.hosts]] for hits in other.draw(10)]
        assert one.counts(member[:, one.hosts], 10).tolist() == expected


def test_an_unknown_importance_is_refused(scene):
    maps, regions, label = scene
    with pytest.raises(ParameterError, match="importance"):
        next(class_exchanges(regions, label, maps, SIZE, 0.5, "median"))
