"""The contract with the reader of results: each file is declared once, for all who write, read or list it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from o2b_helpers.core.errors import InputError

Kind = Literal["text", "integer", "number"]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        As it stands in the header.
    kind : {"text", "integer", "number"}
        Text stays text, also where it looks like a number (``007``) or like a missing value (``NA``).
    meaning : str
        What it holds, in a sentence without full stop.
    unit : str
        Unit or range, e.g. ``"0..1"``; empty where there is none.
    optional : bool
        Whether some profiles write the table without it.

    Examples
    --------
    >>> columns = Column("image", "text", "its name"), Column("rho", "number", "agreement", "-1..1", optional=True)
    >>> list(Table("ratings.csv", "a picture", columns).select(pd.DataFrame({"valence": [0.5], "image": ["a.jpg"]})))
    ['image']
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the results folder: UTF-8, comma, full precision, one header line (or Parquet).

    Attributes
    ----------
    file : str
        Its name; ``.csv`` or ``.parquet``.
    row : str
        What one row is.
    columns : tuple of Column
        In the order in which they are written.

    Examples
    --------
    >>> import tempfile
    >>> table = Table("sizes.csv", "a picture", (Column("image", "text", "its name"), Column("n", "integer", "boxes")))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table.write(pd.DataFrame({"n": [2], "image": ["007"]}), Path(folder))
    ...     print(table.read(Path(folder)).to_dict("records"))
    [{'image': '007', 'n': 2}]
    """

    file: str
    row: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """The columns' names in order."""
        return [column.name for column in self.columns]

    def select(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the declared columns of a frame, in order; an optional one only where the frame has it."""
        return frame[[column.name for column in self.columns if not column.optional or column.name in frame]]

    def empty(self) -> pd.DataFrame:
        """Return a frame with all columns and no row."""
        return pd.DataFrame(columns=self.names)

    def write(self, frame: pd.DataFrame, folder: Path) -> None:
        """Write the declared columns of a frame into a folder, which is made where it is missing."""
        write_frame(self.select(frame), folder / self.file)

    def read(self, folder: Path) -> pd.DataFrame:
        """Read what `write` wrote, number by number and letter by letter.

        Raises
        ------
        InputError
            The file is missing or lacks a column.
        """
        path = folder / self.file
        if not path.is_file():
            raise InputError(
                f"The results lack {self.file}",
                value=path,
                expected="a file that the series writes",
                remedy="run the series first: o2b run <profile>",
            )
        frame = read_frame(path, [column.name for column in self.columns if column.kind == "text"])
        missing = [column.name for column in self.columns if not column.optional and column.name not in frame]
        if missing:
            raise InputError(
                f"{self.file} lacks {'a column' if len(missing) == 1 else 'columns'}",
                value=", ".join(map(str, frame.columns)),
                expected=", ".join(self.names),
                remedy="write it again: o2b run <profile>",
            )
        return frame


@dataclass(frozen=True)
class Variable:
    """One array of a netCDF file: its name, its dimensions, what it holds, and its unit or range."""

    name: str
    dimensions: tuple[str, ...]
    meaning: str
    unit: str = ""


@dataclass(frozen=True)
class Arrays:
    """A netCDF file of the results folder, one for each model.

    Attributes
    ----------
    stem : str
        The file is ``<stem>_<model>.nc``.
    variables : tuple of Variable
        Its arrays; ``filter`` has the coordinates layer(filter) and channel(filter).
    """

    stem: str
    variables: tuple[Variable, ...]

    def file(self, model: str) -> str:
        """Return the name of a model's file; a model's name is data, and must not lead out of the folder."""
        return f"{self.stem}_{model.replace('/', '_').replace(chr(92), '_')}.nc"


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as every table of the package is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def read_frame(path: Path, text: Sequence[str]) -> pd.DataFrame:
    """Read a frame that `write_frame` wrote; `text` names the columns that hold text.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "ratings.csv"
    ...     write_frame(pd.DataFrame({"image": ["007", "NA"], "rating": [0.25, None]}), path)
    ...     print(read_frame(path, text=["image"]).to_dict("list"))
    {'image': ['007', 'NA'], 'rating': [0.25, nan]}
    """
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    header = pd.read_csv(path, nrows=0, encoding="utf-8").columns
    numbers = [name for name in header if name not in text]
    return pd.read_csv(
        path,
        encoding="utf-8",
        dtype={name: str for name in header if name in text},
        keep_default_na=False,
        na_values=dict.fromkeys(numbers, ["", "nan", "NaN"]),
    )
