"""What a stored result says of itself: its key, what it was made from, and the digest of each of its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.errors import DamagedFile
from o2b_helpers.core.files.known_digests import known_digest
from o2b_helpers.core.files.sealed import read_sealed, write_sealed

RECORD = "record.json"
_ENTRIES = {"kind", "label", "key", "part", "code", "versions", "files"}
_MOST_NAMED = 3


def write_record(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the record of a result whose files all lie in a folder, with the digest of each.

    Parameters
    ----------
    folder : Path
        The result's files.
    content : mapping
        kind, label, key, part, code and versions.
    """
    files = {name: file_digest(path) for name, path in _files(folder).items()}
    write_sealed(folder / RECORD, {**content, "files": files})


def read_record(folder: Path) -> dict[str, Any] | None:
    """Return the record of a result; None where there is none, or it is not as it was written.

    Examples
    --------
    >>> import tempfile
    >>> about = {"kind": "heads", "label": "toynet", "key": "1a", "part": {}, "code": {}, "versions": {}}
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     _ = (folder / "a.txt").write_text("a")
    ...     write_record(folder, about)
    ...     whole, _ = flaw(folder, "1a"), (folder / "a.txt").write_text("b")
    ...     print(read_record(folder)["label"], whole, flaw(folder, "1a"))
    toynet None a stored file was changed: a.txt
    """
    try:
        record = read_sealed(folder / RECORD)
    except DamagedFile:
        return None
    return record if record is not None and set(record) >= _ENTRIES else None


def flaw(folder: Path, key: str) -> str | None:
    """Say what is wrong with a stored result; None where it is whole.

    Parameters
    ----------
    folder : Path
        Where it lies.
    key : str
        What it must have been made from.
    """
    if not folder.is_dir():
        return "not there yet"
    try:
        record = read_sealed(folder / RECORD)
    except DamagedFile:
        return f"a stored file was changed: {RECORD}"
    if record is None:
        return f"a stored file is missing: {RECORD}"
    if record.get("key") != key or set(record) < _ENTRIES:
        return "the stored files are of another result"
    files, digests = _files(folder), record["files"]
    for what, names in (
        ("missing", [name for name in digests if name not in files]),
        ("not part of the result", [name for name in files if name not in digests]),
    ):
        if names:
            return f"a stored file is {what}: {_named(names)}"
    changed = [name for name, path in files.items() if known_digest(path) != digests[name]]
    return f"a stored file was changed: {_named(changed)}" if changed else None


def _files(folder: Path) -> dict[str, Path]:
    """List a result's files by their names in it; what file browsers leave behind has a name with a dot."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path for name, path in files.items() if name != RECORD and not path.name.startswith(".")}


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
