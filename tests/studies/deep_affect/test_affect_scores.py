"""Models, scores, comparisons and contributions: against scikit-learn and SciPy, and against what is planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from affect_fixture import affect_profile, run_affect
from scipy import stats
from sklearn.metrics import r2_score

from o2b_helpers.core.running.run import run_step
from o2b_helpers.report.results import Results
from o2b_helpers.studies.deep_affect.answers import how_well_predicted, shared_or_split, what_groups_contribute
from o2b_helpers.studies.deep_affect.figures.contributions import caption, figure_15, scores_table
from o2b_helpers.studies.deep_affect.options import TARGETS, Affect
from o2b_helpers.studies.deep_affect.rows import ceiling_rows
from o2b_helpers.toyworld.truth import planted_arousal, truth

WHOLE = "object + scene + face"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The whole study on the toy world: the profile and its results."""
    params = affect_profile(tmp_path_factory.mktemp("affect"), {"kind": "toyworld", "images": 500, "world_seed": 1})
    result = run_affect(params)
    return params, Results(result.results, params=params)


def table(results: Results, file: str) -> pd.DataFrame:
    """Read a table by its file's name."""
    own = next(own for own in results.params.chosen_studies[-1].tables if getattr(own, "file", "") == file)
    return results.table(own)


def test_every_model_predicts_every_picture_in_every_fold(made):
    predicted = table(made[1], "affect_predictions.parquet")
    counts = predicted.groupby(["model", "outputs", "features"]).size()
    assert len(counts) == 7 * 3 + 1 and (counts == 5 * 2 * 500).all()
    assert predicted["predicted"].notna().all()
    history = table(made[1], "affect_training.parquet")
    assert history.groupby(["outputs", "features", "rating", "seed", "fold"])["kept"].sum().eq(1).all()
    assert history.groupby("outputs")["rating"].unique().map(set).to_dict() == {
        "shared": {"both"},
        "split": set(TARGETS),
    }


@pytest.mark.parametrize(("model", "outputs"), [("network", "shared"), ("network", "split"), ("ridge", "single")])
def test_scores_are_those_of_scikit_learn_on_each_folds_test_pictures(made, model, outputs):
    pictures, predicted = (table(made[1], f"affect_{name}") for name in ("pictures.csv", "predictions.parquet"))
    own = predicted[
        (predicted["model"] == model) & (predicted["outputs"] == outputs) & (predicted["features"] == WHOLE)
    ]
    own = own.merge(pictures.rename(columns={"fold": "tests"}), on=["corpus", "image"])
    scores = table(made[1], "affect_scores.csv")
    row = scores[(scores["model"] == model) & (scores["outputs"] == outputs) & (scores["features"] == WHOLE)]
    for target in TARGETS:
        tested = own[(own["rating"] == target) & (own["fold"] == own["tests"])]
        folds = [part for _, part in tested.groupby("fold")]
        r2 = [r2_score(part[target], part["predicted"]) for part in folds]
        mse = [((part[target] - part["predicted"]) ** 2).mean() for part in folds]
        said = row[(row["rating"] == target) & (row["part"] == "test") & (row["corpus"] == "all corpora")].iloc[0]
        assert np.allclose([said["r2"], said["mse"], said["mse_sd"]], [np.mean(r2), np.mean(mse), np.std(mse, ddof=1)])
        assert said["pictures"] == 500 and said["folds"] == 5
        rest = own[(own["rating"] == target) & (own["fold"] != own["tests"])]
        learnt = row[(row["rating"] == target) & (row["part"] == "train") & (row["corpus"] == "toyworld")].iloc[0]
        rest = rest.assign(square=(rest["predicted"] - rest[target]) ** 2)
        by_fold = rest.groupby("fold")["square"].mean()
        assert np.isclose(learnt["mse"], by_fold.mean()) and learnt["pictures"] == 500


def test_comparisons_are_scipys_paired_t_and_corrected_ones_are_less_sure(made):
    tests, folds = table(made[1], "affect_tests.csv"), table(made[1], "affect_folds.parquet")
    own = folds[(folds["part"] == "test") & (folds["corpus"] == "all corpora")]
    errors = {", ".join(key[:3]): part.set_index(["rating", "fold"])["mse"] for key, part in
              own.groupby(["model", "outputs", "features"])}  # fmt: skip
    assert len(tests) == 2 * (7 + 21 + 7 + 2)
    for row in tests.itertuples():
        t, p = stats.ttest_rel(errors[row.first][row.rating], errors[row.second][row.rating])
        assert np.allclose([row.t, row.p], [t, p])
    assert (tests["corrected_t"].abs() < tests["t"].abs()).all() and (tests["q"] >= tests["p"]).all()
    assert np.allclose(tests["corrected_t"] / tests["t"], 2 / 3, atol=0.01), "five folds: factor .667"


