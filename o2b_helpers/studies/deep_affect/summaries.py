"""What the steps of ``deep_affect`` say of their results, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from o2b_helpers.core.facts import counted


def affect_inputs_summary(facts: Mapping[str, Any]) -> Sequence[str]:
    """Say how many pictures there are, and how valence and arousal go together."""
    corpora = ", ".join(f"{name} {count:,}" for name, count in facts["pictures_by_corpus"].items())
    rho, held_out = facts["correlation_of_valence_and_arousal"], facts["held_out"]
    return [
        f"{counted(facts['pictures'], 'picture')} ({corpora}) in {facts['folds']} folds"
        + (f"; {held_out} is never learnt from." if held_out else "."),
        f"Valence and arousal correlate by {rho:.2f} (Pearson)." if rho is not None else "",
    ]


def affect_features_summary(facts: Mapping[str, Any]) -> Sequence[str]:
    """Say how many features each extractor gives."""
    features = ", ".join(f"{name} {count:,}" for name, count in facts["features"].items())
    without = [f"{name}: {counted(count, 'picture')} without a box." for name, count in facts["without_a_box"].items()]
    return [f"Features: {features}.", *without]


def affect_models_summary(facts: Mapping[str, Any]) -> Sequence[str]:
    """Say how many networks learnt."""
    return [
        f"{counted(facts['networks'], 'network')} learnt from {counted(facts['sets_of_features'], 'set')} of features "
        f"in {facts['folds']} folds; the epoch that is kept is {facts['median_best_epoch']:.0f} in the median."
    ]


def affect_scores_summary(facts: Mapping[str, Any]) -> Sequence[str]:
    """Say what was compared."""
    return [f"{counted(facts['models'], 'model')} were scored; R2 is shared among {', '.join(facts['groups'])}."]
