"""Class and category weights of a small layer against plain loops, also where a lesion leaves a constant."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from helpers import ROOT
from scipy import stats

from o2b_helpers.kernels.statistics.bootstrap import bootstrap_weights, draw_counts
from o2b_helpers.kernels.statistics.category_weights import category_weights
from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.kernels.statistics.sensitivity import ESTIMATORS, sensitivity
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.targets import target_groups
from o2b_helpers.studies.object2brain.filter_lesions import _by_layer
from o2b_helpers.studies.object2brain.options import Object2Brain
from o2b_helpers.studies.object2brain.weights import inference
from o2b_helpers.studies.object2brain.weights.inference import Evidence

RUNS, FILTERS, CLASSES, STIMULI, TARGETS, PERMUTATIONS, SAMPLES = 2, 4, 6, 12, 2, 19, 8
CATEGORIES = ["Animal", "Animal", "Food", "Food", "Food", "Toy"]
CONSTANT = (1, 2)  # run and filter
OPTIONS = Significance(permutations=100, bootstrap=100)


@pytest.fixture
def layer():
    """Evidence in which one filter's lesion leaves a constant in one run, and what it is tested with."""
    rng = np.random.default_rng(0)
    lesioned = rng.normal(size=(RUNS, FILTERS, STIMULI)).round(1)
    lesioned[CONSTANT] = 0.5
    lesioned[0, 1, 2:] = 0.25  # constant in those samples only that draw neither of the first two stimuli
    evidence = Evidence(rng.uniform(size=(RUNS, FILTERS, CLASSES)), rng.normal(size=(RUNS, STIMULI)).round(1), lesioned)
    groups = target_groups(rng.normal(size=(TARGETS, STIMULI)))
    counts = draw_counts(np.zeros(STIMULI), SAMPLES, 1)
    counts[0] = [0, 0, *[1] * (STIMULI - 4), 2, 2]
    return evidence, groups, permutations_within(np.zeros(STIMULI), PERMUTATIONS, 2), counts


def rho(x, y):
    return stats.spearmanr(x, y).statistic


def plain(evidence, run, number, target, order):
    """One class weight, filter by filter; a filter without a rho is left out."""
    total = 0.0
    for k in range(evidence.sensitivity.shape[1]):
        lesioned = evidence.lesioned[run, k][order]
        if len(set(lesioned)) > 1:
            effect = rho(evidence.base[run][order], target) - rho(lesioned, target)
            total += evidence.sensitivity[run, k, number] * effect
    return total


def plain_weights(evidence, target, order):
    shape = (evidence.sensitivity.shape[0], evidence.sensitivity.shape[2])
    return np.array([[plain(evidence, run, c, target, order) for c in range(shape[1])] for run in range(shape[0])])


def test_a_filter_without_a_rho_is_left_out_of_weights_and_their_p(layer):
    evidence, groups, permutations, counts = layer
    tested = inference.tested_weights(evidence, groups, permutations, counts, OPTIONS)
    assert not np.isnan(tested.weight).any() and not np.isnan(tested.p).any() and not np.isnan(tested.low).any()
    same = np.arange(STIMULI)
    for t, target in enumerate(groups[0].values):
        weights = plain_weights(evidence, target, same)
        every = np.concatenate([weights, weights.mean(0, keepdims=True)])
        assert tested.weight[:, :, t] == pytest.approx(every, abs=1e-12)
        null = np.array([plain_weights(evidence, target[order], same) for order in permutations])
        null = np.concatenate([null, null.mean(1, keepdims=True)], axis=1)
        above = (np.abs(null) >= np.abs(every) - 1e-12).sum(0)
        assert tested.p[:, :, t] == pytest.approx((1 + above) / (1 + PERMUTATIONS), abs=1e-12)
        for row in range(RUNS + 1):
            assert tested.q[row, :, t] == pytest.approx(benjamini_hochberg(tested.p[row, :, t]), abs=1e-12)


def test_a_filter_without_a_rho_in_a_sample_is_left_out_there(layer):
    evidence, groups, _, counts = layer
    values = groups[0].values
    result = bootstrap_weights(evidence.sensitivity, evidence.base, evidence.lesioned, values, counts)
    assert not np.isnan(result).any()
    for sample, t in np.ndindex(SAMPLES, TARGETS):
        again = np.repeat(np.arange(STIMULI), counts[sample].astype(int))
        wanted = plain_weights(evidence, values[t][again], again)
        assert result[sample, :, :, t] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("statistic", ["mean", "sum"])
