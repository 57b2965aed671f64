"""The signals that end a command: noted while a notebook runs, so that its kernel ends first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Ctrl-C, a job scheduler or `kill`, a terminal that is closed


class Stopped(BaseException):
    """The command was told to stop. No code that guards against errors may catch it.

    Parameters
    ----------
    number : int
        The signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def stop_on_signals() -> None:
    """Make the signals that would end this process silently raise :class:`Stopped`; one that is ignored stays so."""
    for name in NAMES[1:]:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _stop)


@contextmanager
def noted_signals() -> Iterator[list[int]]:
    """Only note the signals; who works looks at the list now and then, and ends in good order.

    An error raised by a signal in the middle of an event loop can be lost, and the run would go on.

    Yields
    ------
    list of int
        The numbers of the signals that have come, in order. Empty for good in a thread: signals come to the first one.

    Examples
    --------
    >>> before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    >>> with noted_signals() as noted:
    ...     signal.raise_signal(signal.SIGINT)
    >>> [signal.Signals(number).name for number in noted]
    ['SIGINT']
    >>> _ = signal.signal(signal.SIGINT, before)
    """
    noted: list[int] = []
    before = {}

    def note(number: int, _: FrameType | None) -> None:
        noted.append(number)

    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
        before = {n: signal.getsignal(n) for n in numbers if callable(signal.getsignal(n))}
        for number in before:
            signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(number)
