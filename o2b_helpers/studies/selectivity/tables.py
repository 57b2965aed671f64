"""The result files of the study ``selectivity``."""

from __future__ import annotations

from o2b_helpers.core.contract import Arrays, Column, Table, Variable
from o2b_helpers.studies.common.tables import MODEL

FIRST, SECOND = SETS = ("first", "second")
TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")
TRAINED, UNTRAINED = "trained", "untrained"
ALL_LAYERS = "all layers"

NETWORK = (
    *MODEL,
    Column("network", "text", "`trained`: the network itself; `untrained`: the same with drawn weights"),
    Column("seed", "integer", "seed of the drawn weights; 0 for the network itself"),
)
IMAGE_SET = Column("image_set", "text", "`first` (the corpus, or its first half) or `second`")
LAYER = Column("layer", "text", "module path")
CHANNEL = Column("channel", "integer", "number of the filter in its layer, from 0")
EMOTION = Column("emotion", "text", "`unpleasant`, `neutral` or `pleasant`")
VALENCE = Column("scaled_valence", "number", "the picture's valence, mapped linearly to 1..9", "1..9")


def _of_seeds(what: str, unit: str = "") -> tuple[Column, ...]:
    return (
        Column("untrained", "number", f"{what} in the networks with drawn weights, mean over seeds", unit),
        Column("untrained_low", "number", "the lowest of them", unit),
        Column("untrained_high", "number", "the highest of them", unit),
        Column("p_untrained", "number", "one-sided p: rank of the network among them, (1 + as high) / (1 + seeds)",
               "0..1"),
    )  # fmt: skip


IMAGE_SETS = Table(
    "image_sets.csv",
    "a picture of an image set",
    (
        IMAGE_SET,
        Column("image", "text", "the picture"),
        Column("valence", "number", "its valence as rated"),
        VALENCE,
        EMOTION,
    ),
)
IMAGE_SPLITS = Table(
    "image_splits.csv",
    "a picture of an image set in a split",
    (
        IMAGE_SET,
        Column("split", "integer", "number of the split, from 0"),
        Column("image", "text", "the picture"),
        Column("part", "text", "`train` (50 %), `validation` or `test` (25 % each); copies of a picture stay together"),
    ),
)
FILTER_SELECTIVITY = Table(
    "filter_selectivity.parquet",
    "a network, an image set and a filter",
    (
        *MODEL,
        IMAGE_SET,
        LAYER,
        CHANNEL,
        *(
            Column(f"tuning_{name}", "number", f"tuning value of {name} pictures: mean less overall mean, by the SD",
                   "SD")
            for name in ("unpleasant", "neutral", "pleasant")
        ),
        Column("index", "number", "selectivity index: the largest d' of an emotion against the others", "d'"),
        Column("preferred", "text", "the emotion with this d'; empty for a constant filter"),
        Column("selective", "integer", "1 where the index is not among the lowest of the layer, else 0"),
        Column("emotion_selective", "integer", "1 where it is selective for the same emotion in both sets, else 0"),
        Column("constant", "integer", "1 where it responds to all pictures of a set alike and is left out, else 0"),
    ),
)  # fmt: skip
LAYER_SELECTIVITY = Table(
    "layer_selectivity.csv",
    "a network, an image set and a layer",
    (
        *NETWORK,
        IMAGE_SET,
        LAYER,
        Column("filters", "integer", "filters that are not constant"),
        Column("constant", "integer", "constant filters, which are left out"),
        Column("unpleasant", "integer", "selective filters that prefer unpleasant pictures"),
        Column("neutral", "integer", "selective filters that prefer neutral pictures"),
        Column("pleasant", "integer", "selective filters that prefer pleasant pictures"),
        Column("index", "number", "mean selectivity index of the filters", "d'"),
        Column("index_low", "number",
               "lower end of the interval of the mean d' of the emotions that the filters prefer, over pictures drawn "
               "anew within each emotion (bootstrap); empty for drawn weights", "d'"),
        Column("index_high", "number", "upper end of that interval", "d'"),
        Column("exchanged", "number",
               "mean index with the emotions exchanged between pictures: what the largest of three noisy d' is by "
               "itself; empty for drawn weights", "d'"),
        Column("p", "number", "one-sided p of the index against these exchanges", "0..1"),
        Column("q", "number", "q after Benjamini-Hochberg of p over the sets and layers of the network", "0..1"),
        *_of_seeds("the index", "d'"),
    ),
)  # fmt: skip
SELECTIVE_OVERLAP = Table(
    "selective_overlap.csv",
    "a network, a layer (or all of them) and an emotion",
    (
        *NETWORK,
        Column("layer", "text", f"module path, or `{ALL_LAYERS}`: their sum"),
        EMOTION,
        Column("filters", "integer", "filters that are constant in neither set"),
        Column("first", "integer", "of these, filters that are selective for the emotion in the first set"),
        Column("second", "integer", "the same in the second set"),
        Column("both", "integer", "emotion-selective filters: selective for it in both sets"),
        Column("expected", "number", "how many two random sets of these sizes have in common (hypergeometric mean)"),
        Column("expected_low", "number", "lower end of that distribution's interval"),
        Column("expected_high", "number", "its upper end"),
        Column("p", "number", "one-sided p of so many or more, exact; takes filters for independent", "0..1"),
        Column("q", "number",
               "q after Benjamini-Hochberg of p, over layers and emotions of the network; for all layers over the "
               "emotions; empty for drawn weights", "0..1"),
        Column("exchanged", "number",
               "how many there are when the emotions of the second set's pictures are exchanged and filters selected "
               "again, mean; empty for drawn weights"),
        Column("exchanged_low", "number", "lower end of the interval of these"),
        Column("exchanged_high", "number", "its upper end"),
        Column("p_exchanged", "number", "one-sided p against these exchanges, which keep filters that respond alike",
               "0..1"),
        Column("q_exchanged", "number", "q after Benjamini-Hochberg of p_exchanged, as q", "0..1"),
        Column("strength", "number",
               "sum over the emotion-selective filters of the smaller index of the two sets; empty for drawn weights",
               "d'"),
        Column("strength_exchanged", "number", "the same with the exchanges, mean", "d'"),
        Column("p_strength", "number", "one-sided p of the strength against these exchanges", "0..1"),
        Column("q_strength", "number", "q after Benjamini-Hochberg of p_strength, as q", "0..1"),
        *_of_seeds("both"),
    ),
)  # fmt: skip
SELECTIVE_SHARES = Table(
    "selective_shares.csv",
    "a network, a layer (or all of them), an emotion and a threshold",
    (
        *MODEL,
        Column("layer", "text", f"module path, or `{ALL_LAYERS}`: their sum"),
        EMOTION,
        Column("lowest_share", "number", "share of the filters that count as not selective", "0..1"),
        Column("first", "integer", "filters that are then selective for the emotion in the first set"),
        Column("second", "integer", "the same in the second set"),
        Column("both", "integer", "those that are so in both"),
        Column("expected", "number", "how many two random sets of these sizes have in common"),
        Column("p", "number", "one-sided p of so many or more, exact, not corrected", "0..1"),
    ),
)
EXAMPLE_FILTERS = Table(
    "example_filters.csv",
    "an example filter and one of the pictures that it responds to most strongly",
    (
        *MODEL,
        LAYER,
        EMOTION,
        CHANNEL,
        IMAGE_SET,
        Column("rank", "integer", "1: the strongest response of the set"),
        Column("image", "text", "the picture"),
        Column("response", "number", "spatial mean of the filter's map"),
        VALENCE,
    ),
)
FILTER_RESPONSES = Arrays(
    "filter_responses",
    (
        Variable("response", ("picture", "filter"), "spatial mean of the filter's map for the picture"),
        Variable("image_set", ("picture",), "0: the picture is of the first set, 1: of the second"),
    ),
)


