"""Show how far a long step is: a bar in a terminal or notebook, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 15.0


def say(message: str) -> None:
    """Print one line at once, also where standard output is a pipe."""
    print(message, flush=True)


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Yield every item and report the rate and the remaining time.

    Parameters
    ----------
    items : iterable
        What the step works through.
    what : str
        The step in words, e.g. ``"scoring images"``.
    total : int, optional
        Number of items; taken from ``len(items)`` where there is one.

    Yields
    ------
    item
        The items, unchanged and in order.
    """
    total = len(items) if total is None and hasattr(items, "__len__") else total
    if sys.stderr.isatty():
        from tqdm.auto import tqdm

        yield from tqdm(items, desc=what, total=total, leave=False)
        return
    started = told = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_LINES:
            told = now
            rate = done / (now - started)
            left = "" if total is None else f" of {total}, {max(total - done, 0) / rate:.0f} s left"
            say(f"  {what}: {done}{left} ({rate:.1f} per s)")
