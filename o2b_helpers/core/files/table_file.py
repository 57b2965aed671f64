"""The path of a table, which may name a sheet of a workbook."""

from __future__ import annotations

import re
from pathlib import Path

WORKBOOKS = (".xlsx", ".xlsm")
_WITH_SHEET = re.compile(r"(.+\.xls[xm])#(.+)", re.IGNORECASE)


def file_and_sheet(path: Path | str) -> tuple[Path, str | None]:
    """Part the path of a table into its file and the sheet that it names.

    Parameters
    ----------
    path : Path
        Of a table; a workbook may name one of its sheets after the sign #.

    Returns
    -------
    Path
        The file.
    str or None
        The sheet, where one is named.

    Examples
    --------
    >>> file, sheet = file_and_sheet("data/ratings.xlsx#second session")
    >>> file.name, sheet
    ('ratings.xlsx', 'second session')
    >>> file_and_sheet("data/ratings.csv")[1] is None
    True
    """
    path = Path(path)
    named = _WITH_SHEET.fullmatch(path.name)
    return (path.with_name(named[1]), named[2]) if named else (path, None)
