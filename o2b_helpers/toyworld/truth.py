"""The one table of everything that is planted in the toy world.

``truth.csv`` has five kinds of rows. A ``class`` row is an Open Images class: how often it is shown, how large,
and how much its presence moves people valence and scene valence. A ``roi`` row is a simulated brain area: how
strongly it follows people and scene valence (same two columns). An ``emotion`` row is an emotion, a class that raises
it (column ``group``) and how strongly. An ``arousal`` row is a class and how much it moves arousal. A ``number`` row is
everything else.
Tests, notebooks and the generator read the same file, so that no number is planted twice.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.errors import InputError

TABLE = Path(__file__).with_name("truth.csv")

_CLASS_COLUMNS = ["class", "category", "probability", "size_low", "size_high", "people_effect", "scene_effect"]


@cache
def _table() -> pd.DataFrame:
    return pd.read_csv(TABLE)


@cache
def _classes() -> pd.DataFrame:
    rows = _table().query("kind == 'class'").rename(columns={"name": "class", "group": "category"})
    return rows[_CLASS_COLUMNS].astype({"size_low": int, "size_high": int}).reset_index(drop=True)


@cache
def _numbers() -> dict[str, float]:
    rows = _table().query("kind == 'number'")
    pairs = zip(rows["name"], rows["value"], strict=True)
    return {name: int(value) if value.is_integer() else value for name, value in pairs}


def truth() -> pd.DataFrame:
    """Return the planted classes, in the order of the detector's and the backbone's outputs.

    Returns
    -------
    pandas.DataFrame
        One row per class: ``class`` and ``category`` (Open Images), ``probability`` of being shown (before the rule
        that every image shows at least one person), ``size_low`` and ``size_high`` (longer side, pixels),
        ``people_effect`` and ``scene_effect`` (valence units added where the class is shown at least once).
    """
    return _classes().copy()


def class_names() -> tuple[str, ...]:
    """Return the toy classes in the order of the model outputs."""
    return tuple(_classes()["class"])


def planted_regions() -> pd.DataFrame:
    """Return the simulated brain areas.

    Returns
    -------
    pandas.DataFrame
        ``roi``, ``region`` (LLR, MLR or HLR), ``people_loading`` and ``scene_loading`` (signal per
        ``signal_scale`` of valence).
    """
    rows = _table().query("kind == 'roi'")
    names = {"name": "roi", "group": "region", "people_effect": "people_loading", "scene_effect": "scene_loading"}
    return rows.rename(columns=names)[list(names.values())].reset_index(drop=True)


def planted_emotions() -> pd.DataFrame:
    """Return which classes raise which emotion.

    Returns
    -------
    pandas.DataFrame
        One row per pair: ``emotion``, ``class``, ``effect`` (added to the emotion where the class is shown).
    """
    rows = _table().query("kind == 'emotion'").rename(columns={"name": "emotion", "group": "class", "value": "effect"})
    return rows[["emotion", "class", "effect"]].reset_index(drop=True)


def planted_arousal() -> pd.DataFrame:
    """Return which classes move arousal.

    Returns
    -------
    pandas.DataFrame
        One row per class that does: ``class``, ``category``, ``effect`` (units of the scale -3..3, added where the
        class is shown at least once).
    """
    rows = _table().query("kind == 'arousal'").rename(columns={"name": "class", "group": "category", "value": "effect"})
    return rows[["class", "category", "effect"]].reset_index(drop=True)


def planted(name: str) -> Any:
    """Return one planted number, for example ``planted("annotators")``: whole numbers as int, others as float.

    Raises
    ------
    InputError
        If no number of that name is planted.
    """
    numbers = _numbers()
    if name not in numbers:
        raise InputError(
            "the toy world has no planted number of this name",
            value=name,
            expected="one of " + ", ".join(numbers),
            remedy=f"correct the name, or add a row to {TABLE.name}",
        )
    return numbers[name]
