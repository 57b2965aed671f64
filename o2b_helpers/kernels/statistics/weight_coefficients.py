"""Class weights as linear statistics of a target's ranks, so that nulls and intervals are matrix products."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Real

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.permutation_null import unit_ranks


def weight_coefficients(
    sensitivity: Real[np.ndarray, "run filter label"],
    base: Real[np.ndarray, "run stimulus"],
    lesioned: Real[np.ndarray, "run filter stimulus"],
    *,
    leave_out: bool = True,
) -> Float[np.ndarray, "run label stimulus"]:
    """Return the coefficients of w = S' Delta (the paper, section 3.2), whose correlations are linear in the target.

    ``coefficients @ unit_ranks(target)`` is the class weight: the sum over filters of the sensitivity times the rho
    that the filter's lesion takes away. The sum over filters is done here once, for all targets and permutations.

    Parameters
    ----------
    sensitivity : array (run, filter, class)
        S; NaN for a class without boxes.
    base : array (run, stimulus)
        Predictions for the stimuli of a target, none missing.
    lesioned : array (run, filter, stimulus)
        Predictions without each filter.
    leave_out : bool
        A lesion that leaves the same prediction for all stimuli has no rho. True: the filter is left out of that run's
        sum. False: in that run, classes with a sensitivity other than 0 have no weight.

    Returns
    -------
    array (run, class, stimulus)
        float64; NaN where S is, for a run whose whole network predicts the same for all stimuli, and as `leave_out`
        says.

    Raises
    ------
    InputError
        Shapes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> base, lesioned = np.array([[1, 2, 3]]), np.array([[[3, 2, 1]]])  # rho 1 falls to -1
    >>> coefficients = weight_coefficients(np.array([[[0.5]]]), base, lesioned)
    >>> (coefficients @ unit_ranks(np.array([4, 5, 6]))).round(2).tolist()
    [[1.0]]
    """
    sensitivity, base, lesioned = (np.asarray(values, dtype=np.float64) for values in (sensitivity, base, lesioned))
    if sensitivity.shape[:2] != lesioned.shape[:2] or base.shape != (lesioned.shape[0], lesioned.shape[2]):
        raise InputError(
            "Sensitivity and predictions do not fit",
            value=f"{sensitivity.shape}, {base.shape}, {lesioned.shape}",
            expected="(run, filter, class), (run, stimulus), (run, filter, stimulus)",
            remedy="take all from the same model and layer",
        )
    undefined = constant_lesions(base, lesioned)
    change = unit_ranks(base)[:, None] - np.where(undefined[..., None], 0.0, unit_ranks(lesioned))
    change[undefined] = 0.0
    coefficients = sensitivity.transpose(0, 2, 1) @ change
    if not leave_out:
        coefficients[(undefined[..., None] & (sensitivity != 0)).any(1)] = np.nan
    return coefficients


def constant_lesions(
    base: Real[np.ndarray, "run stimulus"], lesioned: Real[np.ndarray, "run filter stimulus"]
) -> Bool[np.ndarray, "run filter"]:
    """Mark the lesions that leave the same prediction for all stimuli; not where the whole network predicts so already.

    Examples
    --------
    >>> import numpy as np
    >>> base, lesioned = np.array([[1, 2, 3], [4, 4, 4]]), np.array([[[3, 2, 1], [5, 5, 5]], [[3, 2, 1], [5, 5, 5]]])
    >>> constant_lesions(base, lesioned).tolist()
    [[False, True], [False, False]]
    """
    base, lesioned = np.asarray(base), np.asarray(lesioned)
    varied = (base != base[:, :1]).any(1)
    return varied[:, None] & (lesioned == lesioned[:, :, :1]).all(2)
