"""What the steps of ``object2brain`` found, in plain sentences."""

from __future__ import annotations

from o2b_helpers.core.facts import counted, facts_of_models
from o2b_helpers.core.study import Facts

MOST_NAMED = 10  # layers and runs in which filters are left out


def objects_summary(facts: Facts) -> list[str]:
    """Say what was detected."""
    if "boxes" not in facts:
        return []
    most = facts.get("most_frequent") or {}
    named = ", ".join(f"{name} ({number:,})" for name, number in most.items())
    return [
        f"The detector found {counted(facts['boxes'], 'box', 'boxes')} of "
        f"{counted(facts.get('detected_classes', 0), 'class', 'classes')} in "
        f"{counted(facts.get('images_with_a_box', 0), 'picture')}; "
        f"{counted(facts.get('images_without', 0), 'picture')} "
        "without any.",
        f"Most frequent: {named}." if named else "",
    ]


def semantic_control_summary(facts: Facts) -> list[str]:
    """Say how well presence of classes predicts, and what is left of the networks' agreement beyond it."""
    if "classes_learned_from" not in facts:
        return []
    classes, few = facts["classes_learned_from"], facts["fewest_pictures_of_a_class"]
    if not classes:
        return [
            f"No class of objects is shown by at least {few} pictures of the corpus and missing from at least {few}, "
            "so that nothing was learned from which objects a picture shows."
        ]
    rho, number = facts["held_out_rho"], facts["tested_beyond_semantic"]
    said = [
        f"Valence was learned from which of {counted(classes, 'class', 'classes')} of objects a picture shows, with no "
        f"network: on held-out pictures R2 is {facts['held_out_r2']:.2f}, and "
        + ("rho with the ratings is undefined." if rho is None else f"rho with the ratings is {rho:.2f}.")
    ]
    if not facts["targets_tested"]:
        return [*said, "The stimuli do not differ in these classes, so that nothing can be said of the targets."]
    return [
        *said,
        f"So predicted, the stimuli agree with {facts['targets_beyond_chance']:,} of "
        f"{counted(facts['targets_tested'], 'target')} beyond chance (q < 0.05).",
        f"{facts['beyond_semantic']:,} of {counted(number, 'agreement')} of the networks go beyond that, and "
        f"{facts['beyond_semantic_and_low_level']:,} of {facts['tested_beyond_semantic_and_low_level']:,} beyond that "
        "and light, colour and edges together (q < 0.05).",
    ]


def filter_sensitivity_summary(facts: Facts) -> list[str]:
    """Say how many filters were scored in how many boxes."""
    said = []
    for name, own in facts_of_models(facts, "boxes_scored"):
        outside = own.get("boxes_outside_the_input", 0)
        said.append(
            f"{name}: {counted(own['filters'], 'filter')} scored in "
            f"{counted(own['boxes_scored'], 'box', 'boxes')} of "
            f"{counted(own['classes'], 'class', 'classes')}"
            + (f"; {counted(outside, 'box', 'boxes')} lay outside what the network sees." if outside else ".")
        )
    return said


def filter_lesions_summary(facts: Facts) -> list[str]:
    """Say what lesions changed."""
    said = []
    for name, own in facts_of_models(facts, "largest_effect"):
        lead = f"{name}: each of {counted(own['filters'], 'filter')} was switched off"
        if own["largest_effect"] is None:
            said.append(f"{lead}; no effect on rho is defined, because predictions are the same for every stimulus.")
            continue
        none = own.get("filters_without_any_effect", 0)
        said.append(f"{lead}; the largest change of rho is {own['largest_effect']:.3f}, and {none} changed nothing.")
        missing, number = own.get("undefined_without_a_lesion", (0, 0))
        if missing:
            said.append(
                f"{name}: {missing} of {number} correlations of the whole network (a run with a target) are undefined: "
                "it predicts the same for every stimulus; so are all effects on them."
            )
        constant = own.get("filters_whose_lesion_leaves_constant_predictions", 0)
        if constant:
            where = [
                f"{layer} run {run}: {number}"
                for layer, of_runs in (own.get("filters_left_out_by_layer_and_run") or {}).items()
                for run, number in enumerate(of_runs)
                if number
            ]
            listed = ", ".join(where[:MOST_NAMED]) + f" and {len(where) - MOST_NAMED} more" * (len(where) > MOST_NAMED)
            said.append(
                f"{name}: without any of {counted(constant, 'filter')} the predictions are all the same, so their "
                f"effect is undefined; they are left out of the class weights there{f' ({listed})' if where else ''}."
            )
    return said


