from __future__ import annotations

import html

import pytest
from small_run import STEPS

from o2b_helpers.core.running.run import Result
from o2b_helpers.studies.object2brain.summaries import objects_summary, occlusion_summary

FACTS = {
    "affect_inputs": {"pictures": 900, "pictures_by_corpus": {"oasis": 900}, "held_out": None, "folds": 5,
                      "pairs_alike": 0, "correlation_of_valence_and_arousal": -0.061},
    "affect_features": {"features": {"objects": 1000, "faces": 8}, "without_a_box": {"faces": 700}},
    "affect_models": {"sets_of_features": 7, "networks": 105, "median_best_epoch": 8.0, "folds": 5, "pictures": 900},
    "affect_scores": {"models": 22, "groups": ["object", "scene", "face"], "test_to_train": 0.25},
    "inputs": {"images_in_corpus": 800, "unpleasant": 211, "pleasant": 358, "neutral": 231, "stimuli": 48,
               "stimuli_by_condition": {"congruent": 24, "incongruent": 24}, "images_left_out": 1},
    "human_targets": {"targets": 24, "stimuli": 48, "stimuli_per_target": "22 to 24", "annotators": 50, "subjects": 22,
                      "labels_dropped_at_the_median": ["stimulus_24 (IV)"],
                      "noise_ceilings": "0.61 to 0.97, known for 24 of 24 targets"},
    "valence_models": {"images_trained_and_tested_on": 569, "runs": 5, "toynet": {
        "held_out_mae": 0.2835, "held_out_rho_with_ratings": 0.76, "smallest_rho": 0.70, "largest_rho": 0.81,
        "full_under_layer_rules": {"held_out_mae": 0.2935, "held_out_rho_with_ratings": 0.75, "smallest_rho": 0.69,
                                   "largest_rho": 0.80}}, "heads_chosen_on": "test"},
    "alignment_by_architecture": {"correlations": 240, "p_below_0.05_uncorrected": 102, "q_below_0.05": 71,
                                  "mean_rho_by_condition": {"congruent": 0.52}, "without_rho_because_constant": 2,
                                  "p_familywise_below_0.05": 30},
    "alignment_contrasts": {"contrasts": {"sources": {"pairs": 18, "tested": 17, "q_below_0.05": 3},
                                          "models": {"pairs": 0, "tested": 0, "q_below_0.05": 0}}},
    "alignment_controls": {"untrained_seeds": 10, "ranked_among_untrained": 24, "above_all_untrained": 15,
                           "beyond_low_level": 6, "tested_beyond_low_level": 48},
    "alignment_by_layer": {"correlations": 960, "q_below_0.05": 1},
    "objects": {"boxes": 1, "images_with_a_box": 700, "images_without": 100, "detected_classes": 14,
                "detected_categories": 9, "most_frequent": {"Person": 900}},
    "semantic_control": {"classes_learned_from": 14, "fewest_pictures_of_a_class": 5, "held_out_r2": 0.61,
                         "held_out_rho": 0.9, "targets_tested": 24, "targets_beyond_chance": 10, "beyond_semantic": 4,
                         "tested_beyond_semantic": 48, "beyond_semantic_and_low_level": 2,
                         "tested_beyond_semantic_and_low_level": 47},
    "filter_sensitivity": {"score": "mean", "toynet": {"filters": 36, "boxes_detected": 9, "boxes_scored": 8,
                                                       "boxes_outside_the_input": 1, "classes": 14}},
    "filter_lesions": {"device": "cpu", "toynet": {"filters": 36, "largest_effect": 0.1234,
                       "filters_without_any_effect": 2, "filters_whose_lesion_leaves_constant_predictions": 1,
                       "filters_left_out_by_layer_and_run": {"features.4": [0, 1]}}},
    "object2brain": {"toynet": {"classes": 14, "classes_from_either_end": 4, "class_weights": 1344,
                                "class_weights_beyond_chance": 68,
                                "weights_missing_because_predictions_are_constant": 3}},
    "explorer": {"models": ["toynet"]},
    "image_sets": {"halves": True, "left_out": 3, "splits": 3,
                   "image_sets": {"first": {"unpleasant": 40, "neutral": 30, "pleasant": 50}}},
    "selectivity": {"toynet": {"layers": 4, "filters": 116, "constant": 2, "constant_filters": ["conv 3", "conv 4"],
                               "emotion_selective": 12, "both": {"pleasant": 12}, "expected": {"pleasant": 5.5},
                               "p_strength": {"pleasant": 0.004}}},
    "emotion_controls": {"low_level_auroc": {"first set, neutral": 0.61}, "categories_from": "column",
                         "sets_without_categories": ["second"]},
    "emotion_readouts": {"toynet": {"auroc": {"neutral": 0.61}, "f1": {"neutral": 0.42}}},
    "lesion_and_attention": {"draws": 100, "toynet": {
        "sets": 24, "sets_without_others": 2, "lesion": {"neutral": {"tests": 8, "sure": 3}},
        "strengthened": {"neutral": {"tests": 8, "sure": 1}}}},
    "gains_and_alignment": {"alignment_is_run": True, "draws": 100, "models_without_heads": ["plain"], "toynet": {
        "sets": 8, "changes": {"-1": {"tests": 192, "beyond_random": 12, "beyond_matched": 7, "mean_change": -0.1,
                                      "mean_change_of_random": -0.04}}}},
}  # fmt: skip
SAID = {
    "affect_inputs": ["900 pictures (oasis 900) in 5 folds.", "correlate by -0.06"],
    "affect_features": ["objects 1,000, faces 8", "faces: 700 pictures without a box"],
    "affect_models": ["105 networks learnt from 7 sets of features in 5 folds"],
    "affect_scores": ["22 models were scored; R2 is shared among object, scene, face."],
    "inputs": ["800 pictures", "358 pleasant", "48 stimuli (24 congruent, 24 incongruent)", "1 picture could not"],
    "human_targets": ["24 targets over 48 stimuli", "50 annotators and 22 subjects", "1 label exactly at the median",
                      "at best: 0.61 to 0.97, known for 24"],
    "valence_models": ["569 pictures, in 5 runs", "absolute error is 0.283", "0.76 (0.70 to 0.81 over runs)",
                       "toynet, trained as its layer models are: on held-out pictures its mean absolute error is 0.29",
                       "mildly optimistic (measured on the toy world: 0.268 where it is 0.285 on fresh pictures"],
    "alignment_by_architecture": ["Of 240 correlations", "71 are beyond chance", "102 without it", "rho is 0.52",
                                  "2 correlations cannot", "30 pass even the strictest"],
    "alignment_contrasts": ["Pairs of sources: 3 of 17 differences beyond chance", "1 more cannot be tested"],
    "alignment_controls": ["15 of 24 agreements of trained networks", "all of 10 untrained networks", "6 of 48"],
    "alignment_by_layer": ["Of 960 correlations", "1 is beyond chance"],
    "objects": ["1 box of 14 classes in 700 pictures; 100 pictures without", "Person (900)"],
    "semantic_control": ["14 classes of objects a picture shows", "R2 is 0.61", "is 0.90", "10 of 24 targets",
                         "4 of 48 agreements of the networks go beyond that, and 2 of 47"],
    "filter_sensitivity": ["36 filters scored in 8 boxes of 14 classes; 1 box lay outside"],
    "filter_lesions": ["largest change of rho is 0.123, and 2 changed nothing", "without any of 1 filter",
                       "left out of the class weights there (features.4 run 1: 1)"],
    "object2brain": ["14 classes of objects weighed; the 4 highest and the 4 lowest", "of 1,344 weights",
                     "68 are beyond", "3 weights undefined"],
    "explorer": ["To explore: toynet."],
    "image_sets": ["Two halves of the corpus", "first set: 40 unpleasant, 30 neutral", "3 pictures without an emotion"],
    "selectivity": ["12 of 116 filters in 4 layers", "12 for pleasant pictures (random sets: 5.5; p of their strength "
                    "0.004)", "2 constant filters left out: conv 3, conv 4"],
    "emotion_controls": ["first set, neutral 0.61", "No analysis by category for the second image set"],
    "emotion_readouts": ["toynet tells on test pictures, mean over sets and splits: neutral F1 0.42 and AUROC 0.61"],
    "lesion_and_attention": ["lesions lower AUROC more than 100 sets of filters that respond as strongly (q < 0.05) in "
                             "so many layers of both sets: neutral 3 of 8", "raises AUROC more than 100 sets",
                             "neutral 1 of 8",
                             "2 selective sets not held against filters that are selective for no emotion"],
    "gains_and_alignment": ["lesions change rho by -0.100 on average", "(random filters: -0.040)",
                            "beyond 100 draws of random filters in 12 of 192, beyond filters that respond as strongly "
                            "in 7", "Without valence models, and left out here: plain"],
}  # fmt: skip


