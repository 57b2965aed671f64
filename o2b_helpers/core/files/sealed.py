"""Notes (JSON) that carry the digest of their own bytes, so that a changed byte is noticed when they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from o2b_helpers.core.errors import DamagedFile
from o2b_helpers.core.files.atomic import write_atomically
from o2b_helpers.core.files.faults import machine

_BEGIN, _DIGITS, _END, _EMPTY = b'{\n "seal": "', 64, b'"', b"}"


def sealed(content: Mapping[str, Any]) -> bytes:
    """Write a mapping as JSON whose first entry, ``seal``, is the sha256 of all that follows.

    Examples
    --------
    >>> sealed({"runs": 5}).decode().splitlines()[2:]
    [' "runs": 5', '}']
    """
    body = json.dumps(content, indent=1, ensure_ascii=False, default=str).encode(errors="surrogatepass")[1:]
    comma = b"" if body == _EMPTY else b","
    return _BEGIN + hashlib.sha256(body).hexdigest().encode() + _END + comma + body


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write a sealed note whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     note = Path(folder) / "note.json"
    ...     write_sealed(note, {"runs": 5})
    ...     print(read_sealed(note), read_sealed(Path(folder) / "other.json"))
    {'runs': 5} None
    """
    write_atomically(path, sealed(content))


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Read a sealed note, without its seal; None where there is none.

    Raises
    ------
    DamagedFile
        The file is not as it was written, to the byte.
    EnvironmentFault
        It is there and cannot be read.
    """
    try:
        with machine(path):
            content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:  # a folder of that name, or a file that may not be read
        raise damaged(path, error.strerror or str(error)) from error
    begin, digest, rest = content[: len(_BEGIN)], content[len(_BEGIN) :][:_DIGITS], content[len(_BEGIN) + _DIGITS :]
    comma = b"" if rest == _END + _EMPTY else b","
    body = rest[len(_END + comma) :]
    written = begin == _BEGIN and rest.startswith(_END + comma)
    if not written or hashlib.sha256(body).hexdigest().encode() != digest:
        raise damaged(path)
    return json.loads(b"{" + body)


def damaged(path: Path, why: str = "its bytes are not those that were written") -> DamagedFile:
    """Say that a file is not as it was written."""
    return DamagedFile(
        f"{path.name} was changed after it was written",
        value=f"{path} ({why})",
        expected="the bytes that a run has written",
        remedy="run the same command again with `o2b run`: what does not match is written anew",
    )
