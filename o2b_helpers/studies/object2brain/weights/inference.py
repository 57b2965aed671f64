"""Class and category weights of one layer with what chance gives and how sure they are (used by notebook 08)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from o2b_helpers.kernels.statistics.bootstrap import bootstrap_weights, draw_counts, interval
from o2b_helpers.kernels.statistics.category_null import category_p, weights_by_category
from o2b_helpers.kernels.statistics.category_weights import classes_from_either_end
from o2b_helpers.kernels.statistics.permutation_null import (
    EQUAL,
    LinearStatistics,
    null_blocks,
    permutation_test,
    unit_ranks,
)
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.kernels.statistics.soft_ranks import soft_unit_ranks, widths
from o2b_helpers.kernels.statistics.weight_coefficients import weight_coefficients
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.targets import TargetGroup
from o2b_helpers.studies.object2brain.options import Object2Brain

RUN_STREAM = 1  # runs are drawn apart from stimuli


@dataclass(frozen=True)
class Shams:
    """Predictions with boxes of a class hidden that come from other pictures.

    Attributes
    ----------
    prediction : array (sham, run, pair)
        Of the pairs below.
    label, stimulus : array (pair,) of int
        Rows of the classes and of the stimuli.
    lent : array (class,)
        bool; whether every stimulus that shows the class has shams.
    """

    prediction: np.ndarray
    label: np.ndarray
    stimulus: np.ndarray
    lent: np.ndarray

    def of(self, sham: int, base: np.ndarray) -> np.ndarray:
        """Return the predictions (run, class, stimulus) of one sham; base where nothing is hidden."""
        values = np.repeat(base[:, None], len(self.lent), axis=1)
        values[:, self.label, self.stimulus] = self.prediction[sham]
        return values


@dataclass(frozen=True)
class Evidence:
    """What the weights of one layer are made of.

    Attributes
    ----------
    sensitivity : array (run, filter, class)
        S. For `occlusion`, where a hidden class takes the place of a lesioned filter, the identity.
    base : array (run, stimulus)
        Predictions for all stimuli.
    lesioned : array (run, filter, stimulus)
        Predictions without each filter (or with each class hidden).
    soft : bool
        Whether ranks are soft ones, as for `mediation`.
    offset : bool
        Whether all classes of a layer get the same push, because no score is negative: then the weights less their mean
        over classes are tested.
    shams : Shams, optional
        Predictions with sham boxes hidden.
    leave_out : bool
        What is done in a run in which `lesioned` is the same for all stimuli: a filter is left out of the sum; a hidden
        class (False) has no weight.
    """

    sensitivity: np.ndarray
    base: np.ndarray
    lesioned: np.ndarray
    soft: bool = False
    offset: bool = False
    shams: Shams | None = None
    leave_out: bool = True

    @classmethod
    def of_hidden(
        cls, base: np.ndarray, hidden: np.ndarray, *, soft: bool = False, shams: Shams | None = None
    ) -> Evidence:
        """Take predictions with each class hidden (run, class, stimulus): every class is a lesion of its own."""
        runs, classes, _ = hidden.shape
        identity = np.broadcast_to(np.eye(classes), (runs, classes, classes))
        return cls(identity, base, hidden, soft=soft, shams=shams, leave_out=False)

    def coefficients(self, group: TargetGroup) -> np.ndarray:
        """Return the weights' coefficients (run, class, stimulus) for the stimuli of a group of targets."""
        places = group.places
        base, lesioned = self.base[:, places], self.lesioned[:, :, places]
        if self.soft:
            width = widths(base)
            return soft_unit_ranks(base, width)[:, None] - soft_unit_ranks(lesioned, width[:, None])
        return weight_coefficients(self.sensitivity, base, lesioned, leave_out=self.leave_out)

    def weights(self, groups: Sequence[TargetGroup]) -> np.ndarray:
        """Return the weights (class, target), mean over runs."""
        weight = np.full((self.sensitivity.shape[2], sum(len(group.targets) for group in groups)), np.nan)
        for group in groups:
            weight[:, group.targets] = (unit_ranks(group.values) @ self.coefficients(group).mean(0).T).T
        return weight

    def tested(self, coefficients: np.ndarray) -> np.ndarray:
        """Return the coefficients of what is tested: the weights, less their mean over classes where they share one."""
        return coefficients - coefficients.mean(1, keepdims=True) if self.offset else coefficients


