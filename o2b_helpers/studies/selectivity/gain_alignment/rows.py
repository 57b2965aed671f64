"""The table of a network: how far rho with every target changes, held against draws of other filters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from o2b_helpers.kernels.selectivity.control_sets import share_as_extreme
from o2b_helpers.kernels.statistics.bootstrap import bootstrap_rho, draw_counts, interval
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg, rank_correlation
from o2b_helpers.studies.common.correlations import RUN_STREAM
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.targets import exchangeable, target_groups, target_matrix
from o2b_helpers.studies.selectivity.gains.filter_sets import MATCHED, RANDOM

CONTROLS = {RANDOM: "random", MATCHED: "matched"}  # the columns of each kind


@dataclass(frozen=True)
class Changed:
    """What is predicted with the filters of one layer and emotion changed.

    Attributes
    ----------
    layer, emotion : str
        Whose filters.
    filters : int
        How many.
    selective : array (run, alpha, stimulus)
        With the emotion-selective filters changed.
    controls : mapping of str to array (draw, run, alpha, stimulus)
        With draws of other filters changed, by kind.
    """

    layer: str
    emotion: str
    filters: int
    selective: np.ndarray
    controls: Mapping[str, np.ndarray]


class Targets:
    """The targets of all stimuli, and the samples of stimuli and runs that intervals are made from.

    Parameters
    ----------
    table : DataFrame
        The contract's ``targets.csv``.
    stimuli : Series
        Names of the stimuli that are predicted, in order.
    significance : Significance
        Samples, their seed, and the share inside an interval.
    """

    def __init__(self, table: pd.DataFrame, stimuli: pd.Series, significance: Significance) -> None:
        self.order = table["stimulus"].drop_duplicates()
        self.places = pd.Index(stimuli).get_indexer(self.order)
        self.values, self.described = target_matrix(table, self.order)
        self.groups, self.significance = target_groups(self.values), significance
        self.counts = draw_counts(exchangeable(table, self.order), significance.bootstrap, significance.seed)
        self.n = np.isfinite(self.values).sum(1)

    def rho(self, predictions: np.ndarray) -> np.ndarray:
        """Correlate predictions (..., stimulus) with every target, (..., target)."""
        return rank_correlation(predictions[..., self.places], self.values)

    def samples(self, predictions: np.ndarray) -> list[np.ndarray]:
        """Correlate predictions (series, stimulus) in samples of stimuli, (sample, series, target) of each group."""
        own = predictions[:, self.places]
        return [
            bootstrap_rho(own[:, group.places], group.values, self.counts[:, group.places]) for group in self.groups
        ]

    def interval(self, before: list[np.ndarray], after: list[np.ndarray], known: np.ndarray) -> np.ndarray:
        """Return the ends of the mean change over runs and stimuli drawn anew, (2, target).

        Parameters
        ----------
        before, after : list of array (sample, run, target)
            `samples` of both predictions.
        known : array (run, target) of bool
            Runs in which the change is defined; only these are drawn.
        """
        ends = np.full((2, len(self.values)), np.nan)
        for group, old, new in zip(self.groups, before, after, strict=True):
            for place, target in enumerate(group.targets):
                runs = np.flatnonzero(known[:, target])
                if not len(runs):
                    continue
                drawn = draw_counts(np.zeros(len(runs)), len(old), self.significance.seed + RUN_STREAM) / len(runs)
                change = (new - old)[:, runs, place]
                means = np.einsum("sr,sr->s", change, drawn)
                low, high = interval(means[:, None], self.significance.confidence)
                ends[:, target] = low[0], high[0]
        return ends


def alignment_rows(
    whole: np.ndarray, changed: Iterator[Changed], alphas: list[float], targets: Targets
) -> pd.DataFrame:
    """Return gain_alignment.csv of a network, without its name.

    Parameters
    ----------
    whole : array (run, stimulus)
        What the network predicts as it is.
    changed : iterator of Changed
        Of each layer and emotion.
    alphas : list of float
        The strengths.
    targets : Targets
        What people and brains say.
    """
    before, original = targets.samples(whole), targets.rho(whole)
    frames = []
    for own in changed:
        value = targets.rho(own.selective)
        draws = {kind: _mean(targets.rho(of_kind) - original[:, None], 1)[0] for kind, of_kind in own.controls.items()}
        for place, alpha in enumerate(alphas):
            change, runs = _mean(value[:, place] - original, 0)
            known = ~np.isnan(value[:, place] - original)
            ends = targets.interval(before, targets.samples(own.selective[:, place]), known)
            frame = targets.described.assign(
                layer=own.layer, emotion=own.emotion, alpha=alpha, n=targets.n, runs=runs, filters=own.filters,
                original=_mean(np.where(known, original, np.nan), 0)[0],
                value=_mean(np.where(known, value[:, place], np.nan), 0)[0],
                change=change, change_low=ends[0], change_high=ends[1],
            )  # fmt: skip
            for kind, name in CONTROLS.items():
                of_draws = draws[kind][:, place]
                low, high = interval(of_draws, targets.significance.confidence)
                frame = frame.assign(**{
                    name: _mean(of_draws, 0)[0], f"{name}_low": low, f"{name}_high": high,
                    f"p_{name}": share_as_extreme(change, of_draws, "either"),
                })  # fmt: skip
            frames.append(frame)
    if not frames:
        return pd.DataFrame()
    table = pd.concat(frames, ignore_index=True)
    for name in CONTROLS.values():
        p = table.groupby(["alpha", "target"], sort=False)[f"p_{name}"]
        table[f"q_{name}"] = p.transform(lambda own: benjamini_hochberg(own.to_numpy(dtype=np.float64)))
    return table


def _mean(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over an axis of what is defined, NaN where nothing is, and how much that is."""
    known = ~np.isnan(values)
    count = known.sum(axis)
    total = np.where(known, values, 0.0).sum(axis)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0), count
