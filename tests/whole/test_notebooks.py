from __future__ import annotations

import ast
import json
import re

import pytest
from helpers import ROOT, SMALL, merged, write_profile
from small_run import STEPS

from o2b_helpers.series import notebooks
from o2b_helpers.studies.registry import load_params, studies

FILES = [ROOT / "notebooks" / f"{name}.ipynb" for name in dict.fromkeys(step.notebook for step in STEPS.values())]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_notebook_tells_its_story_and_carries_no_output(file):
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    words = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    assert not any(c["outputs"] or c["execution_count"] for c in code)
    assert "**Question.**" in words and "## How to read this" in words and "## What this does not show" in words
    parameters = [c for c in code if "parameters" in c["metadata"].get("tags", [])]
    assert len(parameters) == 1 and code[0] is parameters[0]
    names = [t.id for node in ast.parse("".join(parameters[0]["source"])).body for t in node.targets]
    assert names == ["profile", "overrides"]
    step = [step.name for step in STEPS.values() if step.notebook == file.stem][-1]
    assert f'run_step(params, "{step}")' in "".join(code[1]["source"])


def test_there_is_one_for_every_declared_notebook_and_no_other():
    assert sorted(p.name for p in (ROOT / "notebooks").glob("*.ipynb")) == sorted(p.name for p in FILES)


@pytest.mark.parametrize("study", [study.name for study in studies()])
def test_what_the_notebooks_of_a_study_alone_read_is_there(tmp_path, study):
    params = load_params(write_profile(tmp_path, SMALL), {"studies": [study]})
    run = notebooks(params)
    for name in run:
        text = (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
        asked = re.findall(r'run_step\(params, \\"(\w+)\\"\)', text)
        read = {step.notebook for asked_for in asked for step in STEPS[asked_for].closure(params)}
        assert asked and read <= set(run), name


def test_they_run_where_no_model_is_for_object2brain(tmp_path):
    model = {"architecture": "toynet", "weights": "toyworld", "object2brain": False}
    few = {"permutations": 99, "bootstrap": 99}
    profile = write_profile(tmp_path, merged(SMALL, significance=few, models=[model]))
    shown = []
    for file in FILES:
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        names = {"profile": str(profile), "overrides": {}, "display": shown.append}
        for cell in code[1:]:
            exec(compile(cell, file.name, "exec"), names)
        assert names["result"].results.is_dir(), file.name
    assert len(shown) == 1  # the comparison of estimators, empty: no figure, no filters, no planted truth
