"""What a sentence counts as beyond chance is corrected over all that it counts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import false_discovery_control
from view_fixture import write_results

from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.alignment_by_architecture import alignment_facts
from o2b_helpers.studies.alignment.figures.alignment_by_architecture import alignment_in_words
from o2b_helpers.studies.alignment.figures.kept_heads import best_alignment
from o2b_helpers.studies.alignment.section import agreement
from o2b_helpers.studies.alignment.tables import ALIGNMENT
from o2b_helpers.studies.common.beyond_chance import beyond_chance
from o2b_helpers.studies.object2brain.answers.objects import objects
from o2b_helpers.studies.object2brain.answers.second_opinion import second_opinion
from o2b_helpers.studies.object2brain.notebook_tables import compared_estimators, surviving_classes
from o2b_helpers.studies.object2brain.summaries import class_weights_summary
from o2b_helpers.studies.object2brain.tables import OBJECT_WEIGHTS_BY_ESTIMATOR, OBJECT_WEIGHTS_MEAN
from o2b_helpers.studies.object2brain.weights.class_weights import _facts

FAMILY = ["architecture", "layer", "target"]
SMALL = 0.0035  # 14 classes: q 0.049; with 68 of 1,344 as small: q 0.069


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results in which 68 of the 1,344 weights of each model survive in their families, and none over the whole."""
    folder = write_results(tmp_path_factory.mktemp("families") / "results")
    mean = OBJECT_WEIGHTS_MEAN.read(folder)
    first = mean.groupby(FAMILY, sort=False).cumcount() == 0
    number = first.groupby(mean["architecture"]).cumsum()
    p = pd.Series(np.where(first & (number <= 68), SMALL, 0.9))
    q = p.groupby([mean[name].to_numpy() for name in FAMILY]).transform(false_discovery_control)
    mean = mean.assign(p=p.to_numpy(), q=q.to_numpy())
    OBJECT_WEIGHTS_MEAN.write(mean, folder)
    hidden = mean[mean["layer"] == "features.9"].assign(layer="full")
    both = pd.concat([mean.assign(estimator="sum"), hidden.assign(estimator="occlusion")])
    OBJECT_WEIGHTS_BY_ESTIMATOR.write(both.assign(p_sham=np.nan, q_sham=np.nan), folder)
    return Results(folder)


def test_counts_over_all_that_were_tested():
    p = np.random.default_rng(0).uniform(size=200) ** 4
    assert beyond_chance(p) == ((false_discovery_control(p) < 0.05).sum(), 200)
    assert beyond_chance([*p, np.nan]) == beyond_chance(p) and beyond_chance([]) == (0, 0)


def test_what_survives_in_small_families_only_is_not_counted_over_the_whole(results):
    mean = results.table(OBJECT_WEIGHTS_MEAN)
    assert (mean["q"] < 0.05).groupby(mean["architecture"]).sum().tolist() == [68, 68]
    everywhere = [statement for statement in objects(results).statements if statement.lead.startswith("All layers")]
    assert [": 0 of 1,344 weights are beyond chance" in statement.words for statement in everywhere] == [True, True]
    assert not any(statement.points for statement in everywhere)
    assert surviving_classes(results).empty
    params = SimpleNamespace(analysis=SimpleNamespace(object2brain=SimpleNamespace(share=0.1)))
    scores = xr.Dataset({"box_count": ("class", np.ones(14))})
    facts = {"toynet": _facts(params, scores, mean, "toynet")}
    said = " ".join(class_weights_summary(facts))
    assert "of 1,344 weights, over all layers and targets, 0 are beyond chance" in said


def test_estimators_are_compared_over_their_own_weights(results):
    table = results.table(OBJECT_WEIGHTS_BY_ESTIMATOR)
    for row in compared_estimators(results).itertuples():
        own = table[(table["architecture"] == row.architecture) & (table["estimator"] == row.estimator)]
        own = own[own["layer"].isin(["features.9", "full"])]
        assert (row[5], row.weights) == beyond_chance(own["p"]) and row.weights == 336


def test_hidden_classes_are_counted_over_those_of_the_sentence(results, tmp_path):
    table = results.table(OBJECT_WEIGHTS_BY_ESTIMATOR).reset_index(drop=True)
    own = (table["estimator"] == "occlusion") & (table["target"] == "IV/true/congruent")
    own &= table["architecture"] == "toynet"
    table.loc[own, "weight"] = [0.0] * 10 + [0.1, 0.2, -0.1, -0.2]  # 4 are shown in the stimuli
    table.loc[own, "p"] = [1.0] * 10 + [0.01, 0.02, 0.03, 0.9]
    folder = write_results(tmp_path / "results")
    OBJECT_WEIGHTS_BY_ESTIMATOR.write(table, folder)
    assert "3 of 4 classes are beyond chance" in second_opinion(Results(folder), "toynet", "IV/true/congruent")


def test_alignment_is_counted_over_the_models_targets_or_correlations_of_the_sentence(tmp_path):
    folder = write_results(tmp_path / "results")
    table = ALIGNMENT.read(folder)
    table["p_perm"] = np.random.default_rng(1).uniform(size=len(table)) ** 3
    table["q"] = 0.001  # whatever the file says
    ALIGNMENT.write(table, folder)
    results = Results(folder)
    assert alignment_facts(table)["q_below_0.05"] == beyond_chance(table["p_perm"])[0]
    best = best_alignment(results)
    for said, (_, own) in zip(alignment_in_words(results), best.groupby("architecture", sort=False), strict=True):
        assert f"{beyond_chance(own['p_perm'])[0]} have q < 0.05 corrected over these targets" in said
    for statement, target in zip(agreement(results).statements, ("congruent", "incongruent"), strict=False):
        own = best[best["target"] == f"IV/true/{target}"]
        beyond = own[false_discovery_control(own["p_perm"]) < 0.05]
        agreeing = int((beyond["rho"] > 0).sum())
        assert (f"{agreeing} of 2 models agree" if agreeing else "no model agrees") in statement.words
        assert "(q < 0.05, corrected over these 2 models)" in statement.words
