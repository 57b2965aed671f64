"""One form for every name: of conditions, people, stimuli, files, columns."""

from __future__ import annotations

import errno
import math
import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from o2b_helpers.core.errors import EnvironmentFault, InputError
from o2b_helpers.inputs.corpora.number_texts import number_of
from o2b_helpers.inputs.corpora.tables import name_some

# signs without width that get into a cell unseen: zero-width space, word joiner, byte order mark, soft hyphen, marks
# of the writing direction
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad\u200e\u200f"))
_JOINTS = re.compile(r"[\s_\-\u2010-\u2015\u2212]+")
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


def normal_name(text: str) -> str:
    r"""Return a name without what nobody sees: blanks at its ends, double blanks, the way in which accents are stored.

    Parameters
    ----------
    text : str
        As it stands in a table or on the disk.

    Returns
    -------
    str
        In Unicode's form NFC, trimmed, with single blanks inside.

    Examples
    --------
    >>> normal_name(" person\u00a0 1 "), normal_name("fe\u0301e.png") == "f\u00e9e.png"
    ('person 1', True)
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    return " ".join(text.split())


def normal_names(cells: Iterable[str]) -> list[str]:
    """Return the normal form of many names; each spelling is worked out once.

    Examples
    --------
    >>> normal_names(["anna", "anna ", "bo"])
    ['anna', 'anna', 'bo']
    """
    cells = list(cells)
    known = {cell: normal_name(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def names_alike(frame: pd.DataFrame, columns: Iterable[str], source: object) -> list[str]:
    """Say which names of a table are written so much alike that the same may be meant; they count as different.

    Names are alike that differ in capital letters, in blanks, hyphens and underscores, or in how a number is written.

    Returns
    -------
    list of str
        A sentence for each column with such names.

    Examples
    --------
    >>> names_alike(pd.DataFrame({"annotator": ["Anna", "anna", "bo"]}), ["annotator"], "ratings.csv")
    ["ratings.csv: 'Anna' and 'anna' (annotator) are written alike; they count as different."]
    """
    said = []
    for column in columns:
        spellings: dict[object, list[str]] = {}
        for name in map(str, frame[column].unique()):
            spellings.setdefault(heard_alike(name), []).append(name)
        alike = [" and ".join(map(repr, names)) for names in spellings.values() if len(names) > 1]
        if alike:
            more = f" and {len(alike) - 3} more" if len(alike) > 3 else ""
            said.append(
                f"{source}: {', '.join(alike[:3])}{more} ({column}) are written alike; they count as different."
            )
    return said


def heard_alike(name: str) -> object:
    """Return one value for names that differ in capitals, blanks, hyphens, underscores, or how a number is written.

    Examples
    --------
    >>> heard_alike("Self-Pity") == heard_alike("self pity"), heard_alike("1.0") == heard_alike("1")
    (True, True)
    """
    number = number_of(name)
    return _JOINTS.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip() if math.isnan(number) else number


def names_on_disk(folder: Path, names: Iterable[str]) -> list[str]:
    """Return what the files are called on the disk that a table names in normal form.

    A file whose name holds a double blank, or an accent stored in another way, is still the file that is meant.

    Parameters
    ----------
    folder : Path
        Where the names start.
    names : iterable of str
        In normal form, relative to the folder, parts separated by ``/``.

    Returns
    -------
    list of str
        In the same order; a name stays as it is where no file has it.

    Raises
    ------
    InputError
        Where two files have the same normal form.
    EnvironmentFault
        Where a folder cannot be listed although it is there.
    """
    listed: dict[str, dict[str, list[str]]] = {}

    def entries(place: str) -> dict[str, list[str]]:
        if place not in listed:
            listed[place] = _entries(folder / place)
        return listed[place]

    def on_disk(name: str) -> str:
        place = ""
        for part in name.split("/"):
            if part in ("", ".", ".."):
                return name
            spellings = entries(place).get(part, [])
            if len(spellings) > 1:
                raise InputError(
                    "Two files have the same name but for blanks or the way in which accents are stored",
                    value=f"{name_some(sorted(spellings))} in {folder / place}",
                    expected="one file for every name",
                    remedy="rename one of them, here and in the table, or remove it",
                )
            if not spellings:
                return name
            place = f"{place}/{spellings[0]}" if place else spellings[0]
        return place

    return [on_disk(name) for name in names]


def _entries(folder: Path) -> dict[str, list[str]]:
    """List a folder: normal form of a name -> what is called so."""
    spellings: dict[str, list[str]] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                spellings.setdefault(normal_name(entry.name), []).append(entry.name)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise EnvironmentFault(
                "A folder of pictures cannot be listed",
                value=f"{error.strerror or error}, {folder}",
                expected="a disk or share that answers",
                remedy="run the same command again once it does",
            ) from error
        return {}
    return spellings
