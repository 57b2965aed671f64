"""What must hold of any table, and words for what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from o2b_helpers.core.errors import InputError

SHOWN = 5
ROW = "row"  # the name of an index that counts a table's rows, 1 for the first below the header


def name_some(values: Iterable[object], limit: int = SHOWN) -> str:
    """Name the first values and count the rest.

    Returns
    -------
    str
        E.g. ``"'a', 'b' and 7 more"``.
    """
    values = list(values)
    shown = ", ".join(repr(str(value)) if isinstance(value, str) else str(value) for value in values[:limit])
    return shown if len(values) <= limit else f"{shown} and {len(values) - limit} more"


def existing_folder(folder: Path | str, what: str) -> Path:
    """Return `folder` as a path.

    Raises
    ------
    InputError
        Where there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"The folder of {what} is not there",
            value=folder,
            expected="an existing folder",
            remedy="create it and put the files inside, or name another folder in the profile",
        )
    return folder


def missing_table(path: Path, expected: str) -> InputError:
    """Return the error for a table that is not there."""
    return InputError("A table is missing", value=path, expected=expected, remedy="check the path in the profile")


def need_columns(frame: pd.DataFrame, columns: Sequence[str], source: object) -> None:
    """Refuse a table that lacks one of `columns`, and suggest what may be meant.

    Raises
    ------
    InputError
        Naming the missing columns and those that are there.
    """
    missing = [column for column in columns if column not in frame.columns]
    if not missing:
        return
    present = [str(column) for column in frame.columns]
    near = {column: difflib.get_close_matches(column, present, n=1, cutoff=0.6) for column in missing}
    hints = [f"{match[0]} -> {column}" for column, match in near.items() if match]
    raise InputError(
        f"{source} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
        value="columns " + ", ".join(present),
        expected="columns " + ", ".join(columns),
        remedy="rename in the header line"
        + (f" (perhaps {'; '.join(hints)})" if hints else "")
        + "; columns are separated by commas, semicolons or tabs",
    )


def row_numbers(frame: pd.DataFrame | pd.Series) -> list[object]:
    """Return what messages call the rows of a table: the index where it has a name, else 1 for the first."""
    return list(range(1, len(frame) + 1)) if frame.index.name is None else list(frame.index)


def row_labels(frame: pd.DataFrame | pd.Series) -> list[str]:
    """Name the rows of a table as messages do: by the row of the file, or by the name that the index holds.

    Examples
    --------
    >>> row_labels(pd.Series([0.5, 1.5])), row_labels(pd.Series([0.5], pd.Index(["s3"], name="stimulus")))
    (['row 1', 'row 2'], ['stimulus s3'])
    """
    return [f"{frame.index.name or ROW} {number}" for number in row_numbers(frame)]


def refuse_duplicates(frame: pd.DataFrame, columns: Sequence[str], source: object) -> None:
    """Refuse a table in which the same key stands twice.

    Raises
    ------
    InputError
        Naming the keys.
    """
    twice = frame.loc[frame.duplicated(list(columns)), list(columns)].drop_duplicates()
    if len(twice):
        raise InputError(
            f"{source} names the same {' + '.join(columns)} more than once",
            value=name_some([" / ".join(map(str, row)) for row in twice.itertuples(index=False)]),
            expected="each " + " + ".join(columns) + " in one row, without regard to "
            "blanks around a name and to the way in which accents are stored",
            remedy="remove the repeated rows, or rename what is not the same",
        )
