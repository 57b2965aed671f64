"""The system's faults put into words: what failed, what was expected, what to do."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from o2b_helpers.core.errors import EnvironmentFault, Object2BrainError, StoreError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {
    errno.EROFS, errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY,
}  # fmt: skip


def write_fault(error: OSError, folder: Path) -> Object2BrainError | None:
    """Put an error of writing below a folder into words; None where it is about something else.

    Parameters
    ----------
    error : OSError
        What the system said.
    folder : Path
        The folder that was written to.
    """
    if error.errno in _NO_ROOM:
        return StoreError(
            "the disk is full",
            value=f"{folder} ({_free(folder)} free)",
            expected="room for the result",
            remedy="free space or set execution.runs_folder to a larger disk, then run again: what is done stays",
        )
    about = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else folder
    ours = about.is_relative_to(folder) or folder.is_relative_to(about)
    if ours and error.errno in _NOT_ALLOWED:
        return StoreError(
            "the store cannot be written to",
            value=f"{about} ({error.strerror})",
            expected="a folder you may write to",
            remedy="change its permissions or set execution.runs_folder to a folder of yours",
        )
    if ours and error.errno == errno.ENOENT:
        return gone(about)
    return EnvironmentFault.of(error, about)


def gone(path: Path) -> StoreError:
    """Say that a file or folder that is in use was moved or deleted."""
    return StoreError(
        "a file or folder that is in use was moved or deleted",
        value=str(path),
        expected="a runs folder that stays as it is as long as the run lasts",
        remedy="move it back, or set execution.runs_folder to where it is now, and run again: what is finished stays",
    )


@contextmanager
def machine(path: Path | str) -> Iterator[None]:
    """Turn faults of the machine into `EnvironmentFault`; every other error passes as it is.

    Parameters
    ----------
    path : Path
        What is read or written, for faults that name no file.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        fault = EnvironmentFault.of(error, getattr(error, "filename", None) or path)
        if fault is None:
            raise
        raise fault from error


def _free(folder: Path) -> str:
    while not folder.exists():
        folder = folder.parent
    return f"{shutil.disk_usage(folder).free / 2**20:.0f} MiB"
