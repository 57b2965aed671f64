"""Tests of the table of contrasts: against plain loops with SciPy, and what it says where nothing can be tested."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, pearsonr, rankdata, spearmanr
from view_fixture import write_results

from o2b_helpers.kernels.statistics.bootstrap import draw_counts
from o2b_helpers.kernels.statistics.rho_differences import random_labels, random_swaps
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.contrasts.pairs import contrasts_table, target_pairs
from o2b_helpers.studies.alignment.figures.contrasts import contrasts_in_words
from o2b_helpers.studies.alignment.figures.contrasts import contrasts_table as shown_table
from o2b_helpers.studies.alignment.notebook_tables import largest_differences
from o2b_helpers.studies.alignment.tables import CONTRASTS
from o2b_helpers.studies.common.correlations import summarise
from o2b_helpers.studies.common.options import Significance

OPTIONS = Significance(permutations=99, bootstrap=99)
RUNS, STIMULI = 2, 16


@pytest.fixture(scope="module")
def made():
    """Targets of two conditions, one of them without a value for two stimuli, and two networks of two runs."""
    rng = np.random.default_rng(0)
    stimuli = [f"stimulus {number:02d}" for number in range(STIMULI)]
    condition = dict(zip(stimuli, ["congruent", "incongruent"] * (STIMULI // 2), strict=True))
    rows = [
        (s, f"{v}/{source}/{c}", v, source, c, float(rng.normal() > 0) if source == "true" else rng.normal())
        for v, source, (s, c) in product(("PV", "SV"), ("true", "LLR", "HLR"), condition.items())
    ]
    targets = pd.DataFrame(rows, columns=["stimulus", "target", "valence_type", "source", "condition", "value"])
    left = (targets["target"] == "PV/HLR/congruent") & targets["stimulus"].isin(stimuli[:3])
    targets = targets[~left]
    predictions = pd.DataFrame(
        [(a, "w", run, s, rng.normal()) for a, run, s in product(("one", "other"), range(RUNS), stimuli)],
        columns=["architecture", "weights", "run", "stimulus", "prediction"],
    )
    return predictions, targets, contrasts_table(predictions, targets, ["true"], OPTIONS)


def _series(made, row, side):
    """The runs' predictions and the target of one side of a row, by stimulus."""
    predictions, targets, _ = made
    model = row.architecture if side == "first" else row.second_architecture
    own = predictions[predictions["architecture"] == model].pivot(index="run", columns="stimulus", values="prediction")
    target = targets[targets["target"] == getattr(row, f"{side}_target")].set_index("stimulus")["value"]
    return own, target


def _z(values):
    ranks = rankdata(values) - np.mean(rankdata(values))
    return ranks / np.sqrt((ranks**2).sum())


def test_every_kind_of_pair_is_there(made):
    counts = made[2].groupby(["architecture", "contrast"], sort=False).size()
    for name in ("one", "other"):
        assert counts[name]["valence types"] == 3 * 2 and counts[name]["conditions"] == 2 * 3
        assert counts[name]["sources"] == 2 * 2  # LLR against HLR; people's own source is no region group
    assert counts["one"]["models"] == 12
    row = made[2].query("contrast == 'sources'").iloc[0]
    assert (row["first_target"], row["second_target"]) == ("PV/LLR/congruent", "PV/HLR/congruent")
    assert all(f"`{kind}`" in CONTRASTS.columns[0].meaning for kind in made[2]["contrast"].unique())


def test_differences_and_sizes_are_those_of_scipy(made):
    for row in made[2].itertuples():
        (a, t), (b, u) = (_series(made, row, side) for side in ("first", "second"))
        own, other = t.index, u.index
        if row.contrast != "conditions":
            own = other = t.index.intersection(u.index)
        assert (row.n, row.second_n, row.runs) == (len(own), len(other), RUNS)
        first = np.mean([spearmanr(run[own], t[own]).statistic for _, run in a.iterrows()])
        second = np.mean([spearmanr(run[other], u[other]).statistic for _, run in b.iterrows()])
        assert row.rho_a == pytest.approx(first, abs=1e-12) and row.rho_b == pytest.approx(second, abs=1e-12)
        assert row.difference == pytest.approx(first - second, abs=1e-12)
    short = made[2][made[2]["first_target"].eq("PV/HLR/congruent") | made[2]["second_target"].eq("PV/HLR/congruent")]
    assert set(short["n"]) == {6, 8} or set(short["n"]) == {6}


