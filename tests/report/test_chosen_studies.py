"""A page holds what was run, whatever that is: one study of the two, a study of one's own, no model for objects."""

from __future__ import annotations

import re
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import plotly.graph_objects as go
import pytest
from browser_helpers import browser, open_offline  # noqa: F401 (a fixture)
from helpers import ROOT
from view_fixture import HOSTILE, STUDIES, without_object_models, write_results

from o2b_helpers.core.contract import Column, Table
from o2b_helpers.core.errors import InputError
from o2b_helpers.core.files.sealed import write_sealed
from o2b_helpers.core.options import Block
from o2b_helpers.core.study import Figure, Section, Step, Study
from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.draw import draw_figures
from o2b_helpers.report.page import figure_code, write_report
from o2b_helpers.report.publish import publish_views
from o2b_helpers.report.results import Results
from o2b_helpers.report.tables import make_table
from o2b_helpers.studies.object2brain.answers.kinds import kinds
from o2b_helpers.studies.object2brain.answers.nothing import NO_MODEL
from o2b_helpers.studies.object2brain.answers.objects import objects

ALIGNMENT_ALONE = [study for study in STUDIES if study.name == "alignment"]
LENGTHS = Table("lengths.csv", "a thing", (Column("thing", "text", "its name"), Column("length", "number", "in cm")))


def draw_lengths(results: Results) -> go.Figure:
    table = results.table(LENGTHS)
    figure = go.Figure(go.Bar(x=table["thing"], y=table["length"]))
    return figure.update_layout(width=600, height=300, title={"text": "Lengths", "subtitle": {"text": "in cm"}})


def lengths_caption(results: Results) -> Caption:
    return Caption("How long are things?", "Which is longer?", "A bar is a thing.", "A is 2 cm.", "No width.", "Ours.")


def lengths_table(results: Results):
    return make_table("Lengths", results.table(LENGTHS), {"length"}, LENGTHS.file, "all of them")


def made_up(tables=(LENGTHS,)) -> Study:
    """A study with one step, one table, one figure, and a fact set beside a published number."""
    step = Step("measure", "20_measure", part=lambda params, store: {}, compute=lengths_table, tables=tables)
    section = Section(
        question="How long is a thing?",
        answers=(lambda results: Answer("Long?", [Statement(text=f"{len(results.table(LENGTHS))} things.")]),),
        glossary={"Thing": "What has a length."},
        sizes=(("things", "1,000", "measure", "things"),),
        described=lambda results: "Two things were measured.",
    )
    figure = Figure(9, "lengths", draw=draw_lengths, caption=lengths_caption, tables=(lengths_table,))
    return Study("lengths", "Lengths", options=Block, steps=(step,), section=section, figures=(figure,))


@pytest.fixture
def lengths(tmp_path):
    folder = tmp_path / "lengths" / "results"
    LENGTHS.write(pd.DataFrame({"thing": ["a", HOSTILE], "length": [2.0, 3.0]}), folder)
    write_sealed(folder / "provenance.json", {"profile": "mine", "steps": {"measure": {"facts": {"things": 2}}}})
    return folder


