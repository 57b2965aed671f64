"""A network with labels of its own: nothing is trained, all pictures are judged, accuracy is told where it can be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import write_profile
from small_run import STEPS, step_cost, step_folder

from o2b_helpers.core.errors import ModelError
from o2b_helpers.core.facts import read_facts
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.networks import load_model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.common.select import NothingToShow
from o2b_helpers.studies.emocam import emotion_models
from o2b_helpers.studies.emocam.answers.emotions import looked_at, right_emotion
from o2b_helpers.studies.emocam.doctor import findings
from o2b_helpers.studies.emocam.emotion_models import load_emotion_model
from o2b_helpers.studies.emocam.figures import confusion
from o2b_helpers.studies.emocam.ready_network import own_readout
from o2b_helpers.studies.emocam.summaries import emotion_models_summary
from o2b_helpers.studies.registry import load_params

DEFINITION = """
from dataclasses import replace

from o2b_helpers.models.backbones.registry import architecture, register
from o2b_helpers.toyworld.backbone import ToyNet


def build():
    return ToyNet(4)


register(replace(architecture("toynet"), name="readynet", build=build, weights={{}}, labels={labels}))
"""
LABELS, IMAGES = ("Fear", "JOY", "Romance", "Sadness"), 60
OPTIONS = {
    "studies": ["emocam"],
    "analysis": {
        "corpus": {"kind": "toyworld", "images": IMAGES, "world_seed": 5},
        "models": [{"architecture": "readynet", "weights": "untrained", "definition": "readynet.py"}],
        "associations": {"exchanges": 19},
        "significance": {"permutations": 99, "bootstrap": 99},
    },
    "execution": {"device": "cpu", "threads": 1},
}


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ready")
    (folder / "readynet.py").write_text(DEFINITION.format(labels=LABELS), encoding="utf-8")
    params = load_params(write_profile(folder, OPTIONS))
    for step in ("inputs", "objects", "emotion_models", "associations"):
        run_step(params, step)
    return params


@pytest.fixture(scope="module")
def results(params):
    return Results(params.runs / "results", params.chosen_studies, params)


def test_every_picture_is_named_what_the_networks_own_last_layer_says(params, results):
    corpus, (model,) = inputs.load(params, step_folder(params, "inputs")).corpus, params.analysis.emocam_models
    network = load_model(params, model)
    shown = pictures(params, Store(params.store), model, corpus, "corpus")
    with torch.no_grad():
        said = torch.softmax(network.module(shown.batch(0, IMAGES)), 1).numpy()
    table = pd.read_csv(results.folder / "emotion_predictions.csv", keep_default_na=False)
    assert len(table) == IMAGES and (table["fold"] == 0).all()
    assert table["image"].tolist() == corpus["image"].tolist()
    assert table["predicted"].tolist() == [LABELS[place] for place in said.argmax(1)]
    assert table["probability"].to_numpy() == pytest.approx(said.max(1), abs=1e-6)
    ready = load_emotion_model(step_folder(params, "emotion_models"), model)
    assert ready.names == LABELS and ready.readout.n_runs == 1
    for by in ("held_out", "first"):
        assert ready.judged(by)[1].tolist() == said.argmax(1).tolist()


def test_accuracy_counts_pictures_that_the_corpus_labels_with_one_of_its_names(params, results):
    corpus = inputs.read_corpus(params, Store(params.store)).table.set_index("image")["emotion"]
    table = pd.read_csv(results.folder / "emotion_predictions.csv", keep_default_na=False)
    spelled = {name.lower(): name for name in LABELS}
    assert table["emotion"].tolist() == [spelled.get(corpus[name], "") for name in table["image"]]
    known = table[table["emotion"] != ""]
    (scores,) = pd.read_csv(results.folder / "emotion_models.csv").to_dict("records")
    assert 0 < scores["pictures"] == len(known) < IMAGES and scores["labels"] == 4
    assert scores["accuracy"] == pytest.approx((known["emotion"] == known["predicted"]).mean())
    counted = pd.read_csv(results.folder / "emotion_confusion.csv")
    assert (
        counted["pictures"].sum() == len(known) and counted.loc[counted["emotion"] == "Romance", "share"].isna().all()
    )
    assert pd.read_csv(results.folder / "emotion_heads.csv").empty


def test_words_and_figures_say_that_nothing_was_trained(params, results):
    (statement,) = right_emotion(results).statements
    assert "learned nothing here" in statement.words and "did not learn from it" not in statement.words
    figure = confusion.figure_7(results)
    row = LABELS.index("Romance")
    assert set(figure.data[0].text[row]) == {""} and "no picture has this label" in figure.data[0].customdata[row][0]
    assert "nan" not in confusion.caption(results).text()
    said = " ".join(emotion_models_summary(read_facts(step_folder(params, "emotion_models"))))
    assert f"judges {IMAGES} pictures by its own 4 labels" in said
    assert looked_at(results).statements and step_cost(params, "emotion_models")
    (emotions,) = [finding for finding in findings(params) if finding.what == "emotions"]
    assert emotions.fine


def test_a_corpus_without_emotions_is_enough(params, tmp_path):
    other = load_params(params.profile, {"analysis.emotions.column": "nowhere"})
    needs = {need.name: step_folder(params, need.name) for need in STEPS["emotion_models"].needs}
    emotion_models.compute(other, needs, tmp_path)
    (scores,) = pd.read_csv(tmp_path / "results" / "emotion_models.csv").to_dict("records")
    assert scores["pictures"] == 0 and np.isnan(scores["accuracy"])
    made = Results(tmp_path / "results")
    assert "how often it is right is not known" in right_emotion(made).statements[0].words
    assert "which no picture of the corpus has" in confusion.caption(made).finding
    with pytest.raises(NothingToShow):
        confusion.figure_7(made)
    table = pd.read_csv(tmp_path / "results" / "emotion_predictions.csv", keep_default_na=False)
    assert len(table) == IMAGES and set(table["emotion"]) == {""} and set(table["predicted"]) <= set(LABELS)
    assert "is not known" in " ".join(emotion_models_summary(read_facts(tmp_path)))


def test_outputs_that_are_not_the_labels_are_refused(params, tmp_path):
    text = DEFINITION.format(labels=LABELS[:3]).replace("readynet", "otherready")
    (params.project / "otherready.py").write_text(text, encoding="utf-8")
    other = load_params(params.profile, {"analysis.models": [
        {"architecture": "otherready", "weights": "untrained", "definition": "otherready.py"}]})  # fmt: skip
    with pytest.raises(ModelError, match="outputs of otherready are not its labels") as raised:
        own_readout(load_model(other, other.analysis.emocam_models[0]))
    assert "3 outputs" in raised.value.expected
    with pytest.raises(ModelError, match="are not its labels"):
        own_readout(load_backbone("toynet", "toyworld"))