@pytest.mark.parametrize("step", FACTS)
def test_every_analysis_says_what_came_out(step, tmp_path):
    result = Result(STEPS[step], tmp_path, tmp_path, FACTS[step])
    for part in SAID[step]:
        assert part in result.summary()
    assert "_" not in result.summary().replace("stimulus_24", "")
    page = result._repr_html_()
    assert STEPS[step].notebook in page
    assert all(f"<li>{html.escape(line)}</li>" in page for line in result.summary().split("\n"))


def test_a_step_without_a_notebook_of_its_own_has_words_too():
    assert occlusion_summary({"boxes_in_stimuli": 258, "classes_in_stimuli": 14}) == [
        "In the stimuli the detector found 258 boxes of 14 classes; each class was hidden in turn, and the networks "
        "judged the stimuli again."
    ]


def test_facts_without_words_are_listed_and_names_are_text(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "<i>.csv").touch()
    result = Result(STEPS["objects"], tmp_path, tmp_path, {"something_new": 3})
    assert result.summary() == "something new: 3" and objects_summary({}) == []
    hostile = Result(STEPS["object2brain"], tmp_path, tmp_path, {"<script>alert(1)</script>": {"classes": 3}})
    assert "<script" not in hostile._repr_html_() and "&lt;script" in hostile._repr_html_()
    assert "<i>" not in hostile._repr_html_() and "&lt;i&gt;.csv" in hostile._repr_html_()
