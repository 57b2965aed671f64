"""Ridge regression that never sees the stimuli it predicts, nor lets them choose the penalty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from o2b_helpers.core.errors import InputError

OUTER = ("balanced", "leave_one_out")
MIN_OF_EACH_LABEL = 3
MIN_PER_FOLD = 4


def outer_folds(labels: np.ndarray, outer: str, folds: int, repeats: int, seed: int) -> list[list[np.ndarray]]:
    """Split the stimuli into the parts that are predicted from the rest.

    Parameters
    ----------
    labels : array
        Shape (stimulus, valence type): 0, 1 or NaN. Stimuli with the same row are spread evenly over the folds, so
        that every fold and every training set keeps the balance of all labels at once.
    outer : {"balanced", "leave_one_out"}
        Balanced folds, drawn `repeats` times, or each stimulus by itself, once.
    folds, repeats, seed : int
        Number of balanced folds, of draws, and the seed of the draws.

    Returns
    -------
    list of list of array
        For each repeat the folds, each with the indices of its stimuli; together all stimuli once.

    Raises
    ------
    InputError
        For an unknown `outer` or folds of fewer than 4 stimuli.
    """
    count = len(labels)
    if outer not in OUTER:
        raise InputError(
            "Unknown way to split the stimuli", value=outer, expected=" or ".join(OUTER), remedy="name one of these"
        )
    if outer == "leave_one_out":
        return [[np.array([stimulus]) for stimulus in range(count)]]
    if folds < 2 or count < MIN_PER_FOLD * folds or repeats < 1:
        raise InputError(
            "The stimuli cannot be split into these folds",
            value=f"{folds} folds, {repeats} repeats, {count} stimuli",
            expected=f"at least 2 folds of at least {MIN_PER_FOLD} stimuli, at least 1 repeat",
            remedy="ask for fewer folds or bring more stimuli",
        )
    cells = [np.flatnonzero(group) for group in _same_rows(labels)]
    draws = []
    for repeat in range(repeats):
        generator = np.random.default_rng([seed, repeat])
        dealt = np.concatenate([generator.permutation(cell) for cell in cells])  # dealt out like cards
        draws.append([np.sort(dealt[fold::folds]) for fold in range(folds)])
    return draws


def nested_ridge(
    features: np.ndarray,
    labels: np.ndarray,
    penalties: Sequence[float],
    draws: Sequence[Sequence[np.ndarray]],
    where: str,
) -> np.ndarray:
    r"""Predict each stimulus from a ridge regression fitted to other stimuli (METHODS 1; the nesting is ours).

    For each fold: standardise the features within the other stimuli, choose the penalty with the smallest mean
    squared leave-one-out error among them, refit with it, predict the fold. The leave-one-out errors come from one
    singular value decomposition, :math:`e_i = (y_i - \hat y_i) / (1 - h_i)`, as in scikit-learn's ``RidgeCV``; they
    take the standardisation as given.

    Predictions are z-scored within each fold (single stimuli: over all of them) and averaged over the repeats. The
    fold is the right place: its stimuli share one regression that knows nothing of them, so that where the features
    say nothing the z-scores are as often with the labels as against them. Leaving single stimuli out does not have
    this property: each regression then lacks just the stimulus it predicts, and wherever the rest nearly cancels
    out the predictions run *against* the labels; z-scoring blows this up, and averaging over subjects, who all share
    the labels, adds it up (correlations near -0.7 from pure noise). It is offered as ``leave_one_out`` for
    comparison.

    Parameters
    ----------
    features : array
        Shape (stimulus, feature).
    labels : array
        Shape (stimulus,): 0, 1 or NaN. A stimulus without a label is predicted, not learned from.
    penalties : sequence of float
        Candidates, above 0; the smallest of equally good ones is taken.
    draws : list of list of array
        What `outer_folds` returned.
    where : str
        Names the data in error messages.

    Returns
    -------
    array
        Shape (stimulus,): mean z-score. 0 where a whole fold is predicted the same.

    Raises
    ------
    InputError
        Penalties that are not above 0; too few stimuli with either label to learn from.
    """
    grid = np.sort(np.asarray(penalties, dtype=np.float64))
    if not len(grid) or not np.isfinite(grid).all() or grid[0] <= 0:
        raise InputError(
            "The ridge penalties cannot be used",
            value=grid.tolist(),
            expected="at least one finite number, all above 0",
            remedy="correct the penalties in the profile",
        )
    total = np.zeros(len(labels))
    for folds in draws:
        predicted = np.empty(len(labels))
        for fold in folds:
            learn = ~np.isnan(labels)
            learn[fold] = False
            _refuse_few(labels[learn], where)
            predicted[fold] = fit_predict(features[learn], labels[learn], features[fold], grid)
        single = all(len(fold) == 1 for fold in folds)
        for part in [np.arange(len(labels))] if single else folds:
            total[part] += _z_scores(predicted[part])
    return total / len(draws)


def fit_predict(features: np.ndarray, labels: np.ndarray, held_out: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Fit one ridge regression, choose its penalty by leave-one-out within its own stimuli, and predict others.

    Parameters
    ----------
    features : array
        Shape (stimulus, feature), to learn from.
    labels : array
        Shape (stimulus,), 0 or 1.
    held_out : array
        Shape (held-out stimulus, feature).
    penalties : array
        Candidates in rising order.

    Returns
    -------
    array
        Shape (held-out stimulus,), predicted label minus the mean label learned from.
    """
    mean, spread = features.mean(0), features.std(0)
    spread = np.where(spread > 0, spread, 1.0)  # a feature that only the held-out stimuli change
    u, s, vt = np.linalg.svd((features - mean) / spread, full_matrices=False)
    centred = labels - labels.mean()
    shrink = s**2 / (s**2 + penalties[:, None])  # (penalty, component)
    residual = centred - (shrink * (u.T @ centred)) @ u.T  # (penalty, stimulus)
    leverage = 1 / len(labels) + shrink @ (u**2).T
    best = penalties[np.mean((residual / (1 - leverage)) ** 2, axis=1).argmin()]
    weights = vt.T @ (s / (s**2 + best) * (u.T @ centred))
    return (held_out - mean) / spread @ weights


def _same_rows(labels: np.ndarray) -> list[np.ndarray]:
    keys = [tuple(row) for row in np.where(np.isnan(labels), -1.0, labels)]
    return [np.array([key == wanted for key in keys]) for wanted in sorted(set(keys))]


def _z_scores(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    if spread <= 1e-12 * np.abs(values).max():  # rounding errors must not be blown up to z-scores
        return np.zeros_like(values)
    return (values - values.mean()) / spread


def _refuse_few(labels: np.ndarray, where: str) -> None:
    counts = [int((labels == label).sum()) for label in (0, 1)]
    if min(counts) < MIN_OF_EACH_LABEL:
        raise InputError(
            f"Too few stimuli to learn labels from ({where})",
            value=f"{counts[0]} below and {counts[1]} above the median",
            expected=f"at least {MIN_OF_EACH_LABEL} of each beside the stimuli that are predicted",
            remedy="add stimuli, or leave this valence type out",
        )
