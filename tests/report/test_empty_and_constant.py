"""Every view stands where there is hardly anything to show: constant predictions, one of everything, or nothing."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from browser_helpers import browser, open_offline  # noqa: F401 (a fixture)
from view_fixture import STUDIES, without_object_models, write_results

from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment import tables as alignment
from o2b_helpers.studies.alignment.notebook_tables import kept_full_heads
from o2b_helpers.studies.alignment.section import agreement
from o2b_helpers.studies.common.select import shown_or_reason
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.emocam import tables as emocam
from o2b_helpers.studies.emocam.answers.emotions import looked_at, right_emotion
from o2b_helpers.studies.object2brain import notebook_tables
from o2b_helpers.studies.object2brain import tables as object2brain
from o2b_helpers.studies.object2brain.answers.kinds import kinds
from o2b_helpers.studies.object2brain.answers.objects import objects
from o2b_helpers.studies.object2brain.explorer.widget import explorer

RHO = ["rho", "p", "p_perm", "q", "p_fwer", "sd", "ci_low", "ci_high"]
WEIGHT = ["weight", "p", "q", "ci_low", "ci_high", "sd"]
ALIGNMENTS = (
    alignment.ALIGNMENT, alignment.LAYER_ALIGNMENT, alignment.ALIGNMENT_SUMMARY, alignment.LAYER_ALIGNMENT_SUMMARY,
)  # fmt: skip
WEIGHTS = (object2brain.OBJECT_WEIGHTS, object2brain.OBJECT_WEIGHTS_MEAN, object2brain.OBJECT_WEIGHTS_BY_ESTIMATOR)
ALL = (*ALIGNMENTS, *WEIGHTS, alignment.HEADS, alignment.PREDICTIONS, alignment.LAYER_PREDICTIONS, alignment.CEILINGS,
       TARGETS, object2brain.CATEGORY_WEIGHTS, emocam.EMOTION_MODELS, emocam.EMOTION_CONFUSION,
       emocam.EMOTION_ASSOCIATIONS)  # fmt: skip


def edit(folder: Path, tables, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    for table in tables:
        table.write(change(table.read(folder)), folder)


def undefined(columns: list[str], where: Callable[[pd.DataFrame], pd.Series] | None = None):
    """Return a change that empties the columns that are there, in some rows or all."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        table = table.copy()
        rows = slice(None) if where is None else where(table)
        for column in set(columns) & set(table.columns):
            table.loc[rows, column] = np.nan
        return table

    return change


def edit_arrays(folder: Path, pattern: str, change: Callable[[xr.Dataset], xr.Dataset]) -> None:
    for path in folder.glob(pattern):
        data = change(xr.load_dataset(path, engine="h5netcdf"))
        path.unlink()
        data.to_netcdf(path, engine="h5netcdf")


