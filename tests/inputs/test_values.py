"""Columns of values: codes for missing values, ranges, and what lies far from the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.values import far_values, missing_values, number_column, text_column

OPTIONS = {"missing_option": "analysis.human.missing", "range_option": "analysis.human.value_range"}


def _column(*values: object) -> pd.DataFrame:
    return pd.DataFrame({"value": list(values)})


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ([1.0, -99.0, 3.0], [-99]),
        (["1", "-99.0", "3"], [-99.0]),
        (["1", "n/a", "3"], ["n/a"]),
        (["1", "N/A ", "3"], ["n/a"]),
        (["1", "-", "3"], [-99, "-"]),
        (["1", "", "3"], [""]),
        ([1.0, np.nan, 3.0], [""]),
        (["1", "#N/A", "3"], ["#N/A"]),
        (["1", "nan", "3"], [float("nan")]),
    ],
)
def test_a_code_that_is_stated_means_missing(values, missing):
    numbers = number_column(_column(*values), "value", "t.csv", 1, 7, missing=missing)
    np.testing.assert_array_equal(numbers, [1, np.nan, 3])
    assert missing_values(numbers, "t.csv", "value") == ["t.csv: 1 value is missing, as a code says, and is left out."]


@pytest.mark.parametrize(
    ("cell", "shown", "hint"),
    [
        (-99, "row 2: -99", "[-99]"),
        ("999", "row 2: 999", "[999]"),
        ("n/a", "row 2: n/a", "['n/a']"),
        ("-", "row 2: -", "['-']"),
        ("", "row 2: empty", "['']"),
        (None, "row 2: empty", "['']"),
        ("inf", "row 2: inf", ""),
        ("3,5", "row 2: 3,5", "decimal point"),
        (8, "row 2: 8", "from 1 to 7"),
        (True, "row 2: True", "finite numbers"),
    ],
)
def test_a_code_that_is_not_stated_is_refused_with_its_row(cell, shown, hint):
    with pytest.raises(InputError) as caught:
        number_column(_column("1", cell, "3"), "value", "t.csv", 1, 7, option="analysis.human.missing")
    assert shown in str(caught.value) and hint in str(caught.value)


@pytest.mark.parametrize("code", [-99, 99, 999, -9, 9999, 88])
@pytest.mark.parametrize("scale", [np.linspace(1, 7, 16), np.linspace(-2, 2, 24), np.linspace(0, 1, 12)])
def test_values_that_look_like_codes_are_refused(code, scale):
    values = pd.Series([*scale, code, code], dtype=float)
    with pytest.raises(InputError) as caught:
        far_values(values, "targets.csv", **OPTIONS)
    assert f"row {len(scale) + 1}: {code}" in str(caught.value)
    assert f"analysis.human.missing: [{code}]" in str(caught.value) and "value_range" in caught.value.remedy


def test_several_codes_do_not_hide_each_other():
    values = pd.Series([*np.linspace(1, 7, 10), -99, -98, 99, 999, -99, -99, -99])
    with pytest.raises(InputError, match=r"\[-99, -98, 99, 999\]"):
        far_values(values, "targets.csv", **OPTIONS)


@pytest.mark.parametrize("scale", [np.linspace(0, 100, 30), np.arange(60.0, 101), np.array([95.0, 97, 98, 99, 99])])
def test_a_code_among_values_like_it_is_a_value(scale):
    assert far_values(pd.Series([*scale, 99.0, 77.0]), "t.csv", **OPTIONS) == []


@pytest.mark.parametrize("far", [45.0, 1000.0, -60.0])
def test_other_values_far_from_the_rest_are_named(far):
    (said,) = far_values(pd.Series([*np.linspace(1, 7, 20), far]), "targets.csv", **OPTIONS)
    assert f"row 21: {far:g}" in said and "run from 1 to 7" in said and "value_range" in said


def test_ordinary_values_are_not_named():
    rng = np.random.default_rng(0)
    for values in (
        rng.normal(size=2000),
        rng.integers(0, 2, 50),
        rng.uniform(1, 7, 50),
        rng.standard_t(8, 500),
        [1, 2],
    ):
        assert far_values(pd.Series(values, dtype=float), "t.csv", **OPTIONS) == []


def test_errors_of_a_spreadsheet_are_no_names():
    with pytest.raises(InputError, match="row 2: #N/A"):
        text_column(pd.DataFrame({"condition": ["a", "#N/A"]}), "condition", "t.csv")
