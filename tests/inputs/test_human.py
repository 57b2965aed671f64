"""Ready targets, ratings, signals and regions: what is read, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.people.human import read_ratings, read_regions, read_signals, read_targets
from o2b_helpers.inputs.people.matching import check_ratings, check_regions, check_signals, check_targets
from o2b_helpers.inputs.people.stimuli import Stimuli

STIMULI = [f"s{n}" for n in range(8)]


@pytest.fixture
def stimuli(tmp_path) -> Stimuli:
    table = pd.DataFrame({"stimulus": STIMULI, "image": [f"{name}.png" for name in STIMULI]})
    return Stimuli(table.assign(condition=["congruent"] * 4 + ["incongruent"] * 4), tmp_path)


@pytest.fixture
def ratings() -> pd.DataFrame:
    return pd.DataFrame(
        [(s, a, v, (n + k) % 7 + 1) for n, s in enumerate(STIMULI) for k, a in enumerate("abc") for v in ("IV", "SV")],
        columns=["stimulus", "annotator", "valence_type", "rating"],
    )


@pytest.fixture
def signals() -> pd.DataFrame:
    value = np.random.default_rng(0).normal(size=(2, 8, 3))
    return pd.DataFrame(
        [
            (p, s, r, value[i, j, k])
            for i, p in enumerate("AB")
            for j, s in enumerate(STIMULI)
            for k, r in enumerate(("V1", "V2", "IPS"))
        ],
        columns=["subject", "stimulus", "roi", "value"],
    )


@pytest.fixture
def regions() -> pd.DataFrame:
    return pd.DataFrame({"roi": ["V1", "V2", "IPS"], "region": ["LLR", "LLR", "HLR"]})


@pytest.fixture
def targets() -> pd.DataFrame:
    rows = [(s, "IV/true/congruent" if n < 4 else "IV/true/incongruent", n % 2) for n, s in enumerate(STIMULI)]
    return pd.DataFrame(rows, columns=["stimulus", "target", "value"])


def _save(frame: pd.DataFrame, tmp_path):
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False, na_rep="NaN")
    return path


def _refused(action, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        action()
    for word in (*words, "expected:", "to do:"):
        assert word in str(caught.value)


# ratings


def test_ratings_are_read(ratings, stimuli, tmp_path):
    read = read_ratings(_save(ratings, tmp_path), (1, 7))
    pd.testing.assert_frame_equal(read, ratings.astype({"rating": float}), check_dtype=False)
    check_ratings(read, stimuli)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0, 7.5, -1])
def test_ratings_that_are_nan_or_out_of_range(ratings, tmp_path, value):
    ratings["rating"] = ratings["rating"].astype(float)
    ratings.loc[4, "rating"] = value
    shown = {"nan": "NaN"}.get(str(value), str(float(value)))
    _refused(lambda: read_ratings(_save(ratings, tmp_path), (1, 7)), f"row 5: {shown}", "1 to 7")


def test_constant_ratings(ratings, tmp_path):
    ratings.loc[ratings["valence_type"] == "SV", "rating"] = 4
    _refused(lambda: read_ratings(_save(ratings, tmp_path), (1, 7)), "constant", "'SV'", "4")


def test_rating_given_twice(ratings, tmp_path):
    twice = pd.concat([ratings, ratings.iloc[[3]]])
    _refused(lambda: read_ratings(_save(twice, tmp_path), (1, 7)), "more than once", "s0 / b / SV")


def test_stimulus_without_rating(ratings, stimuli):
    kept = ratings[(ratings["stimulus"] != "s3") | (ratings["valence_type"] == "IV")]
    _refused(lambda: check_ratings(kept, stimuli), "no rating", "'s3'", "ratings of SV")


def test_rating_of_an_unknown_stimulus(ratings, stimuli):
    more = pd.concat([ratings, ratings.iloc[[0]].assign(stimulus="S0")])
    _refused(lambda: check_ratings(more, stimuli), "not there", "'S0'")


# signals and regions


def test_signals_are_read(signals, regions, stimuli, tmp_path):
    read = read_signals(_save(signals, tmp_path))
    np.testing.assert_array_equal(read["value"], signals["value"])
    read_back = read_regions(_save(regions, tmp_path))
    pd.testing.assert_frame_equal(read_back, regions, check_dtype=False)
    check_signals(read, read_back, stimuli)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_signals_that_are_nan_or_infinite(signals, tmp_path, value):
    signals.loc[1, "value"] = value
    _refused(lambda: read_signals(_save(signals, tmp_path)), "row 2", "finite")


def test_signal_twice_missing_or_constant(signals, tmp_path):
    twice = pd.concat([signals, signals.iloc[[0]]])
    _refused(lambda: read_signals(_save(twice, tmp_path)), "A / s0 / V1")
    _refused(lambda: read_signals(_save(signals.drop(index=4), tmp_path)), "subject A, roi V2", "'s1'")
    signals.loc[(signals["subject"] == "B") & (signals["roi"] == "IPS"), "value"] = 2.0
    _refused(lambda: read_signals(_save(signals, tmp_path)), "never change", "subject B, roi IPS")


def test_stimulus_without_signal(signals, regions, stimuli):
    _refused(lambda: check_signals(signals[signals["stimulus"] != "s7"], regions, stimuli), "no signal", "'s7'")


def test_roi_without_region(signals, regions):
    _refused(lambda: check_regions(signals, regions.iloc[:2]), "belong to no region", "'IPS'")


def test_region_without_signals(signals, regions):
    _refused(lambda: check_regions(signals[signals["roi"] != "V2"], regions), "no signals", "'V2'")
    gap = signals[(signals["subject"] != "B") | (signals["roi"] != "IPS")]
    _refused(lambda: check_regions(gap, regions), "subject B: HLR")


def test_roi_in_two_regions(regions, tmp_path):
    both = pd.concat([regions, pd.DataFrame({"roi": ["V1"], "region": ["HLR"]})])
    _refused(lambda: read_regions(_save(both, tmp_path)), "'V1'")


# targets


def test_targets_by_name_and_by_parts(targets, stimuli, tmp_path):
    by_name = read_targets(_save(targets, tmp_path))
    assert list(by_name.columns) == ["stimulus", "target", "valence_type", "source", "condition", "value"]
    assert by_name.iloc[0].tolist() == ["s0", "IV/true/congruent", "IV", "true", "congruent", 0.0]
    check_targets(by_name, stimuli)
    by_parts = read_targets(_save(by_name.drop(columns="target"), tmp_path))
    pd.testing.assert_frame_equal(by_parts, by_name)
    pd.testing.assert_frame_equal(read_targets(_save(by_name, tmp_path)), by_name)


@pytest.mark.parametrize("name", ["valence", "IV/true", "IV//congruent", "IV/true/congruent/more"])
def test_targets_with_other_names(targets, tmp_path, name):
    targets["target"] = name
    _refused(lambda: read_targets(_save(targets, tmp_path)), name, "<valence_type>/<source>/<condition>")


def test_targets_that_contradict_themselves(targets, tmp_path):
    wrong = targets.assign(valence_type="IV", source="LLR", condition=targets["target"].str.split("/").str[2])
    _refused(lambda: read_targets(_save(wrong, tmp_path)), "contradicts", "LLR")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_target_values_that_are_nan_or_infinite(targets, tmp_path, value):
    targets["value"] = targets["value"].astype(float)
    targets.loc[2, "value"] = value
    _refused(lambda: read_targets(_save(targets, tmp_path)), "row 3", "finite")


def test_constant_or_repeated_targets(targets, tmp_path):
    twice = pd.concat([targets, targets.iloc[[0]]])
    _refused(lambda: read_targets(_save(twice, tmp_path)), "s0 / IV/true/congruent")
    targets.loc[4:, "value"] = 1
    _refused(lambda: read_targets(_save(targets, tmp_path)), "only one value", "IV/true/incongruent")


def test_targets_without_values(targets, tmp_path):
    _refused(lambda: read_targets(_save(targets.rename(columns={"value": "vale"}), tmp_path)), "vale -> value")


def test_stimulus_without_target(targets, stimuli, tmp_path):
    kept = read_targets(_save(targets[targets["stimulus"] != "s2"], tmp_path))
    _refused(lambda: check_targets(kept, stimuli), "1 stimulus has no target", "'s2'")


def test_target_of_an_unknown_stimulus(targets, stimuli, tmp_path):
    more = pd.concat([targets, targets.iloc[[0]].assign(stimulus="ghost")])
    _refused(lambda: check_targets(read_targets(_save(more, tmp_path)), stimuli), "'ghost'")


def test_target_in_another_condition(targets, stimuli, tmp_path):
    targets.loc[0, "target"] = "IV/true/incongruent"
    _refused(lambda: check_targets(read_targets(_save(targets, tmp_path)), stimuli), "disagree", "'s0'")


# names in one form, codes for missing values


@pytest.mark.parametrize("spelling", ["a ", " a", "a\u00a0"])
def test_one_person_stays_one(ratings, tmp_path, spelling):
    rows = ratings.index[ratings["annotator"] == "a"][::2]
    ratings.loc[rows, "annotator"] = spelling
    assert read_ratings(_save(ratings, tmp_path), (1, 7))["annotator"].nunique() == 3
    twice = pd.concat([ratings, ratings.loc[rows].assign(annotator="a")])
    _refused(lambda: read_ratings(_save(twice, tmp_path), (1, 7)), "more than once", "s0 / a / IV")


def test_blanks_in_every_table_of_people(signals, regions, targets, stimuli, tmp_path):
    signals["roi"] = signals["roi"] + " "
    signals["subject"] = " " + signals["subject"]
    signals["stimulus"] = signals["stimulus"] + "\u00a0"
    check_signals(read_signals(_save(signals, tmp_path)), read_regions(_save(regions, tmp_path)), stimuli)
    targets["target"] = targets["target"].str.replace("/", " / ")
    check_targets(read_targets(_save(targets, tmp_path)), stimuli)


@pytest.mark.parametrize("code", [-99, 999, "n/a"])
def test_ready_targets_with_codes(targets, stimuli, tmp_path, code):
    targets["value"] = np.arange(len(targets)) / 3
    path = _save(targets.astype({"value": object}).replace({"value": {2 / 3: code}}), tmp_path)
    _refused(lambda: read_targets(path), f"row 3: {code}", "analysis.human.missing")
    warnings: list[str] = []
    read = read_targets(path, missing=[code], warnings=warnings)
    assert np.flatnonzero(read["value"].isna()).tolist() == [2] and "1 value is missing" in warnings[0]
    check_targets(read, stimuli)
    if code == 999:
        assert read_targets(path, value_range=(-1000, 1000))["value"][2] == 999
        _refused(lambda: read_targets(path, value_range=(1, 7)), "row 3: 999", "from 1 to 7")


def test_ready_targets_far_from_the_others_are_named(targets, tmp_path):
    targets["value"] = [1.5, 2, 2.5, 3, 3.5, 4, 4.5, 450]
    warnings: list[str] = []
    read_targets(_save(targets, tmp_path), warnings=warnings)
    assert len(warnings) == 1 and "row 8: 450" in warnings[0]


@pytest.mark.parametrize("code", [-99, 9999])
def test_signals_with_codes(signals, tmp_path, code):
    signals.loc[10, "value"] = code
    path = _save(signals, tmp_path)
    _refused(lambda: read_signals(path), f"row 11: {code}", "analysis.human.signal_range")
    assert read_signals(path, signal_range=(-1e5, 1e5))["value"][10] == code
    _refused(lambda: read_signals(path, missing=[code]), "missing stimuli", "1 signal(s)")


def test_ratings_with_codes(ratings, tmp_path):
    ratings.loc[[3, 5], "rating"] = 99
    path = _save(ratings, tmp_path)
    _refused(lambda: read_ratings(path, (1, 7)), "row 4: 99", "analysis.human.missing: [99]")
    warnings: list[str] = []
    read = read_ratings(path, (1, 7), missing=[99], warnings=warnings)
    assert len(read) == len(ratings) - 2 and warnings == [
        "table.csv: 2 ratings are missing, as a code says, and are left out."
    ]
    all_missing = ratings.assign(rating=ratings["rating"].where(ratings["valence_type"] == "IV", 99))
    _refused(
        lambda: read_ratings(_save(all_missing, tmp_path), (1, 7), missing=[99]), "every rating of 'SV' is missing"
    )
