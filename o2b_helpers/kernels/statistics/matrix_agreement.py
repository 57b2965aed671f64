"""How far matrices of associations agree, beyond what classes and labels bring with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.permutation_null import EQUAL
from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation


@dataclass(frozen=True)
class MatrixAgreement:
    """Agreement of each pair of matrices.

    Attributes
    ----------
    rho : array (matrix, matrix)
        Spearman's rho of the flattened matrices, over the cells that both have.
    expected : array (matrix, matrix)
        The same where the boxes of one of the two are exchanged: mean over the draws.
    p : array (matrix, matrix)
        (1 + draws with at least as much agreement) / (1 + draws); NaN on the diagonal.
    """

    rho: Float[np.ndarray, "matrix matrix"]
    expected: Float[np.ndarray, "matrix matrix"]
    p: Float[np.ndarray, "matrix matrix"]


def matrix_agreement(
    matrices: Real[np.ndarray, "matrix class_ label"], nulls: Real[np.ndarray, "draw matrix class_ label"]
) -> MatrixAgreement:
    """Correlate association matrices with each other, and test it as Mantel (1967) does.

    Cells of a matrix are not independent, and frequent classes and labels make any two matrices alike. So one
    matrix of a pair is held, and the other one is exchanged for what its method gives when boxes are exchanged between
    pictures, which keeps how often a class occurs, how large its boxes are and where they lie. It is done with
    either one held, and the larger p is kept (METHODS 5).

    Parameters
    ----------
    matrices : array (matrix, class, label)
        E.g. M of each CAM method; NaN where a cell is not defined.
    nulls : array (draw, matrix, class, label)
        The same with exchanged boxes, the same exchange for all matrices of a draw; at least one draw.

    Returns
    -------
    MatrixAgreement
        One-sided: the question is whether methods agree.

    Raises
    ------
    InputError
        Shapes that do not fit, or no draw.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> true = rng.random((6, 4))
    >>> agreement = matrix_agreement(np.stack([true, true + 0.1 * rng.random((6, 4))]), rng.random((19, 2, 6, 4)))
    >>> bool(agreement.rho[0, 1] > 0.9), float(agreement.p[0, 1])
    (True, 0.05)
    """
    matrices, nulls = np.asarray(matrices, dtype=np.float64), np.asarray(nulls, dtype=np.float64)
    if matrices.ndim != 3 or nulls.ndim != 4 or nulls.shape[1:] != matrices.shape or not len(nulls):
        raise InputError(
            "Matrices and those with exchanged boxes do not fit",
            value=f"{matrices.shape} and {nulls.shape}",
            expected="(matrix, class, label) and (draw, matrix, class, label), at least one draw",
            remedy="make the null matrices from the same methods, classes and labels",
        )
    count, flat = len(matrices), matrices.reshape(len(matrices), -1)
    rho = rank_correlation(flat, flat)
    # (draw, exchanged, held)
    null = rank_correlation(nulls.reshape(len(nulls), count, -1), flat)
    known = np.isfinite(null)
    above = (null >= rho - EQUAL) | ~known  # a draw that cannot be compared speaks for chance
    p = (1 + above.sum(0)) / (1 + len(nulls))
    p = np.where(np.isnan(rho), np.nan, np.maximum(p, p.T))
    np.fill_diagonal(p, np.nan)
    total = np.where(known, null, 0.0).sum(0)
    expected = np.divide(total, known.sum(0), out=np.full(total.shape, np.nan), where=known.any(0))
    expected = (expected + expected.T) / 2
    np.fill_diagonal(expected, np.nan)
    return MatrixAgreement(rho, expected, p)
