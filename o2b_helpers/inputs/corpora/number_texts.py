"""Numbers as people write them into tables: what is one, and what is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

Commas = Literal["never", "perhaps", "decimal"]  # what a comma between digits means in a table

_PLAIN = frozenset("0123456789+-.eE")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


def number_of(text: str) -> float:
    """Return the number that a cell holds, exactly as it is written; NaN where it is none.

    Stricter than `float`: no ``1_000``, ``nan`` or ``infinity``.

    Examples
    --------
    >>> number_of("-2.50"), number_of("1e-3"), number_of("1_000"), number_of("3,5")
    (-2.5, 0.001, nan, nan)
    """
    return float(text) if _NUMBER.fullmatch(text) else float("nan")


def numbers_of(cells: Sequence[str]) -> np.ndarray | None:
    """Return a column as int64 or float64 with NaN for empty cells; None where a filled cell is no number.

    Examples
    --------
    >>> numbers_of(["1", "2"]), numbers_of(["1.5", ""]), numbers_of(["1", "one"])
    (array([1, 2]), array([1.5, nan]), None)
    """
    signs = set("".join(cells))
    if not signs or not signs <= _PLAIN:
        return None
    try:
        if "" not in cells and not signs & set(".eE"):
            return np.array([int(cell) for cell in cells], dtype=np.int64)
    except OverflowError:
        pass  # too large for an integer of 64 bits; a float takes it
    except ValueError:
        return None
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    except ValueError:
        return None


def with_points(cells: Sequence[str], commas: Commas) -> Sequence[str]:
    """Write a column's decimal commas as points, where there is no doubt that they are some.

    Parameters
    ----------
    cells : sequence of str
        The column.
    commas : {"never", "perhaps", "decimal"}
        Whether a comma can be decimal. ``perhaps``: only where it cannot group thousands, as in ``1,234``.

    Returns
    -------
    sequence of str
        The column as it was where a comma is in doubt, or where points and commas are mixed.

    Examples
    --------
    >>> with_points(["3,5", "4", "n/a"], "decimal"), with_points(["1,234", "950"], "perhaps")
    (['3.5', '4', 'n/a'], ['1,234', '950'])
    """
    if commas == "never":
        return cells
    written = [cell for cell in set(cells) if _WITH_COMMA.fullmatch(cell)]
    with_point = any("." in cell and _NUMBER.fullmatch(cell) for cell in set(cells))
    grouped = commas == "perhaps" and all(_GROUPED.fullmatch(cell) for cell in written)
    if not written or with_point or grouped:
        return cells
    points = {cell: cell.replace(",", ".") for cell in written}
    return [points.get(cell, cell) for cell in cells]
