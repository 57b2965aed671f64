"""Read a sheet of an Excel workbook as people save it."""

from __future__ import annotations

import datetime
import io
import warnings
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from o2b_helpers.inputs.corpora.grid import Grid, make_grid, unreadable
from o2b_helpers.inputs.corpora.names import normal_name
from o2b_helpers.inputs.corpora.tables import name_some

_EXACT = 2**53  # up to here a float holds every whole number


def read_workbook(content: bytes, sheet: str | None, path: Path) -> Grid:
    """Read the bytes of a workbook.

    Parameters
    ----------
    content : bytes
        An .xlsx file.
    sheet : str, optional
        Which sheet; needed where more than one holds anything.
    path : Path
        The file, for messages.

    Raises
    ------
    InputError
        No workbook; no such sheet, or several that may be meant; a formula whose value is not stored; what
        `make_grid` refuses.
    """
    try:
        return _read(content, sheet, path)
    except (BadZipFile, KeyError, ValueError, OSError, EOFError, zlib.error, SyntaxError) as error:  # of zip and XML
        raise unreadable(path, f"no Excel workbook ({error})", "an .xlsx file") from error


def _read(content: bytes, sheet: str | None, path: Path) -> Grid:
    chosen = _chosen(_opened(content, values=True), sheet, path)
    records = [[_text(cell) for cell in row] for row in chosen.iter_rows(values_only=True)]
    for record in records:  # what lies beside the table, formatted but empty, is no part of it
        while record and not record[-1].strip():
            record.pop()
    width = len(next(filter(None, records), []))
    records = [record + [""] * (width - len(record)) for record in records]
    grid = make_grid(records, path, "perhaps")
    if any("" in row for row in grid.rows):
        _refuse_formulas_without_value(_opened(content, values=False)[chosen.title], records, path)
    return grid


def _opened(content: bytes, *, values: bool) -> Any:
    import openpyxl  # here, as it takes a third of a second and few tables are workbooks

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts of a workbook that hold no cells
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=values)
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # some programs store a wrong size
    return book


def _chosen(book: Any, sheet: str | None, path: Path) -> Any:
    filled = [own for own in book.worksheets if any(any(map(_text, row)) for row in own.iter_rows(values_only=True))]
    titles = [own.title for own in filled]
    if sheet is not None:
        named = [own for own in book.worksheets if normal_name(own.title) == normal_name(sheet)]
        if len(named) != 1:
            raise unreadable(
                path,
                f"no sheet {sheet!r}",
                f"one of the sheets {name_some(titles)}",
                "correct the name after the sign #",
            )
        return named[0]
    if len(filled) > 1:
        raise unreadable(
            path,
            f"{len(filled)} sheets: {name_some(titles)}",
            "one sheet with values, or the name of the one that is meant",
            f"write the sheet behind the file in the profile: {path.name}#{titles[0]}",
        )
    if not filled:
        raise unreadable(path, "a workbook whose sheets are empty", "a sheet with a header line and rows")
    return filled[0]


def _text(value: object) -> str:
    """Write a cell's value as it would stand in a CSV; a number keeps all its digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _refuse_formulas_without_value(sheet: Any, records: list[list[str]], path: Path) -> None:
    """Refuse a formula that was never worked out: its cell would count as empty."""
    without = [
        f"row {number} of the sheet: {cell.value}"
        for number, (row, record) in enumerate(zip(sheet.iter_rows(), records, strict=False), start=1)
        for cell, text in zip(row, record, strict=False)
        if cell.data_type == "f" and not text
    ]
    if without:
        raise unreadable(
            path,
            f"{len(without)} formula(s) whose value is not stored: {name_some(without)}",
            "the values of all formulas in the file",
            "open the workbook in Excel or LibreOffice and save it again, or paste the formulas as values",
        )
