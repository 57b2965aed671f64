"""Results on disk: found by content, written atomically, explained in one line.

A result's key is the hash of what it was made from: the step's own options, the keys of the results it read, the
digests of files and weights, and the source of the modules that compute it. It is written beside its place and
renamed into it, so a killed run leaves either the whole result or nothing. No pickle is read or written.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from o2b_helpers.core.digests import code_digests, digest_of, plain, versions
from o2b_helpers.core.errors import StoreError
from o2b_helpers.core.files.atomic import is_alive, of_libraries, writing
from o2b_helpers.core.files.faults import gone, machine
from o2b_helpers.core.files.known_digests import digests_of_files
from o2b_helpers.core.files.records import RECORD, flaw, read_record, write_record
from o2b_helpers.core.progress import say

_HELD = "O2B_STORE_LOCK_HELD_BY"
_HOLDER = "lock-holder.txt"


@dataclass(frozen=True)
class Stored:
    """A result in the store.

    Attributes
    ----------
    kind, label : str
        What it is, and of what (e.g. ``heads`` of ``toynet features.4``).
    key : str
        Hash of all that it was made from.
    folder : Path
        Where its files lie.
    reused : bool
        Whether it was there already.
    """

    kind: str
    label: str
    key: str
    folder: Path
    reused: bool


class Store:
    """Stored results under one folder.

    Parameters
    ----------
    folder : Path
        ``runs/store``; made if it is not there.

    Raises
    ------
    StoreError
        If the folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as runs:
    ...     for seed in (0, 0, 1):
    ...         part, module = {"seed": seed}, "o2b_helpers.core.device"
    ...         stored = Store(Path(runs)).result("heads", "toynet", part, module, lambda folder: None)
      computing heads: toynet (not there yet)
      reused    heads: toynet
      computing heads: toynet (changed: seed 0 -> 1)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.parts: dict[str, list[tuple[Any, dict[str, Any]]]] = {}  # what `running.keys` has worked out already
        if self._is_held_by_its_run():
            self._check_folder()
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".probe-{os.getpid()}"
            probe.write_bytes(b"o2b")
            probe.unlink()

    def place(self, kind: str, key: str) -> Path:
        """Return the folder in which a result of this kind and key lies or would lie."""
        return self.folder / kind / key[:20]

    def find(self, kind: str, key: str) -> Path | None:
        """Return the folder of a whole result, or None where it is missing or a file is not as it was written."""
        folder = self.place(kind, key)
        return folder if flaw(folder, key) is None else None

    def result(
        self,
        kind: str,
        label: str,
        part: Mapping[str, Any],
        module: str,
        compute: Callable[[Path], None],
        *,
        quiet: bool = False,
    ) -> Stored:
        """Return a stored result, computing it first where it is not there.

        Parameters
        ----------
        kind : str
            What it is, e.g. ``"heads"``; also the folder's name.
        label : str
            Of what, in words; only used to explain.
        part : mapping
            All that the result depends on besides code: options, keys, digests; JSON-able.
        module : str
            Dotted name of the module that computes it; its source and that of all it imports enter the key.
        compute : callable
            Called with an empty folder to write the result's files into.
        quiet : bool
            Say nothing where the result is reused.

        Returns
        -------
        Stored

        Raises
        ------
        StoreError
            If the store cannot be written (read-only, full disk); what was stored before stays as it was.
        """
        key = self.key(part, module)
        folder = self.find(kind, key)
        name = f"{kind}: {label}" if label else kind
        if folder is not None:
            if not quiet:
                say(f"  reused    {name}{_other_versions(folder)}")
            return Stored(kind, label, key, folder, True)
        say(f"  computing {name} ({self.why(kind, label, part, module)})")
        place = self.place(kind, key)
        temporary = place.with_name(f".{place.name}.{os.getpid()}.tmp")
        try:
            with writing(self.folder):
                shutil.rmtree(temporary, ignore_errors=True)
                self._check_folder()
                temporary.mkdir(parents=True)
                with machine(label or kind), of_libraries():
                    compute(temporary)
                record = {
                    "kind": kind,
                    "label": label,
                    "key": key,
                    "part": json.loads(json.dumps(part, default=plain)),
                    "code": code_digests(module),
                    "versions": versions(),
                }
                write_record(temporary, record)
                if place.exists():
                    shutil.rmtree(place)
                self.check_lock()
                os.replace(temporary, place)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return Stored(kind, label, key, place, False)

    @staticmethod
    def key(part: Mapping[str, Any], module: str) -> str:
        """Return the key of a result made from ``part`` by ``module``."""
        return digest_of({"part": part, "code": code_digests(module)})

    def why(self, kind: str, label: str, part: Mapping[str, Any], module: str) -> str:
        """Say in words why a result has to be computed."""
        part = json.loads(json.dumps(part, default=plain))
        key = self.key(part, module)
        wrong = flaw(self.place(kind, key), key)
        if wrong is not None and self.place(kind, key).exists():
            return wrong
        records = [(p.parent, read_record(p.parent)) for p in (self.folder / kind).glob(f"[!.]*/{RECORD}")]
        alike = [(folder, record) for folder, record in records if record is not None and record["label"] == label]
        if not alike:
            return "not there yet"
        _, last = max(alike, key=lambda pair: pair[0].stat().st_mtime)
        old, new = _flat(last["part"]), _flat(part)
        changes = [
            f"{k} {_short(old.get(k))} -> {_short(new.get(k))}"
            for k in sorted({*old, *new})
            if old.get(k) != new.get(k)
        ]
        code = code_digests(module)
        changes += [
            f"code of {m.removeprefix('o2b_helpers.')}"
            for m in sorted({*code, *last["code"]})
            if code.get(m) != last["code"].get(m)
        ]
        if not changes:
            return "not there yet"
        return "changed: " + ", ".join(changes[:3]) + (f" and {len(changes) - 3} more" if len(changes) > 3 else "")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the store for one run; a second run at the same time is refused.

        The lock goes with the process that holds it, however that process ends. A notebook that a run has started
        works under the run's lock.

        Raises
        ------
        StoreError
            If another process holds it.
        """
        if self._is_held_by_its_run():
            self.check_lock()
            yield
            return
        holder = self.folder / _HOLDER
        lock = FileLock(self.folder / "lock", timeout=0)
        with writing(self.folder):
            try:
                lock.acquire()
            except Timeout:
                who = holder.read_text(encoding="utf-8", errors="replace").strip() if holder.exists() else "unknown"
                raise StoreError(
                    "the store is in use by another run",
                    value=f"{self.folder} held by {who}",
                    expected="one run at a time",
                    remedy="wait for the other run to end, stop it, or set execution.runs_folder to another folder",
                ) from None
            holder.write_text(f"process {os.getpid()}\n", encoding="utf-8")
        os.environ[_HELD] = f"{os.getpid()} {self.folder.resolve()}"
        try:
            self._sweep()
            yield
        finally:
            os.environ.pop(_HELD, None)
            lock.release()

    def check_lock(self) -> None:
        """Refuse to go on where the run that this process belongs to has ended and another may hold the store."""
        if not self._is_held_by_its_run():
            return
        process, holder = os.environ[_HELD].split(" ")[0], self.folder / _HOLDER
        with writing(self.folder):
            holds = holder.read_text(encoding="utf-8", errors="replace").split()[-1:] if holder.exists() else []
        if holds != [process] or not is_alive(int(process)):
            raise StoreError(
                "the run that started this notebook has ended",
                value=f"process {process}",
                expected="a run that holds the store",
                remedy="start the run again; finished results are reused",
            )

    def _is_held_by_its_run(self) -> bool:
        """Say whether a run that this process belongs to holds this store."""
        return os.environ.get(_HELD, "").partition(" ")[2] == str(self.folder.resolve())

    def _check_folder(self) -> None:
        """Refuse to make a new folder in the place of one that was moved away in the middle of a run."""
        if not self.folder.is_dir():
            raise gone(self.folder)

    def _sweep(self) -> None:
        """Remove what killed runs left half-written."""
        for leftover in self.folder.glob("*/.*.tmp"):
            match = re.search(r"\.(\d+)\.tmp$", leftover.name)
            if match and not is_alive(int(match[1])):
                shutil.rmtree(leftover, ignore_errors=True)

    def digests_of_files(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Return name -> sha256 of many files; what has not changed (size, times, inode) is not read again."""
        with writing(self.folder):
            return digests_of_files(self.folder / "file_digests.json", files)


def _other_versions(folder: Path) -> str:
    """Say of a result that is reused if other versions of the libraries made it."""
    made = (read_record(folder) or {"versions": {}})["versions"]
    other = [f"{library} {made.get(library)}" for library, now in versions().items() if made.get(library) != now]
    return f" (made with {', '.join(other)})" if other else ""


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for name, inner in value.items() for k, v in _flat(inner, f"{prefix}{name}.").items()}
    return {prefix.rstrip("."): value}


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 24 else text[:12] + "…"
