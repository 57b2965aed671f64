"""The study's part of the report: what it asks, its answers, its methods and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from o2b_helpers.core.study import Departure, Section
from o2b_helpers.report.provenance import value_in_words
from o2b_helpers.studies.emocam.answers.emotions import looked_at, right_emotion, same_by_other_methods
from o2b_helpers.studies.emocam.behind.page import BEHIND_PART
from o2b_helpers.studies.emocam.paste.answer import after_pasting

A, H, C, P = "analysis.associations", "analysis.emotion_heads", "analysis.cam_methods", "analysis.paste"
NAMES = {"grad_cam": "Grad-CAM", "ablation_cam": "Ablation-CAM", "lift_cam": "LIFT-CAM", "lrp": "LRP", "lime": "LIME"}
GLOSSARY = {
    "Class activation map": "A map of where in a picture something speaks for a label that the network names, from 0 "
    "to 1.",
    "Conditional importance": "Of the pictures that are named an emotion and show a class, the share in which a box of "
    "the class is important.",
    "Deletion, insertion": "Area below the probability of the named emotion while the places where the map is high are "
    "blurred first, or come back first. A faithful map has a small area for deletion and a large one for insertion.",
    "Importance": "Of a box: how high the map is inside. Of a class: in how many percent of the pictures that are "
    "named an emotion a box of the class is important.",
    "Lift": "Conditional importance less what it is when the boxes of the class are exchanged between the pictures "
    "that show it. Above zero: the map lies on these objects, and not just where such objects usually are. Its p is "
    "one-sided: it asks only whether the lift is above zero.",
    "Named emotion": "The emotion with the highest output of the network; not the label of the picture.",
    "Presence": "In how many percent of the pictures that are named an emotion a class is there, important or not.",
    "Control of a pasted object": "Something else in the same outline at the same place: a patch of the object’s mean "
    "colour, or its pixels with scrambled phases, which keep colours and texture but no form.",
}
CHOOSE = {
    "validation": "Of the pictures that a head may learn from, some choose epoch and rate instead.",
    "test": "The pictures that are held out choose epoch and rate, which makes accuracy too high and its p too small.",
}
DEPARTURES = (
    Departure(
        "the network that names emotions",
        "EmoNet: AlexNet, 20 labels, trained on pictures of its own",
        "the same (architecture: emonet), or a softmax head on a frozen network, trained on the corpus’ own labels",
        ("analysis.models[].architecture", f"{H}.models", "analysis.emotions.labels_from"),
    ),
    Departure(
        "what EmoNet sees",
        "whole pictures, squashed to 227 x 227 (bicubic)",
        "the middle of pictures whose short side is 227 (bilinear), as every network here sees them",
    ),
    Departure(
        "which pictures are looked at",
        "all, shown to a ready network",
        "all with a label, each by the head of the fold that held it out",
        (f"{A}.judged_by", f"{H}.folds"),
    ),
    Departure(
        "which boxes count",
        "“IoU score > 0.005”; a confidence or an overlap is not said",
        "those above the detector’s confidence",
        ("analysis.detector.confidence", "analysis.detector.iou"),
    ),
    Departure(
        "importance of a box",
        "mean of the map inside, above 0.3",
        "the same; or one that small boxes do not reach by luck",
        (f"{A}.importance", f"{A}.threshold"),
    ),
    Departure(
        "what is simply there",
        "not asked",
        "presence, conditional importance, lift over exchanged boxes",
        (f"{A}.exchanges",),
    ),
    Departure(
        "how sure an association is",
        "not said",
        "bootstrap intervals over pictures, exact p of exchanged labels, q",
        ("analysis.significance.bootstrap", "analysis.significance.confidence"),
    ),
    Departure(
        "agreement of CAM methods",
        "Spearman’s rho of counts over all classes, p as if cells were independent",
        "the same, and of conditional importance and lift; p from exchanged boxes; deletion and insertion",
        (f"{C}.methods", f"{C}.pictures", f"{C}.exchanges"),
    ),
    Departure("classes that are drawn", "the 25 with the largest mean over labels", "the same"),
    Departure(
        "where objects are pasted",
        "17 positions, drawn but not given as numbers, in pictures that the network sees whole",
        "rows of 3, 4, 3, 4, 3 in what the network’s crop leaves of a picture; boxes of classes and random places",
        (f"{P}.positions", f"{P}.frame", f"{P}.box_classes"),
    ),
    Departure(
        "what is pasted",
        "photographs of a rugby ball, a soccer ball and a lotus; nothing to compare with",
        "drawings of these, or pictures of your own; two controls in the same outline",
        (f"{P}.objects", f"{P}.controls"),
    ),
    Departure(
        "pictures that are pasted onto",
        "all",
        "at most 500, drawn by lot",
        (f"{P}.max_pictures", f"{P}.pictures"),
    ),
)


def methods(values: Mapping[str, Any]) -> list[str]:
    """Describe the methods, with the values of this run where they are known."""
    folds = value_in_words(values, f"{H}.folds", ", here {} of them")
    importance = value_in_words(values, f"{A}.importance", ", here “{}”")
    exchanges = value_in_words(values, f"{A}.exchanges", " ({} times)")
    method = str(values.get(f"{A}.cam") or "the class activation map")
    cam = NAMES.get(method, method)
    compared = value_in_words(values, f"{C}.pictures", ", here at most {}")
    return [
        "Emotion heads. On the frozen network a softmax head learns the emotions of the corpus’ pictures, by "
        "cross-entropy that weighs rare labels up. The pictures are cut into folds with the same share of every label"
        f"{folds}; each picture is judged by the head that did not learn from it. "
        f"{CHOOSE[values.get(f'{H}.select', 'validation')]} A ready network (EmoNet) learns nothing: its "
        "own last layer names one of its own labels for every picture, and accuracy counts the pictures that the "
        "corpus labels with one of them.",
        f"Associations. For every picture, {cam} of the named emotion at a layer’s maps says what speaks for it; the "
        "map is scaled from 0 to 1 at the input’s size. A box is important where enough of the map lies "
        f"inside{importance} (EmoCAM, section 2). Importance counts pictures with an important box of a class, "
        "presence those with any box. For the lift, the boxes of a class are exchanged between the pictures that show "
        f"it{exchanges}: what is left is due to their size, number and place. Intervals draw the pictures of a named "
        "emotion again. p of the count is that of all exchanges of the named emotions between pictures, which is "
        "Fisher’s exact test. p of the lift counts exchanges of boxes; where fewer than 10 of them reach the count, "
        "more are drawn (Besag and Clifford 1991).",
        f"CAM methods. The same pictures{compared} are mapped by every method, and what each says of all emotions and "
        "classes is compared by Spearman’s rho. Its p holds one method and exchanges the boxes of the other, and takes "
        "the larger p of both ways (Mantel 1967). Deletion and insertion (Petsiuk et al. 2018) blur the places where a "
        "map is high first, or bring them back first, and follow the probability of the named emotion.",
        f"Pasted objects. Each object{_height(values)} is pasted at each position onto each picture before it is "
        "resized for the network, and the emotion that is named is compared with that of the picture as it is (EmoCAM, "
        "section 3.2). Controls have its size, place and outline: a patch of its mean colour, and its pixels with the "
        "phases of all frequencies scrambled. Objects are held against controls on the same pictures by McNemar’s "
        "exact test, positions against each other by Cochran’s Q. At boxes, the surest box of a class in each picture "
        "is held against one random place of the same picture. Shares of pictures have Wilson intervals, means and "
        "differences intervals by bootstrap over pictures.",
    ]


def _height(values: Mapping[str, Any]) -> str:
    return value_in_words(values, f"{P}.height_share", ", {} of the picture’s height,")


SECTION = Section(
    question="Which objects does a network look at when it names an emotion?",
    answers=(looked_at, right_emotion, same_by_other_methods, after_pasting),
    methods=methods,
    glossary=GLOSSARY,
    departures=DEPARTURES,
    parts=(BEHIND_PART,),
)
