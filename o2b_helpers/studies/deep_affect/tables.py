"""The result files of the study ``deep_affect``."""

from __future__ import annotations

from o2b_helpers.core.contract import Arrays, Column, Table, Variable

NETWORK, RIDGE, MEAN = MODELS = ("network", "ridge", "mean")
SHARED, SPLIT, SINGLE = OUTPUTS = ("shared", "split", "single")
TRAIN, TEST, HELD_OUT = PARTS = ("train", "test", "held out")
LEFT_OUT = "left out"
ALL_CORPORA = "all corpora"
NO_FEATURES = "none"
SHAPLEY, INTERACTION = "shapley", "interaction"

_CORPUS = Column("corpus", "text", "the corpus")
_TARGET = Column("rating", "text", "`valence` or `arousal`")
_FEATURES = Column(
    "features", "text", f"the groups of features that it reads, joined by +; `{NO_FEATURES}`: no feature"
)
_MODEL = (
    Column(
        "model",
        "text",
        f"`{NETWORK}` (feed-forward network), `{RIDGE}` regression, or `{MEAN}` of the training ratings",
    ),
    Column(
        "outputs", "text", f"`{SHARED}`: one network for both ratings; `{SPLIT}`: one for each; `{SINGLE}`: no network"
    ),
)
_PART = Column(
    "part",
    "text",
    f"`{TRAIN}`, `{TEST}` (pictures of the fold that was left out) or "
    f"`{HELD_OUT}` (the corpus that is never learnt from)",
)

AFFECT_PICTURES = Table(
    "affect_pictures.csv",
    "a picture",
    (
        _CORPUS,
        Column("image", "text", "the picture"),
        Column("valence", "number", "mean rating, mapped linearly to 1..9", "1..9"),
        Column("arousal", "number", "mean rating, mapped linearly to 1..9", "1..9"),
        Column("fold", "integer", "the fold that it tests, from 0; -1: none"),
        Column("part", "text", f"`{TEST}` (it tests one fold and is learnt from in the others), `{HELD_OUT}`, or "
               f"`{LEFT_OUT}`: nearly a held-out picture"),
        Column("alike", "integer", "number of the group of pictures that look nearly the same; they are in one fold"),
    ),
)  # fmt: skip
AFFECT_DUPLICATES = Table(
    "affect_duplicates.csv",
    "a pair of pictures that look nearly the same",
    (
        _CORPUS,
        Column("image", "text", "one picture"),
        Column("other_corpus", "text", "the corpus of the other"),
        Column("other_image", "text", "the other picture"),
        Column("bits", "integer", "bits of 256 in which their perceptual hashes differ; -1: the pixels are the same"),
    ),
)
AFFECT_EXTRACTORS = Table(
    "affect_extractors.csv",
    "an extractor",
    (
        Column("extractor", "text", "its name in the profile"),
        Column("group", "text", "the group of its features"),
        Column("architecture", "text", "its network"),
        Column("weights", "text", "the name of its weights"),
        Column("output", "text", "`probabilities`, `sigmoid`, `logits` or `penultimate`"),
        Column("crop", "text", "what it sees: `whole` pictures, `faces`, or the boxes of these classes"),
        Column("features", "integer", "number of features"),
        Column("pictures", "integer", "number of pictures"),
        Column("without", "integer", "pictures without such a box"),
    ),
)
AFFECT_FEATURES = Arrays(
    "affect_features",
    (
        Variable("features", ("picture", "feature"), "what the extractor says of a picture"),
        Variable("boxes", ("picture",), "boxes that were cut out and averaged; 1 for a whole picture"),
    ),
)
AFFECT_PREDICTIONS = Table(
    "affect_predictions.parquet",
    "a model, a fold and a picture",
    (
        *_MODEL,
        _FEATURES,
        Column("seed", "integer", "number of the network's first weights, from 0"),
        Column("fold", "integer", "the fold that was left out, from 0"),
        _TARGET,
        _CORPUS,
        Column("image", "text", "the picture"),
        Column("predicted", "number", "predicted rating", "1..9"),
    ),
)
AFFECT_TRAINING = Table(
    "affect_training.parquet",
    "an epoch of a network",
    (
        Column("outputs", "text", f"`{SHARED}` or `{SPLIT}`"),
        _FEATURES,
        Column("rating", "text", "the rating that it learns; of a shared network `both`"),
        Column("seed", "integer", "number of the network's first weights, from 0"),
        Column("fold", "integer", "the fold that was left out, from 0"),
        Column("epoch", "integer", "from 0"),
        Column("rate", "number", "learning rate"),
        Column("train_loss", "number", "mean squared error of its steps, with dropout"),
        Column("loss", "number", "mean squared error of the pictures that drive rate and stop"),
        Column("kept", "integer", "1 for the epoch that is kept"),
    ),
)