@pytest.mark.parametrize("members", ["chosen", "all"])
def test_category_weights_and_their_p_follow_the_options(layer, statistic, members):
    evidence, groups, permutations, _ = layer
    options = Object2Brain(share=0.34, category_weight=statistic, category_classes=members)
    names, classes = sorted(set(CATEGORIES)), [f"class {c}" for c in range(CLASSES)]
    belongs = np.array([[category == name for name in names] for category in CATEGORIES], dtype=float)
    tested = inference.tested_categories(evidence, groups, permutations, belongs, options)
    category, same = dict(zip(classes, CATEGORIES, strict=True)), np.arange(STIMULI)

    def gathered(target):
        mean = plain_weights(evidence, target, same).mean(0)[:, None]
        table = category_weights(mean, classes, category, 0.34, statistic=statistic, members=members)
        weights = {(row.sign, row.category): row.weight for row in table.itertuples()}
        return np.array([[weights.get((sign, name), 0.0) for name in names] for sign in ("positive", "negative")])

    for t, target in enumerate(groups[0].values):
        null = np.array([gathered(target[order]) for order in permutations])
        above = (np.abs(null) >= np.abs(gathered(target)) - 1e-12).sum(0)
        assert tested.p[:, :, t] == pytest.approx((1 + above) / (1 + PERMUTATIONS), abs=1e-12)
        assert tested.q[:, :, t] == pytest.approx(benjamini_hochberg(tested.p[:, :, t]), abs=1e-12)


def test_filters_left_out_are_counted_by_layer_and_run():
    left_out = np.array([[False, False, True, False], [False, False, True, True]])
    assert _by_layer(left_out, ["a", "a", "b", "b"]) == {"b": [1, 2]}


def test_a_run_whose_whole_network_is_constant_stays_undefined(layer):
    evidence, groups, permutations, counts = layer
    evidence.base[0] = 0.5
    tested = inference.tested_weights(evidence, groups, permutations, counts, OPTIONS)
    assert np.isnan(tested.weight[0]).all() and np.isnan(tested.weight[-1]).all()
    assert not np.isnan(tested.weight[1]).any()


def test_a_hidden_class_that_leaves_a_constant_has_no_weight_and_harms_no_other(layer):
    evidence, groups, permutations, counts = layer
    hidden = Evidence.of_hidden(evidence.base, evidence.lesioned)
    tested = inference.tested_weights(hidden, groups, permutations, counts, OPTIONS)
    run, number = CONSTANT
    missing = np.zeros((RUNS + 1, FILTERS), dtype=bool)
    missing[run, number] = missing[-1, number] = True
    for values in (tested.weight, tested.p, tested.low):
        assert (np.isnan(values) == missing[:, :, None]).all()
    category = np.ones((FILTERS, 1))
    assert not np.isnan(inference.tested_categories(hidden, groups, permutations, category, Object2Brain()).p).any()


def test_the_benchmark_weighs_as_the_analysis_does(layer, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    try:
        from planted_truth_estimators import class_weights

        evidence, groups, permutations, _ = layer
        world = _world(evidence, groups)
        weights = class_weights(world)
    finally:
        for name in [name for name in sys.modules if name.startswith("planted_truth")]:
            del sys.modules[name]
    sums = {name.removeprefix("sums_"): values for name, values in world.items() if name.startswith("sums_")}
    of_filters = {name: Evidence(sensitivity(name, sums), evidence.base, evidence.lesioned) for name in ESTIMATORS}
    for key, own in {
        **{(name, "all"): scores for name, scores in of_filters.items()},
        ("occlusion", "full"): Evidence.of_hidden(evidence.base, world["occluded"]),
        ("map_occlusion", "last"): Evidence.of_hidden(evidence.base, world["map_occluded"][-1]),
    }.items():
        tested = inference.tested_weights(own, groups, permutations, None, OPTIONS, each_run=False)
        assert np.array_equal(weights[key][0], np.nan_to_num(tested.weight[0])), key
    assert np.isnan(inference.tested_weights(own, groups, permutations, None, OPTIONS, each_run=False).weight).any()


def _world(evidence, groups):
    """A stored world of the benchmark with the layer's predictions; a hidden class leaves a constant in it, too."""
    rng = np.random.default_rng(3)
    by_run, by_filter = (RUNS, FILTERS, CLASSES), (FILTERS, CLASSES)
    hidden = rng.normal(size=(RUNS, CLASSES, STIMULI))
    hidden[CONSTANT] = 0.5
    sums = {
        **{name: rng.uniform(size=by_run) for name in ("score_sum", "confidence_sum", "coverage_sum", "exchanged_sum")},
        **{f"ungated_{name}": rng.uniform(size=by_filter) for name in ("sum", "exchanged_sum", "coverage_sum")},
        "exchanged_coverage_sum": rng.uniform(size=by_run),
        "ungated_exchanged_coverage_sum": rng.uniform(size=by_filter),
        "coverage_gram": np.eye(CLASSES) * 3,
        **{name: np.full(CLASSES, 3.0) for name in ("box_count", "confidence_total", "exchanged_count")},
    }
    return {
        **{f"sums_{name}": values for name, values in sums.items()},
        "classes": np.arange(CLASSES),
        "target": np.array([f"IV/{t}/all" for t in range(TARGETS)]),
        "values": groups[0].values,
        "base": evidence.base,
        "lesioned": evidence.lesioned,
        "layer": np.array(["a"] * FILTERS),
        "shown": rng.random((CLASSES, STIMULI)) < 0.5,
        "corpus_shown": rng.random((CLASSES, 30)) < 0.5,
        "corpus_predictions": rng.normal(size=(RUNS, 30)),
        "true_response": rng.uniform(size=by_filter),
        "occluded": hidden,
        "map_occluded": np.stack([hidden, hidden]),
        "outlined": hidden,
        "without": hidden,
    }
