"""What the steps of ``selectivity`` found, in plain sentences."""

from __future__ import annotations

from o2b_helpers.core.facts import counted, facts_of_models
from o2b_helpers.core.study import Facts

NAMED = 5  # constant filters


def image_sets_summary(facts: Facts) -> list[str]:
    """Say how many pictures of each emotion the two sets have."""
    if "image_sets" not in facts:
        return []
    counts = "; ".join(
        f"{name} set: {', '.join(f'{many:,} {emotion}' for emotion, many in own.items())}"
        for name, own in facts["image_sets"].items()
    )
    whose = "Two halves of the corpus" if facts.get("halves") else "The corpus and a second one"
    left = facts.get("left_out", 0)
    return [f"{whose}. {counts}." + (f" {counted(left, 'picture')} without an emotion left out." if left else "")]


def selectivity_summary(facts: Facts) -> list[str]:
    """Say how many filters are emotion-selective, and how many chance would give."""
    said = []
    for name, own in facts_of_models(facts, "emotion_selective"):
        overlap = ", ".join(
            f"{many:,} for {emotion} pictures (random sets: {own['expected'][emotion]:.1f}; p of their "
            f"strength {own['p_strength'][emotion]:.3f})"
            for emotion, many in own["both"].items()
        )
        constant, names = own.get("constant", 0), own.get("constant_filters") or []
        named = ", ".join(names[:NAMED]) + (" ..." if constant > NAMED else "")
        said.append(
            f"{name}: {own['emotion_selective']:,} of {counted(own['filters'], 'filter')} in "
            f"{counted(own['layers'], 'layer')} are selective for the same emotion in both sets: {overlap}."
            + (f" {counted(constant, 'constant filter')} left out: {named}." if constant else "")
        )
    return said


def emotion_controls_summary(facts: Facts) -> list[str]:
    """Say how far light, contrast, colour and edges tell the emotion, and which sets have no categories."""
    if "low_level_auroc" not in facts:
        return []
    reached = ", ".join(f"{name} {value:.2f}" for name, value in facts["low_level_auroc"].items())
    said = [f"From light, contrast, colour and edges alone, AUROC (0.5: guessing) is: {reached}."]
    without = facts.get("sets_without_categories") or []
    if without and facts.get("categories_from") != "none":
        whose = " and ".join(without)
        said.append(
            f"No analysis by category for the {whose} image set: no two categories with pictures of every emotion."
        )
    return said


def emotion_readouts_summary(facts: Facts) -> list[str]:
    """Say how well emotions are recognised on test pictures."""
    said = []
    for name, own in facts_of_models(facts, "auroc"):
        reached = ", ".join(
            f"{emotion} F1 {own['f1'][emotion]:.2f} and AUROC {value:.2f}" for emotion, value in own["auroc"].items()
        )
        said.append(f"{name} tells on test pictures, mean over sets and splits: {reached}.")
    return said


def lesion_and_attention_summary(facts: Facts) -> list[str]:
    """Say in how many layers lesions and gains of selective filters do more than those of matched ones."""
    said = []
    for name, own in facts_of_models(facts, "lesion"):
        for key, what in (("lesion", "lesions lower AUROC more"), ("strengthened", "strengthening raises AUROC more")):
            counts = ", ".join(f"{emotion} {of['sure']} of {of['tests']}" for emotion, of in own[key].items())
            said.append(
                f"{name}: {what} than {counted(facts.get('draws', 0), 'set')} of filters that respond as strongly "
                f"(q < 0.05) in so many layers of both sets: {counts}."
            )
        if own.get("sets_without_others"):
            said.append(
                f"{name}: {counted(own['sets_without_others'], 'selective set')} not held against filters that are "
                "selective for no emotion: there are too few of them in the layer."
            )
    return said


def gains_and_alignment_summary(facts: Facts) -> list[str]:
    """Say in how many cases emotion-selective filters change rho more than other filters do."""
    if facts.get("alignment_is_run") is False:
        return [
            "What emotion-selective filters mean for the agreement with people was not asked: the profile does not run "
            "the study alignment, which trains valence models and makes the targets."
        ]
    said, draws = [], counted(facts.get("draws", 0), "draw")
    for name, own in facts_of_models(facts, "changes"):
        if not own["sets"]:
            said.append(f"{name}: no filter is emotion-selective.")
        for alpha, of in own["changes"].items():
            what = "lesions" if float(alpha) < 0 else f"strengthening (alpha {alpha})"
            said.append(
                f"{name}: {what} change rho by {of['mean_change']:.3f} on average over layers, emotions and targets "
                f"(random filters: {of['mean_change_of_random']:.3f}); beyond {draws} of random filters in "
                f"{of['beyond_random']} of {of['tests']:,}, beyond filters that respond as strongly in "
                f"{of['beyond_matched']} (q < 0.05, corrected over all of these)."
            )
    left = facts.get("models_without_heads") or []
    if left:
        said.append(f"Without valence models, and left out here: {', '.join(left)} (set object2brain: true for them).")
    return said
