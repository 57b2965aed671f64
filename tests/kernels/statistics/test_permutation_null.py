"""Permutation tests against plain loops with SciPy, and their calibration on data without any effect."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.category_null import category_p, weights_by_category
from o2b_helpers.kernels.statistics.category_weights import category_weights
from o2b_helpers.kernels.statistics.permutation_null import LinearStatistics, own_order, permutation_test, unit_ranks
from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.kernels.statistics.weight_coefficients import weight_coefficients

RUNS, FILTERS, CLASSES, STIMULI, TARGETS = 2, 6, 4, 11, 3


@pytest.fixture
def study():
    """Small predictions with ties, and targets of which one has two values only."""
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(TARGETS, STIMULI))
    targets[1] = targets[1] > 0
    return {
        "sensitivity": rng.uniform(size=(RUNS, FILTERS, CLASSES)),
        "base": rng.normal(size=(RUNS, STIMULI)).round(1),
        "lesioned": rng.normal(size=(RUNS, FILTERS, STIMULI)).round(1),
        "targets": targets,
    }


def weight(study, run, number, target):
    """One class weight by SciPy, filter by filter."""
    whole = stats.spearmanr(study["base"][run], target).statistic
    return sum(
        study["sensitivity"][run, k, number] * (whole - stats.spearmanr(study["lesioned"][run, k], target).statistic)
        for k in range(FILTERS)
    )


def test_null_of_class_weights_equals_a_plain_loop(study):
    coefficients = weight_coefficients(study["sensitivity"], study["base"], study["lesioned"])
    permutations = permutations_within(np.zeros(STIMULI), 9, 1)
    group = LinearStatistics(coefficients.reshape(-1, STIMULI), study["targets"], np.arange(STIMULI))
    null = group.permuted(permutations).reshape(TARGETS, 9, RUNS, CLASSES)
    for target, number, run, c in np.ndindex(null.shape):
        wanted = weight(study, run, c, study["targets"][target][permutations[number]])
        assert null[target, number, run, c] == pytest.approx(wanted, abs=1e-9)
    observed = group.observed().reshape(TARGETS, RUNS, CLASSES)
    for target, run, c in np.ndindex(observed.shape):
        assert observed[target, run, c] == pytest.approx(weight(study, run, c, study["targets"][target]), abs=1e-9)


def test_p_counts_what_is_at_least_as_far_from_zero(study):
    permutations = permutations_within(np.zeros(STIMULI), 200, 2)
    x, y = study["base"], study["targets"]
    result = permutation_test([LinearStatistics(unit_ranks(x), y, np.arange(STIMULI))], permutations)
    null = np.array([[[stats.spearmanr(a, b[p]).statistic for a in x] for b in y] for p in permutations])
    rho = np.array([[stats.spearmanr(a, b).statistic for a in x] for b in y])
    far = np.abs(null) >= np.abs(rho) - 1e-12
    assert result.observed[0] == pytest.approx(rho, abs=1e-12)
    assert result.p[0] == pytest.approx((1 + far.sum(0)) / 201, abs=1e-12)
    largest = np.abs(null).max((1, 2))
    family = (1 + (largest[:, None, None] >= np.abs(rho) - 1e-12).sum(0)) / 201
    assert result.p_familywise[0] == pytest.approx(family, abs=1e-12)


def test_agrees_with_scipys_permutation_test(study):
    x, y = study["base"][1], study["targets"][0]
    permutations = permutations_within(np.zeros(STIMULI), 20_000, 3)
    result = permutation_test([LinearStatistics(unit_ranks(x[None]), y[None], np.arange(STIMULI))], permutations).p[0][
        0, 0
    ]

    def rho(a):
        return abs(stats.spearmanr(a, y).statistic)

    options = {"permutation_type": "pairings", "alternative": "greater", "n_resamples": 4000, "rng": 1}
    wanted = stats.permutation_test((x,), rho, **options).pvalue
    assert result == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) * (1 / 4000 + 1 / 20_000)))


def test_a_target_with_fewer_stimuli_keeps_to_its_own():
    permutations = permutations_within(np.array([0, 0, 0, 0, 1, 1, 1]), 50, 4)
    order = own_order(permutations, np.array([0, 2, 3]))
    assert np.array_equal(np.sort(order, axis=1), np.tile([0, 1, 2], (50, 1)))
    assert len(np.unique(order, axis=0)) == 6


def test_missing_rows_stay_missing_and_harm_no_other(study):
    coefficients = unit_ranks(np.vstack([study["base"], np.ones(STIMULI)]))
    permutations = permutations_within(np.zeros(STIMULI), 50, 5)
    with_constant = permutation_test(
        [LinearStatistics(coefficients, study["targets"], np.arange(STIMULI))], permutations
    )
    without = permutation_test(
        [LinearStatistics(coefficients[:-1], study["targets"], np.arange(STIMULI))], permutations
    )
    assert np.isnan(with_constant.p[0][:, -1]).all() and np.isnan(with_constant.p_familywise[0][:, -1]).all()
    assert np.array_equal(with_constant.p[0][:, :-1], without.p[0])
    assert np.array_equal(with_constant.p_familywise[0][:, :-1], without.p_familywise[0])


def test_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="do not fit"):
        LinearStatistics(np.ones((2, 5)), np.ones((1, 4)), np.arange(5))
    with pytest.raises(InputError, match="do not fit"):
        weight_coefficients(np.ones((1, 2, 3)), np.ones((1, 5)), np.ones((1, 3, 5)))


@pytest.mark.parametrize("statistic", ["mean", "sum"])
@pytest.mark.parametrize("members", ["chosen", "all"])
def test_category_weights_of_many_rows_are_those_of_the_table(statistic, members):
    rng = np.random.default_rng(6)
    classes = [f"class {k:02d}" for k in range(20)]
    category = {name: f"category {k % 4}" for k, name in enumerate(classes)}
    belongs = np.array([[k % 4 == g for g in range(4)] for k in range(20)], dtype=float)
    many = rng.normal(0.3, 1, (8, 20))
    many[5], many[6, 3:17], many[7] = many[5] + 9, 0.0, np.repeat([1.0, -1.0], 10)  # one sign only, ties
    kind = {"statistic": statistic, "members": members}
    sums = weights_by_category(many, belongs, 5, **kind)
    for row, weights in enumerate(many):
        table = category_weights(weights[:, None], classes, category, 0.25, **kind)
        for sign, own in zip(("positive", "negative"), sums, strict=True):
            mine = table[table["sign"] == sign].set_index("category")["weight"]
            wanted = [mine.get(f"category {g}", 0.0) for g in range(4)]
            assert own[row] == pytest.approx(wanted, abs=1e-12)


DATA_SETS, PERMUTATIONS = 600, 199


def inside(hits: np.ndarray, rate: float = 0.05) -> bool:
    """Tell whether a share of independent hits lies in the 99 % interval of chance."""
    low, high = stats.binom.interval(0.99, len(hits), rate)
    return low <= hits.sum() <= high


@pytest.fixture(scope="module")
def null_data_sets():
    """p of rho, of one class weight and of one category weight, and the smallest q, in data sets without any effect."""
    rng = np.random.default_rng(7)
    members = np.eye(3)[np.arange(12) % 3]
    result = []
    for number in range(DATA_SETS):
        condition = np.repeat([0, 1], 12)
        permutations = permutations_within(condition, PERMUTATIONS, number)
        shared = rng.normal(size=(1, 24))  # predictions without a filter are like those of the whole network
        base, lesioned = shared + rng.normal(size=(1, 24)), shared + rng.normal(size=(1, 15, 24))
        sensitivity, targets = rng.uniform(size=(1, 15, 12)), rng.normal(size=(2, 24))
        targets[1] = np.argsort(np.argsort(targets[1][:12])).tolist() * 2
        places = np.arange(12)
        coefficients = weight_coefficients(sensitivity, base[:, :12], lesioned[:, :, :12])[0]
        weights = LinearStatistics(coefficients, targets[:, :12], places)
        tested = permutation_test([weights], permutations)
        rho = permutation_test([LinearStatistics(unit_ranks(base[:, :12]), targets[:, :12], places)], permutations)
        categories = {}
        for statistic in ("mean", "sum"):
            null = weights_by_category(weights.permuted(permutations)[0], members, 3, statistic=statistic)
            own = weights_by_category(weights.observed()[:1], members, 3, statistic=statistic)
            categories[statistic] = category_p((own[0][0], own[1][0]), [null])[number % 2][number % 3]
        result.append(
            {
                "rho": rho.p[0][0, 0],
                "class": tested.p[0][0, number % 12],
                "category": categories["mean"],
                "category sum": categories["sum"],
                "q": benjamini_hochberg(tested.p[0][0]).min(),
                "familywise": tested.p_familywise[0].min(),
            }
        )
    return {name: np.array([each[name] for each in result]) for name in result[0]}


@pytest.mark.parametrize("what", ["rho", "class", "category", "category sum"])
def test_without_an_effect_one_in_twenty_is_below_a_twentieth(null_data_sets, what):
    # of 199 permutations and the order as it is, exactly 5 % of values reach p <= 0.05
    assert inside(null_data_sets[what] <= 0.05)


def test_without_an_effect_few_data_sets_have_any_small_q(null_data_sets):
    assert (null_data_sets["q"] < 0.1).sum() <= stats.binom.ppf(0.995, DATA_SETS, 0.1)


def test_family_wise_p_keeps_its_promise(null_data_sets):
    assert inside(null_data_sets["familywise"] <= 0.05)
