"""Estimators of filter sensitivity, against plain loops over boxes that a real kernel has scored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hand_network import LAYER, SIZE, colours, draw_squares, sums_over
from kernels_reference import assert_close

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.kernels.cams.filter_scores import filter_scores
from o2b_helpers.kernels.regions.exchanged_boxes import exchanged_partners
from o2b_helpers.kernels.statistics.sensitivity import ESTIMATORS, sensitivity
from o2b_helpers.models.heads.readout import Readout

READOUT = Readout.valence(torch.tensor([[1.0, -0.05, 0.3, 0.02], [-1.0, 0.4, 0.05, 0.02]]), torch.zeros(2))


def scores_of(squares, places):
    """Scores of single boxes, gated (run, filter, box) and ungated (filter, box): places lists (image, box)."""
    corners = torch.tensor(np.array([box for _, box in places]))
    owner, alone = torch.tensor([image for image, _ in places]), torch.arange(len(places))
    actual = filter_scores(
        colours(), squares.images, READOUT, corners, owner, alone, len(places), [LAYER], ungated=True, batch_size=3
    )
    return actual.score_sum, np.broadcast_to(actual.ungated_sum, actual.score_sum.shape)


def overlapping():
    """Squares whose boxes are drawn too large here and there, so that they cover each other in part."""
    squares = draw_squares(12, seed=4, present=0.7)
    rng = np.random.default_rng(5)
    there = squares.boxes[..., 2] > 0
    grown = np.clip(squares.boxes + rng.uniform(-9, 9, squares.boxes.shape).round() * [1, 1, -1, -1], 0, SIZE)
    grown = np.where((grown[..., 2:] > grown[..., :2]).all(-1, keepdims=True), grown, squares.boxes)
    squares.boxes = np.where(there[..., None], grown, 0.0)
    return squares


def coverage(boxes):
    """m (box, class) of one image's boxes (class, 4), by counting pixels."""
    pixels = np.zeros((3, SIZE, SIZE), dtype=bool)
    for label, (x0, y0, x1, y1) in enumerate(boxes.astype(int)):
        pixels[label, y0:y1, x0:x1] = True
    area = pixels.sum((1, 2))
    return np.array([[(item & other).sum() for other in pixels] for item in pixels]) / np.maximum(area, 1)[:, None]


@pytest.fixture(scope="module")
def loops():
    """Every estimator's S by plain loops over boxes."""
    squares = overlapping()
    there = squares.boxes[..., 2] > squares.boxes[..., 0]
    shown = np.flatnonzero(there.any(1))
    given = dict(zip(shown, shown[exchanged_partners([str(item) for item in shown], 0)], strict=True))
    own = [(image, label, image) for image in shown for label in np.flatnonzero(there[image])]
    exchanged = [(image, label, given[image]) for image in shown for label in np.flatnonzero(there[given[image]])]
    cover = {image: coverage(squares.boxes[image]) for image in shown}
    assert any((0 < item).sum() > there[image].sum() for image, item in cover.items())  # some do cover each other
    result = {}
    for prefix, kind in (("", 0), ("ungated", 1)):
        sums = {}
        for name, boxes in (("own", own), ("exchanged", exchanged)):
            places = [(image, squares.boxes[donor, label]) for image, label, donor in boxes]
            scores = scores_of(squares, places)[kind]
            mean, products, count = np.zeros((2, 4, 3)), np.zeros((2, 4, 3)), np.zeros(3)
            matrix = []
            for number, (_, label, donor) in enumerate(boxes):
                mean[:, :, label] += scores[:, :, number]
                count[label] += 1
                matrix.append(cover[donor][label])
                for other in range(3):
                    products[:, :, other] += cover[donor][label, other] * scores[:, :, number]
            regressed = np.linalg.lstsq(np.array(matrix), scores.reshape(8, -1).T, rcond=None)[0].T.reshape(2, 4, 3)
            sums[name] = mean / count, regressed
        (mean, regressed), (null, null_regressed) = sums["own"], sums["exchanged"]
        centred = mean - (mean[..., 0] + mean[..., 1] + mean[..., 2])[..., None] / 3
        for name, values in {
            "sum": mean,
            "confidence": mean,
            "centred": centred,
            "lift": mean - null,
            "overlap_adjusted": regressed,
            "overlap_adjusted_lift": regressed - null_regressed,
        }.items():
            full = "_".join(part for part in (prefix, name) if part)
            result["ungated" if full == "ungated_sum" else full] = values
    return squares, result


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_equals_plain_loops(loops, estimator):
    squares, wanted = loops
    actual = sensitivity(estimator, sums_over(colours(), squares, READOUT))
    assert_close(actual, wanted[estimator], 1e-4)
    assert np.abs(wanted[estimator]).max() > 0.1
    if estimator not in ("confidence", "sum"):
        assert np.abs(actual - wanted["sum"]).max() > 0.01


def test_confidence_weighs_boxes():
    sums = {
        "score_sum": np.array([[[1.5, 0.2]]]),
        "box_count": np.array([2, 1]),
        "confidence_sum": np.array([[[0.9 * 1.0 + 0.3 * 0.5, 0.2 * 0.5]]]),
        "confidence_total": np.array([1.2, 0.5]),
    }
    assert np.allclose(sensitivity("confidence", sums), [[[1.05 / 1.2, 0.2]]], rtol=0, atol=1e-15)
    assert np.allclose(sensitivity("sum", sums), [[[0.75, 0.2]]], rtol=0, atol=1e-15)


