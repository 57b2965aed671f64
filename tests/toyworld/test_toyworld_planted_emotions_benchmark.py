"""The benchmark of planted emotions: what it measures, and what it has measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, ttest_1samp

from o2b_helpers.kernels.regions.region import Regions
from o2b_helpers.studies.emocam.associations import Boxes
from o2b_helpers.studies.emocam.options import CamMethodOptions

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import planted_truth_emotions

    return planted_truth_emotions


@pytest.fixture
def scores(benchmark):
    import planted_truth_emotions_scores

    return planted_truth_emotions_scores


def one_world() -> pd.DataFrame:
    """Two labels and two classes: label 0 with class 0 is planted, and class 1 is sure with both labels."""
    world = {"seed": 0, "labels": "planted", "null": "as it is", "method": "grad_cam", "accuracy": 0.4, "p_model": 0.01}
    rows = pd.DataFrame({"predicted": [0, 0, 1, 1], "class": [0, 1, 0, 1]}).assign(**world)
    rows = rows.assign(pictures=[10, 10, 30, 30], shown=[8, 6, 6, 24], count=[6, 3, 3, 15])
    rows = rows.assign(presence=100 * rows["shown"] / rows["pictures"], conditional=rows["count"] / rows["shown"])
    rows = rows.assign(importance=100 * rows["count"] / rows["pictures"], lift=[0.3, 0.4, -0.2, 0.5])
    tests = {"p": [0.001, 0.01, 0.5, 0.01], "p_conditional": [0.01, 0.3, 0.4, 0.5], "p_lift": [0.01, 0.002, 1, 0.001]}
    rows = rows.assign(**tests, **{name.replace("p", "q", 1): values for name, values in tests.items()})
    return rows.assign(planted=[True, False, False, False])


def test_what_is_found_in_one_world_is_counted_by_hand(scores):
    order = {(what, name): value for _, name, what, value in scores._order(scores._with_contrasts(one_world()))}
    assert order["auc", "importance"] == 1 and order["auc", "presence"] == pytest.approx(5 / 6)  # 80 beside 60, 20, 80
    assert order["auc", "lift"] == pytest.approx(1 / 3) and order["auc", "p"] == 1
    assert order["auc", "presence_contrast"] == 1 and order["auc", "p_lift"] == pytest.approx(1 / 3)
    assert order["beyond_presence", "lift"] == pytest.approx(1 / 3 - 5 / 6)
    pairs = {(name, what): value for _, name, what, value in scores._single_pairs(scores._with_contrasts(one_world()))}
    # importance: 60 of class 0 against 22.5 of all, and of class 1 30 against 45, then 50 against 45
    assert (pairs["q", "found"], pairs["q", "called"], pairs["q", "false"]) == (1, pytest.approx(1 / 3), 0.5)
    assert (pairs["q_lift", "called"], pairs["q_lift", "false"]) == pytest.approx((2 / 3, 2 / 3))
    assert (pairs[scores.BOTH, "found"], pairs[scores.BOTH, "false"]) == (1, 0.5)
    assert (pairs["q_conditional and q_lift", "found"], pairs["q_conditional and q_lift", "called"]) == (1, 0)


def test_intervals_are_over_worlds(scores):
    values, found = np.random.default_rng(0).normal(0.7, 0.1, 12), np.array([1.0] * 4 + [0.0] * 8)
    key = {"section": "pairs", "labels": "planted", "null": "as it is", "method": "lime", "statistic": "q"}
    table = pd.concat([pd.DataFrame({"value": values}).assign(**key, measure="found"),
                       pd.DataFrame({"value": found}).assign(**key | {"section": "null"}, measure="any")])  # fmt: skip
    mean, share = scores.over_worlds(table)
    ends = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean["low"], mean["high"]) == pytest.approx((ends.low, ends.high), abs=1e-5) and mean["worlds"] == 12
    ends = binomtest(4, 12).proportion_ci(0.99)
    assert (share["mean"], share["low"], share["high"]) == pytest.approx((1 / 3, ends.low, ends.high), abs=1e-5)


def test_boxes_that_are_exchanged_stay_together_and_go_to_pictures_that_show_their_class(benchmark):
    from planted_truth_emotions_world import exchanged_once

    rng = np.random.default_rng(1)
    image, label = rng.integers(0, 9, 60), rng.integers(0, 3, 60)
    boxes = Boxes(Regions(np.arange(240.0).reshape(60, 4), image), label, np.arange(60), 0)
    given = exchanged_once(boxes, seed=2)
    assert (given.regions.boxes == boxes.regions.boxes).all() and (given.regions.image != image).any()
    for number in range(3):
        own = label == number
        assert set(given.regions.image[own]) == set(image[own])
        pairs = set(zip(image[own].tolist(), given.regions.image[own].tolist(), strict=True))
        assert len(pairs) == len(set(image[own]))  # one picture gives all of its boxes of the class to one


def test_the_tables_are_those_of_what_was_measured(benchmark):
    measured = json.loads((BENCHMARKS / "planted_truth_emotions.json").read_text(encoding="utf-8"))["rows"]
    table = pd.DataFrame(measured)
    assert set(CamMethodOptions().methods) == set(table["method"]) and (table["worlds"] >= 20).all()
    page = (BENCHMARKS / "planted_truth_emotions.md").read_text(encoding="utf-8")
    assert benchmark.markdown(table) in page
