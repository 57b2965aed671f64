"""The study's part of the report: what it asks, its answers, its methods and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from o2b_helpers.core.study import Departure, Section
from o2b_helpers.report.provenance import value_in_words
from o2b_helpers.studies.selectivity.answers import emotion_or_looks, filters_for_emotions, selectivity_by_layer
from o2b_helpers.studies.selectivity.gain_alignment.answers import filters_and_agreement
from o2b_helpers.studies.selectivity.gains.answers import needed_filters

S, G = "analysis.selectivity", "analysis.emotion_gains"
GLOSSARY = {
    "d’": "How far the responses to the pictures of one emotion lie from those to the others, in units of their "
    "spread.",
    "Drawn weights": "A network as it is before it learns anything: its weights are drawn by lot.",
    "Emotion-selective filter": "A filter that is selective for the same emotion in both image sets.",
    "Exchanged emotions": "The emotions of the pictures are dealt out anew by lot, and filters are selected again: "
    "what is found then is found by chance.",
    "Selective filter": "A filter whose selectivity index is not among the lowest of its layer. It is selective for "
    "the emotion that it prefers.",
    "Selectivity index": "The largest d’ of a filter; the emotion that it belongs to is the preferred one.",
    "Tuning curve": "The mean response of a filter to unpleasant, neutral and pleasant pictures, less that to all, in "
    "units of its standard deviation.",
}
DEPARTURES = (
    Departure(
        "image sets",
        "IAPS and NAPS",
        "a corpus and a second one, or two random halves of one",
        ("analysis.corpus.kind", f"{S}.second"),
    ),
    Departure(
        "pictures close to a threshold",
        "judged by eye",
        "their side of the threshold; a column of emotions, or a margin within which they are left out",
        (f"{S}.emotions_from", f"{S}.margin"),
    ),
    Departure(
        "divisor of the variances in d’",
        "three variances divided by 2",
        "the same; or by 3, which makes it their mean",
        (f"{S}.pooled",),
    ),
    Departure(
        "layers of networks other than VGG16 and AlexNet",
        "not studied",
        "where the network can be cut behind a ReLU; what a block of several convolutions gives is one layer",
        (f"{S}.layers",),
    ),
    Departure(
        "filters that respond to all pictures alike",
        "not mentioned",
        "left out, named and counted",
    ),
    Departure(
        "what chance gives",
        "two random sets of filters of the same sizes; one untrained network",
        "the same, exact; and emotions exchanged between pictures, which keeps filters that respond alike together: "
        "for the number of filters and for how selective they are in both sets; several networks with drawn weights",
        (f"{S}.untrained_seeds", "analysis.significance.permutations"),
    ),
    Departure(
        "how sure an index is",
        "not said",
        "intervals over pictures drawn anew; exchanged emotions",
        ("analysis.significance.bootstrap", "analysis.significance.confidence"),
    ),
    Departure(
        "optimiser of the readouts of emotions",
        "not said; 10 epochs",
        "Adam; of the epochs the one with the smallest validation loss is kept",
        (f"{G}.epochs", f"{G}.learning_rate", f"{G}.batch_size"),
    ),
    Departure(
        "which pictures select filters and the strength",
        "all pictures; the strength that is best on the test pictures",
        "training and validation pictures select filters, validation pictures the strength; the paper’s way stands "
        "beside it",
        (f"{G}.highest_alpha", f"{G}.alpha_step"),
    ),
    Departure(
        "what lesions and gains are held against",
        "random filters",
        "many draws of random filters, of filters that respond as strongly, and of filters that are selective for "
        "nothing; AUROC, and F1 with a threshold set anew; each lesioned emotion against each tested one",
        (f"{G}.draws", f"{G}.control_alpha_step"),
    ),
    Departure(
        "what lesions and gains do to the agreement with people and brains",
        "not asked",
        "rho of the valence models with every target, where the profile also runs the study `alignment`; filters are "
        "selected on all pictures of both image sets, of which the stimuli are none",
        (f"{G}.alignment_alphas",),
    ),
)


def methods(values: Mapping[str, Any]) -> list[str]:
    """Describe the methods, with the values of this run where they are known."""
    thresholds = values.get(f"{S}.thresholds")
    cut = " ({:g} and {:g})".format(*thresholds) if thresholds else ""
    share = value_in_words(values, f"{S}.lowest_share", ", here {}")
    drawn = value_in_words(values, f"{S}.untrained_seeds", ", here {} of them")
    exchanges = value_in_words(values, "analysis.significance.permutations", " ({} times)")
    draws = value_in_words(values, f"{G}.draws", ", {} times")
    rules = value_in_words(values, f"{G}.epochs", ", for {} epochs")
    alphas = values.get(f"{G}.alignment_alphas")
    strengths = f" (alpha {', '.join(f'{alpha:g}' for alpha in alphas)})" if alphas else ""
    colours = {"grey": " in grey", "as_is": " as they are"}.get(str(values.get(f"{S}.colours")), "")
    return [
        "Emotion-selective filters. Valence of two image sets is mapped to 1 to 9 and cut at two thresholds"
        f"{cut} into unpleasant, neutral and pleasant pictures, which the network sees{colours}. A filter’s response "
        "to a picture is the spatial mean of its map behind the ReLU. d’ of an emotion is the mean response to its "
        "pictures less that to the others, by the spread (Liu et al. 2024); the selectivity index is the largest d’. "
        f"Filters with the lowest indices of a layer{share} are not selective; a filter that is selective for the same "
        "emotion in both sets is emotion-selective. Their number is held against the overlap of two random sets of "
        "filters (hypergeometric, exact), and their number and the sum of their indices (the smaller one of both sets) "
        f"against emotions exchanged between the pictures of the second set{exchanges} and against the same network "
        f"with drawn weights{drawn}. Intervals of the index draw pictures anew within each emotion. Filters that "
        "respond to all pictures alike are left out and counted.",
        "Controls of emotion-selective filters. A linear SVM tells each emotion from the rest by light, contrast, "
        "colour and gabor energies of the pictures as the network sees them; training pictures learn, validation "
        "pictures choose its penalty, test pictures judge it. Where the category of a picture’s object is known, the "
        "responses of each filter are explained by emotion and category (two-way ANOVA, type II sums of squares, F "
        "tests, q over the filters of a network and set).",
        "Lesions and gains. For each emotion, a readout with two outputs (the emotion, the rest; softmax, "
        "cross-entropy, Adam) learns from the network’s last features of the training pictures"
        f"{rules}; of its epochs, the one with the smallest loss on the validation pictures is kept. The maps of an "
        "emotion’s filters in one layer are then multiplied by 1 + alpha: -1 lesions them, more strengthens them. "
        "Filters are selected without the test pictures of a split, and the strength is the best one on its "
        "validation pictures; beside it stands the "
        f"paper’s way. As many other filters of the layer are drawn{draws}, the same in every split: any, some that "
        "respond as strongly (from the same deciles of the mean response), and some that are selective for no emotion. "
        "p is the share of draws at least as extreme, q is corrected over layers. AUROC, and F1 with the threshold set "
        "anew on validation "
        "pictures, tell a moved threshold from lost recognition.",
        "Lesions, gains and the agreement with people. Where the profile runs the study `alignment`, its full models "
        "under the layer models’ rules (those that Object2Brain looks into) predict the valence of the stimuli with "
        f"the emotion-selective filters of one layer lesioned and strengthened{strengths}. Filters are selected on all "
        "pictures of both image sets; stimuli among these are counted and named. The networks see the stimuli as the "
        "valence models do, in colour. Spearman’s rho with every target is held against the network as it is and, for "
        f"as many filters, against random ones of the layer and such that respond as strongly to the stimuli{draws}. p "
        "is two-sided: the share of draws whose change of rho is at least as far from the mean of all. q is corrected "
        "over layers and emotions for each target. Intervals draw stimuli and runs anew.",
    ]


SECTION = Section(
    question="Does a network that learned objects hold filters that answer to emotions?",
    answers=(filters_for_emotions, selectivity_by_layer, emotion_or_looks, needed_filters, filters_and_agreement),
    methods=methods,
    glossary=GLOSSARY,
    departures=DEPARTURES,
)
