"""A table as text: a header and rows that all have a cell for each of its names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.names import normal_name
from o2b_helpers.inputs.corpora.number_texts import Commas
from o2b_helpers.inputs.corpora.tables import name_some

SAVE_AGAIN = "save the table again as CSV (UTF-8, comma), Excel workbook (.xlsx) or Parquet"


@dataclass(frozen=True)
class Grid:
    """Cells as text.

    Attributes
    ----------
    header : list of str
        Names of the columns, each once, in normal form.
    rows : list of list of str
        The cells of each row that holds any, trimmed, one for each name.
    numbers : list of int
        Which row each is, counted from the header: 1 is the row below it. Empty rows count, too.
    commas : {"never", "perhaps", "decimal"}
        What a comma between digits means.
    """

    header: list[str]
    rows: list[list[str]]
    numbers: list[int]
    commas: Commas


def unreadable(path: Path, value: str, expected: str, remedy: str = SAVE_AGAIN) -> InputError:
    """Return the error for a file that cannot be read as a table."""
    return InputError(
        f"The table {path.name} cannot be read", value=f"{value}, in {path}", expected=expected, remedy=remedy
    )


def make_grid(records: Sequence[Sequence[str]], path: Path, commas: Commas) -> Grid:
    """Check rows of cells, the header first, and make a grid of them.

    Parameters
    ----------
    records : sequence of sequence of str
        All rows of the file, empty ones as well.
    path : Path
        The file, for messages.
    commas : {"never", "perhaps", "decimal"}
        What a comma between digits means.

    Raises
    ------
    InputError
        No rows; a column twice; values in a column without a name, or outside of the columns; a row with too few cells.

    Examples
    --------
    >>> records = [["image", " valence", ""], ["a.png", "1", ""], [], ["b.png", "2 ", ""]]
    >>> grid = make_grid(records, Path("corpus.csv"), "never")
    >>> grid.header, grid.rows, grid.numbers
    (['image', 'valence'], [['a.png', '1'], ['b.png', '2']], [1, 3])
    """
    filled = [number for number, record in enumerate(records) if any(map(str.strip, record))]
    if not filled:
        raise unreadable(path, "an empty file", "a header line and rows")
    first, *numbers = filled
    header = [normal_name(name) for name in records[first]]
    rows = [[cell.strip() for cell in records[number]] for number in numbers]
    numbers = [number - first for number in numbers]
    width = len(header)
    uneven = [n for n, row in zip(numbers, rows, strict=True) if len(row) < width or any(row[width:])]
    if uneven:
        raise unreadable(
            path,
            f"rows {name_some(uneven)} with another number of cells than the header",
            f"{width} cells in every row, separated as in the header line",
            "correct these rows (row 1 is the first below the header); a cell that holds the separator stands in "
            "quotation marks",
        )
    if not rows:
        raise unreadable(path, "a table without rows", "at least one row below the header")
    kept = _named_columns(header, rows, numbers, path)
    names = [header[place] for place in kept]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise unreadable(path, f"the column {name_some(twice)} twice", "each column once")
    return Grid(names, [[row[place] for place in kept] for row in rows], numbers, commas)


def _named_columns(header: list[str], rows: list[list[str]], numbers: list[int], path: Path) -> list[int]:
    """Return the places of the columns that have a name; others must be empty, or the first (numbers of the rows)."""
    kept = [place for place, name in enumerate(header) if name]
    for place in sorted(set(range(1, len(header))) - set(kept)):
        filled = [(number, row[place]) for number, row in zip(numbers, rows, strict=True) if row[place]]
        if filled:
            number, cell = filled[0]
            raise unreadable(
                path,
                f"values without a name in column {place + 1} (row {number}: {cell!r})",
                "one header line, with a name above every column that holds values",
                "name the column, or empty it; remove a title above the header line",
            )
    return kept
