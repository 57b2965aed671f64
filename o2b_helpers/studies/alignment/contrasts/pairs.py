"""Which agreement is larger? Pairs of targets of a model, and of models on a target, as a table (notebook 03)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from o2b_helpers.inputs.people.stimuli import MIN_PER_CONDITION
from o2b_helpers.kernels.statistics.bootstrap import bootstrap_rho, draw_counts, interval
from o2b_helpers.kernels.statistics.permutation_null import unit_ranks
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.kernels.statistics.rho_differences import (
    difference_p,
    random_labels,
    random_swaps,
    relabelled_differences,
    swapped_differences,
)
from o2b_helpers.studies.alignment.tables import CONTRASTS
from o2b_helpers.studies.common.correlations import RUN_STREAM, lined_up
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.targets import exchangeable

BY = ["architecture", "weights", "run"]
VALENCE_TYPES, SOURCES, CONDITIONS, MODELS = "valence types", "sources", "conditions", "models"
VARIED = {VALENCE_TYPES: "valence_type", SOURCES: "source", CONDITIONS: "condition"}
PARTS = ("valence_type", "source", "condition")


@dataclass(frozen=True)
class _Rhos:
    """Correlations of the runs of a model with a target: as they are (run,) and in every sample (sample, run)."""

    rho: np.ndarray
    samples: np.ndarray


def compared_sources(sources: Sequence[str], people: Sequence[str]) -> list[str]:
    """Return the sources that are compared in pairs: those that are not people's own where there are two, else all.

    Examples
    --------
    >>> compared_sources(["true", "LLR", "HLR"], ["true"]), compared_sources(["rating", "LLR"], ["rating"])
    (['LLR', 'HLR'], ['rating', 'LLR'])
    """
    own = [name for name in sources if name not in people]
    return own if len(own) > 1 else list(sources)


def target_pairs(described: pd.DataFrame, people: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    """Return for every kind of contrast the pairs of targets that differ in that part of their name only.

    Parameters
    ----------
    described : DataFrame
        Columns valence_type, source, condition; a row for each target.
    people : sequence of str
        Sources that are people's own.

    Returns
    -------
    dict of str to list of (int, int)
        Row numbers, by the kind of contrast; the order of the targets decides which is the first.
    """
    compared = compared_sources(list(dict.fromkeys(described["source"])), people)
    rows = described.reset_index(drop=True)
    pairs: dict[str, list[tuple[int, int]]] = {}
    for kind, varied in VARIED.items():
        chosen = rows[rows["source"].isin(compared)] if kind == SOURCES else rows
        groups = chosen.groupby([part for part in PARTS if part != varied], sort=False).groups
        pairs[kind] = [
            (a, b)
            for members in groups.values()
            for a, b in combinations(members, 2)
            if rows.at[a, varied] != rows.at[b, varied]
        ]
    return pairs


def contrasts_table(
    predictions: pd.DataFrame, targets: pd.DataFrame, people: Sequence[str], options: Significance
) -> pd.DataFrame:
    """Compare the agreement with pairs of targets, and of pairs of models, by permutation and bootstrap (ours).

    Parameters
    ----------
    predictions : DataFrame
        Columns architecture, weights, run, stimulus, prediction of the full models.
    targets : DataFrame
        The contract's ``targets.csv``.
    people : sequence of str
        Sources that are people's own ratings; the other ones are compared in pairs where there are two of them.
    options : Significance
        How many permutations and samples, their seed, and the share of the samples inside an interval.

    Returns
    -------
    DataFrame
        The columns of ``alignment_contrasts.csv``: first the three kinds of contrasts between targets, model by model,
        then pairs of models, target by target.

    Notes
    -----
    Pairs that share their stimuli (all kinds but conditions) are tested by swapping the ranks of the two targets, or of
    the two models, at random at each stimulus, in all runs alike. Two conditions have no stimulus in common: their
    labels are dealt out anew to pairs of ranks (prediction and target), each ranked within its own condition, so that
    only the relation is exchanged, not a difference between the conditions' means. Samples draw the stimuli again
    within their condition, and the runs, the same ones for both members of a pair.
    """
    wide, values, described, stimuli = lined_up(predictions, targets, BY)
    names = list(dict.fromkeys(zip(*(wide.index.get_level_values(name) for name in BY[:2]), strict=True)))
    series = {name: rows.to_numpy() for name, rows in wide.groupby(level=BY[:2], sort=False)}
    study = _Study(series, values, exchangeable(targets, stimuli), options)
    target, kinds = described["target"].to_numpy(), target_pairs(described, people)
    rows = []
    for name in names:
        for kind, pairs in kinds.items():
            compare = study.conditions if kind == CONDITIONS else study.targets
            rows += [
                (kind, *name, *name, target[a], target[b], *numbers)
                for (a, b), numbers in zip(pairs, compare(name, pairs), strict=True)
            ]
    for first, second in combinations(names, 2):
        compared = study.models(first, second)
        rows += [(MODELS, *first, *second, own, own, *some) for own, some in zip(target, compared, strict=True)]
    table = pd.DataFrame(rows, columns=[name for name in CONTRASTS.names if name != "q"])
    family = ["contrast", "architecture", "weights", "second_architecture", "second_weights"]
    q = table.groupby(family, sort=False)["p"].transform(lambda p: benjamini_hochberg(p.to_numpy(dtype=np.float64)))
    return CONTRASTS.select(table.assign(q=q.astype(float)))


class _Study:
    """Predictions and targets, lined up by stimulus, with the draws that all contrasts share.

    Every comparison returns, for each pair, what stands in the columns n to ci_high of its row, without q.
    """

    def __init__(
        self, series: dict[tuple[str, str], np.ndarray], values: np.ndarray, groups: np.ndarray, options: Significance
    ) -> None:
        self.series, self.values, self.options = series, values, options
        self.counts = draw_counts(groups, options.bootstrap, options.seed)
        self.swaps = random_swaps(options.permutations, len(groups), options.seed)
        self.labels: dict[tuple[int, int], np.ndarray] = {}
        self.present = np.isfinite(values)

    def targets(self, name: tuple[str, str], pairs: Sequence[tuple[int, int]]) -> list[tuple]:
        """Compare a model's agreement with two targets, over the stimuli that both have."""
        numbers: dict[int, tuple] = {}
        for places, some in self._by_places(pairs):
            if len(places) < MIN_PER_CONDITION:  # too few have both
                numbers |= dict.fromkeys(some, (len(places), len(places), 0, *[np.nan] * 6))
                continue
            chosen = sorted({target for number in some for target in pairs[number]})
            rhos = dict(zip(chosen, self._rhos(name, chosen, places), strict=True))
            of_model = unit_ranks(self.series[name][:, places])
            of_model = of_model[np.isfinite(of_model).all(1)].reshape(-1, len(places))
            mean = of_model.mean(0) if len(of_model) else np.full(len(places), np.nan)
            ranks = unit_ranks(self.values[:, places][chosen])
            first, second = (ranks[[chosen.index(pairs[k][side]) for k in some]][:, None] for side in (0, 1))
            shared = np.broadcast_to(mean, first.shape)
            p = self._swapped(shared, first, second, places)
            for place, number in enumerate(some):
                a, b = pairs[number]
                sizes = len(places), len(places)
                numbers[number] = self._numbers(rhos[a], rhos[b], sizes, p[place])
        return [numbers[number] for number in range(len(pairs))]

    def models(self, first: tuple[str, str], second: tuple[str, str]) -> list[tuple]:
        """Compare the agreement of two models with every target."""
        numbers: dict[int, tuple] = {}
        pairs = [(target, target) for target in range(len(self.values))]
        for places, some in self._by_places(pairs):
            a, b = (self._rhos(name, some, places) for name in (first, second))
            ranks = [unit_ranks(self.series[name][:, places]) for name in (first, second)]
            kept = np.isfinite(ranks[0]).all(1) & np.isfinite(ranks[1]).all(1)
            p = np.full(len(some), np.nan)
            if kept.any():
                shared = unit_ranks(self.values[some][:, places])[:, None]
                one, other = (np.broadcast_to(own[kept], (len(some), *own[kept].shape)) for own in ranks)
                p = self._swapped(shared, one, other, places)
            for place, target in enumerate(some):
                numbers[target] = self._numbers(a[place], b[place], (len(places), len(places)), p[place])
        return [numbers[target] for target in range(len(pairs))]

    def conditions(self, name: tuple[str, str], pairs: Sequence[tuple[int, int]]) -> list[tuple]:
        """Compare a model's agreement between two conditions; without p where they share stimuli."""
        rows = []
        for a, b in pairs:
            places = [np.flatnonzero(self.present[target]) for target in (a, b)]
            rhos = [self._rhos(name, [target], own)[0] for target, own in zip((a, b), places, strict=True)]
            kept, p = np.isfinite(rhos[0].rho) & np.isfinite(rhos[1].rho), np.nan
            sizes = len(places[0]), len(places[1])
            if kept.any() and not set(places[0]) & set(places[1]):
                x, y = (
                    np.concatenate([unit_ranks(part) * len(own) ** 0.5 for part, own in parts], axis=1)[None]
                    for parts in (
                        [(self.series[name][kept][:, own], own) for own in places],
                        [(self.values[[target]][:, own], own) for target, own in zip((a, b), places, strict=True)],
                    )
                )
                observed = relabelled_differences(x, y, (np.arange(sum(sizes)) < sizes[0])[None])[0]
                null = partial(relabelled_differences, x, y)
                p = float(difference_p(observed, null, self._labels(*sizes), int(kept.sum()))[0])
            rows.append(self._numbers(rhos[0], rhos[1], sizes, p))
        return rows

    def _swapped(self, shared: np.ndarray, first: np.ndarray, second: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return p of every contrast; NaN where its two members order all stimuli alike, so that nothing is tested."""
        observed = swapped_differences(shared, first, second, np.ones((1, len(places))))[0]
        alike = (np.abs(first - second) < 1e-12).all((1, 2))
        observed = np.where(alike, np.nan, observed)
        runs = max(part.shape[1] for part in (shared, first, second))
        return difference_p(observed, partial(swapped_differences, shared, first, second), self.swaps[:, places], runs)

    def _labels(self, first: int, second: int) -> np.ndarray:
        """Return the labels of two conditions of these sizes, drawn once."""
        if (first, second) not in self.labels:
            self.labels[first, second] = random_labels(first, second, self.options.permutations, self.options.seed)
        return self.labels[first, second]

    def _rhos(self, name: tuple[str, str], targets: Sequence[int], places: np.ndarray) -> list[_Rhos]:
        """Correlate the runs of a model with targets over some stimuli."""
        series, values = self.series[name][:, places], self.values[list(targets)][:, places]
        rho = unit_ranks(series) @ unit_ranks(values).T
        samples = bootstrap_rho(series, values, self.counts[:, places])
        return [_Rhos(np.clip(rho[:, k], -1, 1), samples[:, :, k]) for k in range(len(targets))]

    def _numbers(self, a: _Rhos, b: _Rhos, sizes: tuple[int, int], p: float) -> tuple:
        """Average over the runs that have both correlations."""
        kept = np.isfinite(a.rho) & np.isfinite(b.rho)
        runs = int(kept.sum())
        if not runs:
            return (*sizes, 0, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan)
        drawn = draw_counts(np.zeros(runs), self.options.bootstrap, self.options.seed + RUN_STREAM) / runs
        samples = ((a.samples - b.samples)[:, kept] * drawn).sum(1)
        low, high = (float(end[0]) for end in interval(samples[:, None], self.options.confidence))
        first, second = float(a.rho[kept].mean()), float(b.rho[kept].mean())
        return (*sizes, runs, first, second, first - second, p, low, high)

    def _by_places(self, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[np.ndarray, list[int]]]:
        """Group pairs of targets, by number, that have the same stimuli in common, and yield these."""
        groups: dict[bytes, list[int]] = {}
        for number, (a, b) in enumerate(pairs):
            groups.setdefault((self.present[a] & self.present[b]).tobytes(), []).append(number)
        for key, some in groups.items():
            yield np.flatnonzero(np.frombuffer(key, dtype=bool)), some
