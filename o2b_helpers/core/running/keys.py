"""The key of a step's results, and where they lie.

A key is the hash of the step's own part of the profile, the keys of the results that it reads, the digests of files,
and the source of the modules that compute it.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from o2b_helpers.core.contract import Table
from o2b_helpers.core.digests import code_digests, digest_of, versions
from o2b_helpers.core.errors import StoreError
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.core.study import Step


def step_part(params: Params, step: Step, store: Store) -> dict[str, Any]:
    """Return all that a step's results depend on besides code: its own options and the keys of what it reads.

    Worked out once per step and store object: a corpus of many thousand files is looked through once per command.

    Examples
    --------
    >>> import tempfile
    >>> step = Step("heads", "03_heads", lambda params, store: {"runs": 5}, lambda params, needs, folder: None)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     step_part(Params(), step, Store(Path(folder)))
    {'own': {'runs': 5}, 'needs': {}, 'tables': {}}
    """
    known = store.parts.setdefault(step.name, [])
    for of_params, part in known:
        if of_params is params:
            return part
    needs = {need.name: step_key(params, need, store) for need in step.needs_of(params)}
    files = {table.file: table.names for table in step.tables if isinstance(table, Table)}
    known.append((params, {"own": step.part(params, store), "needs": needs, "tables": files}))
    return known[-1][1]


def step_key(params: Params, step: Step, store: Store) -> str:
    """Return the key of a step's results under this profile."""
    return Store.key(step_part(params, step, store), step.module)


def made_from(params: Params, name: str) -> dict[str, str]:
    """Return a step's origin as attributes for a netCDF file: options and digests, versions, code digest."""
    step = params.step(name)
    part = step_part(params, step, Store(params.store))
    return {
        "made_from": json.dumps(part, sort_keys=True, default=str),
        "versions": json.dumps(versions()),
        "code": digest_of(code_digests(step.module)),
    }


def find_step(params: Params, step: Step, store: Store, for_step: Step) -> Path:
    """Return the folder of an earlier step's results; StoreError that names the notebook to run where missing."""
    folder = store.find(step.name, step_key(params, step, store))
    if folder is None:
        profile = params.name if params.profile.parent.name == "params" else str(params.profile)
        raise StoreError(
            f"{for_step.notebook} reads what {step.notebook} stores, and that is not there for these parameters",
            value=f"no result of {step.name} for profile {params.name}",
            expected=f"{step.notebook} run with the same profile and overrides",
            remedy=f"run `o2b run {shlex.quote(profile)} --only {step.notebook[:2]}`, or open "
            f"notebooks/{step.notebook}.ipynb and run it",
        )
    return folder


def results_folder(params: Params) -> Path:
    """Return the folder of the results contract."""
    return params.runs / "results"
