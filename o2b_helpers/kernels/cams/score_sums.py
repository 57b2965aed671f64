"""Sums of box scores: what adds up over shards of images, and which boxes go into which sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer, Real, Shaped

from o2b_helpers.core.errors import InputError


@dataclass(frozen=True)
class FilterScores:
    """Sums that add up over shards of images (METHODS 3).

    Parameters
    ----------
    score_sum : array (run, filter, column), or (run, output, filter, column)
        Sum of the box scores over all boxes of a class, float64; behind the classes the columns of a `Membership`, each
        a sum of weight times score.
    box_count : array (column,)
        Boxes that went into each sum, int64; with a `Membership` float64, and the sum of the weights for its columns.
    layer, channel : array (filter,)
        Where each filter stands: module path and channel.
    dropped : int
        Boxes of which nothing lay inside the model's input; in neither sum nor count.
    square_sum : array (run, [output,] filter, class), optional
        Sum of the squared scores, for a standard error.
    ungated_sum : array (filter, column), optional
        Sum of the scores of the feature maps themselves, whatever the sign of w; the same for every run.
    """

    score_sum: Float[np.ndarray, "*run filter column"]
    box_count: Real[np.ndarray, " column"]
    layer: Shaped[np.ndarray, " filter"]
    channel: Integer[np.ndarray, " filter"]
    dropped: int = 0
    square_sum: Float[np.ndarray, "*run filter label"] | None = None
    ungated_sum: Float[np.ndarray, "filter column"] | None = None


@dataclass(frozen=True)
class Membership:
    """Further columns that boxes add to, each with a weight: a sparse matrix (box, column).

    A box may add to many columns, or to none.

    Parameters
    ----------
    box, column : array (entry,) of int
        Which box adds to which column, both counted from 0. Weights of the same box and column add up.
    weight : array (entry,)
        With what weight, finite.
    n_columns : int
        Length of the column axis.

    Raises
    ------
    InputError
        Arrays of different lengths, a column out of range, a weight that is not finite.

    Examples
    --------
    >>> import numpy as np, torch
    >>> members = Membership(np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([1.0, 0.5, 2.0]), n_columns=2)
    >>> members.matrix(torch.tensor([0, 1]), n_boxes=2).tolist()
    [[1.0, 0.5], [0.0, 2.0]]
    """

    box: Integer[np.ndarray, " entry"]
    column: Integer[np.ndarray, " entry"]
    weight: Real[np.ndarray, " entry"]
    n_columns: int

    def __post_init__(self) -> None:
        box, column, weight = (np.asarray(values) for values in (self.box, self.column, self.weight))
        whole = all(values.ndim == 1 and values.dtype.kind in "iu" for values in (box, column))
        fits = whole and box.shape == column.shape == weight.shape and bool(np.isfinite(weight).all())
        if not fits or bool((column < 0).any() or (column >= self.n_columns).any() or (box < 0).any()):
            raise InputError(
                "The columns that boxes add to do not fit",
                value=f"box {box.shape} {box.dtype}, column {column.shape} {column.dtype}, weight {weight.shape}",
                expected=f"whole numbers, columns below {self.n_columns}, and finite weights, one for each entry",
                remedy="give one box, one column and one weight for each entry",
            )

    def matrix(self, boxes: Integer[torch.Tensor, " some_box"], n_boxes: int) -> torch.Tensor:
        """Return the weights of some boxes as a matrix (column, box), float64.

        Parameters
        ----------
        boxes : tensor (some box,) of int
            Which boxes, in the order of the result.
        n_boxes : int
            How many boxes there are in all.

        Raises
        ------
        InputError
            An entry for a box that does not exist.
        """
        box, column = torch.as_tensor(self.box).to(torch.int64), torch.as_tensor(self.column).to(torch.int64)
        if len(box) and int(box.max()) >= n_boxes:
            raise InputError(
                "A column names a box that does not exist",
                value=int(box.max()),
                expected=f"boxes 0..{n_boxes - 1}",
                remedy="number the boxes as they are handed over",
            )
        place = torch.full((n_boxes,), -1, dtype=torch.int64)
        place[boxes] = torch.arange(len(boxes))
        wanted = place[box] >= 0
        result = torch.zeros(self.n_columns, len(boxes), dtype=torch.float64)
        weight = torch.as_tensor(np.asarray(self.weight, dtype=np.float64))
        return result.index_put_((column[wanted], place[box[wanted]]), weight[wanted], accumulate=True)
