from __future__ import annotations

import pandas as pd
import pytest
from uncertainty_fixture import write_uncertainty
from view_fixture import STUDIES, write_results

from o2b_helpers.core.errors import InputError
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.figures.alignment_by_layer import layer_table
from o2b_helpers.studies.alignment.section import agreement
from o2b_helpers.studies.alignment.tables import ALIGNMENT, ALIGNMENT_SUMMARY, CEILINGS, LAYER_ALIGNMENT_SUMMARY
from o2b_helpers.studies.common.target_order import main_targets
from o2b_helpers.studies.object2brain.answers.beyond_shams import WHY_SHAMS
from o2b_helpers.studies.object2brain.answers.objects import objects
from o2b_helpers.studies.object2brain.answers.second_opinion import WHY, second_opinion
from o2b_helpers.studies.object2brain.tables import OBJECT_WEIGHTS


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    return Results(write_uncertainty(write_results(tmp_path_factory.mktemp("tested") / "results")))


@pytest.fixture(scope="module")
def unhidden(tmp_path_factory):
    """Results of a run that did not hide objects in the stimuli."""
    return Results(write_results(tmp_path_factory.mktemp("unhidden") / "results"))


def test_the_target_in_words_is_what_people_say_of_the_whole_picture(tested, tmp_path):
    assert main_targets(tested) == {"congruent": "IV/true/congruent", "incongruent": "IV/true/incongruent"}
    oasis = Results(write_results(tmp_path / "results", "oasis"))
    assert main_targets(oasis) == {"people": "IV/rating/people", "scenery": "IV/rating/scenery"}


def test_the_answer_names_the_extreme_classes_with_interval_and_q(tested):
    sentences = [statement.words for statement in objects(tested).statements]
    assert len(sentences) == 10 and WHY in sentences
    table = pd.read_csv(tested.folder / "object_weights_mean.csv")
    table = table[(table["layer"] == "features.9") & (table["target"].str.startswith("IV/true"))]
    ends = []
    for (model, target), weights in table.groupby(["architecture", "target"]):
        words = next(s for s in sentences if s.startswith(f"Condition {target.split('/')[2]}, model {model} Towards"))
        weights = weights.sort_values("weight")
        high, low = weights[weights["weight"] > 0]["class"], weights[weights["weight"] < 0]["class"]
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


def test_signs_that_hold_in_all_runs_are_counted(tested):
    sentence = objects(tested).statements[1].words
    weights = tested.table(OBJECT_WEIGHTS)
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


def test_agreement_has_interval_and_ceiling_where_they_are_known(tested, tmp_path):
    columns = [name for name, _ in agreement(tested).table.columns]
    row = dict(zip(columns, agreement(tested).table.rows[0], strict=True))
    assert row["ceiling"] == "0.86" and " to " in row["interval"]
    best = [r for r in tested.table(ALIGNMENT).itertuples() if r.target == "IV/true/congruent"]
    assert any(f"{r.rho:.2f}".replace("-", "−") in agreement(tested).statements[0].words for r in best)
    folder = write_results(tmp_path / "results")
    CEILINGS.write(CEILINGS.read(folder).assign(ceiling=float("nan")), folder)
    ALIGNMENT_SUMMARY.write(ALIGNMENT_SUMMARY.read(folder).assign(ci_low=float("nan")), folder)
    row = dict(zip(columns, agreement(Results(folder)).table.rows[0], strict=True))
    assert row["ceiling"] == row["interval"] == "not known"


def test_a_table_of_uncertainty_that_lacks_a_column_is_an_error_that_says_to_run_again(tmp_path):
    folder = write_uncertainty(write_results(tmp_path / "results"))
    table = pd.read_csv(folder / "object_weights_mean.csv").drop(columns="ci_low")
    table.to_csv(folder / "object_weights_mean.csv", index=False)
    with pytest.raises(InputError, match=r"(?s)object_weights_mean\.csv lacks a column.*08_object2brain"):
        objects(Results(folder, STUDIES))
    text = write_report(Results(folder, STUDIES), STUDIES, tmp_path / "report").read_text(encoding="utf-8")
    assert "object_weights_mean.csv lacks a column. Write it again with 08_object2brain" in text


def test_every_figure_has_its_tables_and_numbers_keep_their_precision(tested):
    tables = [make(tested) for study in STUDIES for figure in study.figures for make in figure.tables]
    assert len(tables) == 28 and len({table.file for table in tables}) == 25
    assert all((tested.folder / table.file).is_file() for table in tables)
    table = layer_table(tested)
    place = [name for name, _ in table.columns].index("mean rho")
    mean = tested.table(LAYER_ALIGNMENT_SUMMARY)["rho"]
    assert [float(table.value(row, place)) for row in range(len(table.rows))] == pytest.approx(list(mean), abs=1e-15)


def test_the_second_opinion_names_the_classes_whose_hiding_changes_most(tested, unhidden):
    table = pd.read_csv(tested.folder / "object_weights_by_estimator.csv")
    table = table[(table["estimator"] == "occlusion") & (table["target"] == "IV/true/congruent")]
    for model, weights in table.groupby("architecture"):
        words = second_opinion(tested, model, "IV/true/congruent")
        weights = weights.sort_values("weight")
        for side, row in (("towards people", weights.iloc[-1]), ("away from people", weights.iloc[0])):
            if (row["weight"] > 0) == (side == "towards people"):
                assert f"{side} {row['class']} (" in words
        assert "2 of 14 classes are beyond chance" in words
    assert second_opinion(unhidden, "toynet", "IV/true/congruent") == ""
    assert WHY not in [statement.words for statement in objects(unhidden).statements]


def test_classes_beyond_shams_come_first(tmp_path):
    results = Results(write_uncertainty(write_results(tmp_path / "results"), beyond=("Bus", "Tree")))
    for statement in objects(results).statements[1:5]:
        assert statement.points[0] == "Hidden in the stimuli, 2 of 14 classes are beyond sham boxes (q_sham < 0.05)."
        assert sum("Bus (" in point and "q_sham 0.020" in point for point in statement.points[1:3]) == 1
        assert any(point.startswith("By sum, the weights of the figures: towards people") for point in statement.points)
    assert WHY_SHAMS in [statement.words for statement in objects(results).statements]


def test_where_no_class_is_beyond_shams_that_is_said(tmp_path):
    results = Results(write_uncertainty(write_results(tmp_path / "results"), beyond=("Spoon",)))
    first = objects(results).statements[1].points[0]
    assert first == "Hidden in the stimuli, none of 14 classes is beyond sham boxes; the smallest q_sham is 0.700."
