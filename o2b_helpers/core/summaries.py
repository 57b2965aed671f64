"""Put what came out of every analysis into plain sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Facts = Mapping[str, Any]
MOST_NAMED = 20  # pictures that could not be used


def sentences(step: str, facts: Facts) -> list[str]:
    """Say in plain words what an analysis found.

    Parameters
    ----------
    step : str
        The analysis, e.g. ``objects``.
    facts : mapping
        What the analysis noted besides its tables.

    Returns
    -------
    list of str
        Sentences. A fact that is not there is not spoken of; an analysis that this module does not know has none.
    """
    made = _WORDS[step](facts) if step in _WORDS else []
    return [sentence for sentence in made if sentence]


def _inputs(facts: Facts) -> list[str]:
    said = []
    if "images_in_corpus" in facts:
        said.append(
            f"The corpus has {_count(facts['images_in_corpus'], 'picture')}: {facts.get('pleasant', 0):,} pleasant, "
            f"{facts.get('unpleasant', 0):,} unpleasant and {facts.get('neutral', 0):,} neutral, which carry no label."
        )
    if "stimuli" in facts:
        by = facts.get("stimuli_by_condition") or {}
        parts = ", ".join(f"{number} {condition}" for condition, number in by.items())
        said.append(f"People judged {_count(facts['stimuli'], 'stimulus', 'stimuli')}{f' ({parts})' if parts else ''}.")
    if "images_left_out" in facts:
        left = facts["images_left_out"]
        names = facts.get("left_out", [])
        listed = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" * (len(names) > MOST_NAMED))
        some = f"{_count(left, 'picture')} could not be used{f': {listed}' if names else ''}."
        said.append(some if left else "Every picture could be used.")
    return said


def _human_targets(facts: Facts) -> list[str]:
    said = []
    if "targets" in facts:
        said.append(
            f"There are {_count(facts['targets'], 'target')} over "
            f"{_count(facts.get('stimuli', 0), 'stimulus', 'stimuli')}, each with "
            f"{facts.get('stimuli_per_target', 'some')} of them."
        )
    if "annotators" in facts:
        brains = f" and {_count(facts['subjects'], 'subject')} in the scanner" if "subjects" in facts else ""
        said.append(f"They come from {_count(facts['annotators'], 'annotator')}{brains}.")
    if "noise_ceilings" in facts:
        said.append(f"Noise ceilings, how high rho could be at best: {facts['noise_ceilings']}.")
    dropped = facts.get("labels_dropped_at_the_median")
    if dropped:
        said.append(
            f"{_count(len(dropped), 'label')} exactly at the median dropped: {', '.join(map(str, dropped[:5]))}."
        )
    return said


def _valence_models(facts: Facts) -> list[str]:
    said = []
    if "images_trained_and_tested_on" in facts:
        said.append(
            f"Every model learned valence from {_count(facts['images_trained_and_tested_on'], 'picture')}, in "
            f"{_count(facts.get('runs', 1), 'run')}; part of the pictures was held out in each."
        )
    for name, own in facts.items():
        if isinstance(own, Mapping) and "held_out_mae" in own:
            said.append(
                f"{name}: on held-out pictures its mean absolute error is {own['held_out_mae']:.3f}, and rho with the "
                f"ratings is {own['held_out_rho_with_ratings']:.2f} ({own['smallest_rho']:.2f} to "
                f"{own['largest_rho']:.2f} over runs)."
            )
    return said


def _alignment(facts: Facts) -> list[str]:
    said = []
    if "correlations" in facts and "q_below_0.05" in facts:
        beyond = facts["q_below_0.05"]
        said.append(
            f"Of {facts['correlations']:,} correlations between a model and a target, {beyond:,} "
            f"{'is' if beyond == 1 else 'are'} beyond chance after correction for their number (q < 0.05)"
            + (f"; {facts['p_below_0.05_uncorrected']:,} without it (p < 0.05)." if "p_below_0.05_uncorrected" in facts
               else ".")
        )  # fmt: skip
    if "p_familywise_below_0.05" in facts:
        said.append(f"{facts['p_familywise_below_0.05']:,} pass even the strictest correction (family-wise p < 0.05).")
    for condition, rho in (facts.get("mean_rho_by_condition") or {}).items():
        said.append(f"On {condition} stimuli the mean rho is {rho:.2f}.")
    if facts.get("without_rho_because_constant"):
        said.append(
            f"{_count(facts['without_rho_because_constant'], 'correlation')} cannot be computed, because a model "
            "predicts the same for every stimulus."
        )
    return said


def _objects(facts: Facts) -> list[str]:
    if "boxes" not in facts:
        return []
    most = facts.get("most_frequent") or {}
    named = ", ".join(f"{name} ({number:,})" for name, number in most.items())
    return [
        f"The detector found {_count(facts['boxes'], 'box', 'boxes')} of "
        f"{_count(facts.get('detected_classes', 0), 'class', 'classes')} in "
        f"{_count(facts.get('images_with_a_box', 0), 'picture')}; {_count(facts.get('images_without', 0), 'picture')} "
        "without any.",
        f"Most frequent: {named}." if named else "",
    ]


def _filter_sensitivity(facts: Facts) -> list[str]:
    said = []
    for name, own in facts.items():
        if isinstance(own, Mapping) and "boxes_scored" in own:
            outside = own.get("boxes_outside_the_input", 0)
            said.append(
                f"{name}: {_count(own['filters'], 'filter')} scored in "
                f"{_count(own['boxes_scored'], 'box', 'boxes')} of "
                f"{_count(own['classes'], 'class', 'classes')}"
                + (f"; {_count(outside, 'box', 'boxes')} lay outside what the network sees." if outside else ".")
            )
    return said


def _filter_lesions(facts: Facts) -> list[str]:
    said = []
    for name, own in facts.items():
        if isinstance(own, Mapping) and "largest_effect" in own:
            none = own.get("filters_without_any_effect", 0)
            said.append(
                f"{name}: each of {_count(own['filters'], 'filter')} was switched off; the largest change of rho is "
                f"{own['largest_effect']:.3f}, and {none} changed nothing."
            )
            constant = own.get("filters_whose_lesion_leaves_constant_predictions", 0)
            if constant:
                said.append(
                    f"{name}: without any of {_count(constant, 'filter')} the predictions are all the same, so their "
                    "effect is undefined."
                )
    return said


def _object2brain(facts: Facts) -> list[str]:
    said = []
    for name, own in facts.items():
        if isinstance(own, Mapping) and "classes" in own:
            ends = own.get("classes_from_either_end")
            said.append(
                f"{name}: {_count(own['classes'], 'class', 'classes')} of objects weighed"
                + (f"; the {ends} highest and the {ends} lowest make the category weights." if ends else ".")
            )
            if "class_weights_with_q_below_0.05" in own:
                said.append(
                    f"{name}: of {own['class_weights']:,} weights, over all layers and targets, "
                    f"{own['class_weights_with_q_below_0.05']:,} are beyond chance (q < 0.05)."
                )
            missing = own.get("weights_missing_because_a_lesion_left_constant_predictions")
            if missing:
                said.append(
                    f"{name}: {_count(missing, 'weight')} undefined, because a lesion left constant predictions."
                )
    return said


def _occlusion(facts: Facts) -> list[str]:
    if "boxes_in_stimuli" not in facts:
        return []
    return [
        f"In the stimuli the detector found {_count(facts['boxes_in_stimuli'], 'box', 'boxes')} of "
        f"{_count(facts.get('classes_in_stimuli', 0), 'class', 'classes')}; each class was hidden in turn, and the "
        "networks judged the stimuli again."
    ]


def _explorer(facts: Facts) -> list[str]:
    names = facts.get("models")
    return [f"To explore: {', '.join(map(str, names))}."] if names else ["No model's filters were scored and lesioned."]


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


_WORDS: dict[str, Callable[[Facts], list[str]]] = {
    "inputs": _inputs,
    "human_targets": _human_targets,
    "valence_models": _valence_models,
    "alignment_by_architecture": _alignment,
    "alignment_by_layer": _alignment,
    "objects": _objects,
    "filter_sensitivity": _filter_sensitivity,
    "filter_lesions": _filter_lesions,
    "object2brain": _object2brain,
    "occlusion": _occlusion,
    "explorer": _explorer,
}
