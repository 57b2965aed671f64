"""The one reader of every table that a user brings."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import EnvironmentFault
from o2b_helpers.core.files.table_file import WORKBOOKS, file_and_sheet
from o2b_helpers.inputs.corpora.delimited import ENDINGS, read_delimited
from o2b_helpers.inputs.corpora.grid import Grid, unreadable
from o2b_helpers.inputs.corpora.names import normal_name, normal_names
from o2b_helpers.inputs.corpora.number_texts import Commas, numbers_of, with_points
from o2b_helpers.inputs.corpora.tables import ROW, missing_table
from o2b_helpers.inputs.corpora.workbook import read_workbook

_KINDS = f"a file that ends in {', '.join(ENDINGS)}, {', '.join(WORKBOOKS)} or .parquet"
_OTHER_CONTENT = (  # how files begin that are called as a table and are none
    (b"PK\x03\x04", "an Excel workbook or another zip file", WORKBOOKS),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls), or a workbook with a password", ()),
    (b"PAR1", "a Parquet file", (".parquet",)),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", ()),
    (b"<!doctype html", "a web page", ()),
    (b"<html", "a web page", ()),
    (b"%PDF", "a PDF", ()),
)


def read_frame(path: Path | str, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table: CSV or TSV (commas, semicolons or tabs), an Excel workbook, or Parquet.

    Parameters
    ----------
    path : Path
        The file; of a workbook with several sheets ``file.xlsx#sheet``.
    text : sequence of str
        Columns that hold names and stay text, e.g. stimulus ``007``. Any other column becomes a column of
        numbers where all its filled cells are numbers (an empty cell is then NaN), and stays text otherwise.

    Returns
    -------
    DataFrame
        Text in normal form (`normal_name`). The index, called ``row``, counts the rows from the header as a reader of
        the file would.

    Raises
    ------
    InputError
        A missing file, another kind of file, another encoding, no rows, a row with too many or too few cells, a column
        twice, a stray quotation mark.
    EnvironmentFault
        Where the file is there and the machine cannot read it.
    """
    path, sheet = file_and_sheet(path)
    if not path.is_file():
        raise missing_table(path, _KINDS)
    content, ending = _content(path), path.suffix.lower()
    for beginning, what, endings in _OTHER_CONTENT:
        if content[: len(beginning)].lower() == beginning.lower() and ending not in endings:
            raise unreadable(path, what, _KINDS)
    if ending == ".parquet":
        return _of_parquet(content, path, text)
    if ending in WORKBOOKS:
        return _frame(read_workbook(content, sheet, path), text)
    if ending in ENDINGS:
        return _frame(read_delimited(content, path), text)
    raise unreadable(path, f"a file that ends in {ending or 'nothing'}", _KINDS)


def read_text(table: str, name: str, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV that is at hand as text; `name` is how messages call it, and the rest is as in `read_frame`."""
    return _frame(read_delimited(table.encode("utf-8"), Path(name)), text)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise unreadable(path, str(error.strerror), "a file you may read", "change its permissions") from error
    except OSError as error:
        raise EnvironmentFault(
            f"The table {path.name} cannot be read now",
            value=f"{error.strerror or error}, {path}",
            expected="a disk or share that answers",
            remedy="run the same command again once it does",
        ) from error


def _frame(grid: Grid, text: Sequence[str]) -> pd.DataFrame:
    columns = {
        name: _names(cells) if name in text else _numbers_if_all_are(cells, grid.commas)
        for name, cells in zip(grid.header, zip(*grid.rows, strict=True), strict=True)
    }
    frame = pd.DataFrame(columns)
    return frame.set_axis(pd.Index(grid.numbers, name=ROW))


def _of_parquet(content: bytes, path: Path, text: Sequence[str]) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except Exception as error:  # pyarrow and the file system raise many kinds
        raise unreadable(path, str(error), "a Parquet table") from error
    if frame.index.name is not None:
        frame = frame.reset_index()
    frame.columns = pd.Index([normal_name(str(name)) for name in frame.columns])
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise unreadable(path, f"the column {twice[0]!r} twice", "each column once")
    if frame.empty:
        raise unreadable(path, "a table without rows", "at least one row")
    for column in frame.columns:
        values = frame[column]
        if column in text:
            frame[column] = _names(_cells(values)).array
        elif not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values)):
            frame[column] = _numbers_if_all_are(_cells(values), "never").array
    return frame.set_axis(pd.Index(np.arange(1, len(frame) + 1), name=ROW))


def _cells(values: pd.Series) -> list[str]:
    """Write values as text; a whole number has no decimals, as in a workbook."""
    cells = []
    for value in values.astype(object):
        if pd.api.types.is_scalar(value) and pd.isna(value):
            cells.append("")
        else:
            cells.append(str(int(value)) if isinstance(value, float) and value.is_integer() else str(value))
    return cells


def _names(cells: Sequence[str]) -> pd.Series:
    return pd.Series(normal_names(cells), dtype="str")


def _numbers_if_all_are(cells: Sequence[str], commas: Commas) -> pd.Series:
    cells = with_points(cells, commas)
    numbers = numbers_of(cells)
    return _names(cells) if numbers is None else pd.Series(numbers)