@dataclass(frozen=True)
class TestedWeights:
    """Weights with their p, q (over the classes of a target) and intervals; first every run, then their mean.

    Attributes
    ----------
    weight, p, q, low, high : array (run + 1, class, target)
        The last row is the mean over runs. low and high are NaN where no interval was asked for.
    samples : array (sample, class, target), or None
        The mean over runs in every bootstrap sample of stimuli and runs.
    p_sham, q_sham : array (class, target)
        Of the mean over runs, see :func:`sham_p`; q over the classes of a target. NaN where there are no shams.
    """

    weight: np.ndarray
    p: np.ndarray
    q: np.ndarray
    low: np.ndarray
    high: np.ndarray
    samples: np.ndarray | None
    p_sham: np.ndarray
    q_sham: np.ndarray


def sham_p(evidence: Evidence, groups: Sequence[TargetGroup], weight: np.ndarray) -> np.ndarray:
    """Ask whether hiding a class matters more than hiding as much elsewhere in the same stimuli (ours, METHODS 4b).

    Parameters
    ----------
    evidence : Evidence
        With shams, or without: then nothing is known.
    groups : sequence of TargetGroup
        All targets.
    weight : array (class, target)
        Weights, mean over runs.

    Returns
    -------
    array (class, target)
        (1 + shams whose weight is at least as far from 0) / (1 + shams); NaN where the weight is undefined, a
        stimulus that shows the class has no shams, or none of the target's stimuli shows the class.
    """
    p = np.full(weight.shape, np.nan)
    shams = evidence.shams
    if shams is None or not len(shams.prediction):
        return p
    above = np.zeros(weight.shape)
    for number in range(len(shams.prediction)):
        hidden = replace(evidence, lesioned=shams.of(number, evidence.base))
        above += np.abs(hidden.weights(groups)) >= np.abs(weight) * (1 - EQUAL)
    known = np.isfinite(weight) & shams.lent[:, None]
    for group in groups:
        shown = np.isin(np.arange(len(weight)), shams.label[np.isin(shams.stimulus, group.places)])
        known[np.ix_(~shown, group.targets)] = False
    p[known] = ((1 + above) / (1 + len(shams.prediction)))[known]
    return p


def with_mean(coefficients: np.ndarray) -> np.ndarray:
    """Add the mean over runs as one more run."""
    return np.concatenate([coefficients, coefficients.mean(0, keepdims=True)])


