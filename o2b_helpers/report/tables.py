"""Tables as the page shows them: cut to a length that can be read, with the file that holds all."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pandas as pd

from o2b_helpers.report.style import number

MOST_ROWS = 400


@dataclass(frozen=True)
class ShownTable:
    """A table as shown: texts, which columns are numbers, and where the rest is.

    Attributes
    ----------
    title : str
        What it holds.
    columns : list of (str, bool)
        Heading, and whether the column holds numbers.
    rows : list of list of str
        The cells, plain text.
    note : str
        How many rows there are in all and which file holds them.
    file : str
        The file of the results folder that holds all rows and columns; empty where there is none.
    values : list of list of (float or None)
        The numbers that the number columns are sorted by, in full precision; None for text and for what is missing.
    """

    title: str
    columns: list[tuple[str, bool]]
    rows: list[list[str]]
    note: str
    file: str = ""
    values: list[list[float | None]] = field(default_factory=list)

    def value(self, row: int, column: int) -> str:
        """Return the number that a cell is sorted by, as the page carries it; empty where there is none."""
        value = self.values[row][column] if self.values else None
        return "" if value is None else repr(value)


def make_table(
    title: str,
    frame: pd.DataFrame,
    numeric: set[str],
    file: str,
    what: str,
    most: int = MOST_ROWS,
    exact: dict[str, pd.Series] | None = None,
) -> ShownTable:
    """Make a table of texts from a frame.

    Parameters
    ----------
    title, file, what : str
        Its title, the file that holds all of it, and what the rows are.
    frame : DataFrame
        Texts, or values to be written as they are.
    numeric : set of str
        The columns that hold numbers.
    most : int
        Rows shown; the note says how many were cut.
    exact : dict of str to Series, optional
        For a number column, the numbers behind the texts, row by row; read from the texts where not given.
    """
    shown = frame.head(most)
    cut = f"The first {most} of {len(frame)} rows" if len(frame) > most else f"{len(frame)} rows"
    sorts = " Sorting orders the rows shown." if len(frame) > most else ""
    numbers = {}
    for column in numeric:
        source = frame[column] if exact is None or column not in exact else exact[column]
        numbers[column] = [_number(value) for value in list(source)[:most]]
    return ShownTable(
        title=title,
        columns=[(column, column in numeric) for column in frame.columns],
        rows=[[str(value) for value in row] for row in shown.itertuples(index=False)],
        note=f"{cut}; {what}. The file results/{file} holds all rows and columns in full precision.{sorts}",
        file=file,
        values=[[numbers[c][row] if c in numeric else None for c in frame.columns] for row in range(len(shown))],
    )


def _number(value: object) -> float | None:
    """Read a number, also from a text with a true minus sign; None where there is none."""
    try:
        read = float(str(value).replace("−", "-"))
    except ValueError:
        return None
    return read if math.isfinite(read) else None


def p_value(value: float) -> str:
    """Write a probability: three digits, small ones as a bound, and none below 0.05 as 0.050.

    Examples
    --------
    >>> [p_value(value) for value in (0.0002, 0.0496, 0.05, 0.2)]
    ['< 0.001', '0.0496', '0.050', '0.200']
    """
    if 0.0495 <= value < 0.05:
        return number(math.floor(1e4 * value) / 1e4, 4)
    return "< 0.001" if value < 0.001 else number(value, 3)
