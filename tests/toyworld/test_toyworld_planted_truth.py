"""The planted-truth benchmark: what it measures, and what it has measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scores(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import planted_truth_scores

    return planted_truth_scores


@pytest.fixture(scope="module")
def rows():
    return json.loads((BENCHMARKS / "planted_truth.json").read_text(encoding="utf-8"))["rows"]


def test_auc_is_the_share_of_pairs_in_the_right_order(scores):
    rng = np.random.default_rng(0)
    for _ in range(20):
        score, matters = rng.integers(0, 5, 14).astype(float), rng.uniform(size=14) < 0.5
        matters[:2] = True, False
        pairs = [(a > b) + (a == b) / 2 for a in score[matters] for b in score[~matters]]
        assert scores.auc(score, matters) == pytest.approx(np.mean(pairs))
    assert np.isnan(scores.auc(score, np.ones(14, dtype=bool)))


def test_the_interval_is_over_worlds_and_holds_the_mean(scores):
    values = np.random.default_rng(1).normal(0.7, 0.1, 30)
    low, high = scores.bootstrap_interval(values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(30), rel=0.1)


def _world(rng) -> dict[str, np.ndarray]:
    """A world of numbers: classes add to predictions, which are the target; no pictures."""
    n, classes, runs, filters = 48, 14, 2, 6
    shown = rng.uniform(size=(classes, n)) < 0.4
    effects = np.where(np.arange(classes) < 7, rng.normal(0, 2, classes), 0.0)
    base = np.repeat((effects @ shown)[None], runs, 0) + rng.normal(0, 0.05, (runs, n))
    corpus = rng.uniform(size=(classes, 300)) < 0.4
    targets = [f"{kind}/true/all" for kind in ("IV", "PV", "SV")]
    world = {
        "classes": np.arange(classes),
        "planted": np.stack([effects, np.zeros(classes)], 1),
        "target": np.array(targets),
        "values": np.repeat((effects @ shown)[None], 3, 0),
        "base": base,
        "lesioned": np.repeat(base[:, None], filters, 1) + rng.normal(0, 0.1, (runs, filters, n)),
        "layer": np.array(["one"] * 3 + ["two"] * 3),
        "without": base[:, None] - (effects[:, None] * shown)[None],
        "outlined": base[:, None] - (effects[:, None] * shown)[None],
        "true_response": rng.normal(size=(filters, classes)),
        "corpus_predictions": np.repeat((effects @ corpus)[None], runs, 0),
    }
    sums = {
        name: rng.uniform(size=(runs, filters, classes)) for name in ("score_sum", "confidence_sum", "coverage_sum")
    }
    sums |= {name: rng.uniform(size=(runs, filters, classes)) for name in ("exchanged_sum", "exchanged_coverage_sum")}
    sums |= {f"ungated_{name}": rng.uniform(size=(filters, classes)) for name in ("sum", "exchanged_sum")}
    sums |= {f"ungated_{name}_sum": rng.uniform(size=(filters, classes)) for name in ("coverage", "exchanged_coverage")}
    counts = ("box_count", "exchanged_count", "confidence_total")
    sums |= {name: np.full(classes, 5.0) for name in counts} | {"coverage_gram": np.eye(classes)}
    for who in ("", "true_"):
        world |= {f"{who}sums_{name}": value for name, value in sums.items()}
        world |= {f"{who}shown": shown, f"{who}corpus_shown": corpus, f"{who}occluded": world["without"]}
        world[f"{who}map_occluded"] = np.stack([world["without"]] * 2)
    return world


def test_a_perfect_estimator_scores_1_and_one_that_knows_nothing_about_a_half(scores):
    tables = [scores.scores_of("report", seed, _world(np.random.default_rng(seed))) for seed in range(12)]
    rows = scores.rows_of(pd.concat(tables).assign(network="toynet"))
    result = {
        (row["estimator"], row["layer"], row["truth"]): row
        for row in rows
        if row["target"] == "every" and row["valence_type"] == "every"
    }
    for name in ("occlusion", "regression"):
        row = result[name, "full", "counterfactual"]
        assert row["auc"] > 0.97 and row["spearman"] > 0.97 and row["worlds"] == 12
    chance = result["sum", "last", "counterfactual"]
    assert abs(chance["auc"] - 0.5) < 0.15 and abs(chance["spearman"]) < 0.25
    assert result["counterfactual", "full", "planted"]["auc"] > 0.9


def test_targets_that_coincide_or_mirror_each_other_count_once(scores):
    world = _world(np.random.default_rng(0))
    own, other = world["values"][0], np.arange(48.0)
    values = np.stack([own, own, -own, other, np.where(np.arange(48) < 24, own, np.nan)])
    assert [scores.coincides(values, number) for number in range(5)] == [False, True, True, False, False]


def test_every_estimator_was_reported_on_at_least_thirty_worlds_of_three_networks(rows):
    from o2b_helpers.kernels.statistics.sensitivity import ESTIMATORS

    report = [row for row in rows if row["split"] == "report"]
    names = set(ESTIMATORS) | {"occlusion", "mediation", "regression", "presence", "map_occlusion"}
    for network in ("toynet", "mononet", "bignet"):
        assert {row["estimator"] for row in report if row["network"] == network} >= names
        assert {row["worlds"] for row in report if row["network"] == network} == {30}
    for row in report:
        assert 0 <= row["auc_low"] <= row["auc"] <= row["auc_high"] <= 1
        assert row["truth"] in ("planted", "counterfactual") and row["valence_type"] in ("IV", "PV", "SV", "every")
        assert 0 <= row["oracle_auc"] <= 1 and 0 <= row["baseline_auc"] <= 1
    assert {row["split"] for row in rows} == {"report", "null"}
    assert all(row["auc"] is None for row in rows if row["split"] == "null" and row["truth"] == "planted")
