"""Read a table a user brings and say exactly what is wrong with it."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError

SHOWN = 5


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


def read_frame(path: Path | str, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV (UTF-8, comma) or Parquet table.

    Parameters
    ----------
    path : Path
        File ending in ``.csv`` or ``.parquet``.
    text : sequence of str
        Columns that hold names and stay text, e.g. stimulus ``007``. Any other column becomes a column of
        numbers where all its filled cells are numbers (an empty cell is then NaN), and stays text otherwise.

    Raises
    ------
    InputError
        Missing file, other file type, not UTF-8, no rows, a row with too many or too few cells, a column twice.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            "A table is missing",
            value=path,
            expected="an existing .csv or .parquet file",
            remedy="check the path in the profile",
        )
    if path.suffix.lower() == ".parquet":
        try:
            frame = pd.read_parquet(path)
        except Exception as error:  # pyarrow and the file system raise many kinds
            raise _unreadable(path, str(error), "a Parquet table") from error
    elif path.suffix.lower() == ".csv":
        frame = _read_csv(path)
    else:
        raise _unreadable(path, f"a file that ends in {path.suffix or 'nothing'}", "a .csv or .parquet file")
    if frame.empty:
        raise _unreadable(path, "a table without rows", "at least one row below the header")
    for column in frame.columns:
        frame[column] = frame[column].astype("str") if column in text else _numbers_if_all_are(frame[column])
    return frame


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
        + "; columns are separated by commas",
    )


def number_column(
    frame: pd.DataFrame, column: str, source: object, low: float = -np.inf, high: float = np.inf
) -> pd.Series:
    """Return a column as finite float64 numbers from `low` to `high`, both included.

    Raises
    ------
    InputError
        Naming the rows (1 = first below the header) that are empty, not numbers, NaN, infinite or out of range.
    """
    numbers = pd.to_numeric(frame[column], errors="coerce").astype(np.float64)
    wrong = ~np.isfinite(numbers.to_numpy()) | (numbers < low).to_numpy() | (numbers > high).to_numpy()
    if wrong.any():
        rows = np.flatnonzero(wrong)
        limits = "" if np.isinf(low) and np.isinf(high) else f" from {low:g} to {high:g}"
        raise InputError(
            f"{source} holds {len(rows)} value{'s' if len(rows) > 1 else ''} of {column} that cannot be used",
            value=name_some([f"row {row + 1}: {frame[column].iloc[row]}" for row in rows]),
            expected=f"finite numbers{limits}, with a decimal point",
            remedy="correct these rows, or take them out if the value was never measured",
        )
    return numbers


def text_column(frame: pd.DataFrame, column: str, source: object) -> pd.Series:
    """Return a column as text without empty cells.

    Raises
    ------
    InputError
        Naming the rows that are empty.
    """
    values = frame[column].astype("str")
    empty = (frame[column].isna() | (values.str.strip() == "")).to_numpy()
    if empty.any():
        raise InputError(
            f"{source} holds {int(empty.sum())} empty cell(s) in the column {column}",
            value="rows " + name_some(np.flatnonzero(empty) + 1),
            expected="a name in every row",
            remedy="fill in the names or remove the rows",
        )
    return values


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
            expected="each " + " + ".join(columns) + " in one row",
            remedy="remove the repeated rows",
        )


def _read_csv(path: Path) -> pd.DataFrame:
    # not pandas' reader: it takes a surplus column for an index and "NA" for a missing name, both silently
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = [row for row in csv.reader(handle) if row]
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"bytes that are not UTF-8 ({error.reason})", "text in UTF-8") from error
    except (csv.Error, OSError) as error:
        raise _unreadable(path, str(error), "a CSV table") from error
    if not rows:
        raise _unreadable(path, "an empty file", "a header line and rows")
    header = rows[0]
    if len(set(header)) < len(header):
        twice = sorted({name for name in header if header.count(name) > 1})
        raise _unreadable(path, f"the column {name_some(twice)} twice", "each column once")
    uneven = [number for number, row in enumerate(rows[1:], start=1) if len(row) != len(header)]
    if uneven:
        raise _unreadable(
            path,
            f"rows {name_some(uneven)} with another number of cells than the header",
            f"{len(header)} cells, separated by commas, in every row",
        )
    return pd.DataFrame(rows[1:], columns=header, dtype="str")


def _numbers_if_all_are(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) or not pd.api.types.is_string_dtype(column):
        return column
    filled = column.where(column.str.strip() != "")
    if filled.isna().all():
        return column
    numbers = pd.to_numeric(filled, errors="coerce")
    return column if (numbers.isna() & filled.notna()).any() else numbers


def _unreadable(path: Path, value: str, expected: str) -> InputError:
    return InputError(
        f"The table {path.name} cannot be read",
        value=f"{value}, in {path}",
        expected=expected,
        remedy="save the table again as CSV (UTF-8, comma) or Parquet",
    )
