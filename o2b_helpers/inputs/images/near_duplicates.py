"""Pictures of any corpora that look nearly the same: a list of pairs, and groups that belong on one side of a split."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from o2b_helpers.inputs.images.looks import near_pairs


@dataclass(frozen=True)
class NearDuplicates:
    """What `near_duplicates` found.

    Attributes
    ----------
    pairs : DataFrame [corpus, image, other_corpus, other_image, bits]
        Each pair once, the most alike first; `bits` of the 256 bits of their hashes differ, 0 to 24. -1: the pixels are
        the same.
    group : array (picture,) of int
        The same number for pictures that a chain of pairs connects; a picture without duplicate is alone in its group.
    """

    pairs: pd.DataFrame
    group: np.ndarray


def near_duplicates(pictures: pd.DataFrame) -> NearDuplicates:
    """Find pictures that look nearly the same, within a corpus and across corpora (ours; the paper did not look).

    Pairs are those of the perceptual hash (`looks.near_pairs`), and those with the same pixels, which flat pictures
    have that are too plain for a hash. Mirrored, turned or cut copies are not found.

    Parameters
    ----------
    pictures : DataFrame [corpus, image, look, pixels]
        Corpus and name of each picture, its hash and the digest of its pixels (`looks.look_of`, `looks.pixel_digest`).

    Returns
    -------
    NearDuplicates

    Examples
    --------
    >>> rows = [("a", "1.jpg", "0" * 64, "p"), ("b", "2.jpg", "0" * 63 + "7", "q"), ("b", "3.jpg", "f" * 64, "r")]
    >>> result = near_duplicates(pd.DataFrame(rows, columns=["corpus", "image", "look", "pixels"]))
    >>> result.pairs.values.tolist(), result.group.tolist()
    ([['a', '1.jpg', 'b', '2.jpg', 3]], [0, 0, 1])
    """
    looks, _ = near_pairs(pictures["look"].tolist(), most=sys.maxsize)
    bits = {(first, second): differ for first, second, differ in looks}
    for same in pictures.reset_index(drop=True).groupby("pixels", sort=False).groups.values():
        first, *others = sorted(same)
        bits |= {(int(first), int(other)): -1 for other in others}
    ends = np.array(list(bits), dtype=np.int64).reshape(-1, 2)
    count = len(pictures)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    apart = np.array(list(bits.values()), dtype=np.int64)
    order = np.lexsort((ends[:, 1], ends[:, 0], apart))
    named = pictures[["corpus", "image"]].to_numpy()
    left, right = (pd.DataFrame(named[ends[order, side]], columns=["corpus", "image"]) for side in (0, 1))
    pairs = left.join(right.add_prefix("other_"))
    pairs["bits"] = apart[order]
    return NearDuplicates(pairs, group.astype(np.int64))
