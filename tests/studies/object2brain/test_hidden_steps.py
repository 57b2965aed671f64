"""Sham boxes and mediation, as the steps store them, against plain recomputation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import SMALL, merged, write_profile
from scipy.stats import spearmanr

from o2b_helpers.core.files.labelled import read_dataset
from o2b_helpers.core.running.run import run_step
from o2b_helpers.inputs.images.preprocessing import load_images
from o2b_helpers.kernels.regions.occlusion import fill_from_surroundings
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.common.networks import load_model
from o2b_helpers.studies.common.targets import TargetGroup
from o2b_helpers.studies.object2brain.hidden.mediation import with_weights
from o2b_helpers.studies.object2brain.hidden.occlusion import area_in_input, hidden_classes, stimulus_boxes
from o2b_helpers.studies.object2brain.hidden.shams import area_of_donor, drawn_donors
from o2b_helpers.studies.object2brain.weights.inference import Evidence, Shams, sham_p
from o2b_helpers.studies.registry import load_params

SHAMS = 19
TREE = merged(SMALL, object2brain={"shams": SHAMS}, significance={"permutations": 99, "bootstrap": 99})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    params = load_params(write_profile(tmp_path_factory.mktemp("hidden"), TREE))
    for step in ("inputs", "human_targets", "valence_models", "objects"):
        run_step(params, step)
    folders = {name: run_step(params, name).folder for name in ("inputs", "valence_models", "objects")}
    return params, folders, {name: run_step(params, name).folder for name in ("occlusion", "shams", "mediation")}


@pytest.fixture(scope="module")
def pieces(finished):
    """What the steps work on: stimuli, boxes, classes, what is hidden, and a plain way to predict."""
    params, folders, _ = finished
    stimuli = inputs.load(params, folders["inputs"]).stimuli
    detections = pd.read_parquet(folders["objects"] / "results" / "detections.parquet")
    classes = sorted(detections["class"].unique())
    model = params.analysis.models[0]
    hidden = hidden_classes(params, model, stimuli, stimulus_boxes(params, stimuli, classes), classes)
    network, readout = load_model(params, model), load_readout(params, folders["valence_models"], model)

    def predict(number: int, mask: torch.Tensor) -> np.ndarray:
        image = load_images([stimuli["path"].iloc[number]], network.preprocessing)
        with torch.no_grad():
            return readout.outputs(network.features(fill_from_surroundings(image, mask[None])))[:, 0].numpy()

    return stimuli, detections, classes, hidden, network, predict


def test_shams_are_boxes_of_the_class_from_other_pictures_in_the_same_stimulus(finished, pieces):
    params, _, steps = finished
    stimuli, detections, classes, hidden, network, predict = pieces
    shams = read_dataset(steps["shams"] / "results" / "sham_predictions_toynet.nc")
    assert shams["prediction"].shape == (SHAMS, 2, len(hidden))
    seed = params.analysis.significance.seed
    drawn, boxes, without = drawn_donors(hidden, detections, classes, network.preprocessing, SHAMS, seed)
    assert not without and len(drawn) == len(hidden)
    for place in (0, len(drawn) // 2):
        pair = drawn[place]
        assert classes[pair.label] == shams["pair_class"].values[place]
        lent = [
            area_in_input(network.preprocessing, own, int(own["width"].iloc[0]), int(own["height"].iloc[0]))
            for _, own in detections[detections["class"] == classes[pair.label]].groupby("image")
        ]
        for sham in (0, SHAMS - 1):
            area = area_of_donor(network.preprocessing, boxes[pair.donors[sham]])
            assert any(torch.equal(area, other) for other in lent)
            expected = predict(pair.stimulus, area)
            assert np.allclose(shams["prediction"].values[sham, :, place], expected, atol=1e-5)


def test_p_of_shams_is_that_of_a_plain_loop():
    draw = np.random.default_rng(2)
    base, lesioned = draw.normal(size=(2, 8)), draw.normal(size=(2, 3, 8))
    label, stimulus = np.array([0, 0, 1, 1, 2]), np.array([0, 3, 1, 6, 2])
    whole = np.repeat(base[:, None], 3, axis=1)
    whole[:, label, stimulus] = lesioned[:, label, stimulus]
    hidden = base[:, stimulus] + draw.normal(size=(39, 2, 5))
    target = draw.normal(size=8)
    identity = np.broadcast_to(np.eye(3), (2, 3, 3))
    lent = np.array([True, True, False])
    evidence = Evidence(identity, base, whole, shams=Shams(hidden, label, stimulus, lent))
    group = TargetGroup(np.array([0]), np.arange(8), target[None])

    def weight(predictions):
        rho = [spearmanr(run, target).statistic for run in base]
        return np.array(
            [np.mean([rho[r] - spearmanr(predictions[r, c], target).statistic for r in (0, 1)]) for c in range(3)]
        )

    own, above = weight(whole), np.zeros(3)
    for sham in hidden:
        changed = np.repeat(base[:, None], 3, axis=1)
        changed[:, label, stimulus] = sham
        above += np.abs(weight(changed)) >= np.abs(own) * (1 - 1e-9)
    p = sham_p(evidence, [group], own[:, None])[:, 0]
    assert np.allclose(p[:2], ((1 + above) / 40)[:2]) and np.isnan(p[2])


def test_shares_of_filters_add_up_to_what_occlusion_changes(finished):
    _, _, steps = finished
    mediation = read_dataset(steps["mediation"] / "results" / "mediation_toynet.nc")
    occluded = read_dataset(steps["occlusion"] / "results" / "occluded_predictions_toynet.nc")
    pairs = list(zip(mediation["pair_class"].values, mediation["pair_stimulus"].values, strict=True))
    change = np.stack(
        [(occluded["base"] - occluded["prediction"].sel({"class": c})).sel(stimulus=s).values for c, s in pairs], axis=1
    )
    assert len(pairs) == int((occluded["shown"] > 0).sum())
    for number, layer in enumerate(mediation["target_layer"].values):
        shares = mediation["mediated"].values[:, mediation["layer"].values == layer].sum(1)
        assert np.allclose(shares, change, atol=1e-4)
        assert mediation["residual"].values[number].max() < 0.05 and (mediation["kept"].values[number] == 1).all()


def test_a_pair_that_does_not_add_up_is_left_out_of_the_weights(finished):
    params, _, steps = finished
    mediation = read_dataset(steps["mediation"] / "results" / "mediation_toynet.nc")
    draw = np.random.default_rng(3)
    group = TargetGroup(np.array([0]), np.arange(mediation.sizes["stimulus"]), draw.normal(size=(1, 48)))
    plain = mediation.drop_vars(["weight", "class", "target"])
    name = str(plain["pair_class"].values[0])
    without = plain.isel(pair=plain["pair_class"].values != name)
    refused = plain.copy(deep=True)
    refused["kept"].values[:, plain["pair_class"].values == name] = 0
    whole, left_out, absent = (with_weights(data, [group], ["t"])["weight"] for data in (plain, refused, without))
    assert (whole.sel({"class": name}) != 0).any() and (left_out.sel({"class": name}) == 0).all()
    others = list(absent["class"].values)
    assert np.array_equal(left_out.sel({"class": others}).values, absent.values)


def test_without_shams_nothing_is_said_of_them(finished):
    params = finished[0]
    other = load_params(params.profile, {"analysis.object2brain.shams": 0})
    for step in ("filter_sensitivity", "filter_lesions"):
        run_step(other, step)
    result = run_step(other, "object2brain")
    weights = pd.read_csv(result.results / "object_weights_by_estimator.csv")
    assert weights["p_sham"].isna().all() and weights["q_sham"].isna().all()
    assert weights.loc[weights["estimator"] == "mediation", "weight"].abs().max() > 0
