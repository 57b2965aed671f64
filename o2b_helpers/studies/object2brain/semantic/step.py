"""Notebook 05: do the objects of a picture alone, without any network, say what people and brains say? (ours)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from o2b_helpers.core.facts import carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.models.heads.head_data import stratified_splits
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.controls.beyond import LOW_LEVEL
from o2b_helpers.studies.alignment.tables import CONTROL_PREDICTIONS, PREDICTIONS
from o2b_helpers.studies.alignment.valence_models import training_set
from o2b_helpers.studies.common.correlations import align, beyond, summarise
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.select import P_SIGNIFICANT
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.object2brain.hidden.occlusion import stimulus_boxes
from o2b_helpers.studies.object2brain.semantic.presence import (
    FEWEST_PICTURES,
    held_out_scores,
    learnable,
    predicted,
    presence,
)
from o2b_helpers.studies.object2brain.semantic.tables import SEMANTIC_CONTROL, SEMANTIC_HELD_OUT, SEMANTIC_PREDICTIONS
from o2b_helpers.studies.object2brain.tables import DETECTIONS

SEMANTIC = "semantic"
NETWORK = ["architecture", "weights", "run"]


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the labels, splits and penalties of the regression, and what permutations and intervals depend on."""
    analysis = params.analysis
    return {
        "heads": analysis.heads.model_dump(),
        "penalties": analysis.controls.penalties,
        "significance": analysis.significance.model_dump(),
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Learn valence from which classes a corpus picture shows, and hold targets and full models against that."""
    data, heads = inputs.load(params, needs["inputs"]), params.analysis.heads
    training = training_set(params, data.corpus)
    boxes = pd.read_parquet(needs["objects"] / "results" / DETECTIONS.file, columns=["image", "class"])
    seen = sorted(boxes["class"].unique())
    known = presence(boxes, training["image"], seen)
    kept = learnable(known)
    classes, known = [seen[column] for column in kept], known[:, kept]
    shown = presence(stimulus_boxes(params, data.stimuli, classes), data.stimuli["image"], classes)
    labels, penalties = training["target"].to_numpy(dtype=np.float64), np.sort(params.analysis.controls.penalties)
    made = pd.DataFrame(
        {
            "stimulus": data.stimuli["stimulus"].to_numpy(),
            "n_classes": shown.sum(1).astype(int),
            "prediction": predicted(known, labels, shown, penalties),
        }
    )
    strata, groups = training["stratum"].to_numpy(), training["group"].to_numpy()
    splits = stratified_splits(strata, heads.runs, heads.test_share, heads.seed, groups)
    held_out = held_out_scores(known, labels, training["valence"].to_numpy(dtype=np.float64), splits, penalties)
    controls = CONTROL_PREDICTIONS.read(needs["alignment_controls"] / "results")
    table = semantic_control(
        PREDICTIONS.read(needs["valence_models"] / "results"),
        made,
        controls[controls["control"] == LOW_LEVEL],
        TARGETS.read(needs["human_targets"] / "results"),
        params.analysis.significance,
    )
    results = folder / "results"
    SEMANTIC_PREDICTIONS.write(made, results)
    SEMANTIC_HELD_OUT.write(held_out, results)
    SEMANTIC_CONTROL.write(table, results)
    facts = {
        "classes_detected": len(seen),
        "classes_learned_from": len(classes),
        "fewest_pictures_of_a_class": FEWEST_PICTURES,
        "pictures_learned_from": len(training),
        "classes_in_stimuli": int(shown.any(0).sum()),
        "stimuli_without_a_class": int((made["n_classes"] == 0).sum()),
        "held_out_r2": float(held_out["r2"].mean()),
        "held_out_rho": float(held_out["rho"].mean()),
        **semantic_facts(table),
    }
    write_facts(folder, carried_on(facts, needs["valence_models"]))


def semantic_control(
    predictions: pd.DataFrame,
    semantic: pd.DataFrame,
    low_level: pd.DataFrame,
    targets: pd.DataFrame,
    options: Significance,
) -> pd.DataFrame:
    """Hold targets and full models against the presence of classes.

    Parameters
    ----------
    predictions : DataFrame
        ``predictions.csv``.
    semantic, low_level : DataFrame
        stimulus, prediction of the two controls.
    targets : DataFrame
        ``targets.csv``.
    options : Significance
        Permutations and samples.

    Returns
    -------
    DataFrame
        The columns of ``semantic_control.csv``. Where the semantic prediction is the same for all stimuli of a target,
        there is nothing to go beyond: what is compared with it is empty.
    """
    alone = semantic.assign(control=SEMANTIC, run=0)
    tested = align(alone, targets, ["control", "run"], options).set_index("target")
    ends = summarise(alone, targets, ["control", "run"], options).set_index("target")
    covariates = pd.DataFrame(
        {
            name: made.set_index("stimulus")["prediction"]
            for name, made in ((SEMANTIC, semantic), (LOW_LEVEL, low_level))
        }
    ).T
    table = beyond(predictions, targets, covariates.loc[[SEMANTIC]], NETWORK, options)
    both = beyond(predictions, targets, covariates, NETWORK, options)
    kept = ["partial_rho", "p_partial", "ci_low", "ci_high"]
    table = table.join(both[kept].add_suffix("_both"))
    table = table.assign(
        semantic_rho=table["target"].map(tested["rho"]),
        semantic_ci_low=table["target"].map(ends["ci_low"]),
        semantic_ci_high=table["target"].map(ends["ci_high"]),
        semantic_p=table["target"].map(tested["p_perm"]),
        semantic_q=table["target"].map(tested["q"]),
    )
    table.loc[table["semantic_rho"].isna(), [*kept, *(f"{name}_both" for name in kept)]] = np.nan
    for end in ("", "_both"):
        p = table.groupby(NETWORK[:2], sort=False)[f"p_partial{end}"]
        table[f"q_partial{end}"] = p.transform(lambda values: benjamini_hochberg(values.to_numpy()))
    return SEMANTIC_CONTROL.select(table)


def semantic_facts(table: pd.DataFrame) -> dict[str, int]:
    """Return how many targets presence agrees with, and how many agreements of networks go beyond it."""
    targets = table.drop_duplicates("target")
    said = {
        "targets_tested": int(targets["semantic_p"].notna().sum()),
        "targets_beyond_chance": int(((targets["semantic_q"] < P_SIGNIFICANT) & (targets["semantic_rho"] > 0)).sum()),
    }
    for end, name in (("", "semantic"), ("_both", "semantic_and_low_level")):
        left = (table[f"q_partial{end}"] < P_SIGNIFICANT) & (table[f"partial_rho{end}"] > 0)
        said[f"beyond_{name}"], said[f"tested_beyond_{name}"] = (
            int(left.sum()), int(table[f"p_partial{end}"].notna().sum()),
        )  # fmt: skip
    return said
