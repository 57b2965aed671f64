"""The result files of notebook 13."""

from __future__ import annotations

from o2b_helpers.core.contract import Column, Table
from o2b_helpers.studies.selectivity.tables import EMOTION, IMAGE_SET, LAYER, MODEL

NAME = "lesion_and_attention"  # the step
HELD_OUT, ALL_PICTURES = SELECTIONS = ("held out", "all pictures")
LESION = -1.0
MEASURES = ("f1", "balanced_accuracy", "auroc", "f1_anew")
LESIONED, CHOSEN, HIGHEST = MANIPULATIONS = ("lesion", "strengthened", "strengthened, highest")

SELECTION = Column(
    "selection",
    "text",
    f"`{HELD_OUT}`: filters were selected without the test pictures of the split; `{ALL_PICTURES}`: on all pictures, "
    "as in the paper, which is optimistic",
)
MEASURE = Column(
    "measure",
    "text",
    "`f1`, `balanced_accuracy`, `auroc`, or `f1_anew`: F1 with the threshold set anew on the validation pictures",
)
EMOTION_READOUTS = Table(
    "emotion_readouts.csv",
    "a network, an image set, an emotion, a split and a part of it",
    (
        *MODEL,
        IMAGE_SET,
        EMOTION,
        Column("split", "integer", "number of the split, from 0"),
        Column("part", "text", "`train`, `validation` or `test` pictures"),
        Column("pictures", "integer", "pictures of this part"),
        Column("positive", "integer", "of these, pictures of the emotion"),
        Column("f1", "number", "F1 of telling the emotion from the rest", "0..1"),
        Column("balanced_accuracy", "number", "mean share of right answers of both classes; 0.5 is guessing", "0..1"),
        Column("auroc", "number", "area under the ROC curve; 0.5 is guessing", "0..1"),
        Column("f1_always", "number", "F1 of always saying that it is the emotion", "0..1"),
    ),
)


def _against(name: str, what: str) -> tuple[Column, ...]:
    return (
        Column(name, "number", f"mean over draws of {what}; empty where they cannot be drawn", "0..1"),
        Column(f"{name}_low", "number", "lower end of the interval over draws", "0..1"),
        Column(f"{name}_high", "number", "its upper end", "0..1"),
        Column(f"p_{name}", "number", "one-sided p: share of draws at least as low (lesion) or as high, "
               "(1 + count) / (1 + draws)", "0..1"),
        Column(f"q_{name}", "number", "q after Benjamini-Hochberg of p over the layers", "0..1"),
    )  # fmt: skip


GAIN_EFFECTS = Table(
    "gain_effects.csv",
    "a network, an image set, a layer, an emotion, a selection, a manipulation and a measure; test pictures",
    (
        *MODEL,
        IMAGE_SET,
        LAYER,
        EMOTION,
        SELECTION,
        Column("manipulation", "text",
               f"`{LESIONED}`: alpha -1; `{CHOSEN}`: the alpha that is best on the validation pictures; `{HIGHEST}`: "
               "the best one on the test pictures, as in the paper, which is optimistic"),
        MEASURE,
        Column("filters", "number", "filters in the set, mean over splits"),
        Column("alpha", "number", "the alpha, mean over splits"),
        Column("original", "number", "the measure without a manipulation, mean over splits", "0..1"),
        Column("value", "number", "with it, mean over splits", "0..1"),
        Column("value_low", "number", "the lowest split", "0..1"),
        Column("value_high", "number", "the highest split", "0..1"),
        Column("compared", "number", "the value on the alphas of the draws, which p compares", "0..1"),
        *_against("random", "random filters of the layer, as many"),
        *_against("matched", "filters that respond as strongly on average (by deciles)"),
        *_against("others", "filters that are selective for no emotion"),
    ),
)  # fmt: skip
GAIN_CURVES = Table(
    "gain_curves.csv",
    "a network, an image set, a layer, an emotion, a selection and an alpha; test pictures",
    (
        *MODEL,
        IMAGE_SET,
        LAYER,
        EMOTION,
        SELECTION,
        Column("alpha", "number", "-1: lesion; 0: the network as it is; more: strengthened"),
        *(Column(f"{name}", "number", f"{name} with the emotion's filters changed, mean over splits", "0..1")
          for name in MEASURES),
        *(Column(f"{name}_random", "number", f"{name} with random filters changed, mean over draws and splits; empty "
                 "at alphas at which none were drawn", "0..1") for name in MEASURES),
    ),
)  # fmt: skip
LESION_SPECIFICITY = Table(
    "lesion_specificity.csv",
    "a network, an image set, a layer, a lesioned and a tested emotion; filters selected without the test pictures",
    (
        *MODEL,
        IMAGE_SET,
        LAYER,
        Column("lesioned", "text", "the emotion whose filters are lesioned"),
        Column("tested", "text", "the emotion that is recognised"),
        MEASURE,
        Column("original", "number", "the measure without a lesion, mean over splits", "0..1"),
        Column("value", "number", "with it, mean over splits", "0..1"),
        Column("value_low", "number", "the lowest split", "0..1"),
        Column("value_high", "number", "the highest split", "0..1"),
    ),
)
