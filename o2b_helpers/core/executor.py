"""Pieces of long steps as plain values, and what works through them.

A shard says what to compute in a way that another process could do: a function of a module and plain arguments. The
executor of this process computes shards one after the other; what they share (a loaded network, say) is kept in the
process' memory for the shards that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from o2b_helpers.core.progress import progress
from o2b_helpers.core.store import Store

Made = TypeVar("Made")


@dataclass(frozen=True)
class Shard:
    """A piece of a long step; it can be pickled.

    Attributes
    ----------
    kind, label : str
        What the store calls it, and of what it is a piece.
    part : mapping
        All that its result depends on besides code; JSON-able.
    compute : callable
        A function at the top of its module: ``compute(*arguments, folder)`` writes the result's files into an empty
        folder. The module's source, and that of all that it imports, is part of the key.
    arguments : tuple
        Plain values: options, tables, arrays.
    """

    kind: str
    label: str
    part: Mapping[str, Any]
    compute: Callable[..., None]
    arguments: tuple[Any, ...]

    @property
    def module(self) -> str:
        """The dotted name of the module that computes it."""
        return self.compute.__module__

    def is_stored(self, store: Store) -> bool:
        """Say whether its result is there already."""
        return store.find(self.kind, Store.key(self.part, self.module)) is not None


class Executor(Protocol):
    """What works through shards."""

    def run(self, shards: Iterable[Shard], store: Store, what: str = "") -> list[Path]:
        """Compute the shards that are not stored yet; return the folders of all their results, in order."""


class InProcess:
    """Computes shards in this process, one after the other, each stored before the next begins.

    Examples
    --------
    >>> import shutil, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     picture = Path(folder) / "a.jpg"
    ...     picture.touch()
    ...     shard = Shard("pictures", "a.jpg", {"seed": 0}, shutil.copy, (picture,))
    ...     folders = InProcess().run([shard, shard], Store(Path(folder) / "store"))
      computing pictures: a.jpg (not there yet)
      reused    pictures: a.jpg
    """

    def run(self, shards: Iterable[Shard], store: Store, what: str = "") -> list[Path]:
        """Compute what is not stored yet.

        Parameters
        ----------
        shards : iterable of Shard
            In the order of the result.
        store : Store
            Where results are kept.
        what : str
            The step in words, for the progress; empty where the shards themselves tell how far they are.

        Returns
        -------
        list of Path
            The folder of each shard's result.
        """
        shards = list(shards)
        folders = []
        for shard in progress(shards, what) if what else shards:
            compute = partial(shard.compute, *shard.arguments)
            folders.append(store.result(shard.kind, shard.label, shard.part, shard.module, compute).folder)
        return folders


class Memory:
    """What the shards of one process share: one thing of each kind, until another of its kind is wanted.

    Examples
    --------
    >>> memory = Memory()
    >>> memory.keep("network", "a", lambda: 1), memory.keep("network", "a", lambda: 2), memory.keep("network", "b", int)
    (1, 1, 0)
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, Any]] = {}

    def keep(self, kind: str, key: Any, make: Callable[[], Made]) -> Made:
        """Return what is kept under a key, making it first where it is not there."""
        if kind not in self._kept or self._kept[kind][0] != key:
            self._kept.pop(kind, None)  # before the next one is made: two networks may be more than there is memory for
            self._kept[kind] = (key, make())
        return self._kept[kind][1]

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


memory = Memory()
