"""Which pictures of a corpus `emocam` learns from, and what it says of the others; its options."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from study_fixture import Study, write_study

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.emotions import quadrant_labels
from o2b_helpers.inputs.corpora.known_corpora import read_oasis
from o2b_helpers.studies.emocam.doctor import findings
from o2b_helpers.studies.emocam.labels import labelled_pictures
from o2b_helpers.studies.registry import load_params

REAL = Path(os.environ.get("O2B_REAL_DATA", "../shared/real"))


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return Study(write_study(tmp_path_factory.mktemp("labels")))


def labelled(study: Study, emotions: list, **options):
    study.edit("corpus.csv", lambda frame: frame.assign(emotion=emotions))
    params = study.params(**{"analysis__emotions__min_pictures": 10, **options})
    names = pd.read_csv(study.folder / "corpus.csv")["image"]
    corpus = pd.DataFrame({"image": names, "pixels": names})
    return labelled_pictures(params, Store(params.store), corpus)


def test_blanks_mixed_case_and_trailing_spaces(study):
    result = labelled(study, ["joy", "Joy", "joy  ", ""] * 5 + ["fear", " fear", "FEAR", "fear"] * 5)
    assert result.names == ("fear", "joy") and len(result.table) == 35
    assert result.table["number"].tolist() == [1] * 15 + [0] * 20
    assert [said.split(": ", 1)[1] for said in result.warnings] == [
        "'Joy' (emotion) is counted as 'joy'.",
        "'FEAR' (emotion) is counted as 'fear'.",
        "5 pictures without a label in emotion left out of this study.",
    ]


def test_a_label_with_too_few_pictures_is_one_error_with_label_count_and_need(study):
    with pytest.raises(InputError) as raised:
        labelled(study, ["joy"] * 20 + ["fear"] * 17 + ["awe"] * 3)
    assert raised.value.value == "'awe: 3 pictures'" and "at least 10 pictures" in raised.value.expected
    assert "analysis.emotions.labels" in raised.value.remedy
    kept = labelled(study, ["joy"] * 20 + ["fear"] * 17 + ["awe"] * 3, analysis__emotions__labels=["joy", "fear"])
    assert kept.names == ("fear", "joy") and "3 pictures with another label" in kept.warnings[0]


def test_a_column_of_blanks_is_one_error(study):
    with pytest.raises(InputError, match="not two emotion labels") as raised:
        labelled(study, ["", " "] * 20)
    assert raised.value.value == "no labelled picture" and "analysis.emotions.column" in raised.value.remedy


def test_the_doctor_names_what_a_run_would_stop_at(study):
    study.edit("corpus.csv", lambda frame: frame.assign(emotion=["joy"] * 20 + ["fear"] * 17 + ["Fear"] * 3))
    fine, doubt = findings(study.params())
    assert fine.fine and "2 labels of 40 pictures, 20 to 20 each" in fine.where
    assert not doubt.stops_a_run and "'Fear'" in doubt.where
    (few,) = findings(study.params(analysis__emotions__min_pictures=30))
    assert few.stops_a_run and "too few pictures" in few.what
    study.edit("corpus.csv", lambda frame: frame.drop(columns="emotion"))
    (none,) = findings(study.params())
    assert none.stops_a_run and "says nothing of emotions" in none.what


def test_a_profile_that_names_no_studies_needs_no_emotions(study):
    assert [own.name for own in study.params().chosen_studies] == ["alignment", "object2brain"]


def test_more_folds_than_pictures_of_a_label_is_the_same_error(study):
    with pytest.raises(InputError, match="at least 12 pictures"):
        labelled(study, ["joy"] * 30 + ["fear"] * 10, analysis__emotion_heads__folds=12)


def test_without_emotions_the_error_says_what_to_add(study):
    study.edit("corpus.csv", lambda frame: frame.drop(columns=["emotion", "arousal"], errors="ignore"))
    params = study.params()
    with pytest.raises(InputError, match="says nothing of emotions") as raised:
        labelled_pictures(params, Store(params.store), pd.DataFrame({"image": [], "pixels": []}))
    assert "add the column emotion" in raised.value.remedy
    with pytest.raises(InputError, match="need arousal"):
        params = study.params(analysis__emotions__labels_from="quadrants")
        labelled_pictures(params, Store(params.store), pd.DataFrame({"image": [], "pixels": []}))


@pytest.mark.skipif(not (REAL / "oasis").is_dir(), reason="no photographs at hand")
def test_oasis_has_four_quadrants():
    counts = quadrant_labels(read_oasis(REAL / "oasis").table, "OASIS.csv").table["emotion"].value_counts()
    assert set(counts.index) == {"excited", "calm", "tense", "sad"} and counts.min() >= 20


def test_models_are_named_and_an_unknown_one_is_refused():
    assert [model.label for model in load_params("demo").analysis.emocam_models] == ["toynet", "toynet_untrained"]
    one = load_params("demo", {"analysis.emotion_heads.models": ["toynet"]})
    assert [model.label for model in one.analysis.emocam_models] == ["toynet"]
    with pytest.raises(ParameterError, match="is no model"):
        load_params("demo", {"analysis.emotion_heads.models": ["alexnet"]})
    with pytest.raises(ParameterError, match="momentum"):
        load_params("demo", {"analysis.emotion_heads.momentum": 0.5})
