"""The steps by name, and the small toy world run in this process, for tests of what reads its results."""

from __future__ import annotations

from pathlib import Path

from helpers import SMALL, merged, write_profile

from o2b_helpers.core.cost import Need
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.keys import find_step
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.core.study import Step
from o2b_helpers.studies.registry import load_params, studies

STEPS: dict[str, Step] = {step.name: step for study in studies() for step in study.steps}
# `selectivity` wants two image sets with three emotions, for which a few dozen pictures do not suffice, and
# `deep_affect` wants arousal
ONE_SET_STEPS = {
    step.name: step for study in studies() if study.name not in ("selectivity", "deep_affect") for step in study.steps
}


def run_small(folder: Path, until: str = "explorer") -> Params:
    """Write the profile and run its steps up to one of them, without notebooks."""
    few = {"permutations": 99, "bootstrap": 99}
    params = load_params(write_profile(folder, merged(SMALL, significance=few)))
    for step in STEPS:
        run_step(params, step)
        if step == until:
            break
    return params


def step_folder(params: Params, name: str) -> Path:
    """Return where the results of a step that has run lie in the store."""
    return find_step(params, STEPS[name], Store(params.store), STEPS[name])


def step_cost(params: Params, name: str) -> list[Need]:
    """Return what a step's parts will take, all that it reads being stored."""
    step = STEPS[name]
    return list(
        step.cost(
            params, {need.name: step_folder(params, need.name) for need in step.needs_of(params)}, Store(params.store)
        )
    )
