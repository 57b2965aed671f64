"""The ceiling from SD and N against simulated raters, whose true means are known, and on real ratings."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import r2_score

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.cross_validation.rating_ceiling import rating_ceiling

OASIS = Path(os.environ.get("O2B_REAL_DATA", Path(__file__).parents[4] / "shared" / "real")) / "oasis" / "OASIS.csv"


@pytest.mark.parametrize("spread", [0.2, 0.6, 1.5])
def test_a_model_that_knows_the_true_means_reaches_the_ceiling(spread):
    rng, reached, ceilings = np.random.default_rng(0), [], []
    for _ in range(200):
        truth, raters = rng.normal(5, spread, 150), rng.integers(8, 40, 150)
        ratings = [rng.normal(value, 1.5, n) for value, n in zip(truth, raters, strict=True)]
        mean, sd = np.array([own.mean() for own in ratings]), np.array([own.std(ddof=1) for own in ratings])
        ceiling = rating_ceiling(mean[None], sd[None], raters[None])
        ceilings.append([ceiling.least_mse[0], ceiling.r2[0], ceiling.correlation[0]])
        reached.append([((mean - truth) ** 2).mean(), r2_score(mean, truth), pearsonr(mean, truth)[0]])
    np.testing.assert_allclose(np.mean(ceilings, 0)[[0, 2]], np.mean(reached, 0)[[0, 2]], atol=0.03)
    if spread > 0.2:  # where all is noise, reliabilities below 0 are given as 0
        np.testing.assert_allclose(np.mean(ceilings, 0)[1], np.mean(reached, 0)[1], atol=0.02)


def test_the_formula_by_hand_and_what_is_left_out():
    mean = np.array([[2.0, 4.0, 9.0, np.nan, 7.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    deviation, raters = np.full((2, 5), 2.0), np.array([[4.0, 8.0, 16.0, 5.0, np.nan]] * 2)
    ceiling = rating_ceiling(mean, deviation, raters)
    error = np.mean([1.0, 0.5, 0.25])
    assert ceiling.least_mse[0] == pytest.approx(error) and ceiling.count.tolist() == [3, 4]
    assert ceiling.r2[0] == pytest.approx(1 - error / np.var([2.0, 4.0, 9.0], ddof=1))
    assert np.isnan(ceiling.r2[1]) and not np.isnan(ceiling.least_mse[1])
    few = rating_ceiling(mean, deviation, raters, np.array([True, False, False, False, False]))
    assert np.isnan([few.least_mse[0], few.r2[0]]).all() and few.count.tolist() == [1, 1]


def test_pure_noise_has_a_ceiling_of_0():
    ceiling = rating_ceiling(np.array([[5.0, 5.1, 4.9]]), np.full((1, 3), 3.0), np.full((1, 3), 4))
    assert ceiling.r2.item() == ceiling.correlation.item() == 0


@pytest.mark.skipif(not OASIS.exists(), reason="needs the photographs of shared/real")
def test_the_ratings_of_oasis_are_reliable():
    table = pd.read_csv(OASIS)
    read = [np.stack([table[f"{name}_{what}"] for name in ("Valence", "Arousal")]) for what in ("mean", "SD", "N")]
    ceiling = rating_ceiling(*read)
    assert (ceiling.r2 > 0.9).all() and (ceiling.count == len(table)).all() and ceiling.r2[0] > ceiling.r2[1]


def test_bad_ratings_are_refused():
    three = np.ones((1, 3))
    with pytest.raises(InputError, match="belong together"):
        rating_ceiling(three, three[:, :2], three)
    with pytest.raises(InputError, match="out of range"):
        rating_ceiling(three, three, 0 * three)
