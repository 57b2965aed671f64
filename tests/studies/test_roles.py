"""Who people are is declared, not read from names; names that would be taken for something else are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_run import STEPS
from study_fixture import Study, write_study
from view_fixture import STUDIES, write_results

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.core.files.sealed import read_sealed, write_sealed
from o2b_helpers.core.running.run import run_step
from o2b_helpers.inputs.people.target_checks import refuse_ambiguous_names, refuse_reserved_regions
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.measures.decoding import decoding_table
from o2b_helpers.studies.alignment.section import agreement, decoded
from o2b_helpers.studies.common.networks import target_layers
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.people import people_of
from o2b_helpers.studies.common.target_order import main_targets
from o2b_helpers.studies.object2brain.answers.objects import objects


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return write_results(tmp_path_factory.mktemp("whole") / "results")


def with_sources(whole: Path, folder: Path, names: dict[str, str], human: dict) -> Results:
    """Write results whose sources have other names, and what their profile declares of them."""
    shutil.copytree(whole, folder)
    for path in folder.glob("*.csv"):
        table = pd.read_csv(path, keep_default_na=False, dtype=str)
        if "source" in table:
            table["source"] = table["source"].replace(names)
        if "target" in table:
            parts = table["target"].str.split("/", expand=True)
            table["target"] = parts[0] + "/" + parts[1].replace(names) + "/" + parts[2]
        table.to_csv(path, index=False)
    provenance = read_sealed(folder / "provenance.json")
    provenance["analysis"]["human"] = human
    write_sealed(folder / "provenance.json", provenance)
    return Results(folder, STUDIES)


def words(answer) -> list[str]:
    return [statement.words for statement in answer.statements]


def of_conditions(sentences: list[str]) -> list[str]:
    """Return the sentences on agreement within a condition; another one is on differences."""
    return [sentence for sentence in sentences if sentence.startswith("In the condition")]


READY = [
    {"true": "people_mean", "LLR": "LLR"},
    {"true": "zz raters", "LLR": "amygdala", "MLR": "true", "HLR": "rating"},
    {"true": "HLR", "HLR": "annotators"},  # people's own have a brain region's usual name
]


@pytest.mark.parametrize("names", READY)
def test_where_nobody_says_who_people_are_the_report_asks_of_each_source_by_its_name(whole, tmp_path, names):
    results = with_sources(whole, tmp_path / "results", names, {"kind": "targets", "people": []})
    answer = agreement(results)
    assert people_of(results) == [] and answer.question == "Do the models agree with the targets?"
    first, *rest = words(answer)
    rest = of_conditions(rest)
    assert "does not say which sources" in first and "analysis.human.people" in first
    sources = {"true", "LLR", "MLR", "HLR"} - set(names) | set(names.values())
    assert len(rest) == 2 * len(sources)
    for source in sources:
        assert sum(f"the source “{source}” (IV/{source}/" in sentence for sentence in rest) == 2
    everything = " ".join(words(answer) + words(objects(results)) + [answer.table.title, answer.table.note])
    assert "people’s own judgements" not in everything and "people say" not in everything
    assert "owards people" not in everything and decoded(results) is None


@pytest.mark.parametrize("names", READY)
def test_where_people_are_declared_the_report_answers_from_them(whole, tmp_path, names):
    own = names["true"]
    results = with_sources(whole, tmp_path / "results", names, {"kind": "targets", "people": [own]})
    assert main_targets(results) == {c: f"IV/{own}/{c}" for c in ("congruent", "incongruent")}
    answer = agreement(results)
    assert answer.question == "Do the models agree with people?" and len(of_conditions(words(answer))) == 2
    assert all(f"people’s ratings (“{own}”) (IV/{own}/" in sentence for sentence in of_conditions(words(answer)))
    assert "what people say of the whole picture" in answer.table.note
    assert any("Towards people: " in sentence for sentence in words(objects(results)))
    assert decoded(results) is None  # regions of the paper's names are no measurements of the paper's kind


def test_the_first_declared_source_counts_and_a_condition_without_people_is_said(whole, tmp_path):
    names = {"true": "first", "MLR": "second"}
    results = with_sources(whole, tmp_path / "results", names, {"kind": "targets", "people": ["second", "first"]})
    assert set(main_targets(results).values()) == {"IV/second/congruent", "IV/second/incongruent"}
    for path in results.folder.glob("*.csv"):
        table = pd.read_csv(path, keep_default_na=False, dtype=str)
        if "source" in table:
            gone = table["source"].isin(["first", "second"]) & (table["condition"] == "incongruent")
            table[~gone].to_csv(path, index=False)
    said = of_conditions(words(agreement(Results(results.folder, STUDIES))))
    assert len(said) == 2 and "In the condition incongruent there is no target of people’s own" in said[1]


@pytest.fixture(scope="module")
def ready(tmp_path_factory) -> Study:
    """Return a study with ready targets of two sources, whose inputs are stored."""
    study = Study(write_study(tmp_path_factory.mktemp("ready") / "study"))
    run_step(study.params(), "inputs")
    table = pd.read_csv(study.folder / "stimuli.csv").drop(columns="image").assign(valence_type="IV")
    values = np.random.default_rng(0).normal(size=(2, len(table)))
    both = [table.assign(source=name, value=value) for name, value in zip(("means", "LLR"), values, strict=True)]
    pd.concat(both).to_csv(study.folder / "ready.csv", index=False)
    return study


def of_targets(study: Study, table: pd.DataFrame, **more):
    table.to_csv(study.folder / "targets.csv", index=False)
    return study.params(analysis__human__kind="targets", analysis__human__targets="targets.csv", **more)


def test_saying_who_people_are_computes_nothing_again(ready, capsys):
    table = pd.read_csv(ready.folder / "ready.csv")
    run_step(of_targets(ready, table), "human_targets")
    capsys.readouterr()
    run_step(of_targets(ready, table, analysis__human__people=["means"]), "human_targets")
    assert "reused    human_targets" in capsys.readouterr().out
    with pytest.raises(ParameterError, match="did you mean 'means'"):
        run_step(of_targets(ready, table, analysis__human__people=["mean"]), "human_targets")
    with pytest.raises(ParameterError, match="people is for kind: targets"):
        ready.params(analysis__human__people=["means"])


@pytest.mark.parametrize("few", [1, 2, 3])
def test_a_target_of_too_few_stimuli_is_refused_by_name_with_its_number(ready, few):
    table = pd.read_csv(ready.folder / "ready.csv")
    own = table[(table["condition"] == "incongruent") & (table["source"] == "LLR")].head(few)
    own = own.assign(source="few", value=np.arange(1.0, few + 1))
    with pytest.raises(InputError) as caught:
        run_step(of_targets(ready, pd.concat([table, own])), "human_targets")
    message = str(caught.value)
    if few > 1:  # a single value is refused as constant
        assert f"IV/few/incongruent: {few}" in message and "at least 4 stimuli" in message


def test_a_target_whose_pictures_cannot_be_read_is_refused_too(tmp_path):
    study = Study(write_study(tmp_path / "study"))
    table = pd.read_csv(study.folder / "stimuli.csv").drop(columns="image").assign(valence_type="IV", source="a")
    table["value"] = np.arange(len(table)) / 3
    own = table[table["condition"] == "congruent"].head(4).assign(source="b")
    pictures = pd.read_csv(study.folder / "stimuli.csv").set_index("stimulus")["image"]
    for name in own["stimulus"].head(2):
        (study.stimuli / pictures[name]).write_bytes(b"")
    params = of_targets(study, pd.concat([table, own]))
    run_step(params, "inputs")
    with pytest.raises(InputError, match=r"IV/b/congruent: 2"):
        run_step(params, "human_targets")


def test_reserved_and_ambiguous_names_are_refused():
    refuse_reserved_regions({"LLR", "True"}, "regions.csv")
    with pytest.raises(InputError, match="a region group called 'true'"):
        refuse_reserved_regions({"LLR", "true"}, "regions.csv")
    rows = [("IV/a/b/c", "IV", "a/b", "c"), ("IV/a/b/c", "IV", "a", "b/c"), ("IV/a/c", "IV", "a", "c")]
    table = pd.DataFrame(rows, columns=["target", "valence_type", "source", "condition"])
    refuse_ambiguous_names(table.iloc[1:], "the data")
    with pytest.raises(InputError, match=r"different targets of the same name(.|\n)*IV \+ a/b \+ c"):
        refuse_ambiguous_names(table, "the data")


def test_a_region_called_true_is_refused_where_it_enters(tmp_path):
    study = Study(write_study(tmp_path / "study"))
    stimuli = pd.read_csv(study.folder / "stimuli.csv")["stimulus"]
    rng = np.random.default_rng(0)
    rows = [(p, s, roi, rng.normal()) for p in ("s1", "s2") for s in stimuli for roi in ("V1", "PFC")]
    pd.DataFrame(rows, columns=["subject", "stimulus", "roi", "value"]).to_csv(study.folder / "bold.csv", index=False)
    pd.DataFrame({"roi": ["V1", "PFC"], "region": ["LLR", "true"]}).to_csv(study.folder / "regions.csv", index=False)
    params = study.params(analysis__human__signals="bold.csv", analysis__human__regions="regions.csv")
    run_step(params, "inputs")
    with pytest.raises(InputError, match=r"regions\.csv has a region group called 'true'"):
        run_step(params, "human_targets")


def test_a_condition_called_all_is_a_condition(whole):
    targets = Results(whole).table(STEPS["human_targets"].tables[0])
    renamed = targets.assign(condition=targets["condition"].replace({"congruent": "all"}))
    few = Significance(permutations=99)
    table, plain = decoding_table(renamed, few), decoding_table(targets, few)
    assert (table["condition"] == "all").sum() == 2 * table["all_stimuli"].sum()
    own = table[(table["predicted"] == table["true"]) & table["all_stimuli"]]
    assert own.pivot(index="source", columns="true", values=["rho", "q"]).shape == (3, 6)
    np.testing.assert_array_equal(table["rho"], plain["rho"])
    assert decoding_table(targets, few, None).empty and decoding_table(targets, few, "nobody").empty


def test_a_layer_called_full_is_refused(tmp_path):
    study = Study(write_study(tmp_path / "study"))
    params = study.params(analysis__models__0__layers=["features.1", "full"])
    with pytest.raises(ModelError, match="a target layer of toynet is called 'full'"):
        target_layers(params, params.analysis.models[0])


def test_the_page_asks_of_each_source_too(whole, tmp_path):
    results = with_sources(whole, tmp_path / "results", READY[0], {"kind": "targets", "people": []})
    page = write_report(results, STUDIES[:1], tmp_path / "report").read_text(encoding="utf-8")
    assert "Do the models agree with the targets?" in page and "Do the models agree with people?" not in page
