"""Ridge regression that never sees the stimulus it predicts, nor lets it choose the penalty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from o2b_helpers.errors import InputError

MIN_OF_EACH_LABEL = 3


def nested_ridge(features: np.ndarray, labels: np.ndarray, penalties: Sequence[float], where: str) -> np.ndarray:
    r"""Predict each stimulus from a ridge regression fitted to the others (METHODS 1; the nesting is ours).

    Outer loop: leave one stimulus out. Within the remaining ones: standardise the features, choose the penalty with
    the smallest mean squared leave-one-out error, refit with it. The inner errors come from one singular value
    decomposition, :math:`e_i = (y_i - \hat y_i) / (1 - h_i)`, as in scikit-learn's ``RidgeCV``; they treat the
    standardisation as given.

    The training labels' mean is not added: what is returned is the predicted *deviation* from it. Left in, it would
    say 0.5 - 1/(2 n) for a 1 and more for a 0, so that leaving one out would by itself make predictions run against
    the labels wherever a region knows nothing.

    Parameters
    ----------
    features : array
        Shape (stimulus, feature).
    labels : array
        Shape (stimulus,): 0, 1 or NaN. A stimulus without a label is predicted, not learned from.
    penalties : sequence of float
        Candidates, above 0; the smallest of equally good ones is taken.
    where : str
        Names the data in error messages.

    Returns
    -------
    array
        Shape (stimulus,), in units of the labels, relative to the training mean.

    Raises
    ------
    InputError
        Penalties that are not above 0; fewer than 3 stimuli with either label; predictions that are all the same.
    """
    penalties = np.sort(np.asarray(penalties, dtype=np.float64))
    if not len(penalties) or not np.isfinite(penalties).all() or penalties[0] <= 0:
        raise InputError(
            "The ridge penalties cannot be used",
            value=penalties.tolist(),
            expected="at least one finite number, all above 0",
            remedy="correct the penalties in the profile",
        )
    counts = [int((labels == label).sum()) for label in (0, 1)]
    if min(counts) < MIN_OF_EACH_LABEL:
        raise InputError(
            f"Too few stimuli of either label to learn from ({where})",
            value=f"{counts[0]} below and {counts[1]} above the median",
            expected=f"at least {MIN_OF_EACH_LABEL} of each",
            remedy="add stimuli, or leave this valence type out",
        )
    features = np.asarray(features, dtype=np.float64)
    labelled = np.flatnonzero(~np.isnan(labels))
    predictions = np.empty(len(labels))
    unlabelled = np.flatnonzero(np.isnan(labels))
    # the training sets that leave one labelled stimulus out all have the same size: one batch
    training = np.stack([labelled[labelled != held_out] for held_out in labelled])
    predictions[labelled] = _fit_predict(features[training], labels[training], features[labelled], penalties)
    if len(unlabelled):  # these are in no training set
        whole = np.broadcast_to(labelled, (len(unlabelled), len(labelled)))
        predictions[unlabelled] = _fit_predict(features[whole], labels[whole], features[unlabelled], penalties)
    if not predictions.std() > 0:
        raise InputError(
            f"The brain signals predict the same for every stimulus ({where})",
            value=f"{predictions[0]:g}",
            expected="signals that differ between stimuli",
            remedy="check the signals, or leave this subject out",
        )
    return predictions


def _fit_predict(
    train: np.ndarray, labels: np.ndarray, held_out: np.ndarray, penalties: np.ndarray
) -> np.ndarray:
    # train (fold, stimulus, feature), labels (fold, stimulus), held_out (fold, feature) -> (fold,)
    mean, spread = train.mean(1, keepdims=True), train.std(1, keepdims=True)
    spread = np.where(spread > 0, spread, 1.0)  # a feature that is constant without the held-out stimulus
    u, s, vt = np.linalg.svd((train - mean) / spread, full_matrices=False)
    centred = labels - labels.mean(1, keepdims=True)
    projected = np.einsum("fsk,fs->fk", u, centred)
    errors = np.empty((len(penalties), len(train)))
    for number, penalty in enumerate(penalties):
        shrink = s**2 / (s**2 + penalty)
        residual = centred - np.einsum("fsk,fk->fs", u, shrink * projected)
        leverage = 1 / train.shape[1] + np.einsum("fsk,fk->fs", u**2, shrink)
        errors[number] = np.mean((residual / (1 - leverage)) ** 2, axis=1)
    best = penalties[errors.argmin(0)][:, None]
    weights = np.einsum("fkp,fk->fp", vt, s / (s**2 + best) * projected)
    return np.einsum("fp,fp->f", (held_out - mean[:, 0]) / spread[:, 0], weights)
