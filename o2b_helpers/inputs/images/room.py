"""How much memory pictures may take while several are decoded at once: large ones wait for each other."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.resources import GIB, in_words, memory_for_this_process, resident_bytes

LEAST = GIB // 16  # however little there is: enough for the photographs of a telephone, one at a time
_LARGE = 2**25  # bytes; for less it is not worth asking the system


class Room:
    """Memory that threads share.

    Parameters
    ----------
    size : int
        How much there is, bytes.

    Examples
    --------
    >>> room = Room(1000)
    >>> with room.take(600, "a.png"):
    ...     room.free
    400
    """

    def __init__(self, size: int) -> None:
        self.size = self.free = size
        self._changed = Condition()

    @classmethod
    def for_pictures(cls, memory_gib: float | None) -> Room:
        """Return what this process may take beside what it holds, under the bound that the user sets (GiB)."""
        return cls(max(LEAST, memory_for_this_process(memory_gib) - resident_bytes()))

    @contextmanager
    def take(self, wanted: int, what: str) -> Iterator[None]:
        """Wait until there is as much, and give it back at the end.

        Raises
        ------
        ParameterError
            Where there would not be as much even alone.
        """
        if wanted > self.size:
            raise ParameterError(
                "A picture needs more memory than there is; it was not decoded",
                value=f"about {in_words(wanted)} for {what}",
                expected=f"at most {in_words(self.size)}",
                remedy="lower analysis.corpus.max_pixels, so that such pictures are left out by name, raise "
                "execution.memory_gib, or take a larger machine",
            )
        with self._changed:
            self._changed.wait_for(lambda: self.free >= wanted)
            self.free -= wanted
        try:
            yield
        finally:
            if wanted > _LARGE:
                _give_back()
            with self._changed:
                self.free += wanted
                self._changed.notify_all()


def _give_back() -> None:
    """Return freed memory to the system: the C library keeps some for each thread, which adds up over threads."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None  # of glibc alone
    if trim is not None:
        trim(0)
