"""Run one analysis: compute it or find it in the store, publish its results, and hand them to the notebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.keys import WITHIN, analysis, find_step, module_of, notebook_of, results_folder, step_part
from o2b_helpers.core.params import Params
from o2b_helpers.core.preflight import check_fit
from o2b_helpers.core.progress import say
from o2b_helpers.core.publishing import publish, publish_needed
from o2b_helpers.core.store import Store
from o2b_helpers.core.summaries import sentences
from o2b_helpers.core.tables import read_facts, read_table


@dataclass(frozen=True)
class Result:
    """What an analysis hands to its notebook.

    Attributes
    ----------
    step : str
        The analysis.
    folder : Path
        Its folder in the store.
    results : Path
        The profile's results folder (``runs/<profile>/results``).
    facts : dict
        What is worth knowing besides the tables: counts, what was left out.
    """

    step: str
    folder: Path
    results: Path
    facts: dict[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """Read one of the published tables (``.csv`` or ``.parquet``) by file name."""
        return read_table(self.results / name)

    def summary(self) -> str:
        """Say in plain words what came out; a fact without words of its own is listed as it is."""
        return "\n".join(sentences(self.step, self.facts) or self._facts())

    def _facts(self) -> list[str]:
        return [f"{name.replace('_', ' ')}: {_in_words(value)}" for name, value in self.facts.items()]

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
            f"<p><strong>{escape(notebook_of(self.step))}</strong></p><ul>{said}</ul>{listed}"
            f"<details><summary>All facts</summary><table>{rows}</table></details>"
        )


def run_step(params: Params, step: str) -> Result:
    """Compute a step, or find it in the store, and publish its results.

    Raises
    ------
    StoreError
        If a step it needs has not run with these parameters, or the store cannot be used or has too little room.
    ParameterError
        If the machine has too little memory for the step.
    """
    from o2b_helpers.studies.object2brain.costs import step_needs  # it reads the analyses, and they read this module

    store = Store(params.store)
    module = analysis(step)
    for need in module.NEEDS:
        if need in WITHIN:
            run_step(params, need)
    say(f"{notebook_of(step)}{f', {step}' if step in WITHIN else ''} ({params.name})")
    part = step_part(params, step, store)
    needs = {need: find_step(params, need, store, for_step=step) for need in module.NEEDS}
    with store.lock():
        if store.find(step, store.key(part, module_of(step))) is None:
            check_fit(params, notebook_of(step), lambda some: step_needs(some, step, needs, store))
        stored = store.result(
            step, params.name, part, module_of(step), lambda folder: module.compute(params, needs, folder)
        )
        publish_needed(params, step, store)
        publish(params, step, stored.folder, store)
    return Result(step, stored.folder, results_folder(params), read_facts(stored.folder))


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{str(k).replace('_', ' ')}: {_in_words(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list):
        more = f" and {len(value) - 20} more" if len(value) > 20 else ""
        return (", ".join(map(_in_words, value[:20])) or "none") + more
    return f"{value:.3g}" if isinstance(value, float) else str(value)
