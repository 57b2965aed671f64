"""What people bring: corpora, stimuli, human data and images."""

from __future__ import annotations

from o2b_helpers.inputs.corpora import (
    Corpus,
    binary_labels,
    label_counts,
    make_corpus,
    read_table,
    valence_labels,
)
from o2b_helpers.inputs.folders import path_inside
from o2b_helpers.inputs.human import read_ratings, read_regions, read_signals, read_targets
from o2b_helpers.inputs.image_check import ImageCheck, check_images
from o2b_helpers.inputs.images import MAX_PIXELS, MIN_SIDE, read_image
from o2b_helpers.inputs.known_corpora import findingemo_annotations, read_findingemo, read_oasis
from o2b_helpers.inputs.matching import check_ratings, check_regions, check_signals, check_targets
from o2b_helpers.inputs.open_images import categories, category_of
from o2b_helpers.inputs.preprocessing import InputImages, Preprocessing, load_images
from o2b_helpers.inputs.stimuli import MIN_PER_CONDITION, Stimuli, make_stimuli, read_stimuli, select_stimuli
from o2b_helpers.inputs.tables import existing_folder, read_frame
from o2b_helpers.inputs.targets import mean_rating_targets, ridge_predictions, targets_table, true_labels

__all__ = [
    "MAX_PIXELS",
    "MIN_PER_CONDITION",
    "MIN_SIDE",
    "Corpus",
    "ImageCheck",
    "InputImages",
    "Preprocessing",
    "Stimuli",
    "binary_labels",
    "categories",
    "category_of",
    "check_images",
    "check_ratings",
    "check_regions",
    "check_signals",
    "check_targets",
    "existing_folder",
    "findingemo_annotations",
    "label_counts",
    "load_images",
    "make_corpus",
    "make_stimuli",
    "mean_rating_targets",
    "path_inside",
    "read_findingemo",
    "read_frame",
    "read_image",
    "read_oasis",
    "read_ratings",
    "read_regions",
    "read_signals",
    "read_stimuli",
    "read_table",
    "read_targets",
    "ridge_predictions",
    "select_stimuli",
    "targets_table",
    "true_labels",
    "valence_labels",
]
