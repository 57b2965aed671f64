"""A small world of pictures whose truth is known."""

from o2b_helpers.toyworld.people import HumanFiles, write_human
from o2b_helpers.toyworld.planting import drawn_effects, no_effects
from o2b_helpers.toyworld.scenes import Scene, SceneObject, draw_scene, render
from o2b_helpers.toyworld.truth import class_names, planted, planted_regions, truth
from o2b_helpers.toyworld.valence import Effects, Valence, shipped_effects, valence_of
from o2b_helpers.toyworld.weights import digests, toy_detector_path, toynet_weights
from o2b_helpers.toyworld.world import corpus_scene, stimulus_scene, write_corpus, write_stimuli

__all__ = [
    "Effects",
    "HumanFiles",
    "Scene",
    "SceneObject",
    "Valence",
    "class_names",
    "corpus_scene",
    "digests",
    "draw_scene",
    "drawn_effects",
    "no_effects",
    "planted",
    "planted_regions",
    "render",
    "shipped_effects",
    "stimulus_scene",
    "toy_detector_path",
    "toynet_weights",
    "truth",
    "valence_of",
    "write_corpus",
    "write_human",
    "write_stimuli",
]
