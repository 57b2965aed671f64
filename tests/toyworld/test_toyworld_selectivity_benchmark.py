"""The benchmark of selective filters: what it measures, and what it has measured."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, ttest_1samp

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scores(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import planted_truth_selectivity_scores

    return planted_truth_selectivity_scores


def made_up_effects(rng: np.random.Generator) -> pd.DataFrame:
    """Three worlds with two tests each."""
    keys = product((1, 2, 3), ("first", "second"), ("held out", "all pictures"),
                   ("lesion", "strengthened", "strengthened, highest"))  # fmt: skip
    frame = pd.DataFrame(keys, columns=["seed", "image_set", "selection", "manipulation"])
    frame = frame.assign(world="planted", layer="a", emotion="neutral", measure="f1", original=0.5)
    for name in ("value", "compared", "random", "matched", "others"):
        frame[name] = rng.random(len(frame))
    for name in ("random", "matched", "others"):
        frame[f"p_{name}"] = frame[f"p_{name} drawn anew"] = rng.choice([0.01, 0.2], len(frame))
    return frame


def test_shares_and_differences_are_counted_by_hand(scores):
    effects = made_up_effects(np.random.default_rng(0))
    lesions = effects[(effects["selection"] == "held out") & (effects["manipulation"] == "lesion")]
    tests = scores._tests(effects)
    below = tests.loc[tests["statistic"] == "lesion: p_matched", "value"]
    assert below.tolist() == (lesions["p_matched"] < 0.05).astype(float).tolist()
    said = scores._optimism(effects).set_index(["statistic", "seed"])["value"]
    for seed, own in effects.groupby("seed"):
        value = own.set_index(["selection", "manipulation", "image_set"])["value"].sort_index()
        over = value["all pictures", "strengthened, highest"] - value["held out", "strengthened"]
        assert sorted(said["overstated", seed]) == pytest.approx(sorted(over))
    changes = scores._changes(effects)
    beyond = changes.loc[changes["statistic"] == "lesion: beyond random", "value"]
    assert beyond.tolist() == pytest.approx((lesions["compared"] - lesions["random"]).tolist())


def test_intervals_are_over_worlds_and_over_tests(scores, monkeypatch):
    effects = made_up_effects(np.random.default_rng(1))
    nothing = pd.DataFrame({name: [] for name in ("seed", "world", "layer", "emotion", "measure")})
    for name in ("_overlaps", "_filters", "_readouts"):
        monkeypatch.setattr(scores, name, lambda table: nothing.assign(section="", value=[]))
    rows = pd.DataFrame(scores.over_worlds({"effects": effects} | dict.fromkeys(("overlap", "filters", "readouts"))))
    lesions = effects[(effects["selection"] == "held out") & (effects["manipulation"] == "lesion")]
    own = rows[(rows["section"] == "tests") & (rows["statistic"] == "lesion: p_random")].set_index("emotion")
    count = int((lesions["p_random"] < 0.05).sum())
    ends = binomtest(count, 6).proportion_ci(0.95)
    found = own.loc["neutral"]
    assert (found["below"], found["values"], found["worlds"]) == (count, 6, 3)
    assert (found["low"], found["high"]) == pytest.approx((ends.low, ends.high), abs=1e-5)
    by_world = (lesions["p_random"] < 0.05).groupby(lesions["seed"]).mean()
    ends, found = ttest_1samp(by_world, 0).confidence_interval(0.95), own.loc["all"]
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((by_world.mean(), *ends), abs=1e-5)


def test_filters_are_held_against_the_truth(scores):
    own = pd.DataFrame({"called": [1, 1, 0, 0], "truly": [1, 0, 1, 0], "effect": [0.9, 0.1, 0.5, -0.2],
                        "index": [0.8, 0.7, 0.2, 0.1]})  # fmt: skip
    found = dict(scores._of_filters(own))
    assert found["AUC of the true effect: called or not"] == 0.75
    assert found["AUC of the index: truly so or not"] == 0.75
    assert found["of the called, truly so"] == found["of those truly so, called"] == found["of all, truly so"] == 0.5


def test_the_tables_are_those_of_what_was_measured(scores):
    from planted_truth_selectivity_table import markdown

    table = pd.DataFrame(
        json.loads((BENCHMARKS / "planted_truth_selectivity.json").read_text(encoding="utf-8"))["rows"]
    )
    last = table[(table["layer"] == "features.9") & (table["emotion"] == "all")]
    assert (last["worlds"] >= 20).all() and set(table["section"]) > {"tests", "optimism", "overlap"}
    assert markdown(table) in (BENCHMARKS / "planted_truth_selectivity.md").read_text(encoding="utf-8")
