"""A network built by hand, whose filters are known: what is found is what was built, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers import write_profile
from known_filters import NETWORK, write_corpus_of_lines
from small_run import step_folder

from o2b_helpers.core.facts import read_facts
from o2b_helpers.core.running.run import run_step
from o2b_helpers.kernels.statistics.bootstrap import interval
from o2b_helpers.studies.registry import load_params
from o2b_helpers.studies.selectivity.found import Found

BUILT = {"unpleasant": [0, 1, 2], "neutral": [3, 4, 5], "pleasant": [6, 7]}  # 8 and 9: diagonals; 10: silent


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hand")
    (folder / "hand.py").write_text(NETWORK, encoding="utf-8")
    analysis = {
        "corpus": write_corpus_of_lines(folder / "one", 1),
        "models": [{"architecture": "hand", "definition": "hand.py", "weights": "untrained"}],
        "selectivity": {"second": write_corpus_of_lines(folder / "two", 2), "models": ["hand"], "untrained_seeds": 1},
        "significance": {"permutations": 199, "bootstrap": 99},
    }
    profile = {"studies": ["selectivity"], "analysis": analysis, "execution": {"device": "cpu", "threads": 1}}
    params = load_params(write_profile(folder, profile))
    for step in ("inputs", "image_sets", "selectivity"):
        run_step(params, step)
    return params


def test_the_filters_that_were_built_are_found_and_no_others(params):
    filters = pd.read_parquet(params.runs / "results" / "filter_selectivity.parquet")
    for _, own in filters.groupby("image_set"):
        found = own[own["emotion_selective"] == 1].groupby("preferred")["channel"].apply(list)
        assert found.to_dict() == BUILT
        assert own.loc[own["constant"] == 1, "channel"].tolist() == [10]
        assert own.loc[own["selective"] == 0, "channel"].tolist() == [8, 9, 10]


def test_they_are_more_than_chance_for_each_emotion(params):
    overlap = pd.read_csv(params.runs / "results" / "selective_overlap.csv")
    own = overlap[(overlap["network"] == "trained") & (overlap["layer"] == "all layers")].set_index("emotion")
    assert own["both"].to_dict() == {name: len(channels) for name, channels in BUILT.items()}
    assert (own["filters"] == 10).all() and (own["q"] < 0.05).all() and (own["p_strength"] == 1 / 200).all()


def test_the_constant_filter_is_named_and_counted(params):
    step = params.step("selectivity")
    own = read_facts(step_folder(params, step.name))["hand"]
    assert (own["constant"], own["constant_filters"], own["filters"]) == (1, ["features.1 10"], 11)
    assert "1 constant filter left out: features.1 10" in " ".join(step.summary({"hand": own}))


def test_a_filter_that_answers_to_few_pictures_leaves_the_interval_defined():
    """It answers to none of a sample in which they are not drawn, or to one picture alone: d' is infinite there."""
    rng, emotions = np.random.default_rng(0), np.repeat([0, 1, 2], 12)
    responses = rng.normal(size=(36, 5)) + emotions[:, None]
    responses[:, 4] = 0
    responses[:2, 4] = 1.0, 1.0
    found = Found((responses, responses), (emotions, emotions), {"one": 5}, 0.2, False)
    samples = found.resampled(0, 500, 0)
    assert np.isfinite(samples).all() and samples.shape == (500, 1)
    low, high = interval(samples, 0.95)
    assert low[0] < found.mean_index(0)[0] < high[0]
