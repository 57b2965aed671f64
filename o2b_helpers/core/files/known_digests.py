"""Digests of files, worked out again only where a file may have changed since.

A file may have changed where its size, one of its times or its inode is another one. The time of the last change of
status (ctime) is the one that no program can set: whoever changes a byte and puts the old modification time back
leaves it behind, and so does a copy that is put in the file's place. Where a file system does not keep it, or where
the file was changed so shortly before it was read that a second change could bear the same time, the file is read
again each time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

import psutil

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.errors import DamagedFile
from o2b_helpers.core.files.sealed import read_sealed, write_sealed
from o2b_helpers.core.progress import say

# File systems that keep the time of the last change of status on the disk or the server. Others (FAT, many of FUSE,
# shares of Windows) make it up, or call the time of creation so.
_KEEP_CTIME = {
    "apfs", "bcachefs", "beegfs", "btrfs", "ceph", "ext2", "ext3", "ext4", "f2fs", "gpfs", "hfs", "jfs", "lustre",
    "nfs", "nfs4", "overlay", "ramfs", "reiserfs", "tmpfs", "ufs", "xfs", "zfs",
}  # fmt: skip
_SETTLED = 2 * 10**9  # nanoseconds; longer than one tick of any file system's clock
_KNOWN: dict[str, str] = {}  # of this process: mark -> digest


def known_digest(path: Path) -> str:
    """Return the sha256 of a file; what this process has read already, and what has not changed, is not read again.

    Raises
    ------
    InputError
        It cannot be read.
    EnvironmentFault
        The disk or the share does not answer.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.txt"
    ...     _ = file.write_text("a")
    ...     before, _ = known_digest(file), file.write_text("b")
    ...     print(before == known_digest(file))
    False
    """
    mark = _mark(path)
    if mark is None:
        return file_digest(path)
    if mark not in _KNOWN:
        _KNOWN[mark] = file_digest(path)
    return _KNOWN[mark]


def digests_of_files(note: Path, files: Mapping[str, Path]) -> dict[str, str]:
    """Return name -> sha256 of many files, and keep the digests in a note for the commands that follow.

    Parameters
    ----------
    note : Path
        Where digests are kept. Where it was changed, all files are read again, and a line says so.
    files : mapping
        Name -> file.
    """
    try:
        kept = read_sealed(note) or {}
    except DamagedFile as error:
        say(f"  {error.problem.rstrip('.')}: all files are read again")
        kept = {}
    known, digests = len(kept), {}
    for name, path in files.items():
        mark = _mark(path) if _keeps_ctime(path) else None
        if mark is None:
            digests[name] = file_digest(path)
            continue
        if mark not in kept:
            kept[mark] = known_digest(path)
        digests[name] = str(kept[mark])
    if len(kept) != known:
        write_sealed(note, kept)
    return digests


def _mark(path: Path) -> str | None:
    """Name a file's state; None where it cannot be looked at or was changed just now."""
    try:
        status = path.stat()
    except OSError:
        return None
    if max(status.st_ctime_ns, status.st_mtime_ns) > time.time_ns() - _SETTLED:
        return None
    times = f"{status.st_mtime_ns}|{status.st_ctime_ns}"
    return f"{os.path.abspath(path)}|{status.st_size}|{times}|{status.st_ino}"


def _keeps_ctime(path: Path) -> bool:
    return os.name == "posix" and _kind_of(str(path.resolve().parent)) in _KEEP_CTIME


@lru_cache(maxsize=4096)
def _kind_of(folder: str) -> str:
    """Return the kind of the file system that a folder lies on."""
    # the longest path is the nearest mount; of two at the same place, the later one hides the earlier
    places = [(len(place), number, kind) for number, (place, kind) in enumerate(_mounts()) if _lies_in(folder, place)]
    return max(places)[2] if places else ""


@cache
def _mounts() -> list[tuple[str, str]]:
    return [(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True)]


def _lies_in(folder: str, mount: str) -> bool:
    return folder == mount or folder.startswith(mount.rstrip("/") + "/")
