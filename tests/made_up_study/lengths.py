"""Notebook 20: count the letters of every picture's name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from o2b_helpers.studies.made_up_study.tables import NAME_LENGTHS

from o2b_helpers.core.facts import write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.studies.alignment import inputs


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the study's options."""
    return {"name_length": params.analysis.name_length.model_dump()}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Count."""
    corpus = inputs.load(params, needs["inputs"]).corpus
    letters = corpus["image"].str.len().clip(upper=params.analysis.name_length.longest)
    NAME_LENGTHS.write(corpus.assign(letters=letters), folder / "results")
    write_facts(folder, {"pictures": len(corpus)})


def summary(facts: Mapping[str, Any]) -> list[str]:
    """Say how many names were counted."""
    return [f"The names of {facts['pictures']} pictures were counted."]
