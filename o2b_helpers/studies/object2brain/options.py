"""The options of the study ``object2brain``: the detector, filter sensitivity, lesions and class weights."""

from __future__ import annotations

from typing import Literal, get_args

from o2b_helpers.core.options import SHA256, Block, option


class Detector(Block):
    """The object detector."""

    weights: str = option("toyworld", "toyworld, or a path to an Ultralytics checkpoint")
    sha256: str | None = option(
        None, "digest of the checkpoint; needed where it is not one this package knows", pattern=SHA256
    )
    confidence: float = option(0.25, "detections below are dropped", source="paper 3.1 (YOLOv8's default)", ge=0, le=1)
    iou: float = option(0.7, "overlap above which the weaker of two boxes of a class is dropped", ge=0, le=1)
    image_size: int | None = option(
        None, "longer side the detector works at; default: what it was trained with", unit="pixels"
    )
    categories: str | None = option(
        None, "CSV class, category; default: the 34 categories of Open Images, for its classes or for those of COCO"
    )
    regions: Literal["boxes", "masks"] = option(
        "boxes",
        "what an object covers: its box, or its mask (a segmentation checkpoint; statistics are taken over its pixels)",
    )


class Sensitivity(Block):
    """EmoCAM++: how strongly a filter answers to a class."""

    score: Literal["homogeneity", "mean", "max", "ratio"] = option(
        "homogeneity", "score of a box: mean * mean / max, mean (EmoCAM), max, or mean / max of the map inside"
    )
    cam_scale: Literal["filter", "layer"] = option(
        "filter", "scale each filter's map by itself, or by its layer's largest value"
    )


class Lesions(Block):
    """What each filter's lesion changes."""

    method: Literal["exact", "first_order"] = option(
        "exact",
        "run the rest of the network for every filter, or approximate all filters by one backward pass for each run "
        "and report the agreement with exact lesions of a sample",
    )


Estimator = Literal[
    "sum",
    "centred",
    "confidence",
    "overlap_adjusted",
    "lift",
    "overlap_adjusted_lift",
    "ungated",
    "ungated_centred",
    "ungated_overlap_adjusted",
    "ungated_lift",
    "ungated_overlap_adjusted_lift",
    "map_occlusion",
    "occlusion",
    "mediation",
]
ESTIMATORS: tuple[str, ...] = get_args(Estimator)


class Object2Brain(Block):
    """From class weights to categories."""

    share: float = option(0.10, "share of the detected classes taken from either end", source="paper 3.2", gt=0, le=0.5)
    category_weight: Literal["mean", "sum"] = option(
        "mean",
        "a category's weight at an end: mean or sum of the weights of its classes; figures 3 and 4 of the paper show "
        "averages",
        source="paper 3.2",
    )
    category_classes: Literal["chosen", "all"] = option(
        "chosen",
        "which classes make a category's weight at an end: those chosen there, or all detected ones of a category of "
        "which any is chosen there",
    )
    estimator: Estimator = option(
        "sum",
        "how a class's weight is worked out (notebook 08 says what each way assumes); sum is the paper's",
        source="paper 3.2",
    )
    compare: list[Estimator] = option(
        list(ESTIMATORS), "estimators that are worked out beside it, for object_weights_by_estimator.csv"
    )
    shams: int = option(
        199,
        "sham boxes for each class and stimulus: how much hiding as much elsewhere changes (p_sham); 0: none",
        unit="shams",
        ge=0,
    )


class Object2BrainOptions(Block):
    """What the study adds to ``analysis:``."""

    detector: Detector = option(Detector(), "object detector")
    sensitivity: Sensitivity = option(Sensitivity(), "filter sensitivity")
    lesions: Lesions = option(Lesions(), "filter lesions")
    object2brain: Object2Brain = option(Object2Brain(), "class and category weights")


OPTIONS = Object2BrainOptions
