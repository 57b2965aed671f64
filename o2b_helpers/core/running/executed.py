"""Which notebooks were executed, with what, and whether their files are still those that the run has written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.errors import DamagedFile
from o2b_helpers.core.files.atomic import writing
from o2b_helpers.core.files.known_digests import known_digest
from o2b_helpers.core.files.sealed import damaged, read_sealed, write_sealed
from o2b_helpers.core.progress import say

STATUS = "status.json"


def note_executed(folder: Path, notebook: str, mark: str) -> None:
    """Note that a notebook was executed: what it shows, and the digest of its file.

    Parameters
    ----------
    folder : Path
        ``runs/<profile>/notebooks``, which holds the executed notebook.
    notebook : str
        Its name without suffix.
    mark : str
        Hash of all that it shows.
    """
    entry = {"mark": mark, "sha256": file_digest(folder / f"{notebook}.ipynb")}
    with writing(folder):
        write_sealed(folder / STATUS, {**_entries(folder), notebook: entry})


def forget_executed(folder: Path, notebook: str) -> None:
    """Note that what lies in a notebook's place may be half of it, from now until it has run to its end."""
    entries = _entries(folder)
    if entries.pop(notebook, None) is not None:
        with writing(folder):
            write_sealed(folder / STATUS, entries)


def is_executed(folder: Path, notebook: str, mark: str) -> bool:
    """Say whether a notebook was executed with this mark and lies there as it was written.

    One that somebody has changed is kept beside its place, under ``<notebook>.ipynb.changed``, and a line says so.
    """
    entry, file = _entries(folder).get(notebook), folder / f"{notebook}.ipynb"
    if entry is None or entry["mark"] != mark or not file.is_file():
        return False
    if known_digest(file) != entry["sha256"]:
        kept = file.with_name(f"{file.name}.changed")
        say(f"  {file.name} was changed after it was executed: kept as {kept.name}, and executed again")
        with writing(folder):
            os.replace(file, kept)
        return False
    return True


def check_executed(folder: Path, notebooks: Iterable[str]) -> None:
    """Refuse executed notebooks that are not as the run has written them.

    Parameters
    ----------
    folder : Path
        ``runs/<profile>/notebooks``.
    notebooks : iterable of str
        Those of the profile. One of which nothing was noted passes: a run did not write it.

    Raises
    ------
    DamagedFile
        One was changed; the message names it.
    """
    noted = read_sealed(folder / STATUS) or {}
    for notebook, entry in ((name, noted[name]) for name in notebooks if name in noted):
        file = folder / f"{notebook}.ipynb"
        if file.is_file() and known_digest(file) != entry["sha256"]:
            raise damaged(file)


def _entries(folder: Path) -> dict[str, Any]:
    try:
        return read_sealed(folder / STATUS) or {}
    except DamagedFile:
        say(f"  notebooks/{STATUS} was changed after it was written: the notebooks are executed again")
        with writing(folder):
            (folder / STATUS).unlink()
        return {}