def test_p_is_a_plain_loops(made):
    stimuli = list(dict.fromkeys(made[1]["stimulus"]))
    swaps, labels = random_swaps(99, STIMULI, 0), {}
    for row in made[2].groupby("contrast").head(4).itertuples():
        (a, t), (b, u) = (_series(made, row, side) for side in ("first", "second"))
        null = []
        if row.contrast == "conditions":
            sizes = len(t), len(u)
            labels = random_labels(*sizes, 99, 0)
            x = [np.concatenate([_z(a.loc[run][s.index]) * len(s) ** 0.5 for s in (t, u)]) for run in range(RUNS)]
            y = np.concatenate([_z(s) * len(s) ** 0.5 for s in (t, u)])
            for own in labels:
                each = [pearsonr(run[own], y[own]).statistic - pearsonr(run[~own], y[~own]).statistic for run in x]
                null.append(np.mean(each))
        else:
            common = [s for s in stimuli if s in t.index and s in u.index]
            for signs in swaps[:, [stimuli.index(s) for s in common]]:
                each = []
                for run in range(RUNS):
                    first, second = _z(t[common]), _z(u[common])
                    shared, other = _z(a.loc[run][common]), _z(b.loc[run][common])
                    if row.contrast == "models":
                        first, second, shared = shared, other, first
                    kept = signs > 0
                    each.append(
                        pearsonr(shared, np.where(kept, first, second)).statistic
                        - pearsonr(shared, np.where(kept, second, first)).statistic
                    )
                null.append(np.mean(each))
        p = (1 + (np.abs(null) >= abs(row.difference) - 1e-9).sum()) / 100
        assert row.p == pytest.approx(p, abs=1e-12), row.contrast


def test_intervals_draw_the_same_stimuli_and_runs_for_both(made):
    stimuli = np.array(list(dict.fromkeys(made[1]["stimulus"])))
    conditions = made[1].drop_duplicates("stimulus").set_index("stimulus")["condition"][stimuli]
    counts = draw_counts(conditions.to_numpy(), 99, 0).astype(int)
    runs = draw_counts(np.zeros(RUNS), 99, 1) / RUNS
    for row in made[2].groupby("contrast").head(1).itertuples():
        (a, t), (b, u) = (_series(made, row, side) for side in ("first", "second"))
        samples = []
        for drawn, weights in zip(counts, runs, strict=True):
            names = np.repeat(stimuli, drawn)
            own, other = ([s for s in names if s in side.index] for side in (t, u))
            if row.contrast != "conditions":
                own = other = [s for s in own if s in u.index]
            with np.errstate(all="ignore"):
                each = [
                    spearmanr(a.loc[run][own], t[own]).statistic - spearmanr(b.loc[run][other], u[other]).statistic
                    for run in range(RUNS)
                ]
            samples.append(np.dot(weights, each))
        low, high = np.nanpercentile(samples, [2.5, 97.5])
        assert (row.ci_low, row.ci_high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9)), row.contrast


def test_q_is_corrected_within_a_kind_and_a_model(made):
    for _, rows in made[2].groupby(["contrast", "architecture", "second_architecture"]):
        assert rows["q"].to_numpy() == pytest.approx(false_discovery_control(rows["p"]), abs=1e-12)


def test_means_are_those_of_the_summary(made):
    predictions, targets, table = made
    summary = summarise(predictions, targets, ["architecture", "weights", "run"], OPTIONS)
    mean = summary.set_index(["architecture", "target"])["rho"]
    for row in table[table["contrast"] == "models"].itertuples():
        assert row.rho_a == pytest.approx(mean[row.architecture, row.first_target], abs=1e-12)
        assert row.rho_b == pytest.approx(mean[row.second_architecture, row.second_target], abs=1e-12)


