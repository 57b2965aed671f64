"""What the steps of ``emocam`` found, in plain sentences."""

from __future__ import annotations

from o2b_helpers.core.facts import counted, facts_of_models
from o2b_helpers.core.study import Facts


def emotion_models_summary(facts: Facts) -> list[str]:
    """Say how often the right emotion is named."""
    said = []
    if "pictures_with_a_label" in facts:
        counts = ", ".join(f"{name} ({number:,})" for name, number in (facts.get("emotions") or {}).items())
        without = facts.get("pictures_without", 0)
        said.append(
            f"{counted(facts['pictures_with_a_label'], 'picture')} with an emotion: {counts}."
            + (f" {counted(without, 'picture')} without one left out of this study." if without else "")
        )
    for name, own in facts_of_models(facts, "own_labels"):
        compared = own.get("with_a_label", 0)
        said.append(
            f"{name} judges {counted(own['judged'], 'picture')} by its own {own['own_labels']} labels, untrained here; "
            + (f"{counted(compared, 'picture')} have one of them in the corpus." if compared else
               "the corpus has none of them, so how often it is right is not known.")
            + (f" Never named: {', '.join(own['labels_never_named'])}." if own["labels_never_named"] else "")
        )  # fmt: skip
    for name, own in facts_of_models(facts, "balanced_accuracy"):
        never = own.get("labels_never_named") or []
        said.append(
            f"{name}: the right emotion is named for {100 * own['accuracy']:.0f} % of the pictures (always the most "
            f"frequent: {100 * own['chance_accuracy']:.0f} %); balanced over emotions "
            f"{100 * own['balanced_accuracy']:.0f} % (guessing: {100 * own['chance_balanced']:.0f} %)."
            + (f" Never named: {', '.join(never)}." if never and "own_labels" not in own else "")
        )
    return said


def associations_summary(facts: Facts) -> list[str]:
    """Say in how many pictures something is important, and how many lifts are beyond chance."""
    said = []
    for name, own in facts_of_models(facts, "tested"):
        outside, empty = own.get("boxes_outside_the_input", 0), own.get("empty_maps", 0)
        said.append(
            f"{name}: {counted(own['boxes'], 'box', 'boxes')} of {counted(own['classes'], 'class', 'classes')} in "
            f"{counted(own['pictures'], 'picture')}; {own['important_boxes_in_pictures']:,} pictures have an important "
            "one"
            + (f"; {counted(outside, 'box', 'boxes')} lay outside what the network sees" if outside else "")
            + (f"; the map is empty in {counted(empty, 'picture')}" if empty else "")
            + f". {own['q_lift_below_0.05']:,} lifts over exchanged boxes are beyond chance (q < 0.05)."
        )
    return said


def cam_methods_summary(facts: Facts) -> list[str]:
    """Say how far CAM methods agree, and which one is the most faithful."""
    said = []
    for name, own in facts_of_models(facts, "compared_pictures"):
        ranges = [
            f"{own[f'rho_{statistic}_lowest']:.2f} to {own[f'rho_{statistic}_highest']:.2f} for {words}"
            for statistic, words in (("count", "counts"), ("conditional", "conditional importance"), ("lift", "lifts"))
            if own.get(f"rho_{statistic}_lowest") is not None
        ]
        empty = ", ".join(f"{method} in {counted(many, 'picture')}" for method, many in own["empty_maps"].items())
        said.append(
            f"{name}, {counted(own['compared_pictures'], 'picture')}: rho between CAM methods is "
            f"{', '.join(ranges) or 'undefined'}. Deletion is smallest for {own['lowest_deletion']}, insertion largest "
            f"for {own['highest_insertion']}." + (f" Empty maps: {empty}." if empty else "")
        )
    return said


def paste_summary(facts: Facts) -> list[str]:
    """Say how many labels change where an object is pasted, and whether that is due to the object."""
    said = []
    for name, own in facts_of_models(facts, "pasted_onto"):
        shares = ", ".join(
            f"{thing} {100 * share:.0f} %" + (f" (most often to {often})" if often else "")
            for (thing, share), often in zip(own["changed"].items(), own["most_often"].values(), strict=True)
        )
        tested, at_boxes = own.get("against_controls", 0), own.get("at_boxes", 0)
        said.append(
            f"{name}: pasted onto {counted(own['pasted_onto'], 'picture')} at "
            f"{counted(facts['positions'], 'position')}, an object changes what is named in {shares}."
            + (
                f" {own['q_against_controls_below_0.05']} of {tested} objects against a control differ from it "
                "(q < 0.05)."
                if tested
                else ""
            )
            + (
                f" {own['q_at_boxes_below_0.05']} of {at_boxes} objects change other shares at boxes than at random "
                "places."
                if at_boxes
                else ""
            )
        )
    return said
