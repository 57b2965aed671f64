"""What a command prints: readable under every encoding, and quiet where nobody reads it any more."""

from __future__ import annotations

import io
import os
import sys


def replace_what_cannot_be_shown() -> None:
    """Let standard output and error replace what their encoding lacks, e.g. where they go to a file under ``LC_ALL=C``.

    Examples
    --------
    >>> import contextlib
    >>> narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    >>> with contextlib.redirect_stdout(narrow):
    ...     replace_what_cannot_be_shown()
    ...     print("seed 0 → 1", flush=True)
    >>> narrow.buffer.getvalue().split()
    [b'seed', b'0', b'?', b'1']
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def tell(message: str) -> None:
    """Print a last message to standard error, or nothing where the terminal is gone."""
    try:
        print(message, file=sys.stderr, flush=True)
    except OSError:
        _let_go(sys.stderr)


def stop_printing() -> None:
    """Send what is still to be printed nowhere; else Python complains on its way out."""
    try:
        sys.stdout.flush()
    except OSError:
        _let_go(sys.stdout)


def _let_go(stream: io.TextIOBase) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
