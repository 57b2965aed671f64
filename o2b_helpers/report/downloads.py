"""Carry files of the results inside the report, compressed, so that a reader can save them byte for byte."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Download:
    """One file of the results, as the report carries it.

    Attributes
    ----------
    name : str
        The file's name.
    size : str
        Its size in words.
    packed : str
        The file, compressed by gzip and written as base64; empty where it is too large to carry.
    """

    name: str
    size: str
    packed: str


def pack(content: bytes) -> str:
    """Compress bytes and write them as text; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(content, compresslevel=9, mtime=0)).decode("ascii")


def downloads(folder: Path, names: Iterable[str], room: int) -> dict[str, Download]:
    """Pack the files that fit, the smallest first, so that one large file does not push out many small ones.

    Parameters
    ----------
    folder : Path
        The results folder.
    names : iterable of str
        File names; one that is not there is left out.
    room : int
        Characters that all of them together may take.

    Returns
    -------
    dict of str to Download
        By file name, in the order asked for. A file that does not fit has nothing packed; the page names it.
    """
    paths = {name: folder / name for name in dict.fromkeys(names) if (folder / name).is_file()}
    packed: dict[str, Download] = {}
    for name in sorted(paths, key=lambda name: (paths[name].stat().st_size, name)):
        size = paths[name].stat().st_size
        # What compresses twelvefold is rare; a much larger file need not be read to know that it does not fit.
        text = pack(paths[name].read_bytes()) if size <= 12 * room else ""
        fits = bool(text) and len(text) <= room
        room -= len(text) if fits else 0
        packed[name] = Download(name, _size(size), text if fits else "")
    return {name: packed[name] for name in paths}


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"