def _mean_and_sd(name: str, what: str, unit: str = "") -> tuple[Column, Column]:
    return (
        Column(name, "number", f"{what}, mean over folds and seeds", unit),
        Column(f"{name}_sd", "number", f"standard deviation of {name} over folds (of the mean over seeds)"),
    )


AFFECT_SCORES = Table(
    "affect_scores.csv",
    "a model, a part of the pictures, a corpus and a rating",
    (
        *_MODEL,
        _FEATURES,
        _PART,
        Column("corpus", "text", f"the corpus, or `{ALL_CORPORA}`"),
        _TARGET,
        *_mean_and_sd("mse", "mean squared error"),
        *_mean_and_sd("r2", "1 minus the squared error by that of the pictures' own mean", "up to 1"),
        *_mean_and_sd("rho", "Spearman's rho of predicted and actual ratings", "-1..1"),
        *_mean_and_sd("mae", "mean absolute error"),
        *_mean_and_sd("accuracy", "100 (1 - absolute error / 9), the paper's", "%"),
        Column("folds", "integer", "number of folds"),
        Column("pictures", "integer", "pictures that are judged, of all folds together, each once"),
    ),
)
AFFECT_FOLDS = Table(
    "affect_folds.parquet",
    "a model, a fold, a part of the pictures, a corpus and a rating",
    (
        *_MODEL,
        _FEATURES,
        Column("seed", "integer", "number of the network's first weights, from 0"),
        Column("fold", "integer", "the fold that was left out, from 0"),
        _PART,
        Column("corpus", "text", f"the corpus, or `{ALL_CORPORA}`"),
        _TARGET,
        Column("mse", "number", "mean squared error"),
        Column("r2", "number", "1 minus the squared error by that of the pictures' own mean", "up to 1"),
        Column("rho", "number", "Spearman's rho of predicted and actual ratings", "-1..1"),
        Column("mae", "number", "mean absolute error"),
        Column("accuracy", "number", "100 (1 - absolute error / 9), the paper's", "%"),
        Column("pictures", "integer", "pictures that are judged"),
    ),
)
AFFECT_TESTS = Table(
    "affect_tests.csv",
    "two models and a rating",
    (
        _TARGET,
        Column("first", "text", "one model: model, outputs, features"),
        Column("second", "text", "the other"),
        Column("difference", "number", "test mean squared error of the first less that of the second, mean over folds"),
        Column("low", "number", "lower end of its confidence interval, with the corrected variance"),
        Column("high", "number", "upper end"),
        Column("t", "number", "Student's t over folds, paired, as if folds were independent (the paper's)"),
        Column("p", "number", "its two-sided p", "0..1"),
        Column("q", "number", "q after Benjamini-Hochberg of p over the rows of the table", "0..1"),
        Column("corrected_t", "number", "t with the variance of Nadeau and Bengio, as folds share training pictures"),
        Column("corrected_p", "number", "its two-sided p", "0..1"),
        Column("corrected_q", "number", "q after Benjamini-Hochberg of corrected_p over the rows of the table", "0..1"),
        Column("folds", "integer", "number of folds"),
    ),
)  # fmt: skip
AFFECT_CONTRIBUTIONS = Table(
    "affect_contributions.csv",
    "a model, a rating, and a group or a pair of groups",
    (
        *_MODEL,
        _TARGET,
        Column(
            "kind", "text", f"`{SHAPLEY}`: the Shapley value of a group; `{INTERACTION}`: what a pair gives beyond both"
        ),
        Column("group", "text", "the group, or the two groups joined by +"),
        Column("value", "number", "in units of R2 on test pictures, mean over folds"),
        Column("low", "number", "lower end of its confidence interval over folds, with the corrected variance"),
        Column("high", "number", "upper end"),
        Column("corrected_p", "number", "two-sided p of its corrected t against 0", "0..1"),
        Column(
            "corrected_q",
            "number",
            "q after Benjamini-Hochberg over the groups (or pairs) and ratings of the model",
            "0..1",
        ),
        Column("whole", "number", "R2 of all groups less that of no feature: what Shapley values add up to"),
    ),
)
AFFECT_CEILINGS = Table(
    "affect_ceilings.csv",
    "a corpus and a rating",
    (
        Column("corpus", "text", f"the corpus, or `{ALL_CORPORA}`"),
        _TARGET,
        Column(
            "least_mse", "number", "mean squared error that is left to a model that knows what all people would say"
        ),
        Column("r2", "number", "reliability of the mean ratings: the largest expected R2", "0..1"),
        Column("correlation", "number", "the largest expected correlation", "0..1"),
        Column("pictures", "integer", "pictures whose SD and number of ratings are known"),
    ),
)