def _of_term(name: str, what: str) -> tuple[Column, ...]:
    return (
        Column(f"f_{name}", "number", f"F of {what}"),
        Column(f"p_{name}", "number", "its p", "0..1"),
        Column(f"q_{name}", "number", "q after Benjamini-Hochberg of it over the filters of network and set", "0..1"),
        Column(f"eta_{name}", "number", f"partial eta squared of {what}", "0..1"),
    )


LOW_LEVEL_EMOTIONS = Table(
    "low_level_emotions.csv",
    "an image set, an emotion and a split: a linear SVM tells the emotion from light, contrast, colour and edges",
    (
        IMAGE_SET,
        EMOTION,
        Column("split", "integer", "number of the split, from 0"),
        Column("learned", "integer", "training and validation pictures"),
        Column("tested", "integer", "test pictures"),
        Column("penalty", "number", "C of the SVM, chosen on the validation pictures"),
        Column("auroc", "number", "area under the ROC curve on the test pictures; 0.5 is guessing", "0..1"),
        Column("balanced_accuracy", "number", "mean share of right answers of both classes; 0.5 is guessing", "0..1"),
        Column("f1", "number", "F1 on the test pictures", "0..1"),
        Column("f1_always", "number", "F1 of always saying that it is the emotion", "0..1"),
    ),
)
FILTER_CATEGORIES = Table(
    "filter_categories.parquet",
    "a network, an image set and a filter: two-way ANOVA (type II) of its responses by emotion and object category",
    (
        *MODEL,
        IMAGE_SET,
        LAYER,
        CHANNEL,
        Column("pictures", "integer", "pictures with a category that each emotion shows often enough"),
        Column("categories", "integer", "these categories"),
        *_of_term("emotion", "emotion, the category being given"),
        *_of_term("category", "category, the emotion being given"),
        *_of_term("interaction", "both together beyond their sum"),
    ),
)
