"""The steps of `emocam` on a small toy world: every number worked out again from its files, and what is planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from helpers import write_profile
from scipy.stats import false_discovery_control, fisher_exact, mannwhitneyu
from small_run import STEPS, step_cost, step_folder
from torch.nn.functional import interpolate

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.core.facts import read_facts
from o2b_helpers.core.running.run import run_step
from o2b_helpers.studies.emocam import associations
from o2b_helpers.studies.emocam.answers.emotions import looked_at, right_emotion
from o2b_helpers.studies.emocam.emotion_models import EmotionModel, load_emotion_model
from o2b_helpers.studies.emocam.planted import planted_auc
from o2b_helpers.studies.registry import load_params

IMAGES, SIDE = 300, 96
OPTIONS = {
    "analysis": {
        "corpus": {"kind": "toyworld", "images": IMAGES, "world_seed": 3},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "emotion_heads": {"learning_rates": [0.01], "epochs": 60},
        "associations": {"exchanges": 999},
        "significance": {"permutations": 199, "bootstrap": 199},
    },
    "execution": {"device": "cpu", "threads": 1},
}


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    params = load_params(write_profile(tmp_path_factory.mktemp("emocam"), {**OPTIONS, "studies": ["emocam"]}))
    for step in ("inputs", "objects", "emotion_models", "associations"):
        run_step(params, step)
    return params


@pytest.fixture(scope="module")
def results(params):
    return params.runs / "results"


@pytest.fixture(scope="module")
def table(results):
    return pd.read_csv(results / "emotion_associations.csv")


def test_a_profile_of_this_study_runs_what_it_needs_and_no_more(params):
    names = ["inputs", "objects", "emotion_models", "associations", "cam_methods", "paste"]
    assert [step.name for step in params.steps] == names


def test_every_picture_is_judged_once_by_a_head_that_was_scored_on_it(results):
    predictions, heads = pd.read_csv(results / "emotion_predictions.csv"), pd.read_csv(results / "emotion_heads.csv")
    assert predictions["image"].is_unique and len(predictions) == IMAGES
    right = predictions["predicted"] == predictions["emotion"]
    loss, accuracy = (
        heads.pivot(index=["run", "epoch"], columns="split", values=name) for name in ("loss", "accuracy")
    )
    for fold, own in right.groupby(predictions["fold"]):
        kept = loss.loc[fold, "validation"].idxmin()  # no picture that is judged chooses the epoch
        assert accuracy.loc[(fold, kept), "test"] == pytest.approx(own.mean(), abs=1e-9)
        assert own.size == IMAGES / 5
    (scores,) = pd.read_csv(results / "emotion_models.csv").to_dict("records")
    assert scores["accuracy"] == pytest.approx(right.mean())
    assert scores["balanced_accuracy"] == pytest.approx(right.groupby(predictions["emotion"]).mean().mean())
    assert scores["chance_accuracy"] == pytest.approx(predictions["emotion"].value_counts(normalize=True).max())
    assert scores["balanced_accuracy_low"] > scores["chance_balanced"] == 0.2 and scores["p"] == 1 / 200
    confusion = pd.read_csv(results / "emotion_confusion.csv").set_index(["emotion", "predicted"])
    expected = pd.crosstab(predictions["emotion"], predictions["predicted"]).stack()
    assert (confusion["pictures"] == expected.reindex(confusion.index, fill_value=0)).all()
    assert confusion.groupby("emotion")["share"].sum().to_numpy() == pytest.approx(1)


def test_importance_is_that_of_the_stored_maps_and_the_detections(results):
    boxes = pd.read_parquet(results / "emotion_boxes.parquet")
    detections = pd.read_parquet(results / "detections.parquet")
    cams = xr.load_dataset(results / "emotion_cams_toynet.nc", engine="h5netcdf")
    large = interpolate(torch.from_numpy(cams["cam"].values)[:, None], (SIDE, SIDE), mode="bilinear")[:, 0].numpy()
    low, high = (edge(large, axis=(1, 2), keepdims=True) for edge in (np.min, np.max))
    scaled = np.where(high > low, (large - low) / np.where(high > low, high - low, 1), 0)
    place = {name: row for row, name in enumerate(cams["picture"].values)}
    assert sorted(boxes["box"]) == list(range(len(detections)))  # the toy network sees the whole picture
    for row in boxes.sample(400, random_state=0).to_dict("records"):
        box = detections.iloc[row["box"]]
        assert (box["image"], box["class"]) == (row["image"], row["class"])
        x0, y0, x1, y1 = (box[["x0", "y0", "x1", "y1"]] * SIDE / box["width"]).clip(0, SIDE)
        inside = scaled[place[row["image"]], int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
        assert row["importance"] == pytest.approx(inside.mean(), abs=1e-4)
    assert (boxes["important"] == (boxes["importance"] > 0.3)).all()


def test_m_and_what_stands_beside_it_are_counted_again(results, table):
    boxes = pd.read_parquet(results / "emotion_boxes.parquet")
    predictions = pd.read_csv(results / "emotion_predictions.csv").set_index("image")["predicted"]
    assert (boxes["predicted"] == boxes["image"].map(predictions)).all()
    of_pictures = boxes.groupby(["image", "class"])["important"].max().reset_index()
    of_pictures["predicted"] = of_pictures["image"].map(predictions)
    assert len(table) == predictions.nunique() * of_pictures["class"].nunique()
    for row in table.to_dict("records"):
        own = of_pictures[(of_pictures["class"] == row["class"]) & (of_pictures["predicted"] == row["predicted"])]
        pictures = int((predictions == row["predicted"]).sum())
        assert (row["pictures"], row["shown"], row["count"]) == (pictures, len(own), own["important"].sum())
        assert row["importance"] == pytest.approx(100 * own["important"].sum() / pictures)
        assert row["presence"] == pytest.approx(100 * len(own) / pictures)
        if len(own):
            assert row["conditional"] == pytest.approx(own["important"].mean())
            assert row["lift"] == pytest.approx(row["conditional"] - row["exchanged"])
        of_class = of_pictures[of_pictures["class"] == row["class"]]
        others = of_class["important"].sum() - row["count"]
        cells = [[row["count"], pictures - row["count"]], [others, IMAGES - pictures - others]]
        if others + row["count"]:
            assert row["p"] == pytest.approx(fisher_exact(cells).pvalue, rel=1e-6)
    for name in ("", "_conditional", "_lift"):
        tested = table.dropna(subset=f"p{name}")
        assert tested[f"q{name}"].to_numpy() == pytest.approx(false_discovery_control(tested[f"p{name}"]))
    for name in ("importance", "presence", "conditional", "lift"):
        known = table.dropna(subset=name)
        assert known[name].between(known[f"{name}_low"] - 1e-9, known[f"{name}_high"] + 1e-9).mean() > 0.95


def test_a_small_p_of_lift_is_told_by_more_exchanges_and_the_others_stay(params, table):
    most = 20 * len(table)  # the usual number
    assert table["p_lift"].min() == pytest.approx(1 / (1 + most))
    other = load_params(params.profile, {"analysis.associations.most_exchanges": 40_000})
    made = run_step(other, "associations").table("emotion_associations.csv")
    often = made["p_lift"] >= 11 / 1000  # at least 10 of the first 999 reach the count
    assert often.any() and (made.loc[often, "p_lift"] == table.loc[often, "p_lift"]).all()
    # 10 or fewer of the first 1,400 exchanges reach the count, and these are the first of the 40,000 as well
    assert (made.loc[~often, "p_lift"] <= 10 / 1000).all() and made["p_lift"].min() < 1 / (1 + most)
    assert made["p_lift"].min() >= 1 / 40_001
    assert (made.drop(columns=["p_lift", "q_lift"]) == table.drop(columns=["p_lift", "q_lift"])).all(axis=None)


def test_fewer_exchanges_in_all_than_at_first_are_refused(params):
    with pytest.raises(ParameterError, match="less than exchanges"):
        load_params(params.profile, {"analysis.associations.most_exchanges": 500})


def test_planted_pairs_come_first(results, table):
    """How well each statistic does over many worlds is in benchmarks/planted_truth_emotions.md; this is one of them."""
    truth = pd.read_csv(results / "planted_emotions.csv")
    assert (truth["planted"] > 0).sum() == 10
    both = table.merge(truth.rename(columns={"emotion": "predicted"}), on=["predicted", "class"])
    planted, auc = both["planted"] > 0, planted_auc(table, truth)
    for name in ("importance", "conditional", "lift"):
        order = both[name].fillna(both[name].min() - 1)  # undefined values last
        test = mannwhitneyu(order[planted], order[~planted], alternative="greater")
        assert test.pvalue < 0.001 and auc[name] == pytest.approx(test.statistic / (10 * 60))
    sure = both[(both["q_lift"] < 0.05) & (both["lift"] > 0)]
    assert len(sure) >= 5 and (sure["planted"] > 0).mean() >= 0.8


def test_the_answers_are_read_from_the_files(params):
    from o2b_helpers.report.results import Results

    results = Results(params.runs / "results", params.chosen_studies)
    words = " ".join(statement.words for statement in looked_at(results).statements)
    for label in ("calm", "excitement", "fear", "joy", "sadness"):
        assert f"{label}, model toynet Of " in words or f"{label}, model toynet In none" in words
    assert "beyond chance (q < 0.05, corrected over all of them)" in words and "AUC of" in words
    assert "always naming the most frequent label" in right_emotion(results).statements[0].words


def test_the_costs_are_estimated(params):
    for name in ("emotion_models", "associations"):
        needs = step_cost(params, name)
        assert all(need.memory >= 0 for need in needs)
    assert step_cost(params, "associations")


@pytest.mark.parametrize(("importance", "threshold"), [("homogeneity", 0.3), ("share", 1.0)])
def test_other_importances_have_thresholds_of_their_own(params, importance, threshold, tmp_path):
    other = load_params(params.profile, {"analysis.associations.importance": importance})
    assert other.analysis.associations.important_above == threshold
    made = run_step(other, "associations").table("emotion_boxes.parquet")
    assert (made["important"] == (made["importance"] > threshold)).all() and made["important"].any()


def needs_of(params) -> dict:
    return {need.name: step_folder(params, need.name) for need in STEPS["associations"].needs}


def test_a_label_that_no_picture_is_named_has_an_empty_column_and_is_named(params, tmp_path, monkeypatch):
    model = load_emotion_model(step_folder(params, "emotion_models"), params.analysis.emocam_models[0])
    probabilities = model.probabilities.copy()
    probabilities[:, model.names.index("fear")] = 0
    never = EmotionModel(model.readout, probabilities, model.table, model.names)
    monkeypatch.setattr(associations, "load_emotion_model", lambda *_: never)
    associations.compute(params, needs_of(params), tmp_path)
    table = pd.read_csv(tmp_path / "results" / "emotion_associations.csv").set_index("predicted")
    own = table.loc["fear"]
    assert (own[["pictures", "shown", "count"]] == 0).all(axis=None)
    assert own[["importance", "presence", "conditional", "lift", "p", "q", "p_lift", "q_lift"]].isna().all(axis=None)
    assert table.drop("fear")["importance"].notna().all()
    facts = read_facts(tmp_path)
    assert facts["warnings"] == ["toynet: no picture is named fear; nothing can be said of such pictures."]
    assert facts["toynet"]["labels_never_named"] == ["fear"]


def test_without_any_box_in_the_labelled_pictures_there_is_one_error(params, tmp_path):
    needs = needs_of(params)
    detections = pd.read_parquet(needs["objects"] / "results" / "detections.parquet")
    (tmp_path / "results").mkdir()
    detections.assign(image="other.png").to_parquet(tmp_path / "results" / "detections.parquet")
    with pytest.raises(InputError, match="No object was detected in what the network sees"):
        associations.compute(params, {**needs, "objects": tmp_path}, tmp_path)
