"""The shapes that kernels declare for their arrays (jaxtyping) hold in use, and catch what does not fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
KERNELS = TESTS.parent.parent / "o2b_helpers" / "kernels"
CHECKED = "--jaxtyping-packages=o2b_helpers.kernels,beartype.beartype"
WRONG = """
import jaxtyping
import pytest
import torch
from o2b_helpers.kernels.regions.box_statistics import box_scores

def test_a_wrong_shape_is_caught():
    with pytest.raises(jaxtyping.TypeCheckError, match="box channel"):
        box_scores(torch.ones(2, 3), torch.ones(2, 4))
"""


@pytest.mark.slow
def test_declared_shapes_hold(tmp_path):
    wrong = tmp_path / "test_wrong.py"
    wrong.write_text(WRONG, encoding="utf-8")
    # what a kernel refuses by itself is not handed to the checker, which would refuse it first
    options = ["-p", "jaxtyping._pytest_plugin", CHECKED, "--doctest-modules", "-k", "not refuse and not bad"]
    options += ["-n", "0", "-p", "no:cacheprovider"]
    places = [wrong, TESTS / "regions", KERNELS]
    done = subprocess.run([sys.executable, "-m", "pytest", *options, *places], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
