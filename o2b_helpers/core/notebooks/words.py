"""What happened to a notebook, in words: how its kernel ended, what its code raised, what the system refused."""

from __future__ import annotations

import errno
import re
import signal
from pathlib import Path

from o2b_helpers.core import errors
from o2b_helpers.core.errors import EnvironmentFault, KernelError, Object2BrainError, StoreError

VMSTAT = Path("/proc/vmstat")  # Linux counts here how often it has killed a process because memory ran out
OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError", "torch.OutOfMemoryError")


def oom_kills() -> int:
    """Return how many processes this system has killed for want of memory; 0 where it does not count them."""
    try:
        return int(re.search(r"^oom_kill (\d+)$", VMSTAT.read_text(encoding="ascii"), re.MULTILINE)[1])  # type: ignore[index]
    except (OSError, ValueError, TypeError):
        return 0


def death_in_words(code: int, memory_ran_out: bool, last_words: str = "") -> str:
    """Say how a kernel's process ended.

    Parameters
    ----------
    code : int
        Its exit code, negative for a signal.
    memory_ran_out : bool
        Whether the system has killed a process for want of memory while it ran.
    last_words : str
        The last line that it printed.

    Examples
    --------
    >>> print(death_in_words(-9, True))
    was killed (signal 9, SIGKILL); meanwhile the system has killed a process because memory ran out
    >>> print(death_in_words(1, False, "No space left on device"))
    ended with exit code 1: No space left on device
    """
    if code < 0:
        name = next((s.name for s in signal.Signals if s == -code), "unknown")
        said = f"was killed (signal {-code}, {name})"
    else:
        said = f"ended with exit code {code}"
    if last_words:
        said += f": {last_words}"
    if memory_ran_out:
        said += "; meanwhile the system has killed a process because memory ran out"
    elif code == -getattr(signal, "SIGKILL", 9):
        said += "; the system does this when memory runs out"
    return said


def death_error(notebook: str, words: str) -> KernelError:
    """Return the error of a kernel that ended before its notebook."""
    return KernelError(
        f"the kernel of {notebook} has ended before its notebook",
        value=f"it {words}",
        expected="a kernel that lives until its notebook has run",
        remedy="run the same command again: finished results are kept; where memory is short, close other programs, "
        "lower execution.batch_size or set execution.memory_gib",
    )


def cell_error(kind: str, text: str, notebook: Path) -> Object2BrainError:
    """Turn what a cell raised back into the message of the code that raised it.

    Parameters
    ----------
    kind, text : str
        The name of the error's class, and its message.
    notebook : Path
        The executed notebook, which holds the whole traceback.
    """
    known = getattr(errors, kind, None)
    if known is not None:
        lines = dict(part.strip().split(":", 1) for part in text.split("\n")[1:] if ":" in part)
        return known(
            text.split("\n")[0],
            value=lines.get("found", "").strip() or None,
            expected=lines.get("expected", "").strip(),
            remedy=lines.get("to do", "").strip(),
        )
    number = re.match(r"\[Errno (\d+)\]", text)
    if kind in OUT_OF_MEMORY:
        return fault_error(MemoryError(text or kind), notebook.stem)
    if number and int(number[1]) in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return fault_error(OSError(int(number[1]), text), notebook.stem)
    return StoreError(
        f"{notebook.name} stopped with {kind}",
        value=text,
        expected="a notebook that runs to its end",
        remedy=f"open {notebook} for the whole traceback; what was finished before stays and is reused",
    )


def fault_error(error: OSError | MemoryError, doing: str) -> Object2BrainError:
    """Say what the system refused and what to do about it.

    Parameters
    ----------
    error : OSError or MemoryError
        What the system said.
    doing : str
        The notebook that ran, or what else was going on.
    """
    file = getattr(error, "filename", None)
    known = EnvironmentFault.of(error, doing if file is None else f"{doing}: {file}")
    if known is not None:
        return known
    return StoreError(
        f"{doing}: a file cannot be read or written",
        value=_told(error),
        expected="folders you may read and write, with room in them",
        remedy="free some space, change their permissions, or set execution.runs_folder and execution.figures_folder "
        "to other folders, then run again: finished results are kept",
    )


def _told(error: OSError | MemoryError) -> str:
    told = getattr(error, "strerror", None) or str(error) or type(error).__name__
    file = getattr(error, "filename", None)
    return told if file is None else f"{file} ({told})"
