"""What the doctor says of one thing that a profile needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.files.table_file import file_and_sheet

if TYPE_CHECKING:
    from o2b_helpers.core.params import Params


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
        What it is.
    fine : bool
        Whether it is there.
    where : str
        Where it is, or where to put it.
    source : str
        Where it comes from, if it is missing; what to do, if it is wrong or in doubt.
    kind : {"file", "fault", "doubt"}
        What is the matter where it is not fine: a file is missing, something is wrong, or it deserves a look. A run
        starts in spite of a doubt.

    Examples
    --------
    >>> print(Finding("weights of alexnet", False, "weights/alexnet.pth", "torchvision"))
      MISSING  weights of alexnet
                 put it at:   weights/alexnet.pth
                 comes from:  torchvision
    >>> print(Finding("3 stimuli have no picture", False, "a.jpg, b.jpg, c.jpg", "correct the names", kind="fault"))
      WRONG    3 stimuli have no picture
                 found:       a.jpg, b.jpg, c.jpg
                 to do:       correct the names
    """

    what: str
    fine: bool
    where: str
    source: str = ""
    kind: Literal["file", "fault", "doubt"] = "file"

    @property
    def stops_a_run(self) -> bool:
        """Whether a run cannot do without it."""
        return not self.fine and self.kind != "doubt"

    def __str__(self) -> str:
        if self.fine:
            return f"  ok       {self.what}: {self.where}"
        if self.kind == "file":
            word, first, second = "MISSING", "put it at:  ", "comes from: "
        else:
            word, first, second = {"fault": "WRONG  ", "doubt": "LOOK   "}[self.kind], "found:      ", "to do:      "
        return f"  {word}  {self.what}\n             {first} {self.where}\n             {second} {self.source}"


def path_finding(params: Params, what: str, option: str, text: str | None, source: str) -> Finding:
    """Look for a file or folder that an option of the profile names."""
    if text is None:
        return Finding(what, False, f"(set {option} in {params.profile.name})", source)
    path = params.path(text)
    return Finding(what, file_and_sheet(path)[0].exists(), str(path), source)


def digest_findings(params: Params, what: str, option: str, text: str, sha256: str | None) -> Iterator[Finding]:
    """Compare a file with the digest that the profile names for it."""
    path = params.path(text)
    if sha256 is None or not path.is_file():
        return
    digest = file_digest(path)
    if digest == sha256.lower():
        yield Finding(f"{what}: digest", True, "as the profile names it")
        return
    source = f"the file that is there has sha256 {digest}"
    yield Finding(f"{what}: a file with the digest of {option}", False, str(path), source)
