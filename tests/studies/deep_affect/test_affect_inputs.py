"""Corpora with valence and arousal on one scale, near-duplicates, folds, and what is refused."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from affect_fixture import affect_profile, noise_corpus, run_affect

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.core.running.keys import find_step
from o2b_helpers.core.store import Store
from o2b_helpers.studies.deep_affect import affect_inputs

AROUSAL = np.linspace(0, 6, 40)


def loaded(params):
    """Return what the step stored."""
    step = next(step for step in params.known_steps if step.name == "affect_inputs")
    return affect_inputs.load(params, find_step(params, step, Store(params.store), step))


def test_ratings_of_every_corpus_are_on_one_scale(tmp_path):
    spread = {"arousal_sd": 1.5, "arousal_n": 20}
    first = noise_corpus(tmp_path, "one", arousal=AROUSAL, **spread)
    second = noise_corpus(tmp_path, "two", seed=1, excited=AROUSAL / 6)
    second |= {"name": "other", "arousal_column": "excited", "arousal_range": [0, 1]}
    params = affect_profile(tmp_path, first, corpora=[second], arousal_range=[0, 6], held_out="other", folds=4)
    table = run_affect(params, "affect_inputs").table("affect_pictures.csv")
    for name in ("table", "other"):
        own = table[table["corpus"] == name]
        assert np.allclose(own["arousal"], 1 + 8 * AROUSAL / 6) and own["valence"].between(1, 9).all()
    assert (table.loc[table["corpus"] == "other", "part"] == "held out").all()
    assert table.loc[table["corpus"] == "table", "fold"].value_counts().tolist() == [10] * 4
    prepared = loaded(params)
    own = prepared.pictures["corpus"].to_numpy() == "table"
    assert (
        np.allclose(prepared.pictures["arousal_sd"][own], 1.5 * 8 / 6)
        and (prepared.pictures["arousal_n"][own] == 20).all()
    )
    assert prepared.pictures.loc[~own, ["arousal_sd", "arousal_n", "valence_sd"]].isna().all(axis=None)
    assert not (prepared.folds.train | prepared.folds.validation | prepared.folds.test)[:, ~own].any()
    assert (prepared.folds.validation.sum(1) > 0).all() and prepared.folds.test[:, own].any(0).all()


def test_copies_are_listed_and_stay_in_one_fold(tmp_path):
    corpus = noise_corpus(tmp_path, "one", arousal=AROUSAL)
    shutil.copy(tmp_path / "one" / "one_03.png", tmp_path / "one" / "one_17.png")
    params = affect_profile(tmp_path, corpus, arousal_range=[0, 6])
    result = run_affect(params, "affect_inputs")
    pairs = result.table("affect_duplicates.csv")
    assert pairs[["image", "other_image", "bits"]].values.tolist() == [["one_03.png", "one_17.png", -1]]
    table = result.table("affect_pictures.csv").set_index("image")
    assert table.loc["one_03.png", "fold"] == table.loc["one_17.png", "fold"]
    assert table["alike"].nunique() == 39 and "look nearly the same" in " ".join(result.warnings)


def test_toy_arousal_is_read_and_goes_its_own_way(tmp_path):
    table = run_affect(affect_profile(tmp_path), "affect_inputs").table("affect_pictures.csv")
    assert len(table) == 240 and table["arousal"].std() > 1
    assert abs(np.corrcoef(table["valence"], table["arousal"])[0, 1]) < 0.5


def test_pictures_with_a_code_for_missing_arousal_are_left_out(tmp_path):
    values = pd.Series(AROUSAL).where(np.arange(40) != 5, -99)
    corpus = noise_corpus(tmp_path, "one", arousal=values) | {"missing": [-99]}
    result = run_affect(affect_profile(tmp_path, corpus, arousal_range=[0, 6]), "affect_inputs")
    assert len(result.table("affect_pictures.csv")) == 39 and "1 picture of table without arousal" in result.summary()


def test_a_corpus_without_arousal_is_refused(tmp_path):
    params = affect_profile(tmp_path, noise_corpus(tmp_path, "one", excited=AROUSAL))
    with pytest.raises(InputError, match="has no arousal") as raised:
        run_affect(params, "affect_inputs")
    assert "arousal_column" in raised.value.remedy and "excited" in str(raised.value.value)


def test_a_range_that_ratings_leave_is_refused(tmp_path):
    params = affect_profile(tmp_path, noise_corpus(tmp_path, "one", arousal=AROUSAL), arousal_range=[1, 5])
    with pytest.raises(InputError) as raised:
        run_affect(params, "affect_inputs")
    assert raised.value.expected == "arousal from 1 to 5" and "arousal_range" in raised.value.remedy


def test_a_corpus_that_is_learnt_from_and_held_out_is_refused(tmp_path):
    corpus = noise_corpus(tmp_path, "one", arousal=AROUSAL)
    again = corpus | {"name": "again", "arousal_range": [0, 6]}
    params = affect_profile(tmp_path, corpus, corpora=[again], held_out="again", arousal_range=[0, 6])
    with pytest.raises(InputError, match="both learnt from and held out") as raised:
        run_affect(params, "affect_inputs")
    assert "40 of 40" in str(raised.value.value)


@pytest.mark.parametrize(
    ("affect", "said"),
    [
        ({"held_out": "NAPS"}, "must be one of several corpora"),
        ({"corpora": [{"kind": "toyworld", "name": "toyworld"}]}, "name of its own"),
        ({"arousal_range": [6, 0]}, "lowest, highest"),
        ({"extractors": [{"name": "a"}, {"name": "A"}]}, "name of its own"),
        ({"extractors": [{"name": "a+b"}]}, "letters, digits"),
        ({"extractors": [{"name": str(k), "group": str(k)} for k in range(6)]}, "at most 5"),
        ({"extractors": [{"keep": ["Man"]}]}, "needs classes"),
        ({"extractors": [{"crop": []}]}, "at least one class"),
        ({"networks": {"least_rate": 0.5}}, "above the rate"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, affect, said):
    with pytest.raises(ParameterError, match=said):
        affect_profile(tmp_path, **affect)
