"""Tables as people bring them, through the steps of a small study: a clear error, or the result that was meant."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from study_fixture import PICTURES, STIMULI, Study, copy_study, write_study

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.core.running.run import run_step
from o2b_helpers.studies.alignment import inputs

OWN = {"width": 1, "height": 2, "sha256": "abc", "path": "x", "label": "y", "scaled": 5, "image_x": "z", "role": "r"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("written") / "study")


@pytest.fixture
def study(written, tmp_path) -> Study:
    return copy_study(written, tmp_path / "study")


def _refused(study: Study, step: str, *words: str, **overrides) -> None:
    with pytest.raises(InputError) as caught:
        run_step(study.params(**overrides), step)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def _targets(study: Study) -> dict[str, str]:
    targets = pd.read_csv(study.folder / "stimuli.csv").drop(columns="image")
    targets["target"] = "IV/mine/" + targets.pop("condition")
    targets.assign(value=np.arange(len(targets)) / 3 + 1).to_csv(study.folder / "targets.csv", index=False)
    return {"analysis__human__kind": "targets", "analysis__human__targets": "targets.csv"}


def _edit_line(study: Study, table: str, row: int, change) -> None:
    lines = (study.folder / table).read_text().split("\n")
    lines[row] = change(lines[row])
    (study.folder / table).write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("table", "row", "step"),
    [("corpus.csv", 25, "inputs"), ("stimuli.csv", 16, "inputs"), ("ratings.csv", 64, "human_targets")],
)
def test_a_stray_quotation_mark_stops_the_run(study, table, row, step):
    study.edit(table, lambda frame: frame.assign(remark=""))
    _edit_line(study, table, row, lambda line: line + '"party, loud')
    if step != "inputs":
        run_step(study.params(), "inputs")
    _refused(study, step, f"row {row} (line {row + 1})", "quotation mark", table)


def test_own_columns_reach_no_later_step(study):
    for table in ("corpus.csv", "stimuli.csv"):
        study.edit(table, lambda frame: frame.assign(**OWN))
    study.edit("corpus.csv", lambda frame: frame.assign(stimulus="s", condition="c"))
    result = run_step(study.params(), "inputs")
    read = inputs.load(study.params(), result.folder)
    for table in (read.corpus, read.stimuli):
        assert set(table["width"]) == {128} and not set(table) & {"image_x", "role", "width_x", "width_y"}
        assert table["sha256"].str.len().eq(64).all() and table["path"].str.endswith(".png").all()
    assert set(read.corpus["label"]) == {0, 1} and "stimulus" not in read.corpus
    for step in ("human_targets", "valence_models", "objects"):
        run_step(study.params(), step)


@pytest.mark.parametrize("column", ["width", "label", "condition", "sha256"])
def test_stimuli_are_selected_by_a_column_of_any_name(study, column):
    study.edit("corpus.csv", lambda frame: frame.assign(**{column: np.where(np.arange(PICTURES) < 8, "few", "many")}))
    select = {"mine": {"column": column, "value": "few", "count": 6}}
    options = {"analysis__stimuli__kind": "corpus", "analysis__stimuli__select": select}
    options |= {"analysis__human__kind": "corpus", "analysis__corpus__min_images": 20}
    facts = run_step(study.params(**options), "inputs").facts
    assert facts["stimuli_by_condition"] == {"mine": 6} and facts["images_in_corpus"] == PICTURES - 6
    assert run_step(study.params(**options), "human_targets").facts["targets"] == 1


def test_blanks_split_neither_a_condition_nor_a_person(study):
    def spoil(frame, column, rows, blank):
        frame.loc[rows, column] += blank
        return frame

    study.edit("stimuli.csv", lambda frame: spoil(frame, "condition", [1, 2, 3, 4], " "))
    study.edit(
        "ratings.csv",
        lambda frame: spoil(frame, "annotator", frame.index[frame["annotator"] == "person 0"][::2], "\u00a0"),
    )
    study.edit("ratings.csv", lambda frame: spoil(frame, "valence_type", [3, 30], "\t"))
    facts = run_step(study.params(), "inputs").facts
    assert sum(facts["stimuli_by_condition"].values()) == STIMULI and len(facts["stimuli_by_condition"]) == 2
    facts = run_step(study.params(), "human_targets").facts
    assert facts["annotators"] == 5 and facts["targets"] == 2
    study.edit(
        "ratings.csv", lambda frame: pd.concat([frame, frame.iloc[[0]].assign(annotator=" person  0", rating=1)])
    )
    _refused(study, "human_targets", "more than once", "person 0")


def test_codes_in_ready_targets_stop_the_run_until_they_are_stated(study):
    options = _targets(study)
    run_step(study.params(**options), "inputs")
    study.edit("targets.csv", lambda frame: frame.assign(value=frame["value"].where(~frame.index.isin([2, 5]), -99)))
    _refused(study, "human_targets", "row 3: -99", "row 6: -99", "analysis.human.missing: [-99]", **options)
    result = run_step(study.params(**options, analysis__human__missing=[-99]), "human_targets")
    assert len(result.table("targets.csv")) == STIMULI - 2 and result.table("targets.csv")["value"].min() > 0
    assert result.warnings == ["targets.csv: 2 values are missing, as a code says, and are left out."]
    run_step(study.params(**options, analysis__human__missing=[-99]), "valence_models")
    alignment = run_step(study.params(**options, analysis__human__missing=[-99]), "alignment_by_architecture")
    assert alignment.table("alignment.csv")["n"].sum() == STIMULI - 2


@pytest.mark.parametrize(("cell", "words"), [(None, "empty"), ("3,5", "3,5"), ("n/a", "n/a"), (-99, "-99")])
def test_a_rating_of_the_stimuli_goes_through_the_same_check(study, cell, words):
    values = [n / 3 for n in range(STIMULI)]
    values[2] = cell
    study.edit("stimuli.csv", lambda frame: frame.assign(valence=values))
    run_step(study.params(), "inputs")
    _refused(study, "human_targets", f": {words}", "stimulus stimulus_06", analysis__human__kind="corpus")


def test_the_scale_is_asked_for_and_said(study):
    with pytest.raises(ParameterError, match="valence_range is needed with kind: table"):
        study.params(analysis__corpus__valence_range=None)
    result = run_step(study.params(analysis__corpus__valence_range=[-4, 5], analysis__corpus__neutral=None), "inputs")
    assert "Valence is read on a scale from -4 to 5, neutral at 0.5." in result.summary()
    assert (result.facts["valence_range"], result.facts["neutral_point"]) == ([-4, 5], 0.5)
    with pytest.raises(ParameterError, match="rating_range must be"):
        study.params(analysis__human__rating_range=[7, 1])


def test_every_table_as_a_workbook_gives_the_same_results(study, capsys):
    plain = [run_step(study.params(), step).folder for step in ("inputs", "human_targets")]
    names = ("corpus", "stimuli", "ratings")
    with pd.ExcelWriter(study.folder / "all.xlsx") as book:
        for name in names:
            pd.read_csv(study.folder / f"{name}.csv").to_excel(book, sheet_name=name, index=False)
    places = ("corpus__table", "stimuli__table", "human__ratings")
    options = {f"analysis__{place}": f"all.xlsx#{name}" for place, name in zip(places, names, strict=True)}
    again = [run_step(study.params(**options), step).folder for step in ("inputs", "human_targets")]
    assert plain[0] != again[0]
    for file in ("corpus.parquet", "stimuli.parquet"):
        pd.testing.assert_frame_equal(pd.read_parquet(plain[0] / file), pd.read_parquet(again[0] / file))
    assert (plain[1] / "results" / "targets.csv").read_bytes() == (again[1] / "results" / "targets.csv").read_bytes()
