from __future__ import annotations

import pandas as pd
import pytest
from uncertainty_fixture import without_uncertainty, write_uncertainty
from view_fixture import write_results

from o2b_helpers.core.errors import InputError
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results
from o2b_helpers.studies.object2brain.figure_tables import FIGURE_TABLES, ceiling_table, layer_table, weight_table
from o2b_helpers.studies.object2brain.second_opinion import WHY, second_opinion
from o2b_helpers.studies.object2brain.section import NOT_TESTED, agreement, main_targets, objects


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    return Results(write_uncertainty(write_results(tmp_path_factory.mktemp("tested") / "results")))


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    return Results(without_uncertainty(write_results(tmp_path_factory.mktemp("old") / "results")))


def test_the_target_in_words_is_what_people_say_of_the_whole_picture(old, tmp_path):
    assert main_targets(old) == {"congruent": "IV/true/congruent", "incongruent": "IV/true/incongruent"}
    oasis = Results(write_results(tmp_path / "results", "oasis"))
    assert main_targets(oasis) == {"people": "IV/rating/people", "scenery": "IV/rating/scenery"}


def test_the_answer_names_the_extreme_classes_with_interval_and_q(tested):
    sentences = [statement.words for statement in objects(tested).statements]
    assert len(sentences) == 9 and NOT_TESTED not in sentences and WHY in sentences
    table = pd.read_csv(tested.folder / "object_weights_mean.csv")
    table = table[(table["layer"] == "features.9") & (table["target"].str.startswith("IV/true"))]
    ends = []
    for (model, target), here in table.groupby(["architecture", "target"]):
        words = next(s for s in sentences if s.startswith(f"Condition {target.split('/')[2]}, model {model} Towards"))
        here = here.sort_values("weight")
        high, low = here[here["weight"] > 0]["class"], here[here["weight"] < 0]["class"]
        assert f"Towards people: {f'{high.iloc[-1]} (' if len(high) else 'none'}" in words
        assert f"Away from people: {f'{low.iloc[0]} (' if len(low) else 'none'}" in words
        assert ", q " in words and "2 of 14 classes are beyond chance (q < 0.05)" in words
        beyond = words.split("(q < 0.05): ")[1].split(". ")[0]
        assert set(beyond.rstrip(".").split(", ")) == {"Car", "Tree"}
        ends += [len(high) > 0, len(low) > 0]
    assert len(ends) == 8 and sum(ends) >= 6


def test_where_nothing_is_beyond_chance_the_answer_says_so(tmp_path):
    results = Results(write_uncertainty(write_results(tmp_path / "results"), sure=()))
    everywhere = [s for s in objects(results).statements if s.lead.startswith("All layers")]
    assert [s.words.count(": 0 of 1,344 weights") for s in everywhere] == [1, 1]
    for statement in objects(results).statements[1:5]:
        assert "none of 14 classes is beyond chance" in statement.words and "smallest q is 0.600" in statement.words


def test_results_without_a_test_say_that_there_is_none(old):
    sentences = [statement.words for statement in objects(old).statements]
    assert sentences[-1] == NOT_TESTED
    assert all("q <" not in sentence and "beyond chance" not in sentence for sentence in sentences[:-1])
    assert "no test against chance" in weight_table(old).note


def test_signs_that_hold_in_all_runs_are_counted(old):
    sentence = objects(old).statements[1].words
    weights = old.object_weights
    mine = weights[
        (weights["architecture"] == "toynet") & (weights["layer"] == "features.9")
        & (weights["target"] == "IV/true/congruent")
    ]  # fmt: skip
    by_class = {name: part["weight"] for name, part in mine.groupby("class")}
    named = [name for name in by_class if f" {name} (" in sentence]
    kept = sum(bool((by_class[name] > 0).all() or (by_class[name] < 0).all()) for name in named)
    verb = "has" if kept == 1 else "have"
    assert (
        len(named) >= 4 and f"{kept} of the {len(named)} classes named {verb} the same sign in all 5 runs" in sentence
    )


def test_agreement_has_interval_and_ceiling_where_they_are_known(tested, old):
    columns = [name for name, _ in agreement(tested).table.columns]
    row = dict(zip(columns, agreement(tested).table.rows[0], strict=True))
    assert row["ceiling"] == "0.86" and " to " in row["interval"]
    row = dict(zip(columns, agreement(old).table.rows[0], strict=True))
    assert row["ceiling"] == row["interval"] == "not known"
    assert "hold no intervals" in agreement(old).table.note
    best = [r for r in old.alignment.itertuples() if r.target == "IV/true/congruent"]
    assert any(f"{r.rho:.2f}".replace("-", "−") in agreement(old).statements[0].words for r in best)


def test_a_table_of_uncertainty_that_lacks_a_column_is_an_error_that_says_to_run_again(tmp_path):
    folder = write_uncertainty(write_results(tmp_path / "results"))
    table = pd.read_csv(folder / "object_weights_mean.csv").drop(columns="ci_low")
    table.to_csv(folder / "object_weights_mean.csv", index=False)
    with pytest.raises(InputError, match=r"(?s)object_weights_mean\.csv lacks a column.*08_object2brain"):
        objects(Results(folder))
    text = write_report(Results(folder), tmp_path / "report").read_text(encoding="utf-8")
    assert "object_weights_mean.csv lacks a column. Write it again with 08_object2brain" in text


def test_every_figure_has_its_tables_and_numbers_keep_their_precision(tested, old):
    for results, files in ((tested, 8), (old, 7)):
        tables = [make(results) for makes in FIGURE_TABLES.values() for make in makes]
        named = {table.file for table in tables if table}
        assert len(named) >= files - 2 and all((results.folder / name).is_file() for name in named)
    assert ceiling_table(old) is None
    table = layer_table(old)
    place = [name for name, _ in table.columns].index("mean rho")
    mean = old.layer_alignment.groupby(["architecture", "layer", "target"], sort=False)["rho"].mean()
    assert [float(table.value(row, place)) for row in range(len(table.rows))] == pytest.approx(list(mean), abs=1e-15)


def test_the_second_opinion_names_the_classes_whose_hiding_changes_most(tested, old):
    table = pd.read_csv(tested.folder / "object_weights_by_estimator.csv")
    table = table[(table["estimator"] == "occlusion") & (table["target"] == "IV/true/congruent")]
    for model, here in table.groupby("architecture"):
        words = second_opinion(tested, model, "IV/true/congruent")
        here = here.sort_values("weight")
        for side, row in (("towards people", here.iloc[-1]), ("away from people", here.iloc[0])):
            if (row["weight"] > 0) == (side == "towards people"):
                assert f"{side} {row['class']} (" in words
        assert "2 of 14 classes are beyond chance" in words
    assert second_opinion(old, "toynet", "IV/true/congruent") == ""
    assert WHY not in [statement.words for statement in objects(old).statements]
