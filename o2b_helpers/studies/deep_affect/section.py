"""The study's part of the report: what it asks, its answers, its methods and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from o2b_helpers.core.study import Departure, Section
from o2b_helpers.report.provenance import value_in_words
from o2b_helpers.studies.deep_affect.answers import how_well_predicted, shared_or_split, what_groups_contribute

A = "analysis.affect"
GLOSSARY = {
    "Extractor": "A ready network whose outputs for a picture are features: probabilities of objects, scenes, or "
    "facial expressions.",
    "Fold": "The pictures are cut into parts; each part is left out once, while models learn from the others.",
    "Held-out corpus": "A corpus that no model learns from; it tests all of them.",
    "Interaction": "What two groups of features give together beyond what each gives alone. Below 0: they hold the "
    "same information.",
    "Shapley value": "The gain in R2 by a group of features, averaged over all orders in which groups can be added. "
    "The values of all groups add up to the R2 of all features.",
    "Shared, split": "One network that learns valence and arousal together, or one network for each.",
}
DEPARTURES = (
    Departure(
        "what drives the learning rate and the stop",
        "not said",
        "validation pictures out of the training pictures; or the test fold",
        (f"{A}.networks.drive", f"{A}.networks.validation_share"),
    ),
    Departure(
        "features",
        "probabilities as they are",
        "standardised over the training pictures and divided by the root of their number, and ratings less the middle "
        "of the scale; or both as they are, with the paper’s rate",
        (f"{A}.networks.standardise", f"{A}.networks.learning_rate", f"{A}.extractors[].output"),
    ),
    Departure(
        "the convolutional networks",
        "trained further, too",
        "frozen",
    ),
    Departure(
        "faces",
        "the whole picture is shown to the network of expressions",
        "faces are cut out by the detector, and expressions averaged by area; or the whole picture",
        (f"{A}.extractors[].crop", f"{A}.extractors[].margin"),
    ),
    Departure(
        "corpora",
        "IAPS, NAPS, OASIS, SMID, IED; NAPS held out",
        "any corpora with valence and arousal; folds have the same share of each; scores of each corpus by itself",
        (f"{A}.corpora", f"{A}.held_out"),
    ),
    Departure(
        "pictures that look nearly the same",
        "not looked for",
        "found by a perceptual hash, listed, and kept in one fold; copies of held-out pictures are left out",
    ),
    Departure(
        "tests over folds",
        "paired t-tests, as if folds were independent, not corrected for their number",
        "the same, and with the variance of Nadeau and Bengio; q over all tests",
    ),
    Departure(
        "what predictions are held against",
        "nothing",
        "ridge regression on the same features, the mean, and the noise ceiling",
    ),
    Departure(
        "what a group of features contributes",
        "some sets of features are compared",
        "Shapley values over all sets of groups, with interactions and intervals over folds",
        (f"{A}.extractors[].group",),
    ),
)


def methods(values: Mapping[str, Any]) -> list[str]:
    """Describe the methods, with the values of this run where they are known."""
    folds = value_in_words(values, f"{A}.folds", ", here {}")
    seeds = value_in_words(values, f"{A}.networks.seeds", " ({} for each fold and set of features)")
    confidence = values.get("analysis.significance.confidence")
    interval = f"{100 * confidence:g} % intervals" if confidence else "Intervals"
    return [
        "Features and folds. Valence and arousal of every corpus are mapped linearly to 1 to 9. Ready networks say "
        "what objects, scene and facial expressions a picture shows; faces are cut out first where the profile says "
        "so, and their expressions are averaged by the area of the face. Pictures are cut into folds"
        f"{folds}, with the same share of every corpus, and pictures that look nearly the same in one fold. Every "
        "model has the same folds.",
        "Models. Feed-forward networks (paper 003, section 2.3; mean squared error, SGD, dropout) learn from every set "
        f"of groups of features: one for both ratings (shared), or one for each (split){seeds}. Ridge regression on "
        "the same features chooses its penalty by an inner cross-validation. The mean of the training pictures stands "
        "beside both. R2 is 1 less the squared error by that of the test pictures’ own mean; accuracy is the paper’s, "
        "100 (1 - absolute error / 9), which the mean alone reaches nearly as well.",
        "Comparisons. Paired t-tests over folds, plain and with the variance of Nadeau and Bengio (2003), as folds "
        "share training pictures; Benjamini-Hochberg over all tests of the table. Shapley values share the R2 on test "
        "pictures among the groups of features, over all their sets (the empty one is the mean), fold by fold. "
        f"{interval} are over folds, with the same corrected variance; they do not say how results would differ with "
        "pictures of another kind. The noise ceiling comes from the standard deviation and the number of ratings.",
    ]


SECTION = Section(
    question="How much of arousal and valence is in objects, scenes and faces?",
    answers=(what_groups_contribute, how_well_predicted, shared_or_split),
    methods=methods,
    glossary=GLOSSARY,
    departures=DEPARTURES,
)
