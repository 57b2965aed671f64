"""From shares of predictions to shares of an alignment: which filters let a class support it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer, Real

from o2b_helpers.kernels.statistics.permutation_null import unit_ranks
from o2b_helpers.kernels.statistics.soft_ranks import rank_derivatives, widths


def mediated_weights(
    changes: Real[np.ndarray, "run filter pair"],
    base: Real[np.ndarray, "run stimulus"],
    hidden: Real[np.ndarray, "run pair"],
    stimuli: Integer[np.ndarray, " pair"],
    targets: Real[np.ndarray, "target stimulus"],
) -> Float[np.ndarray, "run filter target"]:
    """Share what a class does to the alignment among filters (ours, METHODS 4b).

    The weight of filter k is the sum over the stimuli n that show the class of m[k, n] times the mean of d rho / d y_n
    on the way from the predictions with the class hidden to the whole ones, with soft ranks. Over the filters of a
    layer it adds up to the change of the soft rho.

    Parameters
    ----------
    changes : array (run, filter, pair)
        m, see :func:`~o2b_helpers.kernels.mediation.mediated_changes.mediated_changes`; pairs of one class.
    base : array (run, stimulus)
        Predictions for the stimuli of the targets.
    hidden : array (run, pair)
        Predictions with the class hidden.
    stimuli : array (pair,) of int
        Which of the stimuli each pair is; the others do not show the class.
    targets : array (target, stimulus)
        Without missing values.

    Returns
    -------
    array (run, filter, target)
        NaN for a run that predicts the same for all stimuli.

    Examples
    --------
    >>> base, hidden = np.array([[0.1, 0.5, 0.9]]), np.array([[0.3]])
    >>> weights = mediated_weights(np.array([[[0.4], [0.2]]]), base, hidden, np.array([2]), np.array([[1, 2, 3]]))
    >>> weights.sum(1).round(2).tolist(), (weights[0, 0] / weights[0, 1]).round(2).tolist()
    ([[0.5]], [2.0])
    """
    changes, base, hidden = (np.asarray(values, dtype=np.float64) for values in (changes, base, hidden))
    ranks, width = unit_ranks(targets), widths(base)
    weights = np.empty((*changes.shape[:2], len(ranks)))
    for run, whole in enumerate(base):
        without = whole.copy()
        without[stimuli] = hidden[run]
        derivatives = rank_derivatives(whole, without, np.asarray(stimuli), width[run])
        weights[run] = changes[run] @ (derivatives @ ranks.T)
    return weights
