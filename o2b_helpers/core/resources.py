"""What the machine has to give: memory of this process and for it, and room on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil

GIB = 2**30
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def resident_bytes() -> int:
    """Return what this process holds in memory now (its resident set), bytes."""
    return psutil.Process().memory_info().rss


def memory_for_this_process(limit_gib: float | None = None) -> int:
    """Return how large this process may become, bytes: what it holds and what it can still get.

    Parameters
    ----------
    limit_gib : float, optional
        A bound that the user sets, GiB.

    Returns
    -------
    int
        The smallest of: what the machine has free, what a container or a batch system allows (control groups of Linux,
        version 1 and 2), and the user's bound.
    """
    room = resident_bytes() + int(min(psutil.virtual_memory().available, *_room_in_groups()))
    return room if limit_gib is None else min(room, int(limit_gib * GIB))


def free_disk(folder: Path) -> int:
    """Return the room that is left where a folder lies or will lie, bytes."""
    folder = Path(folder).absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def in_words(size: float) -> str:
    """Write a size as people do, e.g. ``1.4 GiB``, ``350 MiB``.

    Examples
    --------
    >>> in_words(1.4 * GIB), in_words(350 * 2**20)
    ('1.4 GiB', '350 MiB')
    """
    return f"{size / GIB:.1f} GiB" if size >= 0.95 * GIB else f"{max(size, 0) / 2**20:.0f} MiB"


def _room_in_groups(root: Path = _CGROUPS, own: Path = _OWN_GROUPS) -> list[float]:
    """Return what each control group above this process still allows, bytes; infinity where none sets a bound."""
    room = [float("inf")]
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return room
    for line in lines:
        _, controllers, path = line.split(":", 2)
        tops: tuple[Path, ...]
        if controllers == "":
            names, tops = ("memory.max", "memory.current", "inactive_file"), (root, root / "unified")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            tops = (root / "memory",)
        else:
            continue
        for top in tops:
            group = top / path.lstrip("/")
            # inside a container the path may be that of the host; what is mounted at the top is then our own group
            room += [_room(folder, *names) for folder in (group, *group.parents) if folder.is_relative_to(top)]
    return room


def _room(group: Path, limit: str, usage: str, reclaimable: str) -> float:
    try:
        bound, used = int((group / limit).read_text()), int((group / usage).read_text())
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such group, or no bound ("max")
        return float("inf")
    return max(0, bound - used + int(statistics.get(reclaimable, 0)))  # the files it read can be dropped again
