"""What a file that should hold weights really is, told from its first bytes: a pointer, a web page, half a download."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from o2b_helpers.core.errors import EnvironmentFault, ModelError

START = 4096  # bytes that are looked at
LONGEST_HEADER = 100_000_000  # bytes; the limit of safetensors itself
QUOTED = 60  # characters of a text
AGAIN = "download or copy it again, and compare its size with the original's"
UNPACK = "unpack it, and name the file of weights inside"
FROM_TORCH = "take weights that PyTorch saved: torch.save(network.state_dict(), path), or a .safetensors file"
SCRIPTED = (
    "a TorchScript file saves its code with it: open it with torch.jit.load where it came from, and save "
    "torch.save(network.state_dict(), path)"
)


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Attributes
    ----------
    name : str
        In words, with an article.
    remedy : str
        How to get weights instead; empty where it can hold weights of PyTorch.
    """

    name: str
    remedy: str = ""


TORCH = FileKind("a file of torch.save")
OLD_TORCH = FileKind("a pickle, as torch.save wrote it before version 1.6")
SAFETENSORS = FileKind("a file of safetensors")
_BEGINNINGS = (
    (0, b"\x1f\x8b", "a gzip archive", UNPACK),
    (0, b"BZh", "a bzip2 archive", UNPACK),
    (0, b"\xfd7zXZ", "an xz archive", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (0, b"Rar!", "a rar archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"\x89HDF", "an HDF5 file, as Keras saves weights", FROM_TORCH),
    (0, b"\x93NUMPY", "an array of NumPy", FROM_TORCH),
    (0, b"GGUF", "a GGUF file of quantised weights", FROM_TORCH),
    (4, b"TFL3", "a TensorFlow Lite model", FROM_TORCH),
    (0, b"%PDF", "a PDF", AGAIN),
    (0, b"\x89PNG", "a picture", AGAIN),
    (0, b"\xff\xd8\xff", "a picture", AGAIN),
)


def weights_kind(path: Path | str, what: str) -> FileKind:
    """Say which kind of weights a file holds; only its first and last bytes are read.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        How the message names it, e.g. ``"The weights mine.pth"``.

    Returns
    -------
    FileKind
        `TORCH`, `OLD_TORCH` or `SAFETENSORS`.

    Raises
    ------
    ModelError
        It is something else: the message says what, and what to do.
    EnvironmentFault
        The disk does not give its bytes.
    """
    kind = kind_of_file(path)
    if kind.remedy:
        raise ModelError(
            f"{what} cannot be read: the file is {kind.name}",
            value=path,
            expected="a state dict that PyTorch saved, or a .safetensors file",
            remedy=kind.remedy,
        )
    return kind


def kind_of_file(path: Path | str) -> FileKind:
    """Say what a file is, whatever its name ends in.

    Raises
    ------
    EnvironmentFault
        The disk does not give its bytes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "weights.pth")
    ...     _ = path.write_text("<!DOCTYPE html><title>Sign in</title>")
    ...     print(kind_of_file(path).name)
    a web page (HTML)
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(START)
        return _kind(path, size, start)
    except OSError as error:
        raise EnvironmentFault(
            f"the file {path.name} cannot be read now",
            value=f"{path}: {error.strerror or error}",
            expected="a file that the disk gives",
            remedy="check the disk, the share and the file's permissions, then run the same command again",
        ) from error


def _kind(path: Path, size: int, start: bytes) -> FileKind:
    if not size:
        return FileKind("empty (zero bytes)", AGAIN)
    text = start.lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return FileKind(
            "a pointer of git LFS, not the file itself",
            "fetch the file itself: run `git lfs install` and `git lfs pull` in the repository that it comes from",
        )
    if b"/annex/objects/" in start[:200]:
        return FileKind("a pointer of git-annex, not the file itself", "fetch the file itself: `git annex get`")
    if text.startswith((b"<!doctype html", b"<html", b"\xef\xbb\xbf<!doctype html")) or b"<html" in text[:1000]:
        return FileKind(
            "a web page (HTML)",
            "download the file itself: a page that asks to sign in or to agree was saved in its place",
        )
    for place, beginning, name, remedy in _BEGINNINGS:
        if start[place : place + len(beginning)] == beginning:
            return FileKind(name, remedy)
    if start.startswith(b"PK"):
        return _zip(path, size)
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= LONGEST_HEADER:
        return _safetensors(path, size, int.from_bytes(start[:8], "little"))
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return OLD_TORCH
    if start[:1] == b"\x08" and start[2:3] == b"\x12" and start[4:8].isalpha():
        return FileKind("an ONNX model", FROM_TORCH)
    return _text(start) or FileKind(f"of no kind that is known (it begins with {start[:8].hex(' ')})", FROM_TORCH)


def _zip(path: Path, size: int) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return FileKind(f"half a download or damaged (a zip archive without its end, {size:,} bytes)", AGAIN)
    inside = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        return FileKind("a TorchScript file", SCRIPTED)
    if "data.pkl" in inside:
        return TORCH
    if any(name.endswith("weights.h5") for name in names):
        return FileKind("a Keras model", FROM_TORCH)
    if names and all(name.endswith(".npy") for name in names):
        return FileKind("an archive of NumPy arrays (npz)", FROM_TORCH)
    listed = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
    return FileKind(f"a zip archive of something else ({listed or 'nothing'})", UNPACK)


def _safetensors(path: Path, size: int, length: int) -> FileKind:
    half = f"half a download or damaged (safetensors, {size:,} bytes"
    if 8 + length > size:
        return FileKind(f"{half} of at least {8 + length:,})", AGAIN)
    with path.open("rb") as file:
        file.seek(8)
        header = file.read(length)
    try:
        tensors = json.loads(header)
        ends = [about["data_offsets"][1] for name, about in tensors.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return FileKind(f"{half}, with a header that cannot be read)", AGAIN)
    whole = 8 + length + max(ends, default=0)
    return SAFETENSORS if size == whole else FileKind(f"{half} instead of {whole:,})", AGAIN)


def _text(start: bytes) -> FileKind | None:
    """Name a text by what it begins with; None where the bytes are no text."""
    try:
        text = (
            start.decode("utf-16") if start[:2] in (b"\xff\xfe", b"\xfe\xff") else start.decode("utf-8-sig", "ignore")
        )
    except UnicodeDecodeError:
        return None
    words = " ".join(text.split())
    if not words or not words.isprintable():
        return None
    name = "JSON" if words[0] in "{[" else "XML" if words.startswith("<?xml") else "text"
    quoted = words[:QUOTED] + ("..." if len(words) > QUOTED else "")
    return FileKind(f"{name}, no weights (it begins with {quoted!r})", AGAIN)


def damaged_member(path: Path | str) -> str:
    """Name the first part of a zip file whose checksum does not match; empty where all do. Reads all of it."""
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() or ""
