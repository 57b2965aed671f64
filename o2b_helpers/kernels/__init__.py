"""The exact computations: arrays in, arrays out, no files."""

from __future__ import annotations

from .box_statistics import box_scores, box_statistics, pixel_boxes
from .filter_cams import filter_maps
from .filter_scores import FilterScores, filter_scores
from .lesions import lesion_predictions
from .object_weights import category_weights, object_weights
from .outputs import head_outputs
from .overlap import category_overlap
from .rank_correlation import benjamini_hochberg, rank_correlation, spearman_p

__all__ = [
    "FilterScores",
    "benjamini_hochberg",
    "box_scores",
    "box_statistics",
    "category_overlap",
    "category_weights",
    "filter_maps",
    "filter_scores",
    "head_outputs",
    "lesion_predictions",
    "object_weights",
    "pixel_boxes",
    "rank_correlation",
    "spearman_p",
]
