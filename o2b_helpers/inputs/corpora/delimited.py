"""Read a table of separated cells (CSV, TSV), and refuse what cannot be told for certain."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.grid import Grid, make_grid, unreadable
from o2b_helpers.inputs.corpora.number_texts import Commas

ENDINGS = (".csv", ".tsv", ".tab", ".txt")
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# where the separator is a comma, none can be decimal; people set a semicolon because theirs is
_COMMAS: dict[str, Commas] = {",": "never", ";": "decimal", "\t": "perhaps"}
_MARKS = (  # the longer mark first: that of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LONGEST_HEADER = 100_000  # a longer cell is more than the csv module takes
_EXCEL_SAYS = re.compile(r'\s*"?sep=(.)"?;*\s*', re.IGNORECASE)
_SAVE_UTF8 = (
    "save it as `CSV UTF-8` (Excel: Save as; LibreOffice: character set Unicode (UTF-8)), or as an Excel workbook"
)


def read_delimited(content: bytes, path: Path) -> Grid:
    r"""Read the bytes of a table of separated cells.

    Parameters
    ----------
    content : bytes
        UTF-8, or UTF-16 with its mark at the beginning. Cells are separated by commas, semicolons or tabs, whichever
        the header line shows; one that holds the separator stands in quotation marks.
    path : Path
        The file, for messages.

    Raises
    ------
    InputError
        Another encoding; a separator that cannot be told; a quotation mark that is not closed, or not where a cell
        ends; a row with too many or too few cells.

    Examples
    --------
    >>> read_delimited(b"image;valence\na.png;1,5\n", Path("corpus.csv")).rows
    [['a.png', '1,5']]
    """
    text = _decoded(content, path).replace("\r\n", "\n").replace("\r", "\n")
    stated = _EXCEL_SAYS.fullmatch(text.partition("\n")[0])
    if stated:
        text = "\n" + text.partition("\n")[2]
        separators = [stated[1]]
    else:
        separators = _in_header(text)
    if len(separators) == 1:
        return _parsed(text, separators[0], path)
    fitting: list[Grid] = []
    errors: list[InputError] = []
    for separator in separators:
        try:
            fitting.append(_parsed(text, separator, path))
        except InputError as error:
            errors.append(error)
    if not fitting:
        raise errors[0]
    if len(fitting) > 1:
        named = " or ".join(SEPARATORS[separator] for separator in separators)
        raise unreadable(
            path,
            f"cells that could be separated by {named}",
            "a header line with one of them only",
            "put names of columns that hold the other one in quotation marks, or rename them",
        )
    return fitting[0]


def _decoded(content: bytes, path: Path) -> str:
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        whole = content.split(b"\n")[line - 1].decode("cp1252", errors="replace").strip()
        raise unreadable(
            path,
            f"bytes that are not {encoding.removesuffix('-sig').upper()} in line {line}; read as Windows-1252 it would "
            f"be {whole[:80]!r}",
            "text in UTF-8, or in UTF-16 with its mark at the beginning",
            _SAVE_UTF8,
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        value = f"a null character in line {line}, as in UTF-16 without a mark or in a file that is no text"
        raise unreadable(path, value, "text in UTF-8, or in UTF-16 with its mark at the beginning", _SAVE_UTF8)
    return text


def _in_header(text: str) -> list[str]:
    """Return the separators that the header line shows outside of quotation marks, those with most cells first."""
    header = next((line for line in text.split("\n") if line.strip()), "")[:LONGEST_HEADER]
    cells = {separator: len(next(csv.reader([header], delimiter=separator), [])) for separator in SEPARATORS}
    shown = [separator for separator in SEPARATORS if cells[separator] > 1]
    return sorted(shown, key=lambda separator: -cells[separator]) or [","]


def _parsed(text: str, separator: str, path: Path) -> Grid:
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True, skipinitialspace=True)
    records: list[list[str]] = []
    first = None  # the header among them
    while True:
        line = reader.line_num + 1
        row = len(records) - (len(records) if first is None else first)
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise _stray(path, row, line, str(error)) from error
        if record is None:
            break
        lines = reader.line_num + 1 - line
        if lines > 1 and _rows_in_a_cell(record, separator, records[first] if first is not None else record):
            raise _stray(path, row, line, f"a cell goes on over {lines} lines and holds whole rows")
        if first is None and any(map(str.strip, record)):
            first = len(records)
        records.append(record)
    return make_grid(records, path, _COMMAS.get(separator, "perhaps"))


def _rows_in_a_cell(record: list[str], separator: str, header: list[str]) -> bool:
    """Say whether a quotation mark has swallowed rows: a cell with line breaks that holds their separators, too."""
    for cell in record:
        breaks = cell.count("\n")
        if breaks and cell.count(separator) >= breaks * (len(header) - 1):
            return True
    return False


def _stray(path: Path, row: int, line: int, what: str) -> InputError:
    where = f"row {row} (line {line})" if row else f"the header (line {line})"
    return unreadable(
        path,
        f"a stray quotation mark in {where}: {what}",
        'quotation marks around whole cells only, and a doubled one ("") inside of them',
        f"look at line {line} of the file; remove the quotation mark, or double it and put the cell in quotation marks",
    )
