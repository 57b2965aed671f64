"""The result files of the study ``emocam``."""

from __future__ import annotations

from o2b_helpers.core.contract import Arrays, Column, Table, Variable
from o2b_helpers.studies.common.tables import MODEL

EMOTION = Column("emotion", "text", "the emotion label")
PREDICTED = Column("predicted", "text", "the label that the network names: its highest output")
IMAGE = Column("image", "text", "the picture")
CLASS = (
    Column("class", "text", "object class, as the detector names it"),
    Column("category", "text", "the class's category"),
)


def _ends(name: str, what: str, unit: str) -> tuple[Column, Column]:
    return (
        Column(f"{name}_low", "number", f"lower end of the interval of {what} over pictures (bootstrap)", unit),
        Column(f"{name}_high", "number", "upper end of that interval", unit),
    )


EMOTION_MODELS = Table(
    "emotion_models.csv",
    "a network",
    (
        *MODEL,
        Column(
            "pictures",
            "integer",
            "pictures with a label, each judged by a head that did not learn from it; for a ready network those with "
            "one of its own labels",
        ),
        Column("labels", "integer", "emotion labels"),
        Column("accuracy", "number", "share of pictures whose label is named", "0..1"),
        *_ends("accuracy", "accuracy", "0..1"),
        Column("chance_accuracy", "number", "accuracy of always naming the most frequent label", "0..1"),
        Column("balanced_accuracy", "number", "mean over labels of the share of their pictures that is named", "0..1"),
        *_ends("balanced_accuracy", "balanced accuracy", "0..1"),
        Column("chance_balanced", "number", "balanced accuracy of guessing: 1 / labels", "0..1"),
        Column(
            "p", "number", "one-sided p of balanced accuracy when what is named is exchanged between pictures", "0..1"
        ),
    ),
)
EMOTION_CONFUSION = Table(
    "emotion_confusion.csv",
    "a network, a label and a named label",
    (
        *MODEL,
        EMOTION,
        PREDICTED,
        Column("pictures", "integer", "pictures of the label for which this label is named"),
        Column("share", "number", "their share of the label's pictures", "0..1"),
        Column("low", "number", "lower end of the share's interval over pictures (bootstrap)", "0..1"),
        Column("high", "number", "upper end of that interval", "0..1"),
    ),
)
EMOTION_PREDICTIONS = Table(
    "emotion_predictions.csv",
    "a network and a picture with a label; for a ready network every picture, with an empty emotion where the corpus "
    "has none of its labels",
    (
        *MODEL,
        IMAGE,
        EMOTION,
        Column(
            "fold",
            "integer",
            "the fold that held the picture out, from 0: its head judges the picture; 0 for a ready network",
        ),
        PREDICTED,
        Column("probability", "number", "of the named label, behind the softmax", "0..1"),
    ),
)
EMOTION_HEADS = Table(
    "emotion_heads.csv",
    "an epoch of a head on one split; kept are epoch and rate with the lowest loss on the pictures that choose",
    (
        *MODEL,
        Column("run", "integer", "the fold that is held out, from 0"),
        Column("learning_rate", "number", "starting rate of the optimiser"),
        Column("epoch", "integer", "from 0"),
        Column("split", "text", "`train`, `validation` (the pictures that choose, if there are any) or `test`"),
        Column("loss", "number", "(weighted) mean cross-entropy", "nats"),
        Column("accuracy", "number", "share of pictures whose label is named", "0..1"),
        Column("balanced_accuracy", "number", "mean over labels of the share of their pictures that is named", "0..1"),
    ),
)
EMOTION_BOXES = Table(
    "emotion_boxes.parquet",
    "a network and a box in a picture with a label, or a mask; those outside of the network's input are left out",
    (
        *MODEL,
        IMAGE,
        PREDICTED,
        Column("box", "integer", "row of the box in detections.parquet, from 0"),
        CLASS[0],
        Column(
            "importance",
            "number",
            "how much of the map of the named label lies in it (`analysis.associations.importance`)",
        ),
        Column("important", "integer", "1 where the importance is above `analysis.associations.threshold`, else 0"),
    ),
)
EMOTION_ASSOCIATIONS = Table(
    "emotion_associations.csv",
    "a network, a named label and a class",
    (
        *MODEL,
        PREDICTED,
        *CLASS,
        Column("pictures", "integer", "pictures for which the label is named"),
        Column("shown", "integer", "of these, pictures that show the class"),
        Column("count", "integer", "M: of these, pictures in which a box of the class is important"),
        Column("importance", "number", "M': count in percent of the pictures; empty without a picture", "%"),
        *_ends("importance", "importance", "%"),
        Column("presence", "number", "shown in percent of the pictures: what is there, important or not", "%"),
        *_ends("presence", "presence", "%"),
        Column(
            "conditional",
            "number",
            "conditional importance, count / shown: how often the class is important where it is there; empty without",
            "0..1",
        ),
        *_ends("conditional", "conditional", "0..1"),
        Column(
            "exchanged",
            "number",
            "conditional importance with the boxes of the class exchanged between the pictures that show it: what "
            "size, number and place of the boxes do alone; empty where only one picture shows the class",
            "0..1",
        ),
        Column("lift", "number", "conditional less exchanged: what is due to the object's being there", "-1..1"),
        *_ends("lift", "lift", "-1..1"),
        Column("p", "number", "two-sided p of count when named labels are exchanged between pictures (exact)", "0..1"),
        Column("q", "number", "q after Benjamini-Hochberg of p over the labels and classes of the network", "0..1"),
        Column(
            "p_conditional",
            "number",
            "the same among the pictures that show the class only: is it important more (or less) often with this "
            "label, given that it is there",
            "0..1",
        ),
        Column("q_conditional", "number", "q after Benjamini-Hochberg of p_conditional, as q", "0..1"),
        Column(
            "p_lift",
            "number",
            "one-sided p of count against the exchanges of the boxes; where it is small, more of them are drawn "
            "(`analysis.associations.most_exchanges`)",
            "0..1",
        ),
        Column("q_lift", "number", "q after Benjamini-Hochberg of p_lift, as q", "0..1"),
    ),
)
PLANTED_EMOTIONS = Table(
    "planted_emotions.csv",
    "an emotion and a class of the toy world; no row for other corpora",
    (EMOTION, *CLASS, Column("planted", "number", "how much the class raises the emotion; 0: not at all")),
)
EMOTION_CAMS = Arrays(
    "emotion_cams",
    (
        Variable(
            "cam",
            ("picture", "y", "x"),
            "class activation map of the label that is named for the picture, native: not scaled, not resized",
        ),
        Variable("predicted", ("picture",), "number of that label, in the order of the coordinate emotion"),
    ),
)
METHOD = Column("method", "text", "the CAM method")
CAM_METHODS = Table(
    "cam_methods.csv",
    "a network and a CAM method",
    (
        *MODEL,
        METHOD,
        Column("pictures", "integer", "pictures that are mapped, the same for all methods"),
        Column("empty_maps", "integer", "of these, pictures where nothing speaks for the named label"),
        Column("changed", "integer", "of these, pictures that are changed for deletion and insertion"),
        Column(
            "deletion",
            "number",
            "mean area below the probability of the named label while the highest places of the map are blurred first; "
            "small is faithful",
            "0..1",
        ),
        *_ends("deletion", "deletion", "0..1"),
        Column(
            "insertion",
            "number",
            "mean area while they come back first, from the picture all blurred; large is faithful",
            "0..1",
        ),
        *_ends("insertion", "insertion", "0..1"),
        Column("auc_importance", "number", "AUC with which M' finds the planted pairs; empty without", "0..1"),
        Column("auc_conditional", "number", "the same by conditional importance", "0..1"),
        Column("auc_lift", "number", "the same by lift", "0..1"),
    ),
)
CAM_METHOD_ASSOCIATIONS = Table(
    "cam_method_associations.csv",
    "a network, a CAM method, a named label and a class",
    (
        *MODEL,
        METHOD,
        PREDICTED,
        *CLASS,
        Column("pictures", "integer", "mapped pictures for which the label is named"),
        Column("shown", "integer", "of these, pictures that show the class"),
        Column("count", "integer", "M: of these, pictures in which a box of the class is important"),
        Column("importance", "number", "M': count in percent of the pictures; empty without a picture", "%"),
        Column("presence", "number", "shown in percent of the pictures", "%"),
        Column("conditional", "number", "count / shown; empty without", "0..1"),
        Column("exchanged", "number", "conditional with the boxes of the class exchanged between pictures", "0..1"),
        Column("lift", "number", "conditional less exchanged", "-1..1"),
    ),
)
CAM_METHOD_AGREEMENT = Table(
    "cam_method_agreement.csv",
    "a network, a statistic and a pair of CAM methods",
    (
        *MODEL,
        Column(
            "statistic",
            "text",
            "`count` (M, over all classes of the detector in the corpus), `conditional` (M / presence) or `lift`, over "
            "the classes that the mapped pictures show",
        ),
        Column("method_a", "text", "a CAM method"),
        Column("method_b", "text", "another one"),
        Column("cells", "integer", "labels and classes for which both have a value"),
        Column("rho", "number", "Spearman's rho of the two methods over these cells", "-1..1"),
        Column("expected", "number", "the same with the boxes of one of them exchanged, mean over exchanges", "-1..1"),
        Column("p", "number", "one-sided p of rho against them (Mantel): the larger one of both ways", "0..1"),
        Column("q", "number", "q after Benjamini-Hochberg of p over the pairs and statistics of the network", "0..1"),
    ),
)
CAM_METHOD_PICTURES = Table(
    "cam_method_pictures.csv",
    "a network, a CAM method and a picture that is changed",
    (
        *MODEL,
        METHOD,
        IMAGE,
        PREDICTED,
        Column("deletion", "number", "area below the probability of the named label, as in cam_methods.csv", "0..1"),
        Column("insertion", "number", "the same while places come back", "0..1"),
    ),
)
