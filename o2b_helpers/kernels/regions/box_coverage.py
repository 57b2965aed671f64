"""Boxes that lie on each other: how much of a box the boxes of each class cover."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer, Real

from o2b_helpers.core.errors import InputError


def box_coverage(
    boxes: Real[np.ndarray, "box 4"], box_image: Integer[np.ndarray, " box"], box_class: Integer[np.ndarray, " box"]
) -> tuple[Integer[np.ndarray, " entry"], Integer[np.ndarray, " entry"], Float[np.ndarray, " entry"]]:
    """Return the share of every box that the boxes of each class in the same image cover together.

    A person's box is covered by a box of clothing, a face and a chair as well: what a filter answers inside of it may
    be due to any of these. The shares say how far. They are exact: the edges of an image's boxes cut it into cells,
    and every cell lies wholly inside or outside of each box.

    Parameters
    ----------
    boxes : array (box, 4)
        x0, y0, x1, y1 in any unit, finite, clipped to what can be seen.
    box_image, box_class : array (box,) of int
        Image and class of each box, from 0.

    Returns
    -------
    box, class, share : array (entry,)
        A sparse matrix (box, class) of shares 0..1, 1 for a box's own class, by box; classes that do not touch a box
        have no entry. A box without area covers nothing and has no entry (ours; the paper, section 4, names
        overlapping boxes as a limit).

    Raises
    ------
    InputError
        Shapes that do not fit, or corners that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> boxes = np.array([[0, 0, 2, 2], [0, 0, 1, 2]])
    >>> box, label, share = box_coverage(boxes, np.array([0, 0]), np.array([0, 1]))
    >>> list(zip(box.tolist(), label.tolist(), share.tolist()))
    [(0, 0, 1.0), (0, 1, 0.5), (1, 0, 1.0), (1, 1, 1.0)]
    """
    boxes = np.asarray(boxes, dtype=np.float64)
    box_image, box_class = np.asarray(box_image), np.asarray(box_class)
    if boxes.shape != (len(box_image), 4) or box_class.shape != box_image.shape or not np.isfinite(boxes).all():
        raise InputError(
            "Boxes, their images and their classes do not fit",
            value=f"{boxes.shape}, {box_image.shape}, {box_class.shape}",
            expected="(box, 4) finite corners, (box,), (box,)",
            remedy="hand over one image and one class for each box",
        )
    real = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    real = real[np.argsort(box_image[real], kind="stable")]
    by_image = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for own_boxes in np.split(real, np.flatnonzero(np.diff(box_image[real])) + 1):
        if len(own_boxes):
            classes, own = np.unique(box_class[own_boxes], return_inverse=True)
            shares = _shares(boxes[own_boxes], own, len(classes))
            row, column = np.nonzero(shares)
            by_image.append((own_boxes[row], classes[column].astype(np.int64), shares[row, column]))
    box, classes, share = (np.concatenate(parts) for parts in zip(*by_image, strict=True))
    order = np.argsort(box, kind="stable")
    return box[order], classes[order], share[order]


def _shares(corners: np.ndarray, own: np.ndarray, count: int) -> np.ndarray:
    """Shares (box, class) for the boxes of one image."""
    x, y = np.unique(corners[:, [0, 2]]), np.unique(corners[:, [1, 3]])
    inside = np.zeros((len(corners), len(y) - 1, len(x) - 1), dtype=bool)
    edges = np.searchsorted(x, corners[:, [0, 2]]), np.searchsorted(y, corners[:, [1, 3]])
    covered = np.zeros((count, *inside.shape[1:]), dtype=bool)
    for box, (left, right), (top, bottom) in zip(range(len(corners)), *edges, strict=True):
        inside[box, top:bottom, left:right] = True
        covered[own[box], top:bottom, left:right] = True
    area = inside.reshape(len(corners), -1) * np.outer(np.diff(y), np.diff(x)).ravel()
    shares = (area @ covered.reshape(count, -1).T) / area.sum(1, keepdims=True)
    shares = np.clip(shares, 0.0, 1.0)
    shares[np.arange(len(corners)), own] = 1.0  # without the rounding of the sums
    return shares
