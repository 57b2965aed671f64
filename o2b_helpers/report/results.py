"""Read the results folder: every file once, when it is first asked for, by the declaration that it was written by."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pandas as pd
import xarray as xr

from o2b_helpers.core.contract import Arrays, Table
from o2b_helpers.core.errors import InputError
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.publishing import check_results_file, read_provenance
from o2b_helpers.core.study import Step, Study, steps_of


class Results:
    """One results folder (``runs/<profile>/results``), read lazily; no file stays open.

    Parameters
    ----------
    folder : Path
        The folder that holds the files.
    studies : sequence of Study
        Whose steps wrote it. Where they are given, an error about a file names the notebook that writes it.
    params : Params, optional
        The profile that it was made with. Pictures, which are no results, are found by it; without it none are shown.

    Raises
    ------
    InputError
        When the folder does not exist, or (on first use) a file is missing or lacks a column.
    DamagedFile
        When (on first use) a file is not the one that provenance.json names.
    """

    def __init__(self, folder: Path | str, studies: Sequence[Study] = (), params: Params | None = None) -> None:
        self.folder, self.studies, self.params = Path(folder), tuple(studies), params
        self._tables: dict[str, pd.DataFrame] = {}
        if not self.folder.is_dir():
            raise InputError(
                "There is no results folder",
                value=self.folder,
                expected="a folder runs/<profile>/results written by a run",
                remedy="run the series first: o2b run <profile>",
            )

    def has(self, file: Table | Arrays, model: str = "") -> bool:
        """Say whether the file of a table, or of a model's arrays, is there."""
        name = file.file if isinstance(file, Table) else file.file(model)
        return os.path.isfile(self.folder / name)  # Path.is_file fails where a model's name is too long for a file

    def table(self, table: Table) -> pd.DataFrame:
        """Return a table; it is read once and shared, so a reader changes a copy only.

        Raises
        ------
        InputError
            The file is missing or lacks a column.
        """
        if table.file not in self._tables:
            notebook = self._notebook(table)
            if not self.has(table):
                raise self._missing(table.file, notebook)
            self.check(table.file)
            try:
                frame = table.read(self.folder)
            except InputError as error:
                if not notebook:
                    raise
                raise InputError(
                    error.problem, value=error.value, expected=error.expected, remedy=f"write it again with {notebook}"
                ) from None
            if frame.empty:  # a file of nothing but a header does not tell numbers from text
                numbers = [column.name for column in table.columns if column.kind != "text" and column.name in frame]
                frame = frame.astype(dict.fromkeys(numbers, float))
            self._tables[table.file] = frame
        return self._tables[table.file]

    def arrays(self, arrays: Arrays, model: str) -> xr.Dataset:
        """Read the arrays of one model.

        Raises
        ------
        InputError
            The file is missing.
        """
        if not self.has(arrays, model):
            raise self._missing(arrays.file(model), self._notebook(arrays))
        self.check(arrays.file(model))
        return xr.load_dataset(self.folder / arrays.file(model), engine="h5netcdf")

    @cached_property
    def provenance(self) -> dict:
        """Parameters, versions and digests of the run; an empty dict where the file is missing."""
        return read_provenance(self.folder)

    def check(self, name: str) -> None:
        """Compare a file with the digest that provenance.json names for it.

        Raises
        ------
        DamagedFile
            The file, or provenance.json itself, is not as it was written.
        """
        check_results_file(self.folder, name, self.provenance)

    @property
    def steps(self) -> list[Step]:
        """The steps of the studies and all that these need, each once."""
        return steps_of(self.studies, self.params)

    def _notebook(self, file: Table | Arrays) -> str:
        return next((step.notebook for step in self.steps if file in step.tables), "")

    def _missing(self, name: str, notebook: str) -> InputError:
        whole = "run the series first: o2b run <profile>"
        return InputError(
            f"The results lack {name}",
            value=self.folder / name,
            expected=f"the file that {notebook} writes" if notebook else "a file that the series writes",
            remedy=f"run that part of the series first ({notebook}), or all of it: o2b run <profile>"
            if notebook
            else whole,
        )
