"""Rank correlation of predictions with every target, as tables (used by notebooks 03, 04 and 05)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.bootstrap import bootstrap_rho, draw_counts, interval
from o2b_helpers.kernels.statistics.partial_correlation import bootstrap_partial_rho, partial_p, partial_rho
from o2b_helpers.kernels.statistics.permutation_null import LinearStatistics, own_order, permutation_test, unit_ranks
from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg, by_missing, spearman_p
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.targets import exchangeable, target_groups, target_matrix

RUN_STREAM = 1  # runs are drawn apart from stimuli


def align(predictions: pd.DataFrame, targets: pd.DataFrame, by: list[str], options: Significance) -> pd.DataFrame:
    """Correlate every group of predictions with every target within the target's condition.

    Parameters
    ----------
    predictions : DataFrame
        Columns ``by``, stimulus, prediction.
    targets : DataFrame
        The contract's ``targets.csv``.
    by : list of str
        Columns that make one network: architecture, weights[, layer], run.
    options : Significance
        How many permutations, and their seed.

    Returns
    -------
    DataFrame
        Columns ``by``, target, valence_type, source, condition, n, rho; p (two-sided, Student's t as SciPy and the
        paper have it); p_perm (two-sided, stimuli exchanged within their condition); q (Benjamini-Hochberg of p_perm
        over the whole table); p_fwer (against the largest absolute rho of the whole table in each permutation).
    """
    wide, values, described, stimuli = lined_up(predictions, targets, by)
    groups = target_groups(values)
    permutations = permutations_within(exchangeable(targets, stimuli), options.permutations, options.seed)
    correlations = [
        LinearStatistics(unit_ranks(wide.to_numpy()[:, group.places]), group.values, group.places) for group in groups
    ]
    tested = permutation_test(correlations, permutations)
    values_of = {name: np.full((len(values), len(wide)), np.nan) for name in ("rho", "p_perm", "p_fwer")}
    for group, rho, p, family in zip(groups, tested.observed, tested.p, tested.p_familywise or [], strict=True):
        values_of["rho"][group.targets], values_of["p_perm"][group.targets] = np.clip(rho, -1, 1), p
        values_of["p_fwer"][group.targets] = family
    counts = np.isfinite(values).sum(axis=1)
    frames = [
        described.assign(
            n=counts,
            **{name: table[:, row] for name, table in values_of.items()},
            p=spearman_p(values_of["rho"][:, row], counts),
            **dict(zip(by, name, strict=True)),
        )
        for row, name in enumerate(wide.index)
    ]
    table = pd.concat(frames, ignore_index=True)
    table["q"] = benjamini_hochberg(table["p_perm"].to_numpy())
    return table


def summarise(predictions: pd.DataFrame, targets: pd.DataFrame, by: list[str], options: Significance) -> pd.DataFrame:
    """Average rho over runs, with its spread over runs and an interval over runs and stimuli.

    Parameters
    ----------
    predictions, targets
        As for :func:`align`.
    by : list of str
        Columns that make one network, ``run`` last.
    options : Significance
        How many bootstrap samples, their seed, and the share of them inside the interval.

    Returns
    -------
    DataFrame
        Columns ``by`` without run, target, valence_type, source, condition, n, runs (those whose rho is defined), rho
        (mean over these runs), sd (over these runs; NaN for one), ci_low, ci_high (percentiles of the mean when these
        runs and, within their condition, stimuli are drawn again with replacement; ours).
    """
    wide, values, described, stimuli = lined_up(predictions, targets, by)
    counts = draw_counts(exchangeable(targets, stimuli), options.bootstrap, options.seed)
    groups, n, frames = target_groups(values), np.isfinite(values).sum(axis=1), []
    for name, rows in wide.groupby(level=by[:-1], sort=False):
        series, runs = rows.to_numpy(), len(rows)
        drawn = draw_counts(np.zeros(runs), options.bootstrap, options.seed + RUN_STREAM) / runs
        mean, sd, ends = np.full(len(values), np.nan), np.full(len(values), np.nan), np.full((2, len(values)), np.nan)
        behind = np.full(len(values), runs)
        for group in groups:
            ranked = series[:, group.places]
            rho = unit_ranks(ranked) @ unit_ranks(group.values).T
            samples = bootstrap_rho(ranked, group.values, counts[:, group.places])
            for some, missing in by_missing(np.isnan(rho.T)):
                kept, own = ~missing, group.targets[some]
                behind[own] = count = int(kept.sum())
                if not count:
                    continue  # every run predicts the same for all of these stimuli
                defined, of_runs, again = rho, samples, drawn
                if count < runs or len(some) < len(group.targets):
                    defined, of_runs = rho[kept][:, some], samples[:, kept][:, :, some]
                if count < runs:
                    again = draw_counts(np.zeros(count), options.bootstrap, options.seed + RUN_STREAM) / count
                mean[own] = defined.mean(0)
                sd[own] = defined.std(0, ddof=1) if count > 1 else np.nan
                ends[:, own] = interval(np.einsum("srt,sr->st", of_runs, again), options.confidence)
        names = dict(zip(by[:-1], name, strict=True))
        frames.append(described.assign(n=n, runs=behind, rho=mean, sd=sd, ci_low=ends[0], ci_high=ends[1], **names))
    return pd.concat(frames, ignore_index=True)


def beyond(
    predictions: pd.DataFrame, targets: pd.DataFrame, covariates: pd.DataFrame, by: list[str], options: Significance
) -> pd.DataFrame:
    """Average rho over runs, and what is left of it once the ranks of covariates are taken out of both sides.

    Parameters
    ----------
    predictions, targets
        As for :func:`align`.
    covariates : DataFrame
        A row for each covariate, a column for each stimulus that has a target.
    by : list of str
        Columns that make one network, ``run`` last.
    options : Significance
        Permutations and samples.

    Returns
    -------
    DataFrame
        Columns ``by`` without run, target, valence_type, source, condition, n, runs, rho (mean over runs); partial_rho
        (mean over runs), its two-sided p_partial, and ci_low and ci_high over stimuli and runs.
    """
    wide, values, described, stimuli = lined_up(predictions, targets, by)
    taken_out = covariates[list(stimuli)].to_numpy(dtype=np.float64)
    exchanged = exchangeable(targets, stimuli)
    counts = draw_counts(exchanged, options.bootstrap, options.seed)
    orders = permutations_within(exchanged, options.permutations, options.seed)
    frames = []
    for name, rows in wide.groupby(level=by[:-1], sort=False):
        numbers = {
            key: np.full(len(values), np.nan) for key in ("rho", "partial_rho", "p_partial", "ci_low", "ci_high")
        }
        runs = np.zeros(len(values), dtype=int)
        for group in target_groups(values):
            series = rows.to_numpy()[:, group.places]
            series = series[np.isfinite(unit_ranks(series)).all(1)].reshape(-1, len(group.places))
            runs[group.targets] = len(series)
            if not len(series):
                continue  # every run predicts the same for all of these stimuli
            own = series, group.values, taken_out[:, group.places]
            numbers["rho"][group.targets] = (unit_ranks(series) @ unit_ranks(group.values).T).mean(0)
            numbers["partial_rho"][group.targets] = partial_rho(*own).mean(0)
            numbers["p_partial"][group.targets] = partial_p(*own, own_order(orders, group.places))
            drawn = draw_counts(np.zeros(len(series)), options.bootstrap, options.seed + RUN_STREAM) / len(series)
            samples = bootstrap_partial_rho(*own, counts[:, group.places])
            ends = interval(np.einsum("srt,sr->st", samples, drawn), options.confidence)
            numbers["ci_low"][group.targets], numbers["ci_high"][group.targets] = ends
        identity = dict(zip(by[:-1], name, strict=True))
        frames.append(described.assign(n=np.isfinite(values).sum(1), runs=runs, **numbers, **identity))
    return pd.concat(frames, ignore_index=True)


def lined_up(
    predictions: pd.DataFrame, targets: pd.DataFrame, by: list[str]
) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame, pd.Series]:
    """Return predictions (network, stimulus), targets (target, stimulus), what describes them, and the stimuli."""
    order = targets["stimulus"].drop_duplicates()
    values, described = target_matrix(targets, order)
    wide = predictions.pivot(index=by, columns="stimulus", values="prediction")
    missing = sorted(set(order) - set(wide.columns))
    if missing:
        raise InputError(
            "stimuli with a target but without a prediction",
            value=f"{len(missing)}: {', '.join(missing[:5])}",
            expected="a prediction for every stimulus that has a target",
            remedy="make the stimulus names of the targets match those of the stimuli",
        )
    return wide[order], values, described, order
