"""The boxes of a corpus as filter sensitivity needs them: in the network's input, in their own image and in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.kernels.cams.score_sums import Membership
from o2b_helpers.kernels.regions.box_coverage import box_coverage
from o2b_helpers.kernels.regions.exchanged_boxes import exchanged_partners

KINDS = ("score", "exchanged", "confidence", "coverage", "exchanged_coverage")
PLAIN = 2  # of these, the first ones count whole boxes; the others weigh them


@dataclass(frozen=True)
class CarriedBoxes:
    """Boxes of a corpus, carried through the geometry of a network's input.

    Attributes
    ----------
    corners : array (box, 4)
        x0, y0, x1, y1 in pixels of the input, clipped to it; by image.
    image, label : array (box,) of int
        Row of the corpus and number of the class.
    confidence : array (box,)
        0..1.
    donor : array (image,) of int
        Row of the image whose boxes each image is given; -1 where it is given none.
    """

    corners: np.ndarray
    image: np.ndarray
    label: np.ndarray
    confidence: np.ndarray
    donor: np.ndarray

    def own(self, start: int, stop: int) -> np.ndarray:
        """Return the boxes of neighbouring images."""
        return np.arange(*np.searchsorted(self.image, (start, stop)))

    def given(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes that neighbouring images are given from others, and the image that each is given to."""
        hosts = [host for host in range(start, stop) if self.donor[host] >= 0]
        parts = [self._real(self.own(self.donor[host], self.donor[host] + 1)) for host in hosts]
        boxes = np.concatenate([np.empty(0, np.int64), *parts])
        return boxes, np.repeat(np.array(hosts, dtype=np.int64), [len(part) for part in parts])

    def classes(self, start: int, stop: int) -> np.ndarray:
        """Return the classes of the boxes that neighbouring images have or are given, in order."""
        return np.unique(self.label[np.concatenate([self.own(start, stop), self.given(start, stop)[0]])])

    def _real(self, boxes: np.ndarray) -> np.ndarray:
        return boxes[has_area(self.corners[boxes])]


@dataclass(frozen=True)
class BoxColumns:
    """What the kernel is asked for a batch of images.

    Attributes
    ----------
    classes : array (class,) of int
        The classes that occur; every kind of sum has a column for each of them.
    corners, image, column : array (box, 4), (box,), (box,)
        Boxes, their images counted from the first of the batch, and the columns of the kinds that count whole boxes.
    members : Membership
        The columns of the kinds that weigh boxes.
    gram : array (class, class)
        M'M, with m[b, c] the share of box b that the boxes of class c in its image cover.
    """

    classes: np.ndarray
    corners: np.ndarray
    image: np.ndarray
    column: np.ndarray
    members: Membership
    gram: np.ndarray


def has_area(corners: np.ndarray) -> np.ndarray:
    """Say of which boxes (box, 4) anything lies inside the input."""
    return (corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1])


def carried_boxes(
    geometry: Preprocessing, corpus: pd.DataFrame, boxes: pd.DataFrame, classes: Sequence[str], seed: int
) -> CarriedBoxes:
    """Carry all detections to the network's input, and draw which image is given whose.

    Parameters
    ----------
    geometry : Preprocessing
        What the picture goes through.
    corpus : DataFrame
        image, width, height; the whole corpus, so that who is given whose boxes does not hang on shards.
    boxes : DataFrame
        image, class, confidence, x0, y0, x1, y1.
    classes : sequence of str
        Names of the classes in order.
    seed : int
        Of the exchange.
    """
    position = {name: row for row, name in enumerate(corpus["image"])}
    row = boxes["image"].map(position)
    boxes, row = boxes[row.notna()], row[row.notna()].to_numpy(dtype=np.int64)
    order = np.argsort(row, kind="stable")
    boxes, row = boxes.iloc[order], row[order]
    width, height = (corpus[side].to_numpy()[row] for side in ("width", "height"))
    corners = np.asarray(
        geometry.boxes_to_input(boxes[["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64), width, height)
    )
    shown = np.unique(row[has_area(corners)])
    donor = np.full(len(corpus), -1, dtype=np.int64)
    given = exchanged_partners(corpus["image"].iloc[shown].tolist(), seed)
    donor[shown] = np.where(given >= 0, shown[given], -1)
    number = {name: place for place, name in enumerate(classes)}
    label = boxes["class"].map(number).to_numpy(dtype=np.int64)
    return CarriedBoxes(corners, row, label, boxes["confidence"].to_numpy(dtype=np.float64), donor)


def box_columns(carried: CarriedBoxes, start: int, stop: int) -> BoxColumns:
    """Return the boxes of some neighbouring images, own and given ones, and the columns that they add to.

    Own boxes that lie outside of the input are handed over all the same: the kernel counts them.
    """
    own, (given, host) = carried.own(start, stop), carried.given(start, stop)
    classes = carried.classes(start, stop)
    count = len(classes)
    both = np.concatenate([own, given])
    corners, label = carried.corners[both], np.searchsorted(classes, carried.label[both])
    image = np.concatenate([carried.image[own], host]) - start
    is_given = np.arange(len(both)) >= len(own)
    # own and given boxes of an image do not belong together
    box, covered_by, share = box_coverage(corners, image + is_given * (stop - start), label)
    moved = np.where(is_given[box], 2, 1) * count  # behind the columns of confidence
    members = Membership(
        np.concatenate([np.arange(len(own)), box]),
        np.concatenate([label[: len(own)], covered_by + moved]),
        np.concatenate([carried.confidence[own], share]),
        (len(KINDS) - PLAIN) * count,
    )
    shares = np.zeros((len(own), count))
    shares[box[~is_given[box]], covered_by[~is_given[box]]] = share[~is_given[box]]
    return BoxColumns(classes, corners, image, label + is_given * count, members, shares.T @ shares)