def class_weights_summary(facts: Facts) -> list[str]:
    """Say how many class weights there are, and how many are beyond chance."""
    said = []
    for name, own in facts_of_models(facts, "classes"):
        ends, number = own.get("classes_from_either_end"), own.get("class_weights")
        missing = own.get("weights_missing_because_predictions_are_constant", 0)
        if number == 0:
            said.append(f"{name}: no object lies inside what the network sees, so that no class has a weight.")
            continue
        if number is not None and missing == number:
            said.append(
                f"{name}: none of {counted(number, 'weight')} of {counted(own['classes'], 'class', 'classes')} is "
                "defined, because predictions are the same for every stimulus."
            )
            continue
        said.append(
            f"{name}: {counted(own['classes'], 'class', 'classes')} of objects weighed"
            + (f"; the {ends} highest and the {ends} lowest make the category weights." if ends else ".")
        )
        if "class_weights_beyond_chance" in own:
            said.append(
                f"{name}: of {own['class_weights']:,} weights, over all layers and targets, "
                f"{own['class_weights_beyond_chance']:,} are beyond chance (q < 0.05, corrected over all of them)."
            )
        if missing:
            said.append(
                f"{name}: {counted(missing, 'weight')} undefined, because predictions are the same for every stimulus."
            )
    return said


def occlusion_summary(facts: Facts) -> list[str]:
    """Say what was hidden in the stimuli."""
    if "boxes_in_stimuli" not in facts:
        return []
    return [
        f"In the stimuli the detector found {counted(facts['boxes_in_stimuli'], 'box', 'boxes')} of "
        f"{counted(facts.get('classes_in_stimuli', 0), 'class', 'classes')}; each class was hidden in turn, and the "
        "networks judged the stimuli again."
    ]


def shams_summary(facts: Facts) -> list[str]:
    """Say how many sham boxes were hidden."""
    said = []
    for name, own in facts_of_models(facts, "pairs_with_shams"):
        without = own.get("pairs_without_donors", 0)
        said.append(
            f"{name}: for {counted(own['pairs_with_shams'], 'stimulus', 'stimuli')} with a class, boxes of the class "
            f"from other pictures were hidden instead, {facts.get('shams', 0)} times"
            + (f"; for {without} no other picture lends a box." if without else ".")
        )
    return said


def mediation_summary(facts: Facts) -> list[str]:
    """Say how well the shares of the filters add up."""
    said = []
    for name, own in facts_of_models(facts, "pairs_refused"):
        if own.get("median_residual") is None:
            said.append(f"{name}: no stimulus shows a class, so that there is no change to share out.")
            continue
        said.append(
            f"{name}: the change of each prediction was shared out among the filters; the shares add up to it within "
            f"{own['median_residual']:.2%} (median) and {own['largest_residual_kept'] or 0:.2%} (largest)"
            + (f"; {counted(len(own['pairs_refused']), 'pair')} beyond 5 % left out." if own["pairs_refused"] else ".")
        )
    return said


def explorer_summary(facts: Facts) -> list[str]:
    """Say which models can be explored."""
    names = facts.get("models")
    return [f"To explore: {', '.join(map(str, names))}."] if names else ["No model's filters were scored and lesioned."]