def test_shapley_values_add_up_to_what_all_features_gain(made):
    contributions, scores = (table(made[1], f"affect_{name}.csv") for name in ("contributions", "scores"))
    test = scores[(scores["part"] == "test") & (scores["corpus"] == "all corpora")]
    for key, own in contributions[contributions["kind"] == "shapley"].groupby(["model", "outputs", "rating"]):
        r2 = test[(test["model"] == key[0]) & (test["outputs"] == key[1]) & (test["rating"] == key[2])]
        gained = r2.loc[r2["features"] == WHOLE, "r2"].item()
        gained -= test.loc[(test["model"] == "mean") & (test["rating"] == key[2]), "r2"].item()
        assert np.allclose([own["value"].sum(), own["whole"].iloc[0]], gained)
        assert (own["low"] <= own["value"]).all() and (own["value"] <= own["high"]).all()


def test_shares_follow_what_is_planted(made):
    """The classes of a group raise a share of the variance of either rating; ridge finds these shares."""
    classes = truth().set_index("class")
    effects = {
        "valence": (classes["people_effect"] + classes["scene_effect"]) / 2,
        "arousal": planted_arousal().set_index("class")["effect"].reindex(classes.index).fillna(0.0),
    }
    chance = classes["probability"] * (1 - classes["probability"])
    own = table(made[1], "affect_contributions.csv").query("model == 'ridge' and kind == 'shapley'")
    for target, effect in effects.items():
        planted = {extractor.group: (effect**2 * chance)[extractor.keep].sum() for extractor in Affect().extractors}
        share = pd.Series(planted) / sum(planted.values())
        found = own[own["rating"] == target].set_index("group")["value"]
        assert (found / found.sum() - share).abs().max() < 0.12
        assert found.sort_values().index.tolist() == share.sort_values().index.tolist()
        assert (own.loc[own["rating"] == target, "corrected_q"] < 0.05).all()


def test_the_answers_and_the_figure_say_so(made):
    results = made[1]
    words = [" ".join(s.words for s in answer(results).statements) for answer in
             (what_groups_contribute, how_well_predicted, shared_or_split)]  # fmt: skip
    assert "above 0 beyond chance" in words[0] and all(group in words[0] for group in ("object", "scene", "face"))
    assert "mean of the training pictures" in words[1].lower() and "noise ceiling is not known" in words[1]
    assert "corrected for shared training pictures" in words[2]
    figure = figure_15(results)
    shown = [trace for trace in figure.data if trace.x[0] is not None]
    assert len(shown) == 6 and all(len(trace.y) == 3 for trace in shown)
    assert "Ridge" not in caption(results).title and "ridge regression: most in" in caption(results).finding
    assert len(scores_table(results).rows) == 2 * (7 * 3 + 1)


def test_the_ceiling_comes_from_sd_and_raters():
    rng = np.random.default_rng(0)
    valence = rng.uniform(2, 8, 50)
    pictures = pd.DataFrame({"corpus": ["a"] * 25 + ["b"] * 25, "valence": valence, "arousal": valence[::-1]})
    pictures = pictures.assign(valence_sd=2.0, valence_n=[10] * 25 + [np.nan] * 25, arousal_sd=np.nan, arousal_n=np.nan)
    rows = ceiling_rows(pictures).set_index(["corpus", "rating"])
    assert np.isclose(rows.loc[("a", "valence"), "r2"], 1 - 0.4 / valence[:25].var(ddof=1))
    assert np.isnan(rows.loc[("b", "valence"), "r2"]) and rows.loc[("all corpora", "valence"), "pictures"] == 25


def test_a_second_run_and_another_seed(made, tmp_path, capsys):
    params, _ = made
    run_step(params, "affect_scores")
    assert "computing" not in capsys.readouterr().out
    few = {"kind": "toyworld", "images": 120, "world_seed": 1}
    raw = {"hidden": [8], "epochs": 3, "drive": "test", "standardise": False, "seeds": 2}
    result = run_affect(affect_profile(tmp_path, few, networks=raw, folds=3))
    assert result.table("affect_folds.parquet").query("model == 'network'")["seed"].nunique() == 2
