"""Run the small toy world in this process, step by step, for tests of what reads its results."""

from __future__ import annotations

from pathlib import Path

from helpers import SMALL, merged, write_profile

from o2b_helpers.core.keys import NOTEBOOKS, analysis
from o2b_helpers.core.params import Params, load_params


def run_small(folder: Path, until: str = "explorer") -> Params:
    """Write the profile and run its steps up to one of them, without notebooks."""
    few = {"permutations": 99, "bootstrap": 99}
    params = load_params(write_profile(folder, merged(SMALL, significance=few)))
    steps = list(NOTEBOOKS)
    for step in steps[: steps.index(until) + 1]:
        analysis(step).run(params)
    return params
