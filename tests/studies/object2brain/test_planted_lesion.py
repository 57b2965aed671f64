"""One filter is the only route from red squares to the output: every estimator has to find it, and red."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hand_network import BLUE, CLASSES, GREEN, LAYER, OTHER, RED, SIZE, colours, draw_squares, sums_over

from o2b_helpers.kernels.lesions.single_filters import lesion_predictions
from o2b_helpers.kernels.regions.occlusion import box_mask, fill_from_surroundings, hide_in_maps
from o2b_helpers.kernels.statistics.permutation_null import unit_ranks
from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.kernels.statistics.sensitivity import ESTIMATORS, sensitivity
from o2b_helpers.kernels.statistics.weight_coefficients import weight_coefficients
from o2b_helpers.models.heads.readout import Readout

# the first run likes red; in the second one red speaks against the output, and the target's sign is the other one
HEAD = torch.tensor([[1.0, -0.05, 0.0, 0.02], [-1.0, 0.0, 0.05, 0.02]]), torch.zeros(2)
READOUT = Readout.valence(*HEAD)
UNGATED = [name for name in ESTIMATORS if name.startswith("ungated")]
GATED = [name for name in ESTIMATORS if name not in UNGATED]


@pytest.fixture(scope="module")
def study():
    backbone, corpus, stimuli = colours(), draw_squares(60, seed=1, present=0.8), draw_squares(40, seed=2, present=0.8)
    features = backbone.features(stimuli.images)
    target = stimuli.area[:, RED] + np.random.default_rng(3).normal(0, 10, len(stimuli.images))
    base = READOUT.outputs(features).numpy()
    lesioned = lesion_predictions(backbone, stimuli.images, READOUT, LAYER).numpy()
    return backbone, corpus, stimuli, target, base, lesioned


def test_the_network_is_what_it_should_be(study):
    backbone, _, stimuli, *_ = study
    features = backbone.features(stimuli.images)
    assert np.corrcoef(features[:, RED], stimuli.area[:, RED])[0, 1] > 0.999
    assert np.corrcoef(features[:, OTHER], stimuli.area[:, [GREEN, BLUE]].sum(1))[0, 1] > 0.999
    assert not backbone.features(torch.zeros(1, 3, SIZE, SIZE)).any()


def test_only_the_lesion_of_this_filter_takes_the_alignment_away(study):
    _, _, _, target, base, lesioned = study
    rho = rank_correlation(base, target[None])
    delta = rho[:, None] - rank_correlation(lesioned, target[None])
    assert rho[0, 0] > 0.9 and rho[1, 0] < -0.9
    assert abs(delta[:, RED, 0]).min() > 0.7 and abs(delta[:, [GREEN, BLUE, OTHER], 0]).max() < 0.1
    assert delta[0, RED, 0] > 0 > delta[1, RED, 0]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_sensitivity_and_weight_single_it_out(study, estimator):
    backbone, corpus, _, target, base, lesioned = study
    result = sensitivity(estimator, sums_over(backbone, corpus, READOUT))
    assert result.shape == (2, 4, 3) and np.isfinite(result).all()
    weights = weight_coefficients(result, base, lesioned) @ unit_ranks(target)
    runs = {0: 1} if estimator in GATED else {0: 1, 1: -1}
    for run, sign in runs.items():
        assert result[run, RED].argmax() == RED and np.argmax(result[run, :, RED]) == RED
        assert sign * weights[run, RED] > 0.4
        assert np.abs(weights[run, RED]) > 1.5 * np.abs(np.delete(weights[run], RED)).max()


@pytest.mark.parametrize("estimator", GATED)
def test_gated_estimators_miss_a_filter_that_speaks_against_the_output(study, estimator):
    """Why the ungated ones are offered: its map relu(w A) is empty everywhere, so that no class gets a weight."""
    backbone, corpus, *_ = study
    result = sensitivity(estimator, sums_over(backbone, corpus, READOUT))
    assert not result[1, RED].any()


@pytest.mark.parametrize("way", ["picture", "maps"])
def test_hiding_singles_red_out(study, way):
    backbone, _, stimuli, target, base, _ = study
    hidden = np.repeat(base[:, None], len(CLASSES), axis=1)
    for image, boxes in enumerate(stimuli.boxes):
        for label, box in enumerate(boxes):
            mask = box_mask(torch.tensor(box[None]), SIZE, SIZE)[None]
            if not mask.any():
                continue
            item = stimuli.images[image][None]
            if way == "picture":
                features = backbone.features(fill_from_surroundings(item, mask))
            else:
                features = backbone.tail(hide_in_maps(backbone.trunk(item, LAYER), mask, (SIZE, SIZE)), LAYER)
            hidden[:, label, image] = READOUT.outputs(features).numpy()[:, 0]
    every_class = np.broadcast_to(np.eye(3), (2, 3, 3))  # each class is a lesion of its own
    weights = weight_coefficients(every_class, base, hidden) @ unit_ranks(target)
    assert weights[0, RED] > 0.4 and weights[1, RED] < -0.4
    assert (np.abs(weights[:, RED]) > 3 * np.abs(weights[:, [GREEN, BLUE]]).max()).all()
