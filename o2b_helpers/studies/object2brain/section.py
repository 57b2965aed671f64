"""The study's part of the report: what it asks, its answers, methods, words and the explorer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from o2b_helpers.core.study import Departure, Section
from o2b_helpers.report.provenance import value_in_words
from o2b_helpers.studies.object2brain.answers.category_weight import category_weight_sentence
from o2b_helpers.studies.object2brain.answers.kinds import kinds
from o2b_helpers.studies.object2brain.answers.objects import objects
from o2b_helpers.studies.object2brain.explorer.page import EXPLORER_PART

# The paper's numbers (section 3.2), and where this run's stand in provenance.json.
SIZES = (("classes detected at least once", "250", "objects", "detected_classes"),)
GLOSSARY = {
    "Category": "A group of object classes, for example Furniture with couch, lamp and table.",
    "Class": "A kind of object that the detector knows by name, for example Car.",
    "Detector": "A network that finds objects in a picture and names their class.",
    "GradCAM": "A method that shows where in a picture a filter drives the output of the model.",
    "Lesion, lesion effect": "A lesion switches one filter off. Its effect is rho of the whole model minus rho without "
    "the filter: above zero, the filter supports the agreement.",
    "Sensitivity": "How strongly a filter answers inside the boxes of a class, 0 to 1.",
    "Weight of a class": "Over all filters of a layer, sensitivity to the class times lesion effect, summed. Above "
    "zero: filters that answer to this class support the agreement with the target (what people say, or a brain "
    "region); below zero: they weaken it. It has no unit: compare within a model, not between models.",
}


OWN = "analysis.object2brain"
DEPARTURES = (
    Departure(
        "size of the detector",
        "YOLOv8; the size is not named",
        "what the profile names; params/paper.yaml: x",
        ("analysis.detector.weights",),
    ),
    Departure(
        "score of a box (equation 1)",
        "from the map’s mean and maximum inside; the formula is missing",
        "mean x (mean / max), 0 for an empty map",
        ("analysis.sensitivity.score",),
    ),
    Departure(
        "scaling of a filter’s map",
        "each map from 0 to 1",
        "the same, exactly: no small number is added to the maximum",
        ("analysis.sensitivity.cam_scale",),
    ),
    Departure(
        "boxes that the network’s centre crop cuts",
        "not mentioned",
        "what lies inside counts; a box wholly outside does not",
    ),
    Departure(
        "confidence of boxes", "not used", "not used; the estimator `confidence` beside it uses it", (f"{OWN}.compare",)
    ),
    Departure(
        "sign of a lesion effect",
        "the difference between the whole and the lesioned network",
        "rho of the whole network minus rho without the filter",
    ),
    Departure("class weights over runs", "open", "averaged before classes are ranked"),
    Departure(
        "a lesion that leaves the same prediction for every stimulus of a run",
        "not mentioned",
        "the filter is left out of that run’s class weights, and counted",
    ),
    Departure(
        "the other 25 categories",
        "nine of 34 are named, with sizes",
        "after the Open Images hierarchy",
        ("analysis.detector.categories",),
    ),
    Departure(
        "weight of a category (figures 3 and 4)",
        "averaged over its constituent classes: those chosen at an end, or all, is not said",
        "averaged over those chosen at the end, whatever their sign",
        (f"{OWN}.category_weight", f"{OWN}.category_classes", f"{OWN}.share"),
    ),
    Departure("categories that are drawn", "nine; why these is not said", "those with the largest weights"),
    Departure(
        "overlap of categories (figure 5)",
        "mean overlap of their boxes; no formula",
        "share of a’s area that b’s boxes cover, mean over the pictures that show both",
    ),
    Departure(
        "how sure a weight is",
        "not said",
        "p by permutation, q and bootstrap intervals",
        ("analysis.significance.permutations", "analysis.significance.bootstrap"),
    ),
    Departure(
        "whether an object matters more than hiding as much elsewhere",
        "not asked",
        "sham boxes: the same sizes and places from other pictures, hidden in the same stimuli",
        (f"{OWN}.shams",),
    ),
    Departure(
        "whether it is enough to know which objects a picture shows",
        "not asked",
        "a ridge regression on the presence of classes, and rho beyond it",
        ("analysis.controls.penalties",),
    ),
    Departure(
        "other estimators of class weights",
        "none",
        "worked out beside the paper’s",
        (f"{OWN}.estimator", f"{OWN}.compare"),
    ),
)


def methods(values: Mapping[str, Any]) -> list[str]:
    """Describe the methods, with the values of this run where they are known."""
    confidence = value_in_words(
        values, "analysis.detector.confidence", ", keeping boxes with a confidence of at least {}"
    )
    score = value_in_words(values, "analysis.sensitivity.score", ", here “{}”")
    scale = value_in_words(values, "analysis.sensitivity.cam_scale", ", with maps scaled by {}")
    share = value_in_words(values, "analysis.object2brain.share", " (a share of {} each)")
    gathered = category_weight_sentence(values)
    gathered = f"{gathered} The paper shows averages; over which classes is ours. " if gathered else ""
    return [
        f"Objects. A detector finds objects in the training pictures{confidence}. For each filter of a target layer, "
        "GradCAM gives a map of where the filter drives the output; a box gets a score from the map inside it"
        f"{score}{scale}. What enters the score, the map’s mean and maximum in the box, is the paper’s (section 3.1, "
        "equation 1); its form is our reading. Boxes are not weighted by their confidence.",
        "Object2Brain. The model is the full model that is trained by the rules of the layer models, “full” in figure "
        "2 (the paper, sections 2.2.3 and 3.2); it is not that of figure 1. Each filter is switched off in turn; its "
        "effect on a target is rho of the whole model minus rho without the filter (this sign is ours). A class’ "
        "weight is the sum over a layer’s filters of its mean box "
        f"score times the filter’s effect. Of the detected classes, the highest and the lowest{share} are taken, "
        f"whatever their sign, and gathered by category at either end (the paper, section 3.2). {gathered}The paper "
        "names nine of its 34 categories with their sizes; the other categories are ours.",
        "Semantic control (ours). Which classes of objects a corpus picture shows was related to its label by ridge "
        "regression, without any network. The stimuli are predicted from the classes that they show; the rho of a full "
        "model beyond that is the partial rank correlation with this prediction taken out.",
    ]


SECTION = Section(
    question="Which objects bring a network closer to how people feel about pictures?",
    answers=(objects, kinds),
    methods=methods,
    glossary=GLOSSARY,
    sizes=SIZES,
    parts=(EXPLORER_PART,),
    departures=DEPARTURES,
    note=(
        "A weight belongs to a class of objects: above zero, the parts of the network that answer to the class bring "
        "the model closer to the target, such as what people say; below zero, further away."
    ),
)
