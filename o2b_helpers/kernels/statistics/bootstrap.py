"""Intervals over stimuli and runs: draw both again, with replacement, and look how far the values go."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Real, Shaped

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.soft_ranks import soft_comparison, widths

VALUES_AT_ONCE = 2**20  # of a block of resampled ranks


def draw_counts(
    groups: Shaped[np.ndarray, " stimulus"], count: int, seed: int
) -> Float[np.ndarray, "{count} stimulus"]:
    """Draw how often each stimulus is taken when as many as there are are drawn within each group.

    Parameters
    ----------
    groups : array (stimulus,)
        The group of each stimulus, such as its condition.
    count : int
        How many samples to draw.
    seed : int
        The g-th group, sorted, draws from ``default_rng([seed, g])``.

    Returns
    -------
    array (sample, stimulus)
        float64 whole numbers; the sum over a group is the group's size.

    Examples
    --------
    >>> import numpy as np
    >>> counts = draw_counts(np.array(["happy", "happy", "sad", "sad", "sad"]), 100, seed=0)
    >>> counts.shape, np.unique(counts[:, :2].sum(1)).tolist()
    ((100, 5), [2.0])
    """
    groups = np.asarray(groups)
    drawn = np.zeros((count, len(groups)))
    for number, group in enumerate(np.unique(groups)):
        members = np.flatnonzero(groups == group)
        equal = np.full(len(members), 1 / len(members))
        drawn[:, members] = np.random.default_rng([seed, number]).multinomial(len(members), equal, size=count)
    return drawn


def below(values: Real[np.ndarray, "series n"]) -> Float[np.ndarray, "series n n"]:
    """Compare every stimulus with every other: values (series, n) -> (series, n, n).

    1 where the other (last axis) has the smaller value, 1/2 where they are equal, itself included, else 0: times how
    often each was drawn, it gives every stimulus' mid-rank in a sample, less 1/2.

    Examples
    --------
    >>> import numpy as np
    >>> below(np.array([[1, 5, 5]])).tolist()
    [[[0.5, 0.0, 0.0], [1.0, 0.5, 0.5], [1.0, 0.5, 0.5]]]
    """
    values = np.asarray(values, dtype=np.float64)
    each, other = values[:, :, None], values[:, None, :]
    return (other < each) + 0.5 * (other == each)


def resampled_unit_ranks(
    comparison: Float[np.ndarray, "series n n"], counts: Real[np.ndarray, "sample n"]
) -> Float[np.ndarray, "sample series n"]:
    """Return what to multiply for Spearman's rho in every sample.

    Parameters
    ----------
    comparison : array (series, n, n)
        See :func:`below`.
    counts : array (sample, n)
        How often each stimulus was drawn.

    Returns
    -------
    array (sample, series, n)
        float64; the product of two series' rows is their rho in that sample, ties and repeated stimuli ranked
        together as SciPy does; NaN where a series is constant in the sample.
    """
    ranks = comparison.reshape(-1, comparison.shape[-1]) @ counts.T  # (series x n, sample)
    ranks = ranks.reshape(len(comparison), -1, len(counts)).transpose(2, 0, 1)
    ranks = ranks - counts.sum(1)[:, None, None] / 2
    ranks *= np.sqrt(counts)[:, None]
    length = np.sqrt((ranks * ranks).sum(-1, keepdims=True))
    # mid-ranks are whole or half numbers: what is left of a constant series is rounding
    return np.divide(ranks, length, out=np.full_like(ranks, np.nan), where=length > 1e-6)


def bootstrap_rho(
    series: Real[np.ndarray, "series n"], targets: Real[np.ndarray, "target n"], counts: Real[np.ndarray, "sample n"]
) -> Float[np.ndarray, "sample series target"]:
    """Correlate every series with every target in every sample.

    Parameters
    ----------
    series : array (series, n)
        Without missing values.
    targets : array (target, n)
        Likewise.
    counts : array (sample, n)
        See :func:`draw_counts`.

    Returns
    -------
    array (sample, series, target)
        rho, -1..1, float64.

    Examples
    --------
    >>> import numpy as np
    >>> predictions, targets = np.array([[1, 2, 3, 4]]), np.array([[1, 2, 4, 3]])
    >>> counts = np.array([[1, 1, 1, 1], [2, 2, 0, 0]])
    >>> bootstrap_rho(predictions, targets, counts)[:, 0, 0].round(2).tolist()
    [0.8, 1.0]
    """
    series, targets, counts = _checked(series, targets, counts)
    of_series, of_targets = below(series), below(targets)
    rho = np.empty((len(counts), len(series), len(targets)))
    for some in _samples(counts, len(series)):
        x, y = (resampled_unit_ranks(values, counts[some]) for values in (of_series, of_targets))
        np.matmul(x, y.transpose(0, 2, 1), out=rho[some])
    return rho


def bootstrap_weights(
    sensitivity: Real[np.ndarray, "run filter label"],
    base: Real[np.ndarray, "run stimulus"],
    lesioned: Real[np.ndarray, "run filter stimulus"],
    targets: Real[np.ndarray, "target stimulus"],
    counts: Real[np.ndarray, "sample stimulus"],
    *,
    soft: bool = False,
    leave_out: bool = True,
) -> Float[np.ndarray, "sample run label target"]:
    """Work out the class weights anew in every sample of stimuli.

    Parameters
    ----------
    sensitivity : array (run, filter, class)
        S, which comes from the corpus and stays.
    base, lesioned : array (run, stimulus), (run, filter, stimulus)
        Predictions for the stimuli of the targets.
    targets : array (target, stimulus)
        Without missing values.
    counts : array (sample, stimulus)
        See :func:`draw_counts`.
    soft : bool
        Whether predictions are ranked softly, see :mod:`~o2b_helpers.kernels.statistics.soft_ranks`.
    leave_out : bool
        What is done with a lesion that leaves the same prediction for all stimuli of a sample: see
        :func:`~o2b_helpers.kernels.statistics.weight_coefficients.weight_coefficients`.

    Returns
    -------
    array (sample, run, class, target)
        float32; NaN in samples in which the target, or the whole network, has the same value for all stimuli.
    """
    runs, filters, classes = sensitivity.shape
    weights = np.empty((len(counts), runs, classes, len(targets)), dtype=np.float32)
    y = below(targets)
    for run in range(runs):
        x = np.concatenate([base[run, None], lesioned[run]])
        x = soft_comparison(x, np.repeat(widths(base[run]), len(x))) if soft else below(x)
        weigh = sensitivity[run].T
        for some in _samples(counts, filters + 1):
            ranks, own = resampled_unit_ranks(x, counts[some]), resampled_unit_ranks(y, counts[some])
            rho = ranks @ own.transpose(0, 2, 1)  # (sample, 1 + filter, target)
            effect = rho[:, :1] - rho[:, 1:]
            undefined = np.isnan(rho[:, 1:]) & ~np.isnan(rho[:, :1])
            if undefined.any():
                effect[undefined] = 0.0
            weights[some, run] = weigh @ effect
            if not leave_out and undefined.any():
                weights[some, run][((weigh != 0) @ undefined.astype(float)) > 0] = np.nan
    return weights


def interval(
    samples: Real[np.ndarray, "sample *rest"], confidence: float = 0.95
) -> tuple[Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"]]:
    """Return the percentile interval over the first axis; samples without a value are left out, as NaN where all are.

    Parameters
    ----------
    samples : array (sample, ...)
        Values of each sample.
    confidence : float
        0..1, the share of the samples inside.

    Returns
    -------
    low, high : array (...)

    Examples
    --------
    >>> import numpy as np
    >>> low, high = interval(np.arange(101.0)[:, None], confidence=0.9)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([5.0], [95.0])
    """
    ends = [50 * (1 - confidence), 50 * (1 + confidence)]
    if not np.isnan(samples).any():
        low, high = np.percentile(samples, ends, axis=0)
        return np.asarray(low), np.asarray(high)
    flat = samples.reshape(len(samples), -1)
    bounds = np.full((2, flat.shape[1]), np.nan)
    some = ~np.isnan(flat).all(axis=0)
    bounds[:, some] = np.nanpercentile(flat[:, some], ends, axis=0)
    low, high = bounds
    return low.reshape(samples.shape[1:]), high.reshape(samples.shape[1:])


def _samples(counts: np.ndarray, series: int) -> list[slice]:
    size = max(1, VALUES_AT_ONCE // max(1, series * counts.shape[1]))
    return [slice(start, start + size) for start in range(0, len(counts), size)]


def _checked(series: np.ndarray, targets: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    series, targets, counts = (np.asarray(values, dtype=np.float64) for values in (series, targets, counts))
    if any(values.ndim != 2 for values in (series, targets, counts)) or not (
        series.shape[1] == targets.shape[1] == counts.shape[1]
    ):
        raise InputError(
            "Series, targets and samples do not fit",
            value=f"{series.shape}, {targets.shape}, {counts.shape}",
            expected="(series, n), (target, n), (sample, n)",
            remedy="line all up by stimulus first",
        )
    return series, targets, counts
