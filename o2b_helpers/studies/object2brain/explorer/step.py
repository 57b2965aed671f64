"""Notebook 09: walk through the results by hand; reads what the other notebooks stored and stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from o2b_helpers.core.facts import write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return nothing: the explorer has no option that changes a number."""
    return {}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Note which models can be explored."""
    write_facts(folder, {"models": [m.label for m in params.analysis.object2brain_models]})
