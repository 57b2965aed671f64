"""Further columns, squares and ungated sums of the kernel filter_scores, against plain loops over boxes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from filter_score_setting import LAYERS, N_CLASSES, setting
from kernels_reference import assert_close, scaled, some_runs

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.cams.filter_scores import filter_scores
from o2b_helpers.kernels.cams.score_sums import Membership

SCALES = ["filter", "layer"]


def columns(boxes=17, seed=3):
    """Each box in some of seven columns, with weights, one of them twice; the last column has no box."""
    rng = np.random.default_rng(seed)
    box, column = np.nonzero(rng.uniform(size=(boxes, 6)) < 0.4)
    box, column = np.append(box, box[0]), np.append(column, column[0])
    return Membership(box, column, rng.normal(size=len(box)), 7)


def single(things, cam_scale, **more):
    """Scores (run, filter, box): every box a class of its own."""
    network, pictures, readout, corners, owner, _ = things
    alone = torch.arange(len(corners))
    return filter_scores(
        network, pictures, readout, corners, owner, alone, len(corners), LAYERS, cam_scale=cam_scale, **more
    )


@pytest.mark.parametrize("cam_scale", SCALES)
def test_columns_are_weighted_sums_over_boxes(cam_scale):
    things, members = setting(), columns()
    result = filter_scores(
        *things, N_CLASSES, LAYERS, cam_scale=cam_scale, members=members, squares=True, ungated=True, batch_size=2
    )
    plain = filter_scores(*things, N_CLASSES, LAYERS, cam_scale=cam_scale, batch_size=2)
    assert np.array_equal(result.score_sum[..., :N_CLASSES], plain.score_sum)  # byte by byte
    assert np.array_equal(result.box_count[:N_CLASSES], plain.box_count) and result.dropped == plain.dropped > 0
    each = single(things, cam_scale, ungated=True)
    wanted, weights = np.zeros((2, 116, 7)), np.zeros(7)
    ungated, square = np.zeros((116, 7)), np.zeros((2, 116, N_CLASSES))
    kept = each.box_count > 0
    for box, column, weight in zip(members.box, members.column, members.weight, strict=True):
        wanted[:, :, column] += weight * each.score_sum[:, :, box]
        ungated[:, column] += weight * each.ungated_sum[:, box]
        weights[column] += weight * kept[box]
    for box, label in enumerate(things[5].tolist()):
        square[:, :, label] += each.score_sum[:, :, box] ** 2
    assert_close(result.score_sum[..., N_CLASSES:], wanted, 1e-5)
    assert_close(result.ungated_sum[:, N_CLASSES:], ungated, 1e-5)
    assert_close(result.square_sum, square, 1e-5)
    assert np.allclose(result.box_count[N_CLASSES:], weights, rtol=0, atol=1e-12)
    assert not result.score_sum[..., -1].any() and np.abs(wanted).max() > 0.1


@pytest.mark.parametrize("cam_scale", SCALES)
def test_ungated_scores_are_those_of_the_maps_whatever_the_gradient(cam_scale):
    network, pictures, readout, *boxes = setting()
    result = filter_scores(network, pictures, readout, *boxes, N_CLASSES, LAYERS, cam_scale=cam_scale, ungated=True)
    opposite = scaled(some_runs(readout, [0]), -1)
    other = filter_scores(
        network,
        pictures,
        opposite,
        *boxes,
        N_CLASSES,
        LAYERS,
        cam_scale=cam_scale,
        ungated=True,
    )
    assert np.array_equal(result.ungated_sum, other.ungated_sum)
    if cam_scale == "filter":  # in every image a filter's map is empty either for a head or for its opposite
        both = result.score_sum[0] + other.score_sum[0]
        last = slice(-48 + 4, None)  # the head reads the last layer itself, and w is 0 for one filter only
        assert_close(both[last], result.ungated_sum[last], 1e-9)
        assert not both[-48 + 3].any() and result.ungated_sum[-48 + 3].any()  # where w is 0, only ungated sums see it
    zero = filter_scores(
        network, pictures, scaled(readout, 0), *boxes, N_CLASSES, LAYERS, cam_scale=cam_scale, ungated=True
    )
    assert np.array_equal(zero.ungated_sum, result.ungated_sum) and not zero.score_sum.any()


def test_columns_squares_and_ungated_sums_add_up_over_shards():
    network, pictures, readout, corners, owner, classes = setting()
    members = columns()
    more = {"squares": True, "ungated": True}
    whole = filter_scores(
        network, pictures, readout, corners, owner, classes, N_CLASSES, LAYERS, members=members, **more
    )
    parts = []
    for images in (slice(0, 2), slice(2, 5)):
        spot = ((owner >= images.start) & (owner < images.stop)).numpy()
        place = np.cumsum(spot) - 1
        mine = spot[members.box]
        some = Membership(place[members.box[mine]], members.column[mine], members.weight[mine], 7)
        shard = corners[spot], owner[spot] - images.start, classes[spot]
        parts.append(filter_scores(network, pictures[images], readout, *shard, N_CLASSES, LAYERS, members=some, **more))
    for name in ("score_sum", "square_sum", "ungated_sum", "box_count"):
        assert_close(getattr(parts[0], name) + getattr(parts[1], name), getattr(whole, name), 1e-6)
    plain = filter_scores(network, pictures, readout, corners, owner, classes, N_CLASSES, LAYERS)
    assert plain.square_sum is None and plain.ungated_sum is None


def test_no_class_and_no_box():
    network, pictures, readout, *_ = setting()
    nothing = np.empty(0, int)
    empty = torch.empty(0, 4), torch.empty(0, dtype=int), torch.empty(0, dtype=int)
    for count in (0, 3):
        members = Membership(nothing, nothing, np.empty(0), 2 * count)
        result = filter_scores(
            network, pictures, readout, *empty, count, LAYERS, members=members, squares=True, ungated=True
        )
        assert result.score_sum.shape == (2, 116, 3 * count) and result.ungated_sum.shape == (116, 3 * count)
        assert result.square_sum.shape == (2, 116, count) and not result.box_count.any()


@pytest.mark.parametrize(
    ("box", "column", "weight"),
    [
        ([0, 1], [0], [1.0, 1.0]),
        ([0], [7], [1.0]),
        ([0], [-1], [1.0]),
        ([0.5], [0], [1.0]),
        ([0], [0], [np.nan]),
    ],
)
def test_columns_that_do_not_fit_are_refused(box, column, weight):
    with pytest.raises(InputError, match="do not fit"):
        Membership(np.array(box), np.array(column), np.array(weight), 7)


def test_a_column_of_a_box_that_does_not_exist_is_refused():
    members = Membership(np.array([17]), np.array([0]), np.array([1.0]), 1)
    with pytest.raises(InputError, match="does not exist"):
        filter_scores(*setting(), N_CLASSES, LAYERS, members=members)
