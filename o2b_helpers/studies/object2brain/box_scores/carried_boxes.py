"""The boxes of a corpus as filter sensitivity needs them: in the network's input, in their own image and in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.inputs.images.run_lengths import decode_mask, encode_mask
from o2b_helpers.kernels.cams.score_sums import Membership
from o2b_helpers.kernels.regions.exchanged_boxes import exchanged_partners
from o2b_helpers.kernels.regions.mask_statistics import mask_bounds
from o2b_helpers.kernels.regions.region import Regions

KINDS = ("score", "exchanged", "confidence", "coverage", "exchanged_coverage")
PLAIN = 2  # of these, the first ones count whole boxes; the others weigh them


@dataclass(frozen=True)
class CarriedBoxes:
    """Boxes of a corpus, carried through the geometry of a network's input.

    Attributes
    ----------
    corners : array (box, 4)
        x0, y0, x1, y1 in pixels of the input, clipped to it; by image. Of an object with a mask: the box around what
        the input shows of the mask, all 0 where it shows nothing.
    image, label : array (box,) of int
        Row of the corpus and number of the class.
    confidence : array (box,)
        0..1.
    donor : array (image,) of int
        Row of the image whose boxes each image is given; -1 where it is given none.
    side : int
        Height and width of the input, in pixels.
    masks : list of (str or None), optional
        Run-length code of each mask in pixels of the input; None where a box is all there is.
    """

    corners: np.ndarray
    image: np.ndarray
    label: np.ndarray
    confidence: np.ndarray
    donor: np.ndarray
    side: int = 0
    masks: list[str | None] | None = None

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
    masks : list of (str or None), optional
        Their masks, as CarriedBoxes has them.
    """

    classes: np.ndarray
    corners: np.ndarray
    image: np.ndarray
    column: np.ndarray
    members: Membership
    gram: np.ndarray
    masks: list[str | None] | None = None


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
        image, class, confidence, x0, y0, x1, y1 and, where objects have masks, mask.
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
    masks = None
    if "mask" in boxes:
        masks = [_carried_mask(geometry, *of) for of in zip(boxes["mask"], width, height, strict=True)]
        corners = _corners_of_masks(corners, masks, geometry.crop)
    shown = np.unique(row[has_area(corners)])
    donor = np.full(len(corpus), -1, dtype=np.int64)
    given = exchanged_partners(corpus["image"].iloc[shown].tolist(), seed)
    donor[shown] = np.where(given >= 0, shown[given], -1)
    number = {name: place for place, name in enumerate(classes)}
    label = boxes["class"].map(number).to_numpy(dtype=np.int64)
    confidence = boxes["confidence"].to_numpy(dtype=np.float64)
    return CarriedBoxes(corners, row, label, confidence, donor, geometry.crop, masks)


def _carried_mask(geometry: Preprocessing, code: str | None, width: int, height: int) -> str | None:
    if code is None:
        return None
    return encode_mask(geometry.mask_to_input(decode_mask(code, int(height), int(width)), int(width), int(height)))


def _corners_of_masks(corners: np.ndarray, masks: Sequence[str | None], side: int) -> np.ndarray:
    """Put the box around each mask in the place of the object's own, so that what is not shown has no area."""
    corners = corners.copy()
    for number, code in enumerate(masks):
        if code is not None:
            mask = decode_mask(code, side, side)
            corners[number] = mask_bounds(mask) if mask.any() else 0.0
    return corners


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
    masks = None if carried.masks is None else [carried.masks[number] for number in both]
    regions = Regions(corners, image + is_given * (stop - start), masks)
    box, covered_by, share = regions.coverage(label, (carried.side, carried.side))
    moved = np.where(is_given[box], 2, 1) * count  # behind the columns of confidence
    members = Membership(
        np.concatenate([np.arange(len(own)), box]),
        np.concatenate([label[: len(own)], covered_by + moved]),
        np.concatenate([carried.confidence[own], share]),
        (len(KINDS) - PLAIN) * count,
    )
    shares = np.zeros((len(own), count))
    shares[box[~is_given[box]], covered_by[~is_given[box]]] = share[~is_given[box]]
    return BoxColumns(classes, corners, image, label + is_given * count, members, shares.T @ shares, masks)
