"""Which of the user's files code opens while it runs: what it reads makes the network as much as its source does."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from o2b_helpers.models.backbones.definition_sources import is_installed

_WRITES = os.O_WRONLY | os.O_RDWR
_watches: dict[int, set[str]] = {}  # thread -> paths that it has opened; empty while nobody looks
_hooked: list[bool] = []


@contextmanager
def opened_files(folder: Path) -> Iterator[set[Path]]:
    """Collect the user's files that this thread opens for reading; they are known when the block ends.

    Parameters
    ----------
    folder : Path
        The folder of the code that runs. All files below it count; elsewhere, what lies in hidden folders does not,
        as libraries keep their caches there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name).resolve() / "widths.json"
    ...     _ = file.write_text("[6, 6]")
    ...     with opened_files(file.parent) as opened:
    ...         text = file.read_text()
    ...     print([path.name for path in opened])
    ['widths.json']
    """
    if not _hooked:
        sys.addaudithook(_note)
        _hooked.append(True)
    thread, opened = threading.get_ident(), set[Path]()
    outer = _watches.get(thread)
    _watches[thread] = set()
    try:
        yield opened
    finally:
        paths = _watches.pop(thread)
        if outer is not None:
            _watches[thread] = outer | paths
        opened |= {path for path in map(Path, map(os.path.realpath, paths)) if _counts(path, folder.resolve())}


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watches or event != "open":
        return
    path, _, flags = arguments
    paths = _watches.get(threading.get_ident())
    if paths is not None and isinstance(path, str | bytes) and not (flags or 0) & _WRITES:
        paths.add(os.path.abspath(os.fsdecode(path)))


def _counts(path: Path, folder: Path) -> bool:
    if not path.is_file() or "__pycache__" in path.parts or is_installed(path):
        return False
    return path.is_relative_to(folder) or not any(part.startswith(".") for part in path.parts)


@contextmanager
def modules_beside(folder: Path) -> Iterator[None]:
    """Let a definition import what lies beside it, as a script that is run by Python may."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:  # a definition may take it out
            sys.path.remove(str(folder))
