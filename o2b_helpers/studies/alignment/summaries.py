"""What the steps of ``alignment`` found, in plain sentences."""

from __future__ import annotations

from o2b_helpers.core.facts import counted, facts_of_models
from o2b_helpers.core.study import Facts
from o2b_helpers.studies.alignment.figures.kept_heads import OPTIMISM, OPTIMISTIC
from o2b_helpers.studies.common.options import FULL_UNDER_LAYER_RULES

MOST_NAMED = 20  # pictures that could not be used


def inputs_summary(facts: Facts) -> list[str]:
    """Say which pictures go in."""
    said = []
    if "images_in_corpus" in facts:
        said.append(
            f"The corpus has {counted(facts['images_in_corpus'], 'picture')}: {facts.get('pleasant', 0):,} pleasant, "
            f"{facts.get('unpleasant', 0):,} unpleasant and {facts.get('neutral', 0):,} neutral, which carry no label."
        )
    if "valence_range" in facts:
        low, high = facts["valence_range"]
        said.append(f"Valence is read on a scale from {low:g} to {high:g}, neutral at {facts['neutral_point']:g}.")
    if "stimuli" in facts:
        by = facts.get("stimuli_by_condition") or {}
        parts = ", ".join(f"{number} {condition}" for condition, number in by.items())
        said.append(
            f"People judged {counted(facts['stimuli'], 'stimulus', 'stimuli')}{f' ({parts})' if parts else ''}."
        )
    if "images_left_out" in facts:
        left = facts["images_left_out"]
        names = facts.get("left_out", [])
        listed = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" * (len(names) > MOST_NAMED))
        some = f"{counted(left, 'picture')} could not be used{f': {listed}' if names else ''}."
        said.append(some if left else "Every picture could be used.")
    return said


def human_targets_summary(facts: Facts) -> list[str]:
    """Say what the networks are compared with."""
    said = []
    if "targets" in facts:
        said.append(
            f"There are {counted(facts['targets'], 'target')} over "
            f"{counted(facts.get('stimuli', 0), 'stimulus', 'stimuli')}, each with "
            f"{facts.get('stimuli_per_target', 'some')} of them."
        )
    if "annotators" in facts:
        brains = f" and {counted(facts['subjects'], 'subject')} in the scanner" if "subjects" in facts else ""
        said.append(f"They come from {counted(facts['annotators'], 'annotator')}{brains}.")
    if "noise_ceilings" in facts:
        said.append(f"Noise ceilings, how high rho could be at best: {facts['noise_ceilings']}.")
    dropped = facts.get("labels_dropped_at_the_median")
    if dropped:
        said.append(
            f"{counted(len(dropped), 'label')} exactly at the median dropped: {', '.join(map(str, dropped[:5]))}."
        )
    return said


def valence_models_summary(facts: Facts) -> list[str]:
    """Say how well valence was learnt."""
    said = []
    if "images_trained_and_tested_on" in facts:
        said.append(
            f"Every model learned valence from {counted(facts['images_trained_and_tested_on'], 'picture')}, in "
            f"{counted(facts.get('runs', 1), 'run')}; part of the pictures was held out in each."
        )
    for name, own in facts_of_models(facts, "held_out_mae"):
        said.append(_held_out(name, own))
        if FULL_UNDER_LAYER_RULES in own:
            said.append(_held_out(f"{name}, trained as its layer models are", own[FULL_UNDER_LAYER_RULES]))
    if facts.get("heads_chosen_on") == "test":
        said.append(f"{OPTIMISTIC[:1].upper()}{OPTIMISTIC[1:]}, {OPTIMISM}.")
    elif "heads_chosen_on" in facts:
        said.append("Epoch and rate were chosen on validation pictures, never on those held out.")
    return said


def _held_out(name: str, own: Facts) -> str:
    """Say how well one model does on pictures that it did not learn from."""
    lead = f"{name}: on held-out pictures its mean absolute error is {own['held_out_mae']:.3f}, and rho with the "
    if own["held_out_rho_with_ratings"] is None:
        return f"{lead}ratings is undefined in every run: the predictions are all the same."
    missing = own.get("runs_without_rho")
    left = f"; undefined in {counted(missing, 'run')}, whose predictions are all the same" if missing else ""
    return (
        f"{lead}ratings is {own['held_out_rho_with_ratings']:.2f} ({own['smallest_rho']:.2f} to "
        f"{own['largest_rho']:.2f} over runs{left})."
    )


def alignment_summary(facts: Facts) -> list[str]:
    """Say how many correlations are beyond chance, and how many cannot be worked out."""
    if "correlations" not in facts or "q_below_0.05" not in facts:
        return []
    number, missing = facts["correlations"], facts.get("without_rho_because_constant", 0)
    if not number:
        return ["There is no model of this kind, so that nothing was correlated."]
    if missing == number:
        return [
            f"None of {counted(number, 'correlation')} between a model and a target can be computed, because models "
            "predict the same for every stimulus."
        ]
    beyond = facts["q_below_0.05"]
    said = [
        f"Of {number:,} correlations between a model and a target, {beyond:,} "
        f"{'is' if beyond == 1 else 'are'} beyond chance after correction for their number (q < 0.05)"
        + (f"; {facts['p_below_0.05_uncorrected']:,} without it (p < 0.05)." if "p_below_0.05_uncorrected" in facts
           else ".")
    ]  # fmt: skip
    if "p_familywise_below_0.05" in facts:
        said.append(f"{facts['p_familywise_below_0.05']:,} pass even the strictest correction (family-wise p < 0.05).")
    left = facts.get("without_rho_by_condition") or {}
    for condition, rho in (facts.get("mean_rho_by_condition") or {}).items():
        if rho is None:
            said.append(f"On {condition} stimuli no rho is defined.")
            continue
        some = f" over those that are defined ({left[condition]:,} are not)" if condition in left else ""
        said.append(f"On {condition} stimuli the mean rho is {rho:.2f}{some}.")
    if missing:
        said.append(
            f"{counted(missing, 'correlation')} cannot be computed, because a model predicts the same for every "
            "stimulus."
        )
    return said


def contrasts_summary(facts: Facts) -> list[str]:
    """Say how many differences between two agreements are beyond chance."""
    said = []
    for kind, own in (facts.get("contrasts") or {}).items():
        if not own["pairs"]:
            continue
        left = own["pairs"] - own["tested"]
        some = f"; {left:,} more cannot be tested" if left else ""
        said.append(
            f"Pairs of {kind}: {own['q_below_0.05']:,} of {counted(own['tested'], 'difference')} beyond chance after "
            f"correction (q < 0.05){some}."
        )
    return said or ["There is no pair of targets or models to compare."]


def controls_summary(facts: Facts) -> list[str]:
    """Say how the models stand against untrained networks and low-level features."""
    said, ranked = [], facts.get("ranked_among_untrained", 0)
    if ranked:
        said.append(
            f"{facts['above_all_untrained']:,} of {counted(ranked, 'agreement')} of trained networks (mean over "
            f"runs) lie above all of {counted(facts['untrained_seeds'], 'untrained network')} of the same architecture."
        )
    if "beyond_low_level" in facts:
        said.append(
            f"{facts['beyond_low_level']:,} of {counted(facts['tested_beyond_low_level'], 'agreement')} go beyond what "
            "light, colour and edges of a picture explain (q < 0.05)."
        )
    return said
