"""Predictions with the objects of a class hidden, as the step stores them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import ROOT
from kernels_reference import assert_close
from small_run import step_cost, step_folder
from study_fixture import STIMULI, Study, copy_study, write_study

from o2b_helpers.core.errors import StoreError
from o2b_helpers.core.files.labelled import read_dataset
from o2b_helpers.core.running.run import run_step
from o2b_helpers.inputs.images.image_check import check_images
from o2b_helpers.inputs.images.preprocessing import load_images
from o2b_helpers.kernels.regions.occlusion import fill_from_surroundings
from o2b_helpers.models.detectors.detector import load_detector
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.common.networks import load_model
from o2b_helpers.studies.object2brain.hidden import occlusion
from o2b_helpers.studies.object2brain.tables import OCCLUDED_PREDICTIONS
from o2b_helpers.studies.registry import load_params
from o2b_helpers.toyworld.weights import toy_detector_path

FILE = "occluded_predictions_toynet.nc"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    profile = write_study(tmp_path_factory.mktemp("finished") / "my study")
    for step in ("inputs", "human_targets", "valence_models", "objects"):
        run_step(Study(profile).params(), step)
    result = run_step(Study(profile).params(), "occlusion")
    return profile, read_dataset(result.results / FILE), result


def test_shapes_and_meanings(finished):
    _, actual, result = finished
    assert actual["base"].dims == ("run", "stimulus")
    assert actual["prediction"].dims == ("run", "class", "stimulus")
    assert actual["map_prediction"].dims == ("layer", "run", "class", "stimulus")
    assert actual["shown"].dims == ("class", "stimulus") and actual.sizes["stimulus"] == STIMULI
    assert [actual[name].attrs["long_name"] for name in actual.data_vars] == [
        v.meaning for v in OCCLUDED_PREDICTIONS.variables
    ]
    classes = pd.read_parquet(result.results / "detections.parquet")["class"]
    assert actual["class"].values.tolist() == sorted(set(classes))
    shown = actual["shown"].values
    assert (shown == 0).any() and (shown > 0).any() and shown.max() <= 1
    base, prediction = actual["base"].values, actual["prediction"].values
    absent = np.broadcast_to(shown == 0, prediction.shape)
    assert np.array_equal(prediction[absent], np.broadcast_to(base[:, None], prediction.shape)[absent])
    assert (np.abs(prediction - base[:, None])[~absent] > 1e-6).mean() > 0.9
    maps = actual["map_prediction"].values
    assert (np.abs(maps - base[None, :, None])[:, ~absent] > 1e-6).mean() > 0.5
    assert np.array_equal(maps[:, absent], np.broadcast_to(base[None, :, None], maps.shape)[:, absent])


def test_equals_one_stimulus_and_one_class_at_a_time(finished):
    """From the picture's file to the prediction: detector, geometry, filling, network and heads."""
    profile, actual, _ = finished
    params = Study(profile).params()
    (model,) = params.analysis.models
    stimuli = inputs.load(params, step_folder(params, "inputs")).stimuli
    backbone = load_model(params, model)
    readout = load_readout(params, step_folder(params, "valence_models"), model)
    detector, size = load_detector(toy_detector_path()), backbone.preprocessing.crop
    boxes = detector.detect(stimuli["path"].tolist(), images=stimuli["image"].tolist())
    rows, compared = np.indices((size, size)), 0
    for number, stimulus in enumerate(stimuli.itertuples()):
        image = load_images([stimulus.path], backbone.preprocessing)
        for label, name in enumerate(actual["class"].values):
            own = boxes[(boxes["image"] == stimulus.image) & (boxes["class"] == name)]
            hidden = np.zeros((size, size), dtype=bool)
            for box in own[["x0", "y0", "x1", "y1"]].to_numpy():
                ((x0, y0, x1, y1),) = backbone.preprocessing.boxes_to_input(box[None], stimulus.width, stimulus.height)
                hidden |= (rows[1] + 1 > x0) & (rows[1] < x1) & (rows[0] + 1 > y0) & (rows[0] < y1)
            assert actual["shown"].values[label, number] == pytest.approx(hidden.mean(), abs=1e-12)
            filled = fill_from_surroundings(image, torch.tensor(hidden)[None])
            wanted = readout.outputs(backbone.features(filled))[:, 0]
            assert_close(actual["prediction"].values[:, label, number], wanted.numpy(), 1e-5)
            if not hidden.any():
                continue
            compared += 1
            for place, layer in enumerate(actual["layer"].values):
                maps = backbone.trunk(image, layer)
                cells = size // maps.shape[-1]
                part = hidden.reshape(size // cells, cells, size // cells, cells).mean((1, 3))
                features = backbone.tail(maps * torch.tensor(1 - part).float(), layer)
                wanted = readout.outputs(features)[:, 0]
                assert_close(actual["map_prediction"].values[place, :, label, number], wanted.numpy(), 1e-5)
    assert compared > 10


def test_an_interrupted_step_goes_on_to_the_same_numbers(finished, tmp_path, monkeypatch, capsys):
    profile, whole, _ = finished
    study = copy_study(profile, tmp_path / "study")
    for folder in (occlusion.KIND, "occlusion"):
        for each in (study.folder / "runs" / "store" / folder).iterdir():
            each.rename(study.folder / each.name)
    monkeypatch.setattr(occlusion, "STIMULI_IN_A_SHARD", 5)
    compute, calls = occlusion._predictions, []

    def stops(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return compute(*arguments)

    monkeypatch.setattr(occlusion, "_predictions", stops)
    with pytest.raises(KeyboardInterrupt):
        run_step(study.params(), "occlusion")
    monkeypatch.setattr(occlusion, "_predictions", compute)
    capsys.readouterr()
    run_step(study.params(), "occlusion")
    said = capsys.readouterr().out
    assert said.count(f"reused    {occlusion.KIND}:") == 2 and said.count(f"computing {occlusion.KIND}:") == 2
    again = read_dataset(study.folder / "runs" / "study" / "results" / FILE)
    for name in [variable.name for variable in OCCLUDED_PREDICTIONS.variables]:
        assert_close(again[name].values, whole[name].values, 1e-5)


def test_what_the_step_needs_is_estimated_and_what_is_missing_is_named(finished):
    profile, *_ = finished
    params = Study(profile).params(analysis__heads__seed=1)
    with pytest.raises(StoreError, match="08_object2brain reads what 02_valence_models stores"):
        run_step(params, "occlusion")
    detecting, hiding = step_cost(Study(profile).params(), "occlusion")
    assert "stimuli" in detecting.what and "toynet" in hiding.what
    assert detecting.memory > 2**20 and hiding.memory > 2**20 and hiding.disk > 0


@pytest.mark.slow
def test_photographs(real_data, tmp_path, monkeypatch, capsys):
    """Real photographs, the Open Images detector and SqueezeNet, with the options of the profile oasis."""
    monkeypatch.setenv("O2B_REAL_DATA", str(real_data))
    params = load_params(ROOT / "params" / "oasis.yaml", {"execution.runs_folder": str(tmp_path / "runs")})
    table = pd.read_csv(real_data / "oasis" / "OASIS.csv").query("Category == 'Person'").head(6)
    folder = real_data / "oasis" / "images"
    stimuli = check_images(folder, [f"{name}.jpg" for name in table["Theme"]]).found
    stimuli = stimuli.assign(stimulus=stimuli["image"], path=[str(folder / name) for name in stimuli["image"]])
    classes = ["Boy", "Canoe", "Girl", "Human face", "Man", "Person", "Woman"]
    boxes = occlusion.stimulus_boxes(params, stimuli, classes)
    assert set(boxes["class"]) <= set(classes) and boxes["image"].nunique() >= 4
    (model,) = params.analysis.models
    features = np.random.default_rng(0).normal(size=(2, 512))
    readout = Readout.valence(features / 512**0.5, np.zeros(2))
    actual = occlusion.occluded_predictions(params, model, readout, stimuli, boxes, classes)
    shown, base = actual["shown"].values, actual["base"].values
    moved = np.abs(actual["prediction"].values - base[:, None])
    assert (shown > 0).any() and (shown == 0).any() and not moved[:, shown == 0].any()
    assert (moved[:, shown > 0.02] > 1e-4).all()
    # what hides more of the picture changes more
    assert np.corrcoef(shown[shown > 0], moved.mean(0)[shown > 0])[0, 1] > 0
    capsys.readouterr()
    again = occlusion.occluded_predictions(params, model, readout, stimuli, boxes, classes)
    assert again.identical(actual) and "computing" not in capsys.readouterr().out
