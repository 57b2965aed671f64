"""The chain of analyses: what each is called, what it needs, and the key of its results.

An analysis is a module with ``NEEDS`` (the analyses it reads), ``part(params, store)`` (its own part of the profile
and the digests of the files it reads), ``compute(params, needs, folder)`` (which writes ``results/`` and whatever
later analyses need into a folder) and ``run(params)`` (all that its notebook calls). One that stands `WITHIN` another's
notebook is run by that one, first.
"""

from __future__ import annotations

import importlib
import json
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

from o2b_helpers.core.digests import code_digests, digest_of, versions
from o2b_helpers.core.errors import StoreError
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store

NOTEBOOKS = {
    "inputs": "00_inputs",
    "human_targets": "01_human_targets",
    "valence_models": "02_valence_models",
    "alignment_by_architecture": "03_alignment_by_architecture",
    "alignment_by_layer": "04_alignment_by_layer",
    "objects": "05_objects",
    "filter_sensitivity": "06_filter_sensitivity",
    "filter_lesions": "07_filter_lesions",
    "object2brain": "08_object2brain",
    "explorer": "09_explorer",
}
WITHIN = {"occlusion": "object2brain"}  # steps without a notebook of their own, and the step whose notebook runs them


def analysis(step: str) -> ModuleType:
    """Return the module of an analysis."""
    return importlib.import_module(f"o2b_helpers.analyses.{step}")


def notebook_of(step: str) -> str:
    """Return the notebook that runs a step."""
    return NOTEBOOKS[WITHIN.get(step, step)]


def module_of(step: str) -> str:
    """Return the dotted name of an analysis' module."""
    return f"o2b_helpers.analyses.{step}"


def step_part(params: Params, step: str, store: Store) -> dict[str, Any]:
    """Return all that a step's results depend on besides code: its own options and the keys of what it reads.

    Worked out once per step and store object: a corpus of many thousand files is looked through once per command.
    """
    known = store.parts.setdefault(step, [])
    for of_params, part in known:
        if of_params is params:
            return part
    module = analysis(step)
    needs = {need: step_key(params, need, store) for need in module.NEEDS}
    known.append((params, {"own": module.part(params, store), "needs": needs}))
    return known[-1][1]


def step_key(params: Params, step: str, store: Store) -> str:
    """Return the key of a step's results under this profile."""
    return Store.key(step_part(params, step, store), module_of(step))


def made_from(params: Params, step: str) -> dict[str, str]:
    """Return a step's origin as attributes for a netCDF file: options and digests, versions, code digest."""
    part = step_part(params, step, Store(params.store))
    return {
        "made_from": json.dumps(part, sort_keys=True, default=str),
        "versions": json.dumps(versions()),
        "code": digest_of(code_digests(module_of(step))),
    }


def find_step(params: Params, step: str, store: Store, for_step: str) -> Path:
    """Return the folder of an earlier step's results; StoreError that names the notebook to run where missing."""
    folder = store.find(step, step_key(params, step, store))
    if folder is None:
        notebook = notebook_of(step)
        profile = params.name if params.profile.parent.name == "params" else str(params.profile)
        raise StoreError(
            f"{notebook_of(for_step)} reads what {notebook} stores, and that is not there for these parameters",
            value=f"no result of {step} for profile {params.name}",
            expected=f"{notebook} run with the same profile and overrides",
            remedy=f"run `o2b run {shlex.quote(profile)} --only {notebook[:2]}`, or open notebooks/{notebook}.ipynb "
            "and run it",
        )
    return folder


def results_folder(params: Params) -> Path:
    """Return the folder of the results contract."""
    return params.runs / "results"
