"""What a part of a step takes: memory, disk, and what to do for less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BATCH_SIZE = "execution.batch_size"


@dataclass(frozen=True)
class Need:
    """What a part of a step takes while it runs.

    Attributes
    ----------
    what : str
        The part in words, e.g. ``"scoring images with alexnet"``.
    memory : int
        Bytes of memory beyond what the process holds before the step.
    device : int
        Bytes of a GPU's own memory.
    disk : int
        Bytes that stay on the disk.
    scratch : int
        Bytes on the disk that are gone once the part is done.
    less : str
        What to do for less memory, as messages say it.
    less_disk : str
        What to do for less on the disk; empty where there is nothing but another disk.
    """

    what: str
    memory: int = 0
    device: int = 0
    disk: int = 0
    scratch: int = 0
    less: str = f"lower {BATCH_SIZE}"
    less_disk: str = ""


def disk_bytes(needs: Sequence[Need]) -> int:
    """Return the most that lies on the disk at one time: what stays, and the largest of what does not.

    Examples
    --------
    >>> disk_bytes([Need("features", disk=10, scratch=500), Need("heads", disk=20, scratch=300)])
    530
    """
    return sum(need.disk for need in needs) + max(need.scratch for need in needs)
