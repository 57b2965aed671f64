"""How a picture looks, in short: a digest of its pixels, and a perceptual hash that nearly equal pictures share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import imagehash
import numpy as np
from PIL import Image, ImageStat

HASH_SIDE = 16  # of the block of low frequencies: 256 bits, four words; 64 bits call many different scenes alike
# bits of 256: the same photograph saved as JPEG or at another size differs in few, and different ones in about 128
NEARLY = 24
LEAST_SPREAD = 4.0  # grey levels: below, there is hardly anything to compare, and all flat pictures look the same
MOST_PAIRS = 10_000  # kept to be named; all are counted
_PIXELS_AT_ONCE = 2**20
_SIDE_BEFORE_HASHING = 128
_ROWS, _COLUMNS = 64, 4096  # compared at once: small enough for the processor's cache
_WORDS = HASH_SIDE**2 // 64


def pixel_digest(image: Image.Image) -> str:
    """Return the sha256 of size and pixels: the same for a picture in another file format, without a copy of it.

    Examples
    --------
    >>> pixel_digest(Image.new("RGB", (9, 8))) == pixel_digest(Image.new("RGB", (8, 9)))
    False
    """
    width, height = image.size
    digest = hashlib.sha256(f"{image.mode} {width} x {height}:".encode())
    rows = max(1, _PIXELS_AT_ONCE // width)
    for top in range(0, height, rows):
        digest.update(image.crop((0, top, width, min(top + rows, height))).tobytes())
    return digest.hexdigest()


def look_of(image: Image.Image) -> str:
    """Return the perceptual hash of a picture (ImageHash's phash) as 64 hexadecimal digits.

    It survives another size, another quality of JPEG, and slight changes of colour. It does not survive mirroring,
    turning or cutting.

    Returns
    -------
    str
        Empty for a picture that is nearly flat: the hash would be noise.

    Examples
    --------
    >>> len(look_of(Image.linear_gradient("L")))
    64
    >>> look_of(Image.new("RGB", (64, 64), "white"))
    ''
    """
    width, height = image.size
    # averaged first: the hash looks at low frequencies only, and reads a large picture slowly
    small = image.reduce((max(1, width // _SIDE_BEFORE_HASHING), max(1, height // _SIDE_BEFORE_HASHING))).convert("L")
    if ImageStat.Stat(small).stddev[0] < LEAST_SPREAD:
        return ""
    return str(imagehash.phash(small, hash_size=HASH_SIDE))


def near_pairs(
    first: Sequence[str], second: Sequence[str] | None = None, most: int | None = None
) -> tuple[list[tuple[int, int, int]], int]:
    """Find pairs of pictures that look nearly the same.

    Parameters
    ----------
    first, second : sequence of str
        From `look_of`; a picture with an empty hash has no pair. Without `second`, pairs lie within `first`, each
        named once.
    most : int, optional
        How many pairs are kept to be named, `MOST_PAIRS` by default.

    Returns
    -------
    pairs : list of (int, int, int)
        Places in `first` and `second`, and how many of the 256 bits differ; the first `most` of them.
    total : int
        How many pairs there are.

    Examples
    --------
    >>> near_pairs(["0" * 64, "f" * 64, "0" * 63 + "7"])
    ([(0, 2, 3)], 1)
    """
    most = MOST_PAIRS if most is None else most
    left, left_place = _words(first)
    right, right_place = (left, left_place) if second is None else _words(second)
    pairs: list[tuple[int, int, int]] = []
    total = 0
    for top in range(0, len(left), _ROWS):
        rows = left[top : top + _ROWS]
        for start in range(top if second is None else 0, len(right), _COLUMNS):
            columns = right[start : start + _COLUMNS]
            # half of the bits rule out nearly every pair
            half = sum(np.bitwise_count(rows[:, None, word] ^ columns[:, word]) for word in range(_WORDS // 2))
            row, column = np.nonzero(half <= NEARLY)
            if second is None:
                later = column + start > row + top
                row, column = row[later], column[later]
            bits = np.bitwise_count(rows[row] ^ columns[column]).sum(1, dtype=np.int64)
            near = np.flatnonzero(bits <= NEARLY)
            total += len(near)
            near = near[: most - len(pairs)]
            places = left_place[row[near] + top].tolist(), right_place[column[near] + start].tolist()
            pairs += zip(*places, bits[near].tolist(), strict=True)
    return pairs, total


def _words(looks: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Turn hashes into (picture, word) of uint64, and say where each stood; empty ones are left out."""
    places = np.array([place for place, look in enumerate(looks) if look], dtype=np.int64)
    content = bytes.fromhex("".join(looks))
    return np.frombuffer(content, ">u8").astype(np.uint64).reshape(-1, _WORDS), places
