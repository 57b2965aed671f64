"""The result files of the study ``object2brain``."""

from __future__ import annotations

from o2b_helpers.core.contract import Arrays, Column, Table, Variable

MODEL = Column("architecture", "text", "the network's name in the profile")
LAYER = Column("layer", "text", "torchvision module path; `full` for an estimator without layers")
RUN = Column("run", "integer", "training run, from 0")
TARGET = Column("target", "text", "the target's name")
CLASS = (
    Column("class", "text", "object class, as the detector names it"),
    Column("category", "text", "the class's category"),
)
WEIGHT = Column(
    "weight", "number", "sum over the layer's filters of S x delta (or what `analysis.object2brain.estimator` says)"
)
P_SHAM = Column(
    "p_sham",
    "number",
    "share of sham boxes (boxes of the class from other pictures, hidden in the same stimuli) whose weight is at least "
    "as large; only for `occlusion` and `mediation`",
    "0..1",
)
Q_SHAM = Column("q_sham", "number", "p_sham after Benjamini-Hochberg over the classes of a layer and target", "0..1")
P = Column("p", "number", "two-sided p when the target's values are exchanged between stimuli", "0..1")
Q = Column("q", "number", "q after Benjamini-Hochberg over the classes of a layer and target", "0..1")
ENDS = (
    Column("ci_low", "number", "lower end of the interval over stimuli (bootstrap)"),
    Column("ci_high", "number", "upper end of the interval over stimuli (bootstrap)"),
)

DETECTIONS = Table(
    "detections.parquet",
    "a box in a corpus picture",
    (
        Column("image", "text", "the picture"),
        *CLASS,
        Column("confidence", "number", "the detector's confidence", "0..1"),
        Column("x0", "number", "left edge of the box in the original picture", "pixels"),
        Column("y0", "number", "upper edge", "pixels"),
        Column("x1", "number", "right edge", "pixels"),
        Column("y1", "number", "lower edge", "pixels"),
        Column("width", "integer", "width of the original picture", "pixels"),
        Column("height", "integer", "height of the original picture", "pixels"),
        Column(
            "mask",
            "text",
            "the object's pixels in the original picture, as run lengths, column by column; only where "
            "`analysis.detector.regions` is `masks`",
            optional=True,
        ),
    ),
)
CATEGORY_OVERLAP = Table(
    "category_overlap.csv",
    "a pair of categories",
    (
        Column("category_a", "text", "the category whose area is covered"),
        Column("category_b", "text", "the category whose boxes cover it"),
        Column(
            "overlap",
            "number",
            "share of a's area that b's boxes cover, mean over the pictures that show both; empty where none does",
            "0..1",
        ),
    ),
)
OBJECT_WEIGHTS = Table(
    "object_weights.csv",
    "a model, a layer, a run, a class and a target",
    (MODEL, LAYER, RUN, TARGET, *CLASS, WEIGHT, P, Q, *ENDS),
)
OBJECT_WEIGHTS_MEAN = Table(
    "object_weights_mean.csv",
    "a model, a layer, a class and a target, mean over runs",
    (
        MODEL,
        LAYER,
        TARGET,
        *CLASS,
        Column("weight", "number", "mean weight over runs"),
        Column("sd", "number", "standard deviation over runs; empty for one run"),
        Column("p", "number", "two-sided p of the mean when the target's values are exchanged between stimuli", "0..1"),
        Q,
        Column("ci_low", "number", "lower end of the interval of the mean over stimuli and runs (bootstrap)"),
        Column("ci_high", "number", "upper end of the interval of the mean over stimuli and runs (bootstrap)"),
    ),
)
OBJECT_WEIGHTS_BY_ESTIMATOR = Table(
    "object_weights_by_estimator.csv",
    "an estimator, a model, a layer, a class and a target, mean over runs",
    (
        Column("estimator", "text", "one of `analysis.object2brain.compare`; `occlusion` has no layer: `full`"),
        MODEL,
        LAYER,
        TARGET,
        *CLASS,
        Column("weight", "number", "mean weight over runs by this estimator"),
        P,
        Q,
        P_SHAM,
        Q_SHAM,
    ),
)
CATEGORY_WEIGHTS = Table(
    "category_weights.csv",
    "a model, a layer, a target, a category and a sign",
    (
        MODEL,
        LAYER,
        TARGET,
        CLASS[1],
        Column(
            "sign",
            "text",
            "has a class among the highest (`positive`) or lowest (`negative`) weights, whatever their sign; a share "
            "of `analysis.object2brain.share` of the detected classes at either end (a tenth in the paper)",
        ),
        Column(
            "weight",
            "number",
            "mean of these classes' weights, themselves means over runs; `analysis.object2brain.category_weight` and "
            "`analysis.object2brain.category_classes` may ask for their sum or for all detected classes",
        ),
        Column("n_classes", "integer", "classes whose weights are averaged (or summed)"),
        Column(
            "p",
            "number",
            "p when the classes of either end are chosen anew under every exchange of the stimuli",
            "0..1",
        ),
        Column("q", "number", "q over the categories and signs of a layer and target", "0..1"),
        Column("ci_low", "number", "lower end of the interval of the weight of the same classes"),
        Column("ci_high", "number", "upper end of the interval of the weight of the same classes"),
    ),
)

