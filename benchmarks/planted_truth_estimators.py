"""Class weights of one stored world by every estimator, as linear forms of the targets' ranks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from o2b_helpers.kernels.statistics.permutation_null import LinearStatistics, permutation_test, unit_ranks
from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.kernels.statistics.sensitivity import ESTIMATORS, sensitivity
from o2b_helpers.studies.common.targets import TargetGroup, target_groups
from o2b_helpers.studies.object2brain.weights.inference import Evidence, with_mean

World = Mapping[str, np.ndarray]
Key = tuple[str, str]  # estimator and layer
FIRST, LAST, ALL, FULL = "first", "last", "all", "full"
LOCAL = ", local"
ORACLE = "true_"  # prefix of what true boxes give in place of detections
PERMUTATIONS = 999
SEED = 4

ADDED = {
    LOCAL: "The estimator before the comma, but every filter is lesioned only in the stimuli that show the class.",
    "true_response": "A perfect S: how much the filter's mean activity in the stimuli falls when they are drawn again "
    "without the class. No study of photographs can know it; it says what the product S' Delta could reach at best.",
    "map_occlusion": "The layer's maps set to 0 in the class's boxes in the stimuli.",
    "occlusion": "The class's boxes in the stimuli filled from their surroundings.",
    "mediation": "The same, shared out among the filters of a layer; soft ranks. The weight is their sum.",
    "occlusion_outlines": "The same with the true outlines of what was drawn: what masks could reach.",
    "regression": "The class's share of the predictions, from a regression of the predictions for the corpus on which "
    "classes its images show, taken off where a stimulus shows it; no network is looked into.",
    "presence": "No network at all: rho of the class's presence in the stimuli with the target.",
    "counterfactual": "The second truth taken for an estimator of the first: what perfect occlusion could reach.",
}


def class_weights(world: World, who: str = "", test: bool = False) -> dict[Key, tuple[np.ndarray, np.ndarray | None]]:
    """Weigh every class by every estimator.

    Parameters
    ----------
    world : mapping
        A stored world.
    who : {"", "true_"}
        Detections, or the true boxes in their place.
    test : bool
        Whether to compute p.

    Returns
    -------
    dict of (estimator, layer) to (weight (class, target), p or None)
        Mean over runs, as the analysis has it. A class that the estimator says nothing about, which has no weight
        there, has weight 0 and p 1 here. Layer ``last`` and ``first``
        are target layers, ``all`` the sum over the target layers; estimators that look at no layer have ``full``.
    """
    n_classes, n_targets = len(world["classes"]), len(world["target"])
    result: dict[Key, tuple[np.ndarray, np.ndarray | None]] = {}
    permutations = permutations_within(_conditions(world), PERMUTATIONS, SEED)
    for group in target_groups(world["values"]):
        for key, forms in _forms(world, who, group):
            weight, p = result.setdefault(
                key, (np.zeros((n_classes, n_targets)), np.ones((n_classes, n_targets)) if test else None)
            )
            mean = np.nan_to_num(with_mean(forms)[-1])
            weight[:, group.targets] = mean @ unit_ranks(group.values).T
            if p is not None:
                tested = permutation_test([LinearStatistics(mean, group.values, group.places)], permutations)
                p[:, group.targets] = tested.p[0].T
    return result


def truth_planted(world: World) -> np.ndarray:
    """The planted effect of a class on the target's valence type, (class, target)."""
    people, scene = world["planted"].T
    effects = {"PV": people, "SV": scene, "IV": (people + scene) / 2}
    return np.stack([effects[kind] for kind in valence_types(world)], axis=1)


def truth_counterfactual(world: World) -> np.ndarray:
    """rho of the network minus rho where every stimulus is drawn without the class, mean over runs, (class, target)."""
    result = np.zeros((len(world["classes"]), len(world["target"])))
    for group in target_groups(world["values"]):
        forms = _forms_of_change(world["base"][:, group.places], world["without"][..., group.places])
        result[:, group.targets] = np.nan_to_num(_mean_of_runs(forms)) @ unit_ranks(group.values).T
    return result


