"""What the doctor says of one thing that a profile needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from o2b_helpers.core.digests import file_digest

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
        Where it comes from, if it is missing.

    Examples
    --------
    >>> print(Finding("weights of alexnet", False, "weights/alexnet.pth", "torchvision"))
      MISSING  weights of alexnet
                 put it at:   weights/alexnet.pth
                 comes from:  torchvision
    """

    what: str
    fine: bool
    where: str
    source: str = ""

    def __str__(self) -> str:
        if self.fine:
            return f"  ok       {self.what}: {self.where}"
        return (
            f"  MISSING  {self.what}\n             put it at:   {self.where}\n             comes from:  {self.source}"
        )


def path_finding(params: Params, what: str, option: str, text: str | None, source: str) -> Finding:
    """Look for a file or folder that an option of the profile names."""
    if text is None:
        return Finding(what, False, f"(set {option} in {params.profile.name})", source)
    path = params.path(text)
    return Finding(what, path.exists(), str(path), source)


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
