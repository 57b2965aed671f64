"""True labels, nested ridge predictions and the table of targets."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.preprocessing import StandardScaler

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.people.nested_ridge import fit_predict, nested_ridge, outer_folds
from o2b_helpers.inputs.people.stimuli import Stimuli
from o2b_helpers.inputs.people.targets import (
    mean_over_subjects,
    mean_rating_targets,
    subject_predictions,
    targets_table,
    true_labels,
)

PENALTIES = [1.0, 10.0, 100.0, 1000.0, 10000.0]
NAMES = [f"s{n:02d}" for n in range(48)]
PEOPLE = np.repeat([1, 0, 1, 0], 12)
SCENE = np.repeat([1, 0, 0, 1], 12)
IMAGE = np.where(PEOPLE == SCENE, PEOPLE, np.where(np.arange(48) % 2, PEOPLE, SCENE))
TRUTH = {"IV": IMAGE, "PV": PEOPLE, "SV": SCENE}


def _ridge_predictions(*tables, **options) -> pd.DataFrame:
    return mean_over_subjects(subject_predictions(*tables, **options))


def _labels() -> pd.DataFrame:
    parts = [
        pd.DataFrame({"stimulus": NAMES, "valence_type": valence_type, "label": label.astype(float)})
        for valence_type, label in TRUTH.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _brains(seed: int, follows: dict[str, np.ndarray], rois: int = 5, subjects: int = 22):
    generator = np.random.default_rng(seed)
    rows, regions = [], []
    for region, signal in follows.items():
        for number in range(rois):
            regions.append((f"{region}{number}", region))
            for subject in range(subjects):
                loading = generator.uniform(0.2, 0.8, (1 if signal.ndim == 1 else len(signal), 1))
                value = (loading * signal).sum(0) + generator.normal(size=48)
                rows.append(
                    pd.DataFrame(
                        {"subject": f"p{subject}", "stimulus": NAMES, "roi": f"{region}{number}", "value": value}
                    )
                )
    return pd.concat(rows), pd.DataFrame(regions, columns=["roi", "region"])


def _agreement(predictions: pd.DataFrame) -> pd.Series:
    groups = predictions.groupby(["region", "valence_type"])
    return pd.Series({key: np.corrcoef(part["prediction"], TRUTH[key[1]])[0, 1] for key, part in groups})


def test_labels_are_the_side_of_the_median():
    rating = {"a": [1, 2], "b": [3, 3], "c": [4, 5], "d": [6, 6], "e": [7, 7]}
    rows = [(s, f"p{k}", "IV", r) for s, both in rating.items() for k, r in enumerate(both)]
    table = true_labels(pd.DataFrame(rows, columns=["stimulus", "annotator", "valence_type", "rating"]))
    labels = table.set_index("stimulus")["label"]
    assert labels[["a", "b", "d", "e"]].tolist() == [0, 0, 1, 1]
    assert np.isnan(labels["c"])  # exactly at the median


def test_median_of_each_valence_type_by_itself():
    rows = [(s, "p", v, r + shift) for v, shift in (("IV", 0), ("SV", 3)) for r, s in enumerate("abcd", start=1)]
    table = true_labels(pd.DataFrame(rows, columns=["stimulus", "annotator", "valence_type", "rating"]))
    assert table.groupby("valence_type")["label"].apply(list).to_dict() == {"IV": [0, 0, 1, 1], "SV": [0, 0, 1, 1]}


def test_equal_mean_ratings_have_no_labels():
    rows = [(s, p, "IV", r) for s in "abcd" for p, r in (("p", 1), ("q", 7))]
    with pytest.raises(InputError, match="same mean rating"):
        true_labels(pd.DataFrame(rows, columns=["stimulus", "annotator", "valence_type", "rating"]))


@pytest.mark.parametrize(("seed", "signal"), [(0, 0.0), (1, 1.0), (2, 0.3)])
def test_one_fit_is_scikit_learns(seed, signal):
    generator = np.random.default_rng(seed)
    labels = np.repeat([0.0, 1.0], [23, 19])
    features = generator.normal(3, 5, (42, 6)) + signal * 5 * labels[:, None]
    held_out = generator.normal(3, 5, (6, 6))
    scaler = StandardScaler().fit(features)
    model = RidgeCV(alphas=PENALTIES).fit(scaler.transform(features), labels)
    reference = model.predict(scaler.transform(held_out)) - labels.mean()
    np.testing.assert_allclose(fit_predict(features, labels, held_out, np.array(PENALTIES)), reference, atol=1e-10)


def test_whole_nesting_is_the_written_out_one():
    generator = np.random.default_rng(5)
    labels = np.append(np.tile([0.0, 1.0], 12), np.nan)
    features = generator.normal(size=(25, 4)) + np.nan_to_num(labels)[:, None]
    draws = outer_folds(labels[:, None], "balanced", folds=5, repeats=2, seed=1)
    expected = np.zeros(25)
    for folds in draws:
        for fold in folds:
            rest = np.array([n for n in range(25) if n not in fold and not np.isnan(labels[n])])
            scaler = StandardScaler().fit(features[rest])
            inner = scaler.transform(features[rest])
            error = []
            for penalty in PENALTIES:
                misses = []
                for left in range(len(rest)):
                    others = np.delete(np.arange(len(rest)), left)
                    fit = Ridge(alpha=penalty).fit(inner[others], labels[rest][others])
                    misses.append((fit.predict(inner[[left]])[0] - labels[rest][left]) ** 2)
                error.append(np.mean(misses))
            fit = Ridge(alpha=PENALTIES[int(np.argmin(error))]).fit(inner, labels[rest])
            predicted = fit.predict(scaler.transform(features[fold]))
            expected[fold] += (predicted - predicted.mean()) / predicted.std() / len(draws)
    np.testing.assert_allclose(nested_ridge(features, labels, PENALTIES, draws, "test"), expected, atol=1e-8)


def test_folds_keep_the_balance_of_all_labels():
    labels = np.stack(list(TRUTH.values()), axis=1).astype(float)
    draws = outer_folds(labels, "balanced", folds=6, repeats=3, seed=0)
    for folds in draws:
        assert sorted(np.concatenate(folds).tolist()) == list(range(48))
        for fold in folds:
            assert (labels[fold].mean(0) == 0.5).all()
    assert any((draws[0][n] != draws[1][n]).any() for n in range(6))
    again = outer_folds(labels, "balanced", folds=6, repeats=3, seed=0)
    assert all((a == b).all() for x, y in zip(draws, again, strict=True) for a, b in zip(x, y, strict=True))


def test_planted_pattern_is_found_in_time():
    both = np.stack([PEOPLE, SCENE])
    signals, regions = _brains(0, {"LLR": SCENE, "MLR": both, "HLR": both})
    start = time.process_time()
    predictions = _ridge_predictions(signals, regions, _labels(), PENALTIES, seed=0)
    assert time.process_time() - start < 20
    assert list(predictions.columns) == ["stimulus", "valence_type", "region", "prediction"]
    assert len(predictions) == 48 * 9
    result = _agreement(predictions)
    assert result["LLR", "SV"] > 0.8 and abs(result["LLR", "PV"]) < 0.5
    for region in ("MLR", "HLR"):
        assert result[region, "SV"] > 0.5 and result[region, "PV"] > 0.5
    again = _ridge_predictions(signals.sample(frac=1, random_state=0), regions, _labels(), PENALTIES, seed=0)
    pd.testing.assert_frame_equal(predictions, again, rtol=1e-9)


def test_noise_is_as_often_with_the_labels_as_against_them():
    result, alone = [], []
    for seed in range(8):
        signals, regions = _brains(seed, {"LLR": np.zeros(48)})
        options = {"signals": signals, "regions": regions, "labels": _labels(), "penalties": PENALTIES, "seed": 0}
        result.append(_agreement(_ridge_predictions(**options, repeats=3)))
        if seed < 2:
            alone.append(_agreement(_ridge_predictions(**options, outer="leave_one_out")))
    mean = pd.concat(result, axis=1).mean(axis=1)
    assert mean.abs().max() < 0.3  # standard error about 0.1
    # why single stimuli are not the default: pure noise runs against the labels
    assert pd.concat(alone, axis=1).mean(axis=1).max() < -0.4


def test_a_stimulus_without_label_is_predicted():
    signals, regions = _brains(3, {"LLR": SCENE}, subjects=4)
    labels = _labels()
    labels.loc[(labels["stimulus"] == "s00") & (labels["valence_type"] == "SV"), "label"] = np.nan
    predictions = _ridge_predictions(signals, regions, labels, PENALTIES, seed=0, repeats=2)
    assert len(predictions) == 48 * 3 and np.isfinite(predictions["prediction"]).all()
    table = targets_table(labels, predictions, _stimuli())
    assert "s00" not in set(table.loc[table["target"] == "SV/true/congruent", "stimulus"])
    assert "s00" in set(table.loc[table["target"] == "SV/LLR/congruent", "stimulus"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"penalties": [0.0, 1.0]}, "penalties"),
        ({"penalties": []}, "penalties"),
        ({"outer": "leave_two_out"}, "balanced or leave_one_out"),
        ({"folds": 13}, "13 folds"),
        ({"folds": 1}, "at least 2 folds"),
    ],
)
def test_options_that_cannot_be(options, words):
    signals, regions = _brains(3, {"LLR": SCENE}, subjects=1)
    with pytest.raises(InputError, match=words):
        _ridge_predictions(signals, regions, _labels(), **{"penalties": PENALTIES, "seed": 0, **options})


def test_human_data_that_do_not_fit_together():
    signals, regions = _brains(3, {"LLR": SCENE}, subjects=1)
    labels = _labels()
    with pytest.raises(InputError, match="no signals"):
        _ridge_predictions(signals[signals["stimulus"] != "s05"], regions, labels, PENALTIES, 0)
    with pytest.raises(InputError, match="no labels"):
        _ridge_predictions(signals, regions, labels[labels["stimulus"] != "s05"], PENALTIES, 0)
    with pytest.raises(InputError, match="belong to no region"):
        _ridge_predictions(signals, regions.iloc[1:], labels, PENALTIES, 0)
    with pytest.raises(InputError, match="40 below and 0 above"):
        _ridge_predictions(signals, regions, labels.assign(label=0.0), PENALTIES, 0)


def _stimuli() -> Stimuli:
    condition = np.where(PEOPLE == SCENE, "congruent", "incongruent")
    table = pd.DataFrame({"stimulus": NAMES, "image": NAMES, "condition": condition, "valence": np.arange(48) / 8})
    return Stimuli(table, folder=None)


def test_24_targets():
    both = np.stack([PEOPLE, SCENE])
    signals, regions = _brains(0, {"LLR": SCENE, "MLR": both, "HLR": both}, rois=2, subjects=2)
    predictions = _ridge_predictions(signals, regions, _labels(), PENALTIES, seed=0, repeats=1)
    table = targets_table(_labels(), predictions, _stimuli())
    assert list(table.columns) == ["stimulus", "target", "valence_type", "source", "condition", "value"]
    assert table["target"].nunique() == 24 and len(table) == 24 * 24
    assert table["target"].drop_duplicates().tolist() == [
        f"{v}/{s}/{c}"
        for v in ("IV", "PV", "SV")
        for s in ("true", "LLR", "MLR", "HLR")
        for c in ("congruent", "incongruent")
    ]
    each = table[table["target"] == "PV/MLR/incongruent"].set_index("stimulus")["value"]
    source = predictions[(predictions["region"] == "MLR") & (predictions["valence_type"] == "PV")]
    pd.testing.assert_series_equal(each, source.set_index("stimulus")["prediction"][each.index], check_names=False)


def test_targets_with_one_value_are_refused():
    labels = _labels()
    labels.loc[labels["valence_type"] == "IV", "label"] = (PEOPLE == SCENE).astype(float)
    with pytest.raises(InputError, match="only one value"):
        targets_table(labels, pd.DataFrame(columns=["stimulus", "valence_type", "region", "prediction"]), _stimuli())


def test_targets_without_signals_are_the_true_labels():
    none = pd.DataFrame(columns=["stimulus", "valence_type", "region", "prediction"])
    table = targets_table(_labels(), none, _stimuli())
    assert table["value"].dtype == np.float64 and set(table["source"]) == {"true"}
    pd.testing.assert_frame_equal(table, targets_table(_labels(), none, _stimuli()))
    each = table[table["target"] == "SV/true/incongruent"].set_index("stimulus")["value"]
    assert each.to_dict() == {name: float(SCENE[n]) for n, name in enumerate(NAMES) if PEOPLE[n] != SCENE[n]}


def test_mean_ratings_as_targets():
    table = mean_rating_targets(_stimuli())
    assert set(table["target"]) == {"IV/rating/congruent", "IV/rating/incongruent"}
    np.testing.assert_array_equal(table.set_index("stimulus").loc[NAMES, "value"], np.arange(48) / 8)
    rows = [(s, p, "PV", n % 5 + d) for n, s in enumerate(NAMES) for p, d in (("x", 0), ("y", 1))]
    ratings = pd.DataFrame(rows, columns=["stimulus", "annotator", "valence_type", "rating"])
    table = mean_rating_targets(_stimuli(), ratings)
    assert set(table["target"]) == {"PV/rating/congruent", "PV/rating/incongruent"}
    assert table.set_index("stimulus")["value"]["s03"] == 3.5
    with pytest.raises(InputError, match="lacks the column"):
        mean_rating_targets(_stimuli(), column="arousal")
    with pytest.raises(InputError, match="not there"):
        mean_rating_targets(_stimuli(), ratings.replace("s03", "ghost"))


def test_the_ratings_that_stimuli_bring_are_checked_as_all_others():
    stimuli = _stimuli()
    spoilt = {
        "": "stimulus s03: empty",
        "0,5": "stimulus s03: 0,5",
        "n/a": "stimulus s03: n/a",
        "-99": "stimulus s03: -99",
    }
    for cell, words in spoilt.items():
        values = stimuli.table["valence"].astype(str).where(stimuli.table["stimulus"] != "s03", cell)
        own = Stimuli(stimuli.table.assign(valence=values), folder=None)
        with pytest.raises(InputError, match=words):
            mean_rating_targets(own)
        said: list[str] = []
        if cell != "0,5":
            assert "s03" not in set(mean_rating_targets(own, missing=[cell], warnings=said)["stimulus"])
            assert said == ["the stimulus table: 1 value is missing, as a code says, and is left out."]
    with pytest.raises(InputError, match="from 0 to 5"):
        mean_rating_targets(stimuli, value_range=(0, 5))