_BY_RUN, _BY_FILTER = ("run", "filter", "class"), ("filter", "class")
FILTER_SCORES = Arrays(
    "filter_scores",
    (
        Variable(
            "score_sum",
            _BY_RUN,
            "sum of the box scores (equation 1 in our reading) of the class's boxes; by box_count: the paper's S",
        ),
        Variable("box_count", ("class",), "boxes of the class"),
        Variable("score_square_sum", _BY_RUN, "sum of the squared box scores, for a standard error"),
        Variable("confidence_sum", _BY_RUN, "sum of box score times the detector's confidence"),
        Variable("confidence_total", ("class",), "sum of the confidences of the class's boxes"),
        Variable(
            "coverage_sum",
            _BY_RUN,
            "M's: sum over all boxes b of m[b, class] times the score of b; m[b, class] is the share of b that the "
            "boxes of the class in the same image cover",
        ),
        Variable("coverage_gram", ("class", "class_b"), "M'M over the same boxes"),
        Variable(
            "exchanged_sum",
            _BY_RUN,
            "as score_sum, every image with the boxes of another: what size, place and frequency do alone",
        ),
        Variable("exchanged_count", ("class",), "as box_count, exchanged"),
        Variable("exchanged_coverage_sum", _BY_RUN, "as coverage_sum, every image with the boxes of another image"),
        Variable(
            "ungated_sum",
            _BY_FILTER,
            "as score_sum, of the feature map itself, whatever the sign of its gradient; the same for every run",
        ),
        Variable("ungated_exchanged_sum", _BY_FILTER, "as exchanged_sum, of the feature map itself"),
        Variable("ungated_coverage_sum", _BY_FILTER, "as coverage_sum, of the feature map itself"),
        Variable("ungated_exchanged_coverage_sum", _BY_FILTER, "as exchanged_coverage_sum, of the feature map itself"),
    ),
)
LESION_EFFECTS = Arrays(
    "lesion_effects",
    (
        Variable(
            "delta", ("run", "filter", "target"), "rho of the whole network minus rho without the filter", "-2..2"
        ),
        Variable("rho", ("run", "target"), "rho of the whole network", "-1..1"),
        Variable(
            "left_out",
            ("run", "filter"),
            "targets for which the filter is left out of the run's class weights: without it the network predicts the "
            "same for every stimulus, so that delta is undefined",
        ),
    ),
)
LESION_PREDICTIONS = Arrays(
    "lesion_predictions",
    (
        Variable("base", ("run", "stimulus"), "what the whole network predicts"),
        Variable("prediction", ("run", "filter", "stimulus"), "what it predicts without each filter"),
    ),
)
SHAM_PREDICTIONS = Arrays(
    "sham_predictions",
    (
        Variable(
            "prediction",
            ("sham", "run", "pair"),
            "prediction for a stimulus with boxes of a class hidden that were taken from other pictures; the pair's "
            "coordinates `pair_stimulus` and `pair_class` name both",
        ),
    ),
)
MEDIATION = Arrays(
    "mediation",
    (
        Variable(
            "mediated",
            ("run", "filter", "pair"),
            "how much of the change of the prediction for a stimulus passes through the filter when a class is hidden; "
            "the pair's coordinates `pair_stimulus` and `pair_class` name both; the sum over a layer's filters is base "
            "minus hidden",
        ),
        Variable("base", ("run", "stimulus"), "prediction for the whole stimulus"),
        Variable("hidden", ("run", "pair"), "prediction with the class hidden"),
        Variable(
            "residual",
            ("target_layer", "run", "pair"),
            "how far the sum over the layer's filters is from the change, as a share of it (of a hundredth of the "
            "standard deviation of the predictions, where that is more)",
        ),
        Variable("kept", ("target_layer", "pair"), "1 where the residual is at most 0.05 in all runs; 0: left out"),
        Variable("pieces", ("target_layer",), "into how many pieces the path between the maps was cut"),
        Variable(
            "moved",
            ("target_layer",),
            "by how much the shares move when the pieces are halved, on a sample of pairs",
            "0..1",
        ),
        Variable(
            "weight",
            ("filter", "class", "target"),
            "how much of the class's weight passes through the filter, mean over runs; the sum over a layer's filters "
            "is the class's weight by `mediation`",
        ),
    ),
)
PATCH_TEST = Table(
    "mediation_patch_test.csv",
    "a model, a layer and a class that at least two stimuli show",
    (
        MODEL,
        LAYER,
        *CLASS,
        Column("n_stimuli", "integer", "stimuli that show the class"),
        Column("n_filters", "integer", "filters put back: a tenth of the layer's, the strongest by `mediation`"),
        Column(
            "restored",
            "number",
            "share of the change of the predictions that comes back when the maps of these filters are put back; "
            "filters are chosen on one half of the stimuli and tested on the other, and the other way round",
        ),
        Column("restored_random", "number", "the same with as many filters drawn at random, mean over draws"),
    ),
)
PLANTED_TRUTH = Table(
    "planted_truth.csv",
    "a model, a class and a target; only for the stimuli of the toy world, else without rows",
    (
        MODEL,
        TARGET,
        *CLASS,
        Column("planted", "number", "what showing the class adds to the valence that the target is about", "valence"),
        Column(
            "true_change",
            "number",
            "rho of the stimuli minus rho of the same stimuli drawn again without the class, mean over runs",
            "-2..2",
        ),
    ),
)
OCCLUDED_PREDICTIONS = Arrays(
    "occluded_predictions",
    (
        Variable("base", ("run", "stimulus"), "prediction for the whole stimulus"),
        Variable(
            "prediction",
            ("run", "class", "stimulus"),
            "prediction with the boxes of the class filled from their surroundings; base where it is not shown",
        ),
        Variable(
            "map_prediction",
            ("layer", "run", "class", "stimulus"),
            "prediction with the layer's maps set to 0 in the boxes of the class; base where it is not shown",
        ),
        Variable(
            "shown",
            ("class", "stimulus"),
            "share of the network's input that the boxes of the class cover; 0 where it is not shown",
            "0..1",
        ),
    ),
)
