"""The exact computations: arrays in, arrays out, no files."""

from __future__ import annotations

from o2b_helpers.kernels.box_statistics import box_scores, box_statistics, pixel_boxes
from o2b_helpers.kernels.category_weights import category_weights
from o2b_helpers.kernels.filter_cams import filter_maps
from o2b_helpers.kernels.filter_scores import FilterScores, filter_scores
from o2b_helpers.kernels.lesions import lesion_predictions
from o2b_helpers.kernels.outputs import head_outputs
from o2b_helpers.kernels.overlap import category_overlap
from o2b_helpers.kernels.permuted_rank_correlation import permutations_within, permuted_rank_correlation
from o2b_helpers.kernels.rank_correlation import benjamini_hochberg, rank_correlation, spearman_p
from o2b_helpers.kernels.screening import screened_predictions

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
    "permutations_within",
    "permuted_rank_correlation",
    "pixel_boxes",
    "rank_correlation",
    "screened_predictions",
    "spearman_p",
]
