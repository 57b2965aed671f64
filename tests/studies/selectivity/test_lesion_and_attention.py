"""Notebook 13 on a network whose filters are known: the lesion of an emotion's filters kills that emotion only."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import write_profile
from known_filters import NETWORK, write_corpus_of_lines
from sklearn.metrics import f1_score, roc_auc_score

from o2b_helpers.core.files.sealed import read_sealed, write_sealed
from o2b_helpers.core.running.run import run_step
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number
from o2b_helpers.studies.registry import load_params
from o2b_helpers.studies.selectivity.gains.answers import needed_filters
from o2b_helpers.studies.selectivity.gains.effects import effect_rows
from o2b_helpers.studies.selectivity.gains.filter_sets import FilterSets
from o2b_helpers.studies.selectivity.gains.predictions import alphas, judged_pictures, recognition_rows

EMOTIONS = ("unpleasant", "neutral", "pleasant")
STEPS = ("inputs", "image_sets", "selectivity", "emotion_readouts", "lesion_and_attention")


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hand_gains")
    # one process knows each architecture by one name
    (folder / "hand.py").write_text(NETWORK.replace('"hand"', '"hand_gains"'), encoding="utf-8")
    analysis = {
        "corpus": write_corpus_of_lines(folder / "one", 1),
        "models": [{"architecture": "hand_gains", "definition": "hand.py", "weights": "untrained"}],
        "selectivity": {"second": write_corpus_of_lines(folder / "two", 2), "models": ["hand_gains"],
                        "untrained_seeds": 1, "splits": 2},
        "significance": {"permutations": 99, "bootstrap": 99},
        "emotion_gains": {"epochs": 200, "learning_rate": 0.1, "batch_size": 32, "alpha_step": 0.5,
                          "control_alpha_step": 2.5, "draws": 99},
    }  # fmt: skip
    profile = {"studies": ["selectivity"], "analysis": analysis, "execution": {"device": "cpu", "threads": 1}}
    params = load_params(write_profile(folder, profile))
    for step in STEPS:
        run_step(params, step)
    return params


def results(params, file):
    return pd.read_csv(params.runs / "results" / file)


def test_readouts_tell_the_emotions(params):
    readouts = results(params, "emotion_readouts.csv")
    assert len(readouts) == 2 * 3 * 2 * 3
    test = readouts[readouts["part"] == "test"]
    assert (test["auroc"] > 0.95).all() and (test["positive"] == 5).all() and (test["f1_always"] == 0.5).all()


def test_a_lesion_of_an_emotions_filters_ruins_its_f1_more_than_other_filters_do(params):
    effects = results(params, "gain_effects.csv")
    own = effects[(effects["manipulation"] == "lesion") & (effects["selection"] == "held out")]
    f1 = own[own["measure"] == "f1"]
    assert f1.groupby("emotion")["filters"].first().to_dict() == {"unpleasant": 3, "neutral": 3, "pleasant": 2}
    assert (f1["original"] == 1).all() and (f1["value"] <= 0.5).all() and (f1["random"] > 0.9).all()
    # the same draw in every split: in one of 45, two filters of ten are the very ones
    assert (f1["p_random"] < 0.08).all() and (f1.loc[f1["emotion"] == "pleasant", "p_others"] < 0.08).all()
    assert f1.loc[f1["emotion"] != "pleasant", "p_others"].isna().all()  # two filters are selective for nothing
    assert (f1["value_low"] <= f1["value"]).all() and (f1["value"] <= f1["value_high"]).all()
    # each emotion is still told by the others' filters: what fell is the output, not what the network knows
    assert (own.loc[own["measure"].isin(["auroc", "f1_anew"]), "value"] == 1).all()


def test_specificity_is_the_lesioned_emotion_against_the_tested_one(params):
    table = results(params, "lesion_specificity.csv")
    own = table[table["measure"] == "f1"].assign(change=lambda frame: frame["value"] - frame["original"])
    for _, of_set in own.groupby("image_set"):
        matrix = of_set.pivot(index="lesioned", columns="tested", values="change").loc[list(EMOTIONS), list(EMOTIONS)]
        others = matrix.to_numpy()[~np.eye(3, dtype=bool)]
        assert np.diag(matrix).max() <= -0.5 and others.min() > -0.25


def test_the_papers_maximum_is_never_below_the_honest_choice(params):
    effects = results(params, "gain_effects.csv")
    keys = ["image_set", "layer", "emotion", "selection", "measure"]
    wide = effects.pivot(index=keys, columns="manipulation", values="value")
    assert (wide["strengthened, highest"] >= wide["strengthened"] - 1e-12).all()
    original = effects.pivot(index=keys, columns="manipulation", values="original")["lesion"]
    assert (wide["strengthened, highest"] >= original - 1e-12).all()
    others = effects[effects["selection"] == "all pictures"]
    assert others["p_matched"].isna().all() and others["p_random"].notna().all()


def test_curves_hold_every_strength_and_random_sets_at_theirs(params):
    curves = results(params, "gain_curves.csv")
    own = curves[(curves["image_set"] == "first") & (curves["emotion"] == "pleasant")]
    own = own[own["selection"] == "held out"]
    assert own["alpha"].tolist() == [-1.0, *np.arange(11) * 0.5]
    assert own.loc[own["f1_random"].notna(), "alpha"].tolist() == [-1.0, 0.0, 2.5, 5.0]
    effects = results(params, "gain_effects.csv")
    lesion = effects[(effects["manipulation"] == "lesion") & (effects["emotion"] == "pleasant")]
    lesion = lesion[(lesion["image_set"] == "first") & (lesion["selection"] == "held out")].set_index("measure")
    assert own["f1"].iloc[0] == pytest.approx(lesion.loc["f1", "value"])
    assert own["auroc_random"].iloc[0] == pytest.approx(lesion.loc["auroc", "random"])


def test_rows_of_recognition_equal_scikit_learn():
    rng = np.random.default_rng(0)
    emotions, part = rng.permutation(np.arange(48) % 3), np.array(["validation", "test"] * 24)
    scores = rng.normal(size=(3, 4, 2, 48)) + (np.arange(3)[:, None] == emotions)[:, None, None]
    sets = FilterSets("random", 1, rng.random((4, 10)) < 0.5)
    rows = recognition_rows(scores, emotions, part, sets, np.array([-1.0, 2.0]))
    assert len(rows) == 4 * 2 * 2 and (rows["tested"] == "neutral").all()
    for row in rows.itertuples():
        own = part == row.part
        values, truth = scores[1, row.draw, [-1.0, 2.0].index(row.alpha)][own], emotions[own] == 1
        assert row.f1 == pytest.approx(f1_score(truth, values > 0))
        assert row.auroc == pytest.approx(roc_auc_score(truth, values))
    own = recognition_rows(
        scores[:, :1], emotions, part, FilterSets("selective", 1, sets.members[:1]), np.array([-1, 2])
    )
    assert own["tested"].nunique() == 3


def test_fewer_pictures_keep_the_shares_of_emotions_and_parts():
    rng = np.random.default_rng(4)
    part, emotions = rng.choice(["train", "validation", "test"], 400, p=[0.5, 0.25, 0.25]), rng.integers(0, 3, 400)
    few = judged_pictures(part, emotions, 60, seed=1)
    assert len(np.unique(few)) == len(few) and abs(len(few) - 60) <= 3 and (np.diff(few) > 0).all()
    every = judged_pictures(part, emotions, None, seed=1)
    assert np.array_equal(every, np.flatnonzero(part != "train")) and np.isin(few, every).all()
    for name in ("validation", "test"):
        for kind in range(3):
            count = [((part[own] == name) & (emotions[own] == kind)).sum() for own in (few, every)]
            assert count[0] == round(count[1] * 60 / len(every))
    assert not np.array_equal(few, judged_pictures(part, emotions, 60, seed=2))


def judged(rng, effect):
    """Made-up recognition in 3 splits of a layer: the selective set differs by `effect`, draws do not."""
    rows = []
    for kind, draws in (("selective", 1), ("random", 40), ("matched", 40)):
        for split in range(3):
            for draw in range(draws):
                for alpha in (-1.0, 0.0, 1.0, 2.0):
                    for part in ("validation", "test"):
                        noise = 0.0 if alpha == 0 else rng.normal(0, 0.02)
                        value = 0.7 + noise + (effect * np.sign(alpha) if kind == "selective" else 0)
                        rows.append(("a", "neutral", "neutral", kind, draw, 5, alpha, part, value, split))
    columns = ["layer", "emotion", "tested", "kind", "draw", "filters", "alpha", "part", "f1", "split"]
    frame = pd.DataFrame(rows, columns=columns).assign(selection="held out")
    return frame.assign(balanced_accuracy=frame["f1"], auroc=frame["f1"], f1_anew=frame["f1"])


def test_effects_are_plain_means_choices_and_counts():
    frame = judged(np.random.default_rng(1), 0.2)
    table = effect_rows(frame, 0.95).set_index(["manipulation", "measure"])
    test, validation = (frame[frame["part"] == name] for name in ("test", "validation"))

    def value(kind, draw, split, manipulation):
        own = [each[(each["kind"] == kind) & (each["draw"] == draw) & (each["split"] == split)].set_index("alpha")["f1"]
               for each in (test, validation)]  # fmt: skip
        if manipulation == "lesion":
            return own[0][-1.0]
        judge = own[1] if manipulation == "strengthened" else own[0]
        return own[0][judge[[0.0, 1.0, 2.0]].idxmax()]

    for manipulation in ("lesion", "strengthened", "strengthened, highest"):
        row = table.loc[(manipulation, "f1")]
        own = [value("selective", 0, split, manipulation) for split in range(3)]
        draws = [np.mean([value("random", draw, split, manipulation) for split in range(3)]) for draw in range(40)]
        assert row["value"] == pytest.approx(np.mean(own)) and row["value_low"] == pytest.approx(min(own))
        assert row["original"] == pytest.approx(0.7) and row["random"] == pytest.approx(np.mean(draws))
        extreme = sum(d <= np.mean(own) for d in draws) if manipulation == "lesion" else sum(
            d >= np.mean(own) for d in draws)  # fmt: skip
        assert row["p_random"] == pytest.approx((1 + extreme) / 41) and row["q_random"] == row["p_random"]
        assert np.isnan(row["p_others"])


def test_strengths_are_the_papers(params):
    analysis = params.analysis.emotion_gains
    paper = params.model_copy(
        update={
            "analysis": params.analysis.model_copy(
                update={"emotion_gains": analysis.model_copy(update={"alpha_step": 0.1, "control_alpha_step": None})}
            )
        }
    )
    own = alphas(paper, "random")
    assert len(own) == 52 and own[0] == -1 and own[1] == 0 and own[-1] == 5
    assert torch.allclose(torch.tensor(own[1:]), torch.arange(51, dtype=torch.float64) / 10)


def test_the_answer_begins_with_a_verdict_and_says_where_draws_are_too_few(params, tmp_path):
    answer = needed_filters(Results(params.runs / "results"))
    verdict = answer.statements[0].points[0]
    effects = results(params, "gain_effects.csv")
    own = effects[(effects["manipulation"] == "lesion") & (effects["selection"] == "held out")]
    own = own[(own["measure"] == "auroc") & own["p_matched"].notna()]
    sure = int((own["q_matched"] < 0.05).sum())
    lead = f"Yes, in {sure} of {len(own)} cases" if sure else f"It is not shown, in none of {len(own)} cases"
    assert verdict.startswith(lead) and "pleasant 1.00" in verdict and "too few" not in verdict
    changed = (own["value"] - own["original"]).mean()
    assert f"a lesion changes AUROC by {number(changed, 3)}" in verdict
    # one layer and 99 draws: p may be 0.01; with 9 it may not be below 0.1
    few = tmp_path / "results"
    shutil.copytree(params.runs / "results", few)
    found = read_sealed(few / "provenance.json")
    found["steps"]["lesion_and_attention"]["facts"]["draws"] = 9
    write_sealed(few / "provenance.json", found)
    assert "With 9 draws, one layer alone among 1 cannot" in needed_filters(Results(few)).statements[0].points[0]
