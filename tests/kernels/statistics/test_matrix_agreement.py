"""Agreement of association matrices: against SciPy and plain loops; p is uniform where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.matrix_agreement import matrix_agreement


def test_rho_and_p_equal_plain_loops():
    rng = np.random.default_rng(0)
    matrices, nulls = rng.integers(0, 9, (3, 7, 4)).astype(float), rng.integers(0, 9, (29, 3, 7, 4)).astype(float)
    matrices[1] += matrices[0] / 2
    matrices[2, 3] = np.nan  # a class that is never there
    nulls[:, 2, 3] = np.nan
    agreement = matrix_agreement(matrices, nulls)

    def spearman(a, b):
        both = np.isfinite(a) & np.isfinite(b)
        return stats.spearmanr(a[both], b[both]).statistic

    for i in range(3):
        assert agreement.rho[i, i] == 1 and np.isnan(agreement.p[i, i])
        for j in set(range(3)) - {i}:
            observed = spearman(matrices[i], matrices[j])
            assert agreement.rho[i, j] == pytest.approx(observed, abs=1e-12)
            one = [spearman(null[i], matrices[j]) for null in nulls]
            other = [spearman(matrices[i], null[j]) for null in nulls]
            wanted = max((1 + sum(value >= observed - 1e-9 for value in values)) / 30 for values in (one, other))
            assert agreement.p[i, j] == pytest.approx(wanted)
            assert agreement.expected[i, j] == pytest.approx(np.mean(one + other))
    assert np.array_equal(agreement.p, agreement.p.T, equal_nan=True)
    assert agreement.p[0, 1] == pytest.approx(1 / 30)


def test_frequent_classes_alone_are_no_agreement():
    """Both matrices follow how often classes and labels occur; exchanged ones do, too."""
    rng, small = np.random.default_rng(1), []
    for _ in range(200):
        frequency = rng.gamma(1.0, 20.0, (12, 1)) * rng.gamma(2.0, 1.0, (1, 4))
        matrices, nulls = rng.poisson(frequency, (2, 12, 4)), rng.poisson(frequency, (99, 2, 12, 4))
        agreement = matrix_agreement(matrices, nulls)
        assert agreement.rho[0, 1] > 0.5  # SciPy's p would be far below .05
        small.append(agreement.p[0, 1] <= 0.05)
    assert np.mean(small) <= stats.binom.ppf(0.999, 200, 0.05) / 200


def test_constant_matrices_have_no_rho():
    agreement = matrix_agreement(np.stack([np.ones((3, 2)), np.arange(6.0).reshape(3, 2)]), np.ones((4, 2, 3, 2)))
    assert np.isnan(agreement.rho[0, 1]) and np.isnan(agreement.p[0, 1]) and np.isnan(agreement.expected[0, 1])
    constant = matrix_agreement(np.random.default_rng(0).random((2, 3, 2)), np.ones((4, 2, 3, 2)))
    assert constant.p[0, 1] == 1.0  # nothing can be told from such draws


@pytest.mark.parametrize("nulls", [np.ones((0, 2, 3, 2)), np.ones((4, 3, 3, 2)), np.ones((2, 3, 2))])
def test_shapes_that_do_not_fit_are_refused(nulls):
    with pytest.raises(InputError, match="do not fit"):
        matrix_agreement(np.ones((2, 3, 2)), nulls)
