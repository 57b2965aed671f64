"""Files written whole or not at all, and the system's write errors put into words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from o2b_helpers.core.files.faults import write_fault


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside its place and rename it into it; StoreError where that fails.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "results" / "ratings.csv", b"image,rating")
    ...     print(os.listdir(Path(folder) / "results"))
    ['ratings.csv']
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path.parent):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn the system's write errors into one that says what to do."""
    try:
        yield
    except OSError as error:
        fault = write_fault(error, folder)
        if fault is None:
            raise
        raise fault from error


@contextmanager
def of_libraries() -> Iterator[None]:
    """Turn an error in which a library only quotes the system's (safetensors) into the system's own."""
    try:
        yield
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error


def is_alive(process: int) -> bool:
    """Say whether a process of this number runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
