"""Run one step: compute it or find it in the store, publish its results, and hand them to the notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.contract import Table
from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.errors import EnvironmentFault, InputError
from o2b_helpers.core.executor import memory
from o2b_helpers.core.facts import read_facts, warnings_of
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.running.keys import find_step, results_folder, step_part
from o2b_helpers.core.running.preflight import check_fit
from o2b_helpers.core.running.publishing import check_results_file, publish, publish_needed, read_provenance
from o2b_helpers.core.store import Store
from o2b_helpers.core.study import Step


@dataclass(frozen=True)
class Result:
    """What a step hands to its notebook.

    Attributes
    ----------
    step : Step
        The step.
    folder : Path
        Its folder in the store.
    results : Path
        The profile's results folder (``runs/<profile>/results``).
    facts : dict
        What is worth knowing besides the tables: counts, what was left out.
    """

    step: Step
    folder: Path
    results: Path
    facts: dict[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """Read one of the step's published tables by its file's name.

        Raises
        ------
        InputError
            It is not one of the step's tables.
        DamagedFile
            It was changed after it was written.
        """
        for table in self.step.tables:
            if isinstance(table, Table) and table.file == name:
                check_results_file(self.results, name, read_provenance(self.results))
                return table.read(self.results)
        raise InputError(
            f"{self.step.notebook} writes no such table",
            value=name,
            expected=f"one of {', '.join(t.file for t in self.step.tables if isinstance(t, Table)) or 'none'}",
            remedy="name one of these, or open the notebook that writes it",
        )

    @property
    def warnings(self) -> list[str]:
        """What must be read before the result: what was left out, what is unlikely to be meant."""
        return warnings_of(self.facts)

    def summary(self) -> str:
        """Say in plain words what came out, warnings first; a fact without words of its own is listed as it is."""
        made = self.step.summary(self.facts) if self.step.summary else ()
        return "\n".join([*self.warnings, *([sentence for sentence in made if sentence] or self._facts())])

    def _facts(self) -> list[str]:
        told = {name: value for name, value in self.facts.items() if name != "warnings"}
        return [f"{name.replace('_', ' ')}: {_in_words(value)}" for name, value in told.items()]

    def _repr_html_(self) -> str:
        """Show the summary, and folded away all facts and the files; no colours, so that it suits light and dark."""
        said = "".join(f"<li>{escape(line)}</li>" for line in self.summary().split("\n"))
        rows = "".join(
            f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(_in_words(value))}</td></tr>"
            for name, value in self.facts.items()
        )
        made = self.folder / "results"
        files = sorted(path.name for path in made.iterdir()) if made.is_dir() else []
        listed = f"<p>Files in results/: {escape(', '.join(files))}</p>" if files else ""
        return (
            f"<p><strong>{escape(self.step.notebook)}</strong></p><ul>{said}</ul>{listed}"
            f"<details><summary>All facts</summary><table>{rows}</table></details>"
        )


def run_step(params: Params, name: str) -> Result:
    """Compute a step, or find it in the store, and publish its results.

    Steps that it needs and that share its notebook are run first.

    Raises
    ------
    StoreError
        If a step it needs has not run with these parameters, or the store cannot be used or has too little room.
    ParameterError
        If there is no such step, or the machine has too little memory for it.
    """
    step = params.step(name)
    store = Store(params.store)
    read = step.needs_of(params)
    for need in read:
        if need.notebook == step.notebook:
            run_step(params, need.name)
    alone = sum(other.notebook == step.notebook for other in params.known_steps) == 1
    say(f"{step.notebook}{'' if alone else f', {step.name}'} ({params.name})")
    part = step_part(params, step, store)
    needs = {need.name: find_step(params, need, store, for_step=step) for need in read}
    with store.lock():
        if step.cost and store.find(step.name, store.key(part, step.module)) is None:
            cost = step.cost
            check_fit(params, step.notebook, lambda some: cost(some, needs, store))
        stored = store.result(
            step.name, params.name, part, step.module, lambda folder: _compute(params, step, part, needs, folder)
        )
        memory.clear()
        publish_needed(params, step, store)
        publish(params, step, stored.folder, store)
    result = Result(step, stored.folder, results_folder(params), read_facts(stored.folder))
    for warning in result.warnings:
        say(f"  WARNING   {warning}")
    return result


def _compute(params: Params, step: Step, part: Mapping[str, Any], needs: Mapping[str, Path], folder: Path) -> None:
    """Compute a step's result, and refuse it if what it was made from is no longer what its key says."""
    step.compute(params, needs, folder)
    if step.needs:  # what is read first takes longest to read: thousands of pictures
        return
    now = step.part(params, Store(params.store))
    changed = sorted(
        name for name in {*now, *part["own"]} if digest_of(now.get(name)) != digest_of(part["own"].get(name))
    )
    if changed:
        raise EnvironmentFault(
            f"What {step.notebook} reads was changed while it ran; its result was not stored",
            value=", ".join(changed),
            expected="files that stay as they are until the step has ended",
            remedy="run again once all files are in their place",
        )


def _in_words(value: Any) -> str:
    if value is None:
        return "undefined"
    if isinstance(value, dict):
        return ", ".join(f"{str(k).replace('_', ' ')}: {_in_words(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list):
        more = f" and {len(value) - 20} more" if len(value) > 20 else ""
        return (", ".join(map(_in_words, value[:20])) or "none") + more
    return f"{value:.3g}" if isinstance(value, float) else str(value)