def tested_weights(
    evidence: Evidence,
    groups: Sequence[TargetGroup],
    permutations: np.ndarray,
    counts: np.ndarray | None,
    options: Significance,
    *,
    each_run: bool = True,
) -> TestedWeights:
    """Weigh every class for every target, and say how far chance and the choice of stimuli and runs could go.

    Parameters
    ----------
    evidence : Evidence
        What the weights are made of.
    groups : sequence of TargetGroup
        All targets.
    permutations : array (permutation, stimulus) of int
        Of the stimuli within their condition.
    counts : array (sample, stimulus), or None
        How often each stimulus is drawn in each bootstrap sample; None: no intervals.
    options : Significance
        Seed and width of the intervals.
    each_run : bool
        False: test the mean over runs only, without intervals; it is then the only row.

    Returns
    -------
    TestedWeights

    Notes
    -----
    S comes from the corpus, not from the stimuli, so that it stays when stimuli are exchanged or drawn again.
    """
    runs, _, classes = evidence.sensitivity.shape
    shape = (runs + 1 if each_run else 1, classes, sum(len(group.targets) for group in groups))
    weight, p, q, low, high = (np.full(shape, np.nan) for _ in range(5))
    drawn, means = None, None
    if counts is not None and each_run:
        drawn = draw_counts(np.zeros(runs), len(counts), options.seed + RUN_STREAM) / runs
        means = np.full((len(counts), *shape[1:]), np.nan, dtype=np.float32)
    for group in groups:
        coefficients = evidence.coefficients(group)
        coefficients = with_mean(coefficients) if each_run else coefficients.mean(0, keepdims=True)
        held = evidence.tested(coefficients).reshape(-1, len(group.places))
        tested = permutation_test([LinearStatistics(held, group.values, group.places)], permutations, familywise=False)
        own = (len(group.targets), *shape[:2])
        plain = unit_ranks(group.values) @ coefficients.reshape(-1, len(group.places)).T
        weight[:, :, group.targets] = plain.reshape(own).transpose(1, 2, 0)
        p[:, :, group.targets] = tested.p[0].reshape(own).transpose(1, 2, 0)
        if counts is not None and drawn is not None and means is not None:
            places = group.places
            base, lesioned = evidence.base[:, places], evidence.lesioned[:, :, places]
            samples = bootstrap_weights(
                evidence.sensitivity,
                base,
                lesioned,
                group.values,
                counts[:, places],
                soft=evidence.soft,
                leave_out=evidence.leave_out,
            )
            low[:-1, :, group.targets], high[:-1, :, group.targets] = interval(samples, options.confidence)
            means[:, :, group.targets] = np.einsum("srct,sr->sct", samples, drawn, optimize=True)
            ends = interval(means[:, :, group.targets], options.confidence)
            low[-1][:, group.targets], high[-1][:, group.targets] = ends
    for row in range(shape[0]):
        for target in range(shape[2]):
            q[row, :, target] = benjamini_hochberg(p[row, :, target])
    p_sham = sham_p(evidence, groups, weight[-1])
    q_sham = np.stack([benjamini_hochberg(column) for column in p_sham.T], axis=1)
    return TestedWeights(weight, p, q, low, high, means, p_sham, q_sham)


@dataclass(frozen=True)
class TestedCategories:
    """Which category weights are larger than chance gives.

    Attributes
    ----------
    p, q : array (sign, category, target)
        Sign 0: highest weights, 1: lowest; q is over signs and categories of a target.
    """

    p: np.ndarray
    q: np.ndarray


def tested_categories(
    evidence: Evidence,
    groups: Sequence[TargetGroup],
    permutations: np.ndarray,
    category: np.ndarray,
    options: Object2Brain,
) -> TestedCategories:
    """Test the category weights at either end, class weights averaged over runs.

    Parameters
    ----------
    evidence, groups, permutations
        As for :func:`tested_weights`; the classes by name, as those of equal weight are taken in their order.
    category : array (class, category)
        1 where the class is of the category.
    options : Object2Brain
        How many classes are taken from either end (under every permutation they are chosen anew), and what is made of
        their weights.
    """
    shape = (2, category.shape[1], sum(len(group.targets) for group in groups))
    p, q = np.full(shape, np.nan), np.full(shape, np.nan)
    for group in groups:
        coefficients = evidence.tested(evidence.coefficients(group)).mean(0)
        known = ~np.isnan(coefficients).any(axis=1)
        if not known.any():
            continue
        weights = LinearStatistics(coefficients[known], group.values, group.places)
        observed, own_category = weights.observed(), category[known]
        count = classes_from_either_end(options.share, int(known.sum()))
        kind = {"statistic": options.category_weight, "members": options.category_classes}
        null: list[list] = [[] for _ in group.targets]
        for _, block in null_blocks(weights, permutations):
            for number, values in enumerate(block):
                null[number].append(weights_by_category(values, own_category, count, **kind))
        for number, target in enumerate(group.targets):
            own = weights_by_category(observed[number][None], own_category, count, **kind)
            p[0, :, target], p[1, :, target] = category_p((own[0][0], own[1][0]), null[number])
            q[:, :, target] = benjamini_hochberg(p[:, :, target])
    return TestedCategories(p, q)