def often_in_stimuli(world: World) -> np.ndarray:
    """Baseline: in how many of the target's stimuli the class is seen."""
    return world["shown"].astype(float) @ np.isfinite(world["values"]).T.astype(float)


def often_in_corpus(world: World) -> np.ndarray:
    """Baseline: in how many images of the corpus the class is seen."""
    return np.repeat(world["corpus_shown"].sum(1, dtype=float)[:, None], len(world["target"]), axis=1)


def valence_types(world: World) -> list[str]:
    return [str(name).split("/")[0] for name in world["target"]]


def _forms(world: World, who: str, group: TargetGroup) -> Iterator[tuple[Key, np.ndarray]]:
    """Yield forms (run, class, stimulus) for the stimuli of a group of targets."""
    places = group.places
    base, lesioned = world["base"][:, places], world["lesioned"][:, :, places]
    shown = world[f"{who}shown"][:, places]
    local = unit_ranks(base)[:, None, None] - unit_ranks(np.where(shown, lesioned[:, :, None], base[:, None, None]))
    varied = ~np.isnan(unit_ranks(base)).any(1)
    local[varied] = np.nan_to_num(local[varied])  # left out, as the analysis does
    layers = {LAST: world["layer"] == world["layer"][-1], ALL: np.ones(len(world["layer"]), dtype=bool)}
    for name, scores in _sensitivities(world, who).items():
        for layer, filters in layers.items():
            own = Evidence(scores[:, filters], world["base"], world["lesioned"][:, filters])
            yield (name, layer), own.coefficients(group)
            yield (name + LOCAL, layer), np.einsum("rkc,rkcn->rcn", scores[:, filters], local[:, filters])
    changed = {
        ("map_occlusion", FIRST): world[f"{who}map_occluded"][0],
        ("map_occlusion", LAST): world[f"{who}map_occluded"][-1],
        ("occlusion", FULL): world[f"{who}occluded"],
        ("occlusion_outlines", FULL): world["outlined"],
        ("regression", FULL): _regressed(world, who),
        ("counterfactual", FULL): world["without"],
    }
    for key, predictions in changed.items():
        yield key, Evidence.of_hidden(world["base"], predictions).coefficients(group)
    softly = Evidence.of_hidden(world["base"], world[f"{who}occluded"], soft=True)
    yield ("mediation", FULL), softly.coefficients(group)
    yield ("presence", FULL), unit_ranks(shown)[None]


def _forms_of_change(base: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Forms of rho(base) - rho(changed): (run, stimulus), (run, class, stimulus) -> (run, class, stimulus)."""
    return unit_ranks(base)[:, None] - unit_ranks(changed)


def _sensitivities(world: World, who: str) -> dict[str, np.ndarray]:
    prefix = f"{who}sums_"
    sums = {name.removeprefix(prefix): value for name, value in world.items() if name.startswith(prefix)}
    result = {name: sensitivity(name, sums) for name in ESTIMATORS if name not in ADDED}
    return result | {"true_response": np.repeat(world["true_response"][None], len(world["base"]), axis=0)}


def _regressed(world: World, who: str) -> np.ndarray:
    """Predictions less what a class adds to them on average, (run, class, stimulus)."""
    shown = world[f"{who}corpus_shown"].astype(float)
    design = np.column_stack([np.ones(shown.shape[1]), shown.T])
    effects = np.linalg.lstsq(design, world["corpus_predictions"].T, rcond=None)[0][1:].T
    return world["base"][:, None] - effects[:, :, None] * world[f"{who}shown"]


def _conditions(world: World) -> np.ndarray:
    """The condition of each stimulus: stimuli are exchanged by chance within their condition only."""
    names = np.array([str(name).split("/")[-1] for name in world["target"]])
    return np.array([names[known][0] for known in np.isfinite(world["values"]).T])


def _mean_of_runs(values: np.ndarray) -> np.ndarray:
    """Average the truth over runs; a run with constant predictions has no rho and is left out."""
    known = ~np.isnan(values)
    return np.where(known, values, 0.0).sum(0) / np.where(known.any(0), known.sum(0), np.nan)
