"""Filter sensitivity as notebook 06 stores it: the sums of every kind, however the corpus is cut into shards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from kernels_reference import assert_close
from small_run import step_cost, step_folder
from study_fixture import PICTURES, Study, copy_study, write_study

from o2b_helpers.core.files.labelled import read_dataset
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.kernels.cams.filter_scores import filter_scores
from o2b_helpers.kernels.statistics.sensitivity import ESTIMATORS, sensitivity
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.common.networks import load_model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.object2brain import filter_sensitivity
from o2b_helpers.studies.object2brain.box_scores.carried_boxes import box_columns, carried_boxes, has_area
from o2b_helpers.studies.object2brain.tables import FILTER_SCORES

BEFORE = ("inputs", "human_targets", "valence_models", "objects")
FILE = "filter_scores_toynet.nc"

MEANINGS = {variable.name: variable.meaning for variable in FILTER_SCORES.variables}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    profile = write_study(tmp_path_factory.mktemp("finished") / "my study")
    for step in BEFORE:
        run_step(Study(profile).params(), step)
    result = run_step(Study(profile).params(), "filter_sensitivity")
    return profile, read_dataset(result.results / FILE), result


def test_every_sum_is_there_labelled_and_finite(finished):
    _, scores, result = finished
    assert set(scores.data_vars) == set(MEANINGS)
    for name, meaning in MEANINGS.items():
        assert scores[name].attrs["long_name"] == meaning and np.isfinite(scores[name].values).all()
    sizes = scores.sizes
    assert sizes["class"] == sizes["class_b"] and (scores["class"].values == scores["class_b"].values).all()
    detections = pd.read_parquet(result.results / "detections.parquet")
    assert scores["box_count"].dtype == np.int64 and int(scores["box_count"].sum()) == len(detections)
    assert np.array_equal(scores["exchanged_count"], scores["box_count"])
    total = detections.groupby("class")["confidence"].sum()
    assert_close(scores["confidence_total"].values, total.loc[scores["class"].values].to_numpy(), 1e-9)
    count, squares = scores["box_count"].values, scores["score_square_sum"].values
    mean = scores["score_sum"].values / count
    assert (squares / count - mean**2 >= -1e-9).all() and (squares <= scores["score_sum"].values + 1e-9).all()
    gated = (mean > 0).any(-1)
    assert (scores["ungated_sum"].values[None] >= scores["score_sum"].values - 1e-9).all() and not gated.all()


def test_the_paper_s_sensitivity_is_that_of_the_kernel_alone(finished):
    """The further columns change nothing of the sums that the paper defines."""
    profile, scores, result = finished
    params = Study(profile).params()
    store, (model,) = Store(params.store), params.analysis.models
    corpus = inputs.load(params, step_folder(params, "inputs")).corpus
    boxes = pd.read_parquet(result.results / "detections.parquet")
    backbone = load_model(params, model)
    readout = load_readout(params, step_folder(params, "valence_models"), model)
    rows = [corpus["image"].tolist().index(name) for name in boxes["image"]]
    corners = np.concatenate(
        [
            backbone.preprocessing.boxes_to_input(box[None], corpus["width"][row], corpus["height"][row])
            for row, box in zip(rows, boxes[["x0", "y0", "x1", "y1"]].to_numpy(), strict=True)
        ]
    )
    classes = scores["class"].values.tolist()
    actual = filter_scores(
        backbone,
        pictures(params, store, model, corpus, "corpus").batch(0, len(corpus)),
        readout,
        torch.as_tensor(corners),
        torch.as_tensor(rows),
        torch.as_tensor([classes.index(name) for name in boxes["class"]]),
        len(classes),
        backbone.target_layers,
    )
    assert_close(scores["score_sum"].values, actual.score_sum, 1e-5)
    assert scores["box_count"].values.tolist() == actual.box_count.tolist()


def test_shards_do_not_change_the_sums(finished, tmp_path, monkeypatch):
    profile, whole, _ = finished
    monkeypatch.setattr(filter_sensitivity, "IMAGES_IN_A_SHARD", 7)
    study = copy_study(profile, tmp_path / "study")
    for folder in ("scores", "filter_sensitivity"):
        for each in (study.folder / "runs" / "store" / folder).iterdir():
            each.rename(study.folder / each.name)  # found nowhere, so computed again
    run_step(study.params(), "filter_sensitivity")
    assert len(list((study.folder / "runs" / "store" / "scores").iterdir())) == -(-PICTURES // 7)
    again = read_dataset(study.folder / "runs" / "study" / "results" / FILE)
    for name in MEANINGS:
        assert_close(again[name].values, whole[name].values, 1e-4)
    for estimator in ESTIMATORS:
        each, other = (sensitivity(estimator, {n: d[n].values for n in MEANINGS}) for d in (again, whole))
        assert np.isfinite(other).all() and np.abs(other).max() > 0.05
        assert_close(each, other, 1e-4)


def test_a_change_of_the_seed_changes_the_exchange_only(finished, tmp_path):
    profile, before, _ = finished
    study = copy_study(profile, tmp_path / "study")
    study_params = study.params()
    moved = study_params.model_copy(
        update={"analysis": study_params.analysis.model_copy(update={"seed": study_params.analysis.seed + 1})}
    )
    corpus = inputs.load(study_params, step_folder(study_params, "inputs")).corpus
    boxes = pd.read_parquet(study.folder / "runs" / "study" / "results" / "detections.parquet")
    (model,) = study_params.analysis.models
    each, other = (filter_sensitivity.carry(params, model, corpus, boxes) for params in (study_params, moved))
    assert np.array_equal(each.corners, other.corners) and (each.donor != other.donor).any()
    assert sorted(each.donor) == sorted(other.donor)


def test_boxes_are_carried_with_their_own_image_also_into_another_one():
    geometry = Preprocessing(64, 64)
    corpus = pd.DataFrame({"image": ["a", "b", "empty", "c"], "width": [64, 128, 64, 200], "height": [64, 64, 64, 100]})
    rows = [
        ("c", "Tree", 0.4, 50, 0, 150, 100),
        ("a", "Person", 0.9, 0, 0, 32, 64),
        ("b", "Person", 0.8, 32, 0, 64, 64),
        ("b", "Tie", 0.5, 40, 10, 50, 30),
        ("b", "Tie", 0.3, 0, 0, 20, 20),  # cropped away
    ]
    boxes = pd.DataFrame(rows, columns=["image", "class", "confidence", "x0", "y0", "x1", "y1"])
    carried = carried_boxes(geometry, corpus, boxes, ["Person", "Tie", "Tree"], seed=0)
    assert carried.image.tolist() == [0, 1, 1, 1, 3] and carried.label.tolist() == [0, 0, 1, 1, 2]
    assert carried.corners[1].tolist() == [0, 0, 32, 64] and has_area(carried.corners).tolist() == [1, 1, 1, 0, 1]
    assert carried.donor[2] == -1 and sorted(carried.donor[[0, 1, 3]]) == [0, 1, 3]
    assert (carried.donor != np.arange(4)).all()
    columns = box_columns(carried, 0, 4)
    assert columns.classes.tolist() == [0, 1, 2] and len(columns.corners) == 5 + 4
    assert sorted(columns.column[5:]) == [3, 3, 4, 5]  # every box that can be seen, once more
    for corner, image, column in zip(columns.corners[5:], columns.image[5:], columns.column[5:], strict=True):
        donor = np.flatnonzero((carried.corners == corner).all(1) & (carried.label == column - 3))
        assert carried.donor[image] in carried.image[donor]
    # the tie lies in the person's box: 10 x 20 of 32 x 64 pixels
    assert np.allclose(columns.gram[0, 1], 200 / 2048 + 1, rtol=0, atol=1e-12) and columns.gram[2, 2] == 1


def test_the_room_on_the_disk_is_estimated(finished):
    profile, _, result = finished
    params = Study(profile).params(analysis__sensitivity__score="mean")  # nothing of it is stored yet
    (need,) = step_cost(params, "filter_sensitivity")
    shards = sum(file.stat().st_size for file in (params.store / "scores").rglob("*.safetensors"))
    written = shards + (result.results / FILE).stat().st_size
    assert 0.5 * written < need.disk < 1.5 * written and need.memory > 3 * shards