def box_sums(members, scores):
    """The sums of boxes with known shares m (box, class), each of the class that it covers first, and their scores."""
    own = members.argmax(1)
    mean = np.array([[[scores[own == c].sum() for c in range(members.shape[1])]]])
    count = np.bincount(own, minlength=members.shape[1])
    return {
        "score_sum": mean,
        "box_count": count,
        "coverage_sum": (members.T @ scores)[None, None],
        "coverage_gram": members.T @ members,
    }


def test_of_two_classes_that_always_overlap_the_regression_finds_the_right_one():
    """A person wears a tie: the tie's box lies in the person's. The filter answers to persons, not to ties."""
    tie = np.array([0.2, 0.3, 0.1, 0.4])  # share of each person's box that the tie covers
    members = np.vstack([np.column_stack([np.ones(4), tie]), np.column_stack([np.full(4, 0.999), np.ones(4)])])
    scores = np.full(8, 0.8)
    scores[4:] = 0.95  # the middle of a person, where the tie is, is more homogeneous than all of the person's box
    sums = box_sums(members, scores)
    assert sums["box_count"].tolist() == [4, 4]
    plain, adjusted = (sensitivity(name, sums)[0, 0] for name in ("sum", "overlap_adjusted"))
    assert plain.argmax() == 1  # the tie
    assert adjusted.argmax() == 0 and adjusted[0] > 3 * abs(adjusted[1])
    wanted = np.linalg.lstsq(members, scores, rcond=None)[0]
    assert np.allclose(adjusted, wanted, rtol=0, atol=1e-9)


def test_classes_in_exactly_the_same_place_share_their_score():
    members = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    sums = box_sums(members, np.array([0.6, 0.8, 0.3]))
    sums["box_count"], sums["score_sum"] = np.array([1, 1, 1]), np.array([[[0.6, 0.8, 0.3]]])
    wanted = [1.4 / 4.01, 1.4 / 4.01, 0.3 / 1.01]  # with the ridge of 0.01
    assert np.allclose(sensitivity("overlap_adjusted", sums), wanted, rtol=0, atol=1e-12)


def test_a_ball_that_is_sports_equipment_too_gets_no_wild_score():
    """One box, found twice with nearly the same corners: their difference says next to nothing."""
    members = np.array([[1.0, 0.99, 0.0], [0.985, 1.0, 0.0], [0.0, 0.0, 1.0]])
    sums = box_sums(members, np.array([0.59, 0.55, 0.3]))
    exact = np.linalg.solve(members, [0.59, 0.55, 0.3])
    assert np.abs(exact).max() > 1.4  # out of the range of any score
    actual = sensitivity("overlap_adjusted", sums)[0, 0]
    assert (actual > 0.2).all() and (actual < 0.4).all() and abs(actual[:2].sum() - 0.57) < 0.02


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_class_without_boxes_is_missing_and_does_not_disturb_others(estimator):
    squares = overlapping()
    full = sums_over(colours(), squares, READOUT)
    wider = {}
    for name, values in full.items():
        place = 1 if values.shape[-1] == 3 else None
        wider[name] = np.insert(values, place, 0, axis=-1) if place else values
    wider["coverage_gram"] = np.insert(np.insert(full["coverage_gram"], 1, 0, axis=0), 1, 0, axis=1)
    actual = sensitivity(estimator, wider)
    assert np.isnan(actual[..., 1]).all()
    assert np.allclose(np.delete(actual, 1, axis=-1), sensitivity(estimator, full), rtol=0, atol=1e-12)


def test_a_single_image_gives_no_lift():
    squares = draw_squares(1, seed=6)
    sums = sums_over(colours(), squares, READOUT)
    assert not sums["exchanged_count"].any()
    for estimator in ESTIMATORS:
        assert np.isnan(sensitivity(estimator, sums)).all() == ("lift" in estimator)


def test_every_image_gives_its_boxes_once():
    sums = sums_over(colours(), overlapping(), READOUT)
    assert np.array_equal(sums["exchanged_count"], sums["box_count"])
    assert np.allclose(sums["confidence_total"], 0.8 * sums["box_count"], rtol=0, atol=1e-9)
    assert np.allclose(sums["score_square_sum"] <= sums["score_sum"] + 1e-12, True)


def test_refuses_what_does_not_fit():
    sums = sums_over(colours(), overlapping(), READOUT)
    with pytest.raises(ParameterError, match="estimator"):
        sensitivity("median", sums)
    with pytest.raises(InputError, match="coverage_gram"):
        sensitivity("overlap_adjusted", {name: item for name, item in sums.items() if name != "coverage_gram"})
    with pytest.raises(InputError, match="coverage_gram"):
        sensitivity("overlap_adjusted", {**sums, "coverage_gram": np.eye(2)})
    with pytest.raises(InputError, match="exchanged_sum"):
        sensitivity("lift", {**sums, "exchanged_sum": sums["exchanged_sum"][:1]})
    with pytest.raises(InputError, match="box_count"):
        sensitivity("sum", {**sums, "box_count": np.ones(2)})
