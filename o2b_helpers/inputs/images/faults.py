"""Faults of the machine while a picture is read: they pass, so a picture is never called bad because of them."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from o2b_helpers.core.errors import EnvironmentFault, StoreError

Value = TypeVar("Value")

WAITS = (0.1, 0.4, 1.0)  # seconds before another try: a share that is busy answers again within these, or not soon
# what the system says of a name or a file itself; whatever else it says is the machine's fault, also what is not known
OF_THE_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.EILSEQ}
OF_MEMORY = ("out of memory", "cannot allocate", "insufficient memory")  # decoders say so without a number
REMEDIES = {  # where more is to be said than of every file
    errno.ENOMEM: "free memory, or lower analysis.corpus.max_pixels",
    errno.EACCES: "give yourself the right to read it, or take it out of the table",
    errno.EPERM: "give yourself the right to read it, or take it out of the table",
}


def is_fault(error: BaseException | None) -> bool:
    """Say whether the machine failed and not the file; what an error was raised from counts, too.

    Examples
    --------
    >>> is_fault(OSError(errno.EIO, "Input/output error")), is_fault(MemoryError()), is_fault(FileNotFoundError(2, "x"))
    (True, True, False)
    """
    while error is not None:
        if isinstance(error, StoreError):  # said already, by what writes
            return False
        if isinstance(error, MemoryError):
            return True
        if isinstance(error, OSError):
            if error.errno is not None and error.errno not in OF_THE_FILE:
                return True
            if error.errno is None and any(words in str(error).lower() for words in OF_MEMORY):
                return True
        error = error.__cause__
    return False


def patiently(action: Callable[[], Value], what: str) -> Value:
    """Do something, and do it again after a moment where the machine failed.

    Parameters
    ----------
    action : callable
        What to do; it may be done several times.
    what : str
        What it reads, as messages name it.

    Returns
    -------
    object
        What the action returns.

    Raises
    ------
    EnvironmentFault
        Where the machine failed every time. Any other error of the action is raised at once, as it is.
    """
    for wait in (*WAITS, None):
        try:
            return action()
        except Exception as error:
            if not is_fault(error):
                raise
            if wait is None:
                raise _fault(error, what) from error
        time.sleep(wait)  # behind the handler, which would keep what the failed try had in memory
    raise AssertionError("the last try returns or raises")


def is_a_file(path: Path) -> bool:
    """Say whether a file is there; EnvironmentFault where the machine cannot tell, which is not the same as a no."""

    def look() -> bool:
        try:
            return stat.S_ISREG(os.stat(path).st_mode)
        except ValueError:  # a name that no file can have
            return False
        except OSError as error:
            if is_fault(error):
                raise
            return False

    return patiently(look, str(path))


def is_short_of_memory(size: int) -> bool:
    """Say whether so many bytes cannot be had; some decoders call a picture broken where they got none."""
    try:
        np.empty(size, np.uint8)
    except MemoryError:
        return True
    return False


def _fault(error: BaseException, what: str) -> EnvironmentFault:
    cause: BaseException | None = error
    while not (cause is None or isinstance(cause, MemoryError | OSError)):
        cause = cause.__cause__
    number = errno.ENOMEM if isinstance(cause, MemoryError) else getattr(cause, "errno", None) or errno.ENOMEM
    known = None if number in REMEDIES else EnvironmentFault.of(OSError(number, os.strerror(number)), what)
    return known or EnvironmentFault(
        f"A file could not be read, but the fault is the machine's ({os.strerror(number)})",
        value=what,
        expected="a disk that answers, and enough memory and open files",
        remedy=f"{REMEDIES.get(number, 'check the disk or the network share')}, and run again: no picture is left out, "
        "and nothing was stored",
    )
