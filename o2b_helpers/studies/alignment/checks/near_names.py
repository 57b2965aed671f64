"""Which name is probably meant: one that differs in case, ending or form only, or is spelled nearly the same."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from o2b_helpers.studies.alignment.checks.asking import some

MOST_COMPARED = 20  # names that are compared letter by letter


def plain_form(name: str) -> str:
    """Return a name without what often differs: case, ending, blanks, the form of accents, a folder before it.

    Examples
    --------
    >>> plain_form("Pictures/Dog 1.JPG") == plain_form("dog_1.jpeg ")
    True
    """
    stem = PurePosixPath(name.strip().replace("\\\\", "/")).stem
    letters = unicodedata.normalize("NFKC", stem).casefold()
    return "".join(letter for letter in letters if letter.isalnum())


def meant(missing: Sequence[str], there: Iterable[str]) -> dict[str, str]:
    """Say for the names that are missing which of those that are there is probably meant.

    Examples
    --------
    >>> meant(["dog.jpeg", "cat.png", "Cow.png"], ["dog.jpg", "cow.PNG"])
    {'dog.jpeg': 'dog.jpg', 'Cow.png': 'cow.PNG'}
    """
    there = list(there)
    by_form: dict[str, list[str]] = {}
    for name in there:
        by_form.setdefault(plain_form(name), []).append(name)
    pairs = {}
    for place, name in enumerate(missing):
        alike = by_form.get(plain_form(name), [])
        if not alike and place < MOST_COMPARED:
            alike = difflib.get_close_matches(name, there, n=1, cutoff=0.85)
        if alike:
            pairs[name] = alike[0]
    return pairs


def advice(missing: Sequence[str], there: Iterable[str]) -> str:
    """Write the names that are probably meant; empty where none comes near."""
    pairs = meant(missing, there)
    return f"perhaps {some([f'{name} is {other}' for name, other in pairs.items()], 3)}" if pairs else ""
