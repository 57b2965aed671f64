"""Networks that see no difference between the stimuli: the whole series runs, and says that nothing is defined."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from helpers import ROOT
from PIL import Image
from small_run import ONE_SET_STEPS
from study_fixture import Study, write_study

from o2b_helpers.core.running.run import Result, run_step
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results
from o2b_helpers.studies.object2brain.weights.planted_truth import NOT_TOY, recovery

FEW = {"permutations": 99, "bootstrap": 99}


def grey(study: Study, images: list[str]) -> None:
    """Put the same grey card, in files that differ, in the place of stimuli."""
    for number, image in enumerate(images):
        Image.new("RGB", (96, 96), (120, 130, 140)).save(study.stimuli / image, compress_level=number % 9)


@pytest.fixture(scope="module", params=["all stimuli", "one condition"])
def finished(request, tmp_path_factory) -> tuple[Study, dict[str, Result], str]:
    study = Study(write_study(tmp_path_factory.mktemp("grey") / "study"))
    table = pd.read_csv(study.folder / "stimuli.csv")
    chosen = table if request.param == "all stimuli" else table[table["condition"] == "congruent"]
    grey(study, chosen["image"].tolist())
    params = study.params(analysis__significance=FEW)
    return study, {step: run_step(params, step) for step in ONE_SET_STEPS}, request.param


def test_summaries_say_what_is_undefined_and_never_nan(finished):
    _, results, which = finished
    for step, result in results.items():
        said = result.summary() + result._repr_html_()
        assert "nan" not in re.findall(r"\w+", said.lower()), f"{step}: {said}"
        json.loads((result.folder / "facts.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    agreement, lesions = (results[step].summary() for step in ("alignment_by_architecture", "filter_lesions"))
    if which == "all stimuli":
        assert "None of 2 correlations between a model and a target can be computed" in agreement
        assert "beyond chance" not in agreement and "mean rho" not in agreement
        assert "no effect on rho is defined" in lesions and "changed nothing" not in lesions
        assert re.search(r"none of \d+ weights of \d+ class", results["object2brain"].summary())
    else:
        assert "On congruent stimuli no rho is defined." in agreement and "On incongruent stimuli" in agreement
        assert "1 of 2 correlations of the whole network (a run with a target) are undefined" in lesions


def test_the_report_and_the_notebooks_tables_are_made(finished, tmp_path):
    study, results, _ = finished
    params = study.params(analysis__significance=FEW)
    shown = Results(results["inputs"].results, params.chosen_studies)
    page = write_report(shown, params.chosen_studies, tmp_path).read_text(encoding="utf-8")
    words = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.S)
    assert not {"nan", "NaN"} & set(re.findall(r"\w+", words))
    weights = results["object2brain"].table("object_weights_by_estimator.csv")
    assert recovery(params, weights, params.analysis.models[0]) == NOT_TOY
    summary: pd.DataFrame = results["alignment_by_architecture"].table("alignment_summary.csv")
    assert (summary["runs"] == summary["rho"].notna()).all()


def test_nothing_is_written_that_is_no_json(finished):
    study, results, _ = finished
    folder: Path = results["inputs"].results
    json.loads((folder / "provenance.json").read_text(), parse_constant=lambda word: pytest.fail(word))


def test_every_notebook_runs_to_its_end(finished):
    study, _, which = finished
    overrides = {f"analysis.significance.{name}": value for name, value in FEW.items()}
    shown: list[object] = []
    for notebook in dict.fromkeys(step.notebook for step in ONE_SET_STEPS.values()):
        cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        names = {"profile": str(study.profile), "overrides": overrides, "display": shown.append}
        for cell in code[1:]:
            exec(compile(cell, notebook, "exec"), names)
    said = [text for text in shown if isinstance(text, str)]
    assert any("There are no category weights to draw" in text for text in said) == (which == "all stimuli")