def test_two_targets_that_are_one_are_not_tested_and_a_constant_model_has_no_rho(made):
    predictions, targets, _ = made
    same = targets[targets["valence_type"] == "PV"]
    same = same.assign(valence_type="IV", target="I" + same["target"].str[1:], value=2 * same["value"])
    both = pd.concat([targets, same])
    flat = predictions["architecture"].eq("other") & predictions["run"].eq(0)
    table = contrasts_table(predictions.assign(prediction=predictions["prediction"].mask(flat, 1.0)), both, [], OPTIONS)
    types = table[table["contrast"] == "valence types"]
    equal = types["first_target"].str[:2].eq("PV") & types["second_target"].str[:2].eq("IV")
    assert (
        equal.sum() == 12 and types.loc[equal, "p"].isna().all() and types.loc[equal, "difference"].abs().max() < 1e-12
    )
    assert types.loc[~equal, "p"].notna().all() and types.loc[~equal, "q"].notna().all()
    assert set(table.loc[table["architecture"] == "one", "runs"]) == {1, 2}  # with the other model: the shared run
    all_flat = predictions["architecture"].eq("other")
    table = contrasts_table(
        predictions.assign(prediction=predictions["prediction"].mask(all_flat, 1.0)), targets, ["true"], OPTIONS
    )
    without = table[table["second_architecture"] == "other"]
    assert (without["runs"] == 0).all()
    assert without[["rho_a", "rho_b", "difference", "p", "q", "ci_low"]].isna().all(axis=None)


def test_conditions_that_share_stimuli_are_not_tested(made):
    predictions, targets, _ = made
    some = targets[targets["condition"] == "congruent"]
    again = some.assign(condition="all", target=some["target"].str.replace("congruent", "all"))
    table = contrasts_table(predictions, pd.concat([targets, again]), ["true"], OPTIONS)
    rows = table[table["contrast"] == "conditions"]
    shared = rows["first_target"].str.endswith("/congruent") & rows["second_target"].str.endswith("/all")
    assert shared.any() and rows.loc[shared, "p"].isna().all() and rows.loc[~shared, "p"].notna().all()


def test_a_single_target_of_a_single_model_gives_no_row(made):
    predictions, targets, _ = made
    own = targets[targets["target"] == "PV/true/congruent"]
    table = contrasts_table(predictions[predictions["architecture"] == "one"], own, ["true"], OPTIONS)
    assert table.empty and list(table.columns) == CONTRASTS.names


def test_pairs_of_sources_are_all_pairs_where_there_is_no_region_group():
    described = pd.DataFrame({"valence_type": "IV", "source": ["a", "b", "c"], "condition": "people"})
    assert target_pairs(described, [])["sources"] == [(0, 1), (0, 2), (1, 2)]
    assert target_pairs(described, ["a"])["sources"] == [(1, 2)]


def test_the_sentence_and_the_tables_name_the_largest(tmp_path):
    folder = write_results(tmp_path / "results")
    results = Results(folder)
    table = results.table(CONTRASTS)
    words = contrasts_in_words(results)
    for kind, rows in table[table["p"].notna()].groupby("contrast"):
        beyond = rows[rows["q"] < 0.05]
        assert f"{len(beyond)} of {len(rows)} pairs of {kind}" in words
        top = beyond.loc[beyond["difference"].abs().idxmax()]
        assert (top["first_target"] if top["difference"] > 0 else top["second_target"]) in words
    assert len(shown_table(results).rows) == len(table)
    assert len(largest_differences(results, top=2)) == 8
    CONTRASTS.write(table.assign(q=0.5), folder)
    assert contrasts_in_words(Results(folder)).startswith("No difference between two agreements is beyond chance")
    CONTRASTS.write(CONTRASTS.empty(), folder)
    empty = Results(folder)
    assert contrasts_in_words(empty) == "" and shown_table(empty) is None and largest_differences(empty).empty