def keep(folder: Path, **only: list) -> None:
    """Keep only some runs, models, conditions or classes in all tables."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        for column, values in only.items():
            if column in table:
                table = table[table[column].isin(values)]
        return table

    edit(folder, ALL, change)
    targets = list(TARGETS.read(folder)["target"].drop_duplicates())
    models = only.get("architecture")
    for path in folder.glob("*.nc"):
        if models and not any(path.stem.endswith(f"_{model}") for model in models):
            path.unlink()

    def arrays(data: xr.Dataset) -> xr.Dataset:
        chosen = {"run": only.get("run"), "class": only.get("class"), "target": targets}
        return data.sel({name: values for name, values in chosen.items() if values and name in data.dims})

    edit_arrays(folder, "*.nc", arrays)


def constant(folder: Path) -> None:
    edit(folder, ALIGNMENTS, undefined(RHO))
    edit(folder, [alignment.HEADS], undefined(["rho"]))
    edit(folder, WEIGHTS, undefined(WEIGHT))
    object2brain.CATEGORY_WEIGHTS.write(object2brain.CATEGORY_WEIGHTS.empty(), folder)
    edit_arrays(folder, "lesion_effects_*.nc", lambda data: data * np.nan)


def one_model_constant(folder: Path) -> None:
    def own(table: pd.DataFrame) -> pd.Series:
        return table["architecture"] == "toynet"

    edit(folder, ALIGNMENTS, undefined(RHO, own))
    edit(folder, WEIGHTS, undefined(WEIGHT, own))
    edit(folder, [object2brain.CATEGORY_WEIGHTS], lambda table: table[~own(table)])
    edit_arrays(folder, "lesion_effects_toynet.nc", lambda data: data * np.nan)


def one_run_constant(folder: Path) -> None:
    edit(folder, [alignment.ALIGNMENT, alignment.LAYER_ALIGNMENT], undefined(RHO, lambda table: table["run"] == 0))
    edit_arrays(folder, "lesion_effects_*.nc", lambda data: data.where(data["run"] > 0))


def one_condition_constant(folder: Path) -> None:
    edit(folder, ALIGNMENTS, undefined(RHO, lambda table: table["condition"] == "congruent"))


def one_of_everything(folder: Path) -> None:
    keep(folder, run=[0], architecture=["toynet"], condition=["congruent"], **{"class": ["Car"]})
    keep(
        folder, valence_type=["IV"], source=["true"], layer=["features.9", "full", "all layers"], category=["Transport"]
    )
    edit(folder, [*ALIGNMENTS[2:], object2brain.OBJECT_WEIGHTS_MEAN], undefined(["sd"]))
    overlap = pd.DataFrame({"category_a": ["Transport"], "category_b": ["Transport"], "overlap": [1.0]})
    object2brain.CATEGORY_OVERLAP.write(overlap, folder)
    for pattern in ("filter_scores_*.nc", "lesion_effects_*.nc"):
        edit_arrays(folder, pattern, lambda data: data.isel(filter=data["layer"].values == "features.9"))


def no_layer_models(folder: Path) -> None:
    for table in (alignment.LAYER_ALIGNMENT, alignment.LAYER_ALIGNMENT_SUMMARY, alignment.LAYER_PREDICTIONS):
        table.write(table.empty(), folder)


def no_category(folder: Path) -> None:
    object2brain.CATEGORY_WEIGHTS.write(object2brain.CATEGORY_WEIGHTS.empty(), folder)


CASES: dict[str, Callable[[Path], object]] = {
    "constant": constant,
    "one model is constant": one_model_constant,
    "one run is constant": one_run_constant,
    "one condition is constant": one_condition_constant,
    "one run": lambda folder: keep(folder, run=[3]),
    "one model": lambda folder: keep(folder, architecture=["toynet_untrained"]),
    "one condition": lambda folder: keep(folder, condition=["incongruent"]),
    "one class": lambda folder: keep(folder, **{"class": ["Tree"], "category": ["Nature"]}),
    "one of everything": one_of_everything,
    "no layer models": no_layer_models,
    "no category has a weight": no_category,
    "no model for objects": without_object_models,
}
REPORTED = ["constant", "one run", "one of everything", "one run is constant", "no layer models"]  # as a whole page


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return write_results(tmp_path_factory.mktemp("whole") / "results")


def spoilt(whole: Path, folder: Path, change: Callable[[Path], object]) -> Results:
    """Copy the whole results and change the copy."""
    shutil.copytree(whole, folder)
    change(folder)
    return Results(folder, STUDIES)


@pytest.fixture(scope="module", params=CASES)
def shown(request, whole, tmp_path_factory) -> Results:
    return spoilt(whole, tmp_path_factory.mktemp("case") / "results", CASES[request.param])


def text_of(path: Path) -> str:
    return re.sub(r"<(script|style)\b.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.S)


def no_other(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


@pytest.fixture(scope="module")
def report_of(whole, tmp_path_factory) -> Callable[[str], Path]:
    """Return what writes the report of a case, once for all tests."""

    @cache
    def write(case: str) -> Path:
        folder = tmp_path_factory.mktemp("reported")
        return write_report(spoilt(whole, folder / "results", CASES[case]), STUDIES, folder / "report")

    return write


@pytest.mark.parametrize("case", REPORTED)
def test_the_report_is_whole_and_never_says_nan(report_of, case):
    path = report_of(case)
    words = re.findall(r"[\w.]+", text_of(path))
    assert not {"nan", "NaN", "inf", "nan."} & set(words)
    data = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', path.read_text(encoding="utf-8"), re.S)
    assert data
    for block in data:
        if block.strip().startswith(("{", "[")):
            json.loads(block, parse_constant=no_other)
    packed = re.search(r'id="explorer-data"[^>]*>\s*"?([A-Za-z0-9+/=]+)', path.read_text(encoding="utf-8"))
    if packed:
        json.loads(gzip.decompress(base64.b64decode(packed[1])), parse_constant=no_other)


def test_every_figure_table_and_answer_is_made_or_says_why_not(shown):
    for study in STUDIES:
        for figure in study.figures:
            made = shown_or_reason(figure.draw, shown)
            if isinstance(made, str):
                assert made.startswith("There are no ") and made.endswith(".")
                continue
            json.loads(made.to_json(), parse_constant=no_other)
            words = figure.caption(shown).text()
            assert "nan" not in re.findall(r"[\w.]+", words) and len(words) > 100
        for figure in study.figures:
            tables = [table for table in (make(shown) for make in figure.tables) if table is not None]
            assert not any("nan" in cell.split() for table in tables for row in table.rows for cell in row)
    for answer in (agreement(shown), objects(shown), kinds(shown), looked_at(shown), right_emotion(shown)):
        assert answer.statements and all(statement.words for statement in answer.statements)
        assert all(statement.text[0] in " :" for statement in answer.statements if statement.lead and statement.text)
        assert "nan" not in re.findall(r"\w+", " ".join(statement.words for statement in answer.statements))


def test_the_tables_of_the_notebooks_are_made(shown):
    assert len(kept_full_heads(shown))
    notebook_tables.surviving_classes(shown)
    for row in notebook_tables.extreme_classes(shown).itertuples():
        assert "nan" not in f"{row.highest} {row.lowest}"
    notebook_tables.compared_estimators(shown)
    for model in sorted({path.stem.removeprefix("lesion_effects_") for path in shown.folder.glob("lesion_effects_*")}):
        strongest = notebook_tables.strongest_lesions(shown, model)
        assert strongest["delta"].notna().all()  # an effect that is not defined is no effect of 0


def test_what_the_widget_sends_to_the_browser_is_json(shown):
    widget = shown_or_reason(explorer, shown)
    if isinstance(widget, str):
        assert "no filters to explore" in widget
        return
    for figure in (widget.effects, widget.profile, widget.weights):
        json.loads(figure.to_json(), parse_constant=no_other)
        for trace in figure.data:
            for values in (trace.x, trace.y):
                assert not any(isinstance(value, float) and np.isnan(value) for value in values or ())
        errors = [
            trace.error_x.array for trace in figure.data if trace.type == "bar" and trace.error_x.array is not None
        ]
        errors += [trace.error_y.array for trace in figure.data if trace.error_y.array is not None]
        assert not any(np.isnan(np.asarray(values, dtype=float)).any() for values in errors)
    for part in (widget.words, widget.dots, widget.answers):
        assert "nan" not in re.findall(r"\w+", part.value)


@pytest.mark.parametrize("case", REPORTED[:3])
def test_the_page_opens_without_an_error(browser, report_of, case):  # noqa: F811
    page, wrong = open_offline(browser, report_of(case))
    assert wrong == [] and "nan" not in re.findall(r"\w+", page.inner_text("main").lower())
    page.context.close()


def test_what_is_undefined_is_said_and_contradicts_nothing(whole, tmp_path):
    results = spoilt(whole, tmp_path / "results", constant)
    said = " ".join(
        statement.words for answer in (agreement(results), kinds(results)) for statement in answer.statements
    )
    assert "no model has a defined correlation" in said and "predicts the same for every stimulus" in said
    assert "No category of objects has a defined weight" in said and "no model was studied" not in said
    results = spoilt(whole, tmp_path / "partly", one_model_constant)
    said = " ".join(
        statement.words for answer in (agreement(results), kinds(results)) for statement in answer.statements
    )
    assert "1 model predicts the same for every stimulus" in said and "toynet: no category has a defined weight" in said


def test_the_mean_over_what_exists_says_how_much_exists(whole, tmp_path):
    results = spoilt(whole, tmp_path / "results", one_run_constant)
    caption = STUDIES[0].figures[0].caption(results).finding
    assert "mean over 4 of 5 runs" in caption
