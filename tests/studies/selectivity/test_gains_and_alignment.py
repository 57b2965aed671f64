"""What emotion-selective filters mean for rho: a network whose filters are known, full passes, and SciPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import write_profile
from kernels_reference import full_forward_with_gain, whole_network
from known_filters import NETWORK, write_corpus_of_lines
from scipy.stats import false_discovery_control, spearmanr
from small_run import step_cost, step_folder

from o2b_helpers.core.facts import read_facts
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.common.networks import load_model
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.registry import load_params
from o2b_helpers.studies.selectivity.gain_alignment.answers import filters_and_agreement
from o2b_helpers.studies.selectivity.gain_alignment.rows import Changed, Targets, alignment_rows

STEPS = ("inputs", "human_targets", "valence_models", "image_sets", "selectivity", "gains_and_alignment")
ALPHAS = [-1.0, 1.0, 5.0]
WITH, WITHOUT = "IV/people/with_neutral", "IV/people/without_neutral"


def hand_made(folder, name: str, studies: list[str]) -> dict:
    """Stimuli are pictures of lines and light; people say what is planted. Half of them show no neutral picture."""
    (folder / f"{name}.py").write_text(NETWORK.replace('"hand"', f'"{name}"'), encoding="utf-8")
    shown = []
    for number, condition in enumerate(("with_neutral", "without_neutral")):
        write_corpus_of_lines(folder / condition, 3 + number)
        table = pd.read_csv(folder / f"{condition}.csv").assign(condition=condition)
        shown.append(table[table["valence"].sub(5).abs() > 1] if number else table)
    stimuli = pd.concat(shown).assign(
        stimulus=lambda table: table["condition"] + table["image"],
        image=lambda table: table["condition"] + "/" + table["image"],
    )
    stimuli[["stimulus", "image", "condition"]].to_csv(folder / "stimuli.csv", index=False)
    target = stimuli.assign(target="IV/people/" + stimuli["condition"], valence_type="IV", source="people")
    target = target.rename(columns={"valence": "value"})
    target[["stimulus", "target", "valence_type", "source", "condition", "value"]].to_csv(
        folder / "targets.csv", index=False
    )
    analysis = {
        "corpus": write_corpus_of_lines(folder / "one", 1),
        "stimuli": {"kind": "table", "folder": ".", "table": "stimuli.csv"},
        "human": {"kind": "targets", "targets": "targets.csv", "people": ["people"]},
        "models": [{"architecture": name, "definition": f"{name}.py", "weights": "untrained"}],
        "heads": {"runs": 3, "learning_rates": [0.1],
                  **{rules: {"epochs": 60} for rules in ("full", "full_under_layer_rules", "layer")}},
        "selectivity": {"second": write_corpus_of_lines(folder / "two", 2), "models": [name], "untrained_seeds": 1,
                        "splits": 1},
        "significance": {"permutations": 99, "bootstrap": 99},
        "emotion_gains": {"draws": 199, "alignment_alphas": ALPHAS[1:]},
    }  # fmt: skip
    return {"studies": studies, "analysis": analysis, "execution": {"device": "cpu", "threads": 1}}


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gain_alignment")
    params = load_params(write_profile(folder, hand_made(folder, "hand_rho", ["alignment", "selectivity"])))
    for step in STEPS:
        run_step(params, step)
    return params


@pytest.fixture(scope="module")
def table(params):
    return pd.read_csv(params.runs / "results" / "gain_alignment.csv")


def row(table, emotion: str, alpha: float, target: str) -> pd.Series:
    own = table[(table["emotion"] == emotion) & (table["alpha"] == alpha) & (table["target"] == target)]
    return own.iloc[0]


def test_rho_is_that_of_full_passes_with_changed_maps(params, table):
    model, stimuli = params.analysis.models[0], inputs.load(params, step_folder(params, "inputs")).stimuli
    network, readout = load_model(params, model), load_readout(params, step_folder(params, "valence_models"), model)
    shown = pictures(params, Store(params.store), model, stimuli, "stimuli")
    given = Readout(torch.as_tensor(readout.weight), torch.as_tensor(readout.bias), readout.link)
    images, module = shown.batch(0, len(shown)), whole_network(network, given)
    filters = pd.read_parquet(params.runs / "results" / "filter_selectivity.parquet")
    filters = filters[(filters["emotion_selective"] == 1) & (filters["image_set"] == "first")]
    targets = pd.read_csv(params.runs / "results" / "targets.csv")
    assert sorted(table["alpha"].unique()) == ALPHAS and table["emotion"].nunique() == 3
    for (emotion, alpha), rows in table.groupby(["emotion", "alpha"]):
        own = filters[filters["preferred"] == emotion]["channel"].to_numpy(copy=True)
        assert (rows["filters"] == len(own)).all() and len(own) in (2, 3)
        made = [
            full_forward_with_gain(module, images, "features.1", channels, 1 + alpha).numpy()
            for channels in (own, np.array([], dtype=int))
        ]
        for each in rows.itertuples():
            values = targets[targets["target"] == each.target].set_index("stimulus")["value"]
            places = pd.Index(stimuli["stimulus"]).get_indexer(values.index)
            changed, whole = (
                [spearmanr(predictions[places, run], values)[0] for run in range(readout.n_runs)]
                for predictions in (part.reshape(len(stimuli), -1) for part in made)
            )
            assert each.n == len(values) and each.runs == 3
            assert each.value == pytest.approx(np.mean(changed), abs=1e-5)
            assert each.original == pytest.approx(np.mean(whole), abs=1e-5)
            assert each.change == pytest.approx(np.mean(changed) - np.mean(whole), abs=1e-5)


@pytest.mark.parametrize("emotion", ["unpleasant", "pleasant"])
def test_filters_that_tell_the_stimuli_apart_matter_more_than_others(table, emotion):
    own = row(table, emotion, -1, WITH)
    assert own["original"] > 0.8 and own["change"] < -0.15 and own["change_high"] < 0
    assert own["p_random"] < 0.05 and own["q_random"] < 0.05 and own["change"] < own["random_low"]
    assert own["change_low"] <= own["change"] <= own["change_high"]


def test_filters_that_no_stimulus_drives_do_not_matter(table):
    for alpha in ALPHAS:
        null = row(table, "neutral", alpha, WITHOUT)
        assert null["change"] == null["change_low"] == null["change_high"] == 0
        assert null["p_random"] > 0.05 and null["q_random"] > 0.05


def test_q_is_over_layers_and_emotions_of_each_alpha_and_target(table):
    for _, own in table.groupby(["alpha", "target"]):
        for name in ("random", "matched"):
            np.testing.assert_allclose(own[f"q_{name}"], false_discovery_control(own[f"p_{name}"]), atol=1e-12)


def test_the_effect_is_not_asked_for_where_the_profile_does_not_run_alignment(tmp_path):
    params = load_params(write_profile(tmp_path, hand_made(tmp_path, "hand_alone", ["selectivity"])))
    names = [step.name for step in params.steps]
    assert "gains_and_alignment" in names and "valence_models" not in names and "human_targets" not in names
    for step in ("inputs", "image_sets", "selectivity"):
        run_step(params, step)
    result = run_step(params, "gains_and_alignment")
    assert result.table("gain_alignment.csv").empty and "was not asked" in result.summary()
    assert filters_and_agreement(Results(result.results)).statements[0].text.startswith("Not asked")


def test_stimuli_that_are_in_the_image_sets_are_named(params, tmp_path):
    assert not read_facts(step_folder(params, "gains_and_alignment")).get("warnings")
    profile = hand_made(tmp_path, "hand_again", ["alignment", "selectivity"])
    profile["analysis"]["selectivity"]["second"] |= {"folder": "with_neutral", "table": "with_neutral.csv"}
    params = load_params(write_profile(tmp_path, profile))
    for step in STEPS:
        result = run_step(params, step)
    assert result.warnings[0].startswith("60 stimuli are also in the image sets")


def test_costs_hold_what_is_stored(params):
    needs = step_cost(params, "gains_and_alignment")
    stored = sum(path.stat().st_size for path in params.store.glob("**/gains_and_alignment/**/*.npy"))
    assert 0 < stored <= sum(need.disk for need in needs)


def made_up(rng, effect: float, constant: bool = False):
    """One layer and emotion: draws change predictions by noise, the selective set by `effect` more.

    The stimuli are predicted in another order than that of the targets.
    """
    people = rng.normal(size=40)
    names = pd.Series([f"s{k}" for k in range(40)])
    targets = pd.DataFrame({"stimulus": names, "target": "IV/people/all", "valence_type": "IV", "source": "people",
                            "condition": "all", "value": people})  # fmt: skip
    whole = people + rng.normal(0, 0.7, (4, 40))
    noise = rng.normal(0, 0.3, (100, 4, 1, 40))
    selective = (1 - effect) * whole[:, None] + effect * rng.normal(size=(4, 1, 40)) + noise[0]
    if constant:
        selective[1], noise[5] = 3.0, 0.0
    draws = whole[:, None] + noise[1:]
    few, turned = Significance(permutations=99, bootstrap=199), draws[..., ::-1]
    changed = Changed("a", "neutral", 5, selective[..., ::-1], {"random": turned, "matched": turned})
    rows = alignment_rows(whole[:, ::-1], iter([changed]), [-1.0], Targets(targets, names[::-1], few))
    return people, whole, selective, draws, rows.iloc[0]


def test_rows_equal_scipy_whatever_the_order_of_the_stimuli():
    people, whole, selective, draws, own = made_up(np.random.default_rng(0), 0.5)

    def rho(predictions):
        return np.mean([spearmanr(each, people)[0] for each in predictions])

    change = [rho(draw[:, 0]) - rho(whole) for draw in draws]
    assert own["value"] == pytest.approx(rho(selective[:, 0])) and own["original"] == pytest.approx(rho(whole))
    assert own["random"] == pytest.approx(np.mean(change))
    assert [own["random_low"], own["random_high"]] == pytest.approx(np.percentile(change, [2.5, 97.5]))
    middle = np.mean([*change, own["change"]])
    count = sum(abs(each - middle) >= abs(own["change"] - middle) for each in change)
    assert own["p_random"] == (1 + count) / (1 + len(change)) == 0.01 and own["change_high"] < 0


def test_a_set_like_any_other_is_not_beyond_draws():
    p = [made_up(np.random.default_rng(seed), 0.0)[-1]["p_random"] for seed in range(40)]
    assert np.mean(np.array(p) < 0.05) <= 0.15 and 0.3 < np.mean(p) < 0.7


def test_a_run_that_predicts_the_same_for_all_is_left_out():
    people, whole, selective, _, own = made_up(np.random.default_rng(2), 0.5, constant=True)
    kept = [0, 2, 3]
    assert own["runs"] == 3 and np.isfinite(own[["change_low", "change_high"]].astype(float)).all()
    assert own["original"] == pytest.approx(np.mean([spearmanr(whole[run], people)[0] for run in kept]))
    assert own["value"] == pytest.approx(np.mean([spearmanr(selective[run, 0], people)[0] for run in kept]))


def test_the_answer_counts_and_names_the_largest_change(params, table):
    answer = filters_and_agreement(Results(params.runs / "results", params=params))
    lesion = answer.statements[0].points[0]
    own = table[table["alpha"] == -1]
    sure = {name: int((false_discovery_control(own[f"p_{name}"]) < 0.05).sum()) for name in ("random", "matched")}
    assert f"random filters in {sure['random']} of 6 cases" in lesion
    assert f"as strongly in {sure['matched']}." in lesion and sure["random"] > 0
    assert f"for unpleasant pictures, rho with {WITH} 0.89 to 0.59 (change −0.295" in lesion
    assert "no p is below 0.005" in answer.statements[-1].words
