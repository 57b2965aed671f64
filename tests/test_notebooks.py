from __future__ import annotations

import ast
import json

import pytest
from helpers import ROOT

from o2b_helpers.analyses.keys import NOTEBOOKS

FILES = [ROOT / "notebooks" / f"{name}.ipynb" for name in NOTEBOOKS.values()]


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
    step = next(s for s, n in NOTEBOOKS.items() if n == file.stem)
    assert f"{step}.run(params)" in "".join(code[1]["source"])


def test_there_are_ten_and_no_other():
    assert sorted(p.name for p in (ROOT / "notebooks").glob("*.ipynb")) == sorted(p.name for p in FILES)
