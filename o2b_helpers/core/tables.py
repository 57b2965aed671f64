"""Write and read the tables and facts of a result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

NAMES = (  # columns of the results that hold text
    "architecture",
    "weights",
    "layer",
    "split",
    "stimulus",
    "image",
    "target",
    "valence_type",
    "source",
    "condition",
    "class",
    "category",
    "category_a",
    "category_b",
    "sign",
    "method",
)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as the contract has it: UTF-8, comma, full precision, one header line (or Parquet)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def read_table(path: Path) -> pd.DataFrame:
    """Read what :func:`write_table` wrote, number by number and letter by letter.

    Names stay text, also where all of them look like numbers, truth values or missing ones (007, true, NA).
    """
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    numbers = [name for name in pd.read_csv(path, nrows=0).columns if name not in NAMES]
    return pd.read_csv(
        path,
        dtype=dict.fromkeys(NAMES, str),
        keep_default_na=False,
        na_values=dict.fromkeys(numbers, ["", "nan"]),
        float_precision="round_trip",
    )


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Store what is worth knowing besides the tables."""
    (folder / "facts.json").write_text(json.dumps(facts, indent=1, default=str), encoding="utf-8")


def read_facts(folder: Path) -> dict[str, Any]:
    """Read what :func:`write_facts` stored."""
    return json.loads((folder / "facts.json").read_text(encoding="utf-8"))
