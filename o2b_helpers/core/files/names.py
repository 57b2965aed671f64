"""Names of files made from names that people give: never the same for two of them."""

from __future__ import annotations

import re
import unicodedata

from o2b_helpers.core.digests import digest_of

_READABLE, _DIGITS = 60, 12


def file_of(kind: str, names: tuple[str, ...], suffix: str) -> str:
    """Return the name of a file that belongs to some names, different for different names.

    What can be read of it is for people; the digest tells names apart that only differ in where they are divided, in
    capitals (some disks take both for one) or in signs that a file name must not have.

    Parameters
    ----------
    kind : str
        What the file holds, e.g. ``"heads"``.
    names : tuple of str
        What it belongs to, e.g. a model's name and its weights.
    suffix : str
        With the dot.

    Examples
    --------
    >>> file_of("heads", ("toynet", "toyworld"), ".npy")
    'heads_toynet_toyworld_529d935a22d8.npy'
    >>> file_of("heads", ("net", "a_b"), ".npy") == file_of("heads", ("net_a", "b"), ".npy")
    False
    """
    readable = re.sub(r"[^\w.+-]", "-", "_".join(names))[:_READABLE]
    return f"{kind}_{readable}_{digest_of(list(names))[:_DIGITS]}{suffix}"


def as_disks_compare(name: str) -> str:
    """Return a name in the form in which the most forgiving file system compares it.

    Examples
    --------
    >>> as_disks_compare("AlexNet") == as_disks_compare("alexnet")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
