"""Two-way ANOVA of many filters against statsmodels, one filter at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.selectivity.two_way_anova import two_way_anova

TERMS = ["C(emotion)", "C(category)", "C(emotion):C(category)"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(2)
    emotion, category = rng.integers(0, 3, 120), rng.choice([0, 1, 2, 5], 120, p=[0.4, 0.3, 0.2, 0.1])
    noise = rng.normal(size=(120, 5))
    effects = rng.normal(size=(3, 5))[emotion] + rng.normal(size=(6, 5))[category]
    responses = noise + effects * np.array([0, 0.2, 0.5, 1.0, 0.1]) + 50
    responses[:, 3] += 0.8 * emotion * category
    return responses, emotion, category


def test_it_is_the_anova_of_statsmodels(data):
    responses, emotion, category = data
    found = two_way_anova(*data)
    for k in range(responses.shape[1]):
        frame = pd.DataFrame({"response": responses[:, k], "emotion": emotion, "category": category})
        known = anova_lm(ols("response ~ C(emotion) * C(category)", frame).fit(), typ=2)
        np.testing.assert_allclose(found.f[:, k], known.loc[TERMS, "F"], rtol=1e-8)
        np.testing.assert_allclose(found.p[:, k], known.loc[TERMS, "PR(>F)"], rtol=1e-7)
        squares = known["sum_sq"]
        np.testing.assert_allclose(found.eta[:, k], squares[TERMS] / (squares[TERMS] + squares["Residual"]), rtol=1e-8)
        assert [*found.freedom, found.residual] == known["df"].astype(int).tolist()


def test_a_constant_filter_has_no_f(data):
    assert np.isnan(two_way_anova(np.ones_like(data[0]), *data[1:]).f).all()


def test_factors_without_enough_pictures_are_refused(data):
    responses, emotion, category = data
    for first, second in ((emotion, np.zeros_like(category)), (np.where(category == 5, 0, emotion), category)):
        with pytest.raises(InputError, match="two-way"):
            two_way_anova(responses, first, second)
