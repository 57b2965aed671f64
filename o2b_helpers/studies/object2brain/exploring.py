"""Notebook 09: walk through the results by hand; reads what the other notebooks stored and stores nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from o2b_helpers.core.params import Params
from o2b_helpers.core.run import Result, run_step
from o2b_helpers.core.store import Store
from o2b_helpers.core.tables import write_facts

NEEDS = ("alignment_by_architecture", "alignment_by_layer", "object2brain")


def run(params: Params) -> Result:
    """Make sure that every result the explorer shows is there."""
    return run_step(params, "explorer")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return nothing: the explorer has no option that changes a number."""
    return {}


def compute(params: Params, needs: dict[str, Path], folder: Path) -> None:
    """Note which models can be explored."""
    write_facts(folder, {"models": [m.label for m in params.analysis.models if m.object2brain]})
