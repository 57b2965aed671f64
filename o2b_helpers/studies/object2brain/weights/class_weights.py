"""Notebook 08: how much does each object class, and each category, drive the alignment? (METHODS 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from o2b_helpers.core.contract import Table
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import progress
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.statistics.bootstrap import draw_counts, interval
from o2b_helpers.kernels.statistics.category_weights import (
    categories_at_the_ends,
    category_weights,
    classes_from_either_end,
)
from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.studies.common.beyond_chance import beyond_chance
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.common.targets import TargetGroup, exchangeable, target_groups, target_matrix
from o2b_helpers.studies.object2brain.tables import (
    CATEGORY_WEIGHTS,
    OBJECT_WEIGHTS,
    OBJECT_WEIGHTS_BY_ESTIMATOR,
    OBJECT_WEIGHTS_MEAN,
)
from o2b_helpers.studies.object2brain.weights.evidence import Sources, evidence_of
from o2b_helpers.studies.object2brain.weights.inference import (
    Evidence,
    TestedWeights,
    tested_categories,
    tested_weights,
)

TESTED = ["weight", "p", "q", "ci_low", "ci_high"]


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the estimators, what the tests depend on, and the models in order."""
    return {
        "object2brain": params.analysis.object2brain.model_dump(),
        "significance": params.analysis.significance.model_dump(),
        "models": [m.label for m in params.analysis.object2brain_models],
    }


@dataclass(frozen=True)
class Design:
    """What the weights of all models and layers are tested with: the same targets, permutations and samples."""

    described: pd.DataFrame
    groups: list[TargetGroup]
    stimuli: list[str]
    permutations: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, params: Params, targets: pd.DataFrame) -> Design:
        """Draw the permutations and samples of the profile."""
        options, stimuli = params.analysis.significance, targets["stimulus"].drop_duplicates()
        values, described = target_matrix(targets, stimuli)
        units = exchangeable(targets, stimuli)
        permutations = permutations_within(units, options.permutations, options.seed)
        counts = draw_counts(units, options.bootstrap, options.seed)
        return cls(described, target_groups(values), list(stimuli), permutations, counts)


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Multiply sensitivity with lesion effects, sum over a layer's filters, and gather classes into categories."""
    design = Design.of(params, TARGETS.read(needs["human_targets"] / "results"))
    detections = pd.read_parquet(needs["objects"] / "results" / "detections.parquet", columns=["class", "category"])
    category_of = detections.drop_duplicates("class").set_index("class")["category"].to_dict()
    own = params.analysis.object2brain
    tables: dict[str, list[pd.DataFrame]] = {"runs": [], "mean": [], "categories": [], "estimators": []}
    facts: dict[str, Any] = {"estimator": own.estimator}
    of_models: dict[str, Any] = {}
    for model in params.analysis.object2brain_models:
        sources = Sources(needs, model)
        for estimator in dict.fromkeys([own.estimator, *own.compare]):
            chosen = estimator == own.estimator
            counts = design.counts if chosen else None
            evidence = list(evidence_of(sources, estimator, design.stimuli))
            for layer, classes, layer_evidence in progress(evidence, f"weights of {model.label}, {estimator}"):
                if not classes:
                    continue  # no box of any class lies inside what the network sees
                options = params.analysis.significance
                tested = tested_weights(
                    layer_evidence, design.groups, design.permutations, counts, options, each_run=chosen
                )
                long = _long(tested, classes, design, category_of, model.label, layer)
                mean = long[long["run"] == _MEAN].drop(columns="run")
                sham = {"p_sham": tested.p_sham.ravel(), "q_sham": tested.q_sham.ravel()}
                tables["estimators"].append(mean.assign(estimator=estimator, **sham))
                if chosen:
                    tables["runs"].append(long[long["run"] != _MEAN])
                    tables["mean"].append(mean.assign(sd=_spread(tested)))
                    gathered = _gathered(params, layer_evidence, tested, classes, design, category_of)
                    tables["categories"].append(gathered.assign(architecture=model.label, layer=layer))
        of_models[model.label] = _facts(
            params, sources.scores, _joined(OBJECT_WEIGHTS_MEAN, tables["mean"]), model.label
        )
    results = folder / "results"
    for name, table in (
        ("runs", OBJECT_WEIGHTS),
        ("mean", OBJECT_WEIGHTS_MEAN),
        ("estimators", OBJECT_WEIGHTS_BY_ESTIMATOR),
        ("categories", CATEGORY_WEIGHTS),
    ):
        table.write(_joined(table, tables[name]), results)
    write_facts(folder, carried_on(beside(facts, of_models), needs["filter_lesions"]))