def words(path) -> str:
    """Return the page without scripts and styles."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.S)


def test_alignment_alone_leaves_no_trace_of_objects(browser, tmp_path):  # noqa: F811
    folder = write_results(tmp_path / "results")
    for name in ("filter_scores_toynet.nc", "lesion_effects_toynet.nc", "object_weights.csv"):
        (folder / name).unlink()
    path = write_report(Results(folder, ALIGNMENT_ALONE), ALIGNMENT_ALONE, tmp_path / "report")
    page, wrong = open_offline(browser, path)
    assert wrong == [] and page.locator("[data-figure]").count() == 2
    assert page.inner_text("h1").startswith("How far does a network")
    assert page.locator("#explore, #section-3").count() == 0
    page.context.close()
    text = words(path)
    for trace in (
        "Object2Brain.",
        "GradCAM",
        "esion",
        "object_weights",
        "category_",
        "Weight of a class",
        "detections",
        "analysis.detector",
    ):
        assert trace not in text, trace
    assert "Full model, layer model" in text and "Not drawn" not in text and 'class="missing"' not in text
    written = draw_figures(Results(folder), ALIGNMENT_ALONE, tmp_path / "figures", "demo", pictures=False)
    assert [path.name[:9] for path in written] == ["figure_1_", "figure_2_"]


def test_a_study_of_ones_own_is_shown_by_its_declaration(browser, tmp_path, lengths):  # noqa: F811
    studies = [made_up()]
    path = write_report(Results(lengths, studies), studies, tmp_path / "report")
    page, wrong = open_offline(browser, path)
    assert wrong == [] and page.inner_text("h1") == "How long is a thing?"
    assert page.locator("#section-9 .drawing .point path").count() == 2
    page.context.close()
    text = words(path)
    for said in ("Two things were measured.", "2 things.", "What has a length.", "1,000", "Save lengths.csv"):
        assert said in text, said
    assert "Condition" not in text and "explore" not in text
    written = draw_figures(Results(lengths), studies, tmp_path / "figures", "mine", pictures=False)
    assert [path.name for path in written] == ["figure_9_lengths.html"]


def test_a_missing_file_names_the_notebook_of_the_step_that_writes_it(tmp_path, lengths):
    (lengths / "lengths.csv").unlink()
    studies = [made_up()]
    with pytest.raises(InputError, match="20_measure"):
        Results(lengths, studies).table(LENGTHS)
    text = words(write_report(Results(lengths, studies), studies, tmp_path / "report"))
    assert "Not drawn: The results lack lengths.csv. Run that part of the series first (20_measure)" in text


def test_without_a_model_for_objects_the_report_says_so(browser, tmp_path, capsys):  # noqa: F811
    folder = without_object_models(write_results(tmp_path / "results"))
    results = Results(folder, STUDIES)
    assert [statement.text for statement in objects(results).statements] == [NO_MODEL]
    assert "no model was studied" in kinds(results).statements[0].text
    path = write_report(results, STUDIES, tmp_path / "report")
    page, wrong = open_offline(browser, path)
    assert wrong == [] and page.locator("[data-figure]").count() == 5
    page.context.close()
    text = words(path)
    assert "There are no category weights to draw" in text and "No model was studied, so there are no filters" in text
    assert "nan" not in re.findall(r"[\w.]+", text)
    written = draw_figures(results, STUDIES, tmp_path / "figures", "demo", pictures=False)
    assert [path.name.split("_")[1] for path in written] == ["1", "2", "5", "8", "15"]


def test_the_code_below_a_figure_runs(tmp_path):
    write_results(tmp_path / "runs" / 'a "b"' / "results")
    for study in STUDIES:
        for figure in study.figures:
            code = figure_code(figure, 'a "b"')
            assert f"figure_{figure.number}(Results(" in code
    code += "\nimport sys; sys.exit(0)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env={"PYTHONPATH": str(ROOT)})
    assert figure_code(Figure(1, "a", draw=lambda results: None, caption=lengths_caption), "a") == ""


def test_views_are_published_once_and_again_when_something_changed(tmp_path, lengths, capsys):
    studies = [made_up()]
    params = SimpleNamespace(
        chosen_studies=studies, runs=lengths.parent, figures=tmp_path / "figures", name="mine", project=tmp_path,
        execution=SimpleNamespace(show_pictures=None),
    )  # fmt: skip
    report = publish_views(params)
    assert report == lengths.parent / "report" / "index.html" and "reused" not in capsys.readouterr().out
    publish_views(params)
    assert "reused    figures and report" in capsys.readouterr().out
    params.chosen_studies = [*ALIGNMENT_ALONE, *studies]
    publish_views(params)
    assert "reused" not in capsys.readouterr().out
    LENGTHS.write(pd.DataFrame({"thing": ["a"], "length": [1.0]}), lengths)
    publish_views(params)
    assert "reused" not in capsys.readouterr().out
    params.execution.show_pictures = True
    publish_views(params)
    assert "reused" not in capsys.readouterr().out
