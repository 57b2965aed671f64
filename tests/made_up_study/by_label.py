"""Notebook 21: average the lengths by label."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from o2b_helpers.studies.made_up_study.tables import NAME_LENGTH_BY_LABEL, NAME_LENGTHS

from o2b_helpers.core.facts import write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.studies.alignment import inputs

LABELS = {0.0: "unpleasant", 1.0: "pleasant"}


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return nothing: all that counts is in the keys of what the step reads."""
    return {}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Average."""
    corpus = inputs.load(params, needs["inputs"]).corpus
    lengths = NAME_LENGTHS.read(needs["name_lengths"] / "results").merge(corpus[["image", "label"]], on="image")
    lengths["label"] = lengths["label"].map(LABELS).fillna("neutral")
    table = lengths.groupby("label")["letters"].agg(pictures="count", letters="mean").reset_index()
    NAME_LENGTH_BY_LABEL.write(table, folder / "results")
    write_facts(folder, {"labels": len(table)})