_MEAN = -1  # in place of a run's number until the tables part


def _joined(table: Table, parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts) if parts else table.empty()


def _long(
    tested: TestedWeights, classes: list[str], design: Design, category_of: dict[str, str], label: str, layer: str
) -> pd.DataFrame:
    """Turn arrays (run + 1, class, target) into rows; the mean over runs has the run _MEAN."""
    runs = [*range(len(tested.weight) - 1), _MEAN]
    targets = design.described["target"]
    index = pd.MultiIndex.from_product([runs, classes, targets], names=["run", "class", "target"])
    columns = zip(TESTED, (tested.weight, tested.p, tested.q, tested.low, tested.high), strict=True)
    table = pd.DataFrame({name: values.ravel() for name, values in columns}, index=index).reset_index()
    return table.assign(category=table["class"].map(category_of), architecture=label, layer=layer)


def _spread(tested: TestedWeights) -> np.ndarray:
    """Return the standard deviation over runs, in the order of the rows of the mean."""
    runs = tested.weight[:-1]
    return (runs.std(0, ddof=1) if len(runs) > 1 else np.full(runs.shape[1:], np.nan)).ravel()


def _gathered(
    params: Params,
    evidence: Evidence,
    weights: TestedWeights,
    classes: list[str],
    design: Design,
    category_of: dict[str, str],
) -> pd.DataFrame:
    """Weigh the categories at either end, with p, q and the interval for the same classes."""
    own, options = params.analysis.object2brain, params.analysis.significance
    mean, targets = weights.weight[-1], list(design.described["target"])
    kind = {"statistic": own.category_weight, "members": own.category_classes}
    table = category_weights(mean, classes, category_of, own.share, **kind, targets=targets)
    categories = [category_of[name] for name in classes]
    names = sorted(set(categories))
    belongs = np.array([[category == name for name in names] for category in categories], dtype=float)
    tested = tested_categories(evidence, design.groups, design.permutations, belongs, own)
    ends = [categories_at_the_ends(column, classes, categories, own.share, own.category_classes) for column in mean.T]
    combine = np.mean if own.category_weight == "mean" else np.sum
    samples = weights.samples
    assert samples is not None  # the chosen estimator is drawn again for its intervals
    rows = []
    for row in table.itertuples():
        target = targets.index(row.target)
        place = (("positive", "negative").index(row.sign), names.index(row.category), target)
        of_category = samples[:, ends[target][row.sign][row.category], target]
        low, high = interval(combine(of_category, axis=1), options.confidence)
        rows.append((tested.p[place], tested.q[place], low, high))
    return table.assign(**dict(zip(TESTED[1:], np.array(rows, dtype=float).reshape(-1, 4).T, strict=True)))


def _facts(params: Params, scores: xr.Dataset, mean: pd.DataFrame, label: str) -> dict[str, Any]:
    shown = scores["box_count"].to_numpy() > 0
    mine = mean[mean["architecture"] == label]
    return {
        "classes": int(shown.sum()),
        "classes_from_either_end": classes_from_either_end(params.analysis.object2brain.share, int(shown.sum())),
        "class_weights": len(mine),
        "class_weights_beyond_chance": beyond_chance(mine["p"])[0],
        "weights_missing_because_predictions_are_constant": int(mine["weight"].isna().sum()),
        "classes_whose_boxes_all_lie_outside_the_input": int((~shown).sum()),
    }
