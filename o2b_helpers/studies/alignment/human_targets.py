"""Notebook 01: from ratings and ROI signals to the targets that networks are compared with (METHODS 1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.facts import read_facts, write_facts
from o2b_helpers.core.files.table_file import file_and_sheet
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.people.human import read_ratings, read_regions, read_signals, read_targets
from o2b_helpers.inputs.people.matching import check_ratings, check_signals, check_targets
from o2b_helpers.inputs.people.stimuli import Stimuli
from o2b_helpers.inputs.people.target_checks import (
    refuse_ambiguous_names,
    refuse_reserved_regions,
    refuse_small_targets,
    refuse_unknown_people,
)
from o2b_helpers.inputs.people.targets import (
    mean_over_subjects,
    mean_rating_targets,
    subject_predictions,
    targets_table,
    true_labels,
)
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.measures.ceilings import ceiling_facts, ceilings_table
from o2b_helpers.studies.alignment.tables import CEILINGS
from o2b_helpers.studies.common.tables import TARGETS

FILES = ("targets", "ratings", "signals", "regions")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the step's options and the digests of the files it reads."""
    human = params.analysis.human
    named = {name: getattr(human, name) for name in FILES if getattr(human, name) is not None}
    if human.people:  # no number depends on it, so that it is no part of the key and is looked at here
        targets = read_targets(_needed(params, "targets"), missing=human.missing, value_range=human.value_range)
        refuse_unknown_people(human.people, targets["source"], human.targets)
    return {
        "human": human.model_dump(exclude={"people"}),
        "seed": params.analysis.seed,
        "confidence": params.analysis.significance.confidence,
        "files": {name: file_digest(file_and_sheet(params.path(text))[0]) for name, text in named.items()},
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Write the targets and their noise ceilings."""
    human = params.analysis.human
    table = inputs.load(params, needs["inputs"]).stimuli
    stimuli, named = Stimuli(table, Path()), Stimuli(inputs.load_named_stimuli(needs["inputs"]), Path())
    facts: dict[str, Any] = {}
    warnings: list[str] = []
    names: pd.Series | None = None  # of all targets, where some may lose all of their stimuli
    ratings = predictions = None  # of single people; not at hand for ready targets and mean ratings
    if human.kind == "targets":
        targets = read_targets(
            _needed(params, "targets"), missing=human.missing, value_range=human.value_range, warnings=warnings
        )
        check_targets(targets, named)
        names = targets["target"]
        targets = targets[targets["stimulus"].isin(table["stimulus"])].dropna(subset="value")
    elif human.kind == "corpus":
        if "valence" not in table:
            raise ParameterError(
                "human.kind: corpus needs stimuli with a rating",
                value=f"stimuli.kind: {params.analysis.stimuli.kind}",
                expected="stimuli.kind: corpus, or a column valence in the table of the stimuli",
                remedy="set analysis.stimuli.kind to corpus, or give targets or ratings",
            )
        drawn = params.analysis.stimuli.kind == "corpus"  # whose scale is known
        scale = human.value_range or (read_facts(needs["inputs"])["valence_range"] if drawn else None)
        targets = mean_rating_targets(stimuli, missing=human.missing, value_range=scale, warnings=warnings)
    else:
        targets, ratings, predictions, facts = _from_measurements(params, stimuli, named, folder, warnings)
    source = human.targets if human.kind == "targets" else "The human data"
    refuse_ambiguous_names(targets, source)
    refuse_small_targets(targets, targets["target"] if names is None else names, source)
    ceilings = ceilings_table(
        targets,
        ratings,
        predictions,
        splits=human.splits,
        seed=params.analysis.seed,
        confidence=params.analysis.significance.confidence,
        unknown="the values of single people are not at hand",
    )
    counts = targets.groupby("target", sort=False)["value"].size()
    TARGETS.write(targets, folder / "results")
    CEILINGS.write(ceilings, folder / "results")
    write_facts(
        folder,
        {
            "targets": len(counts),
            "stimuli": int(targets["stimulus"].nunique()),
            "stimuli_per_target": f"{counts.min()} to {counts.max()}",
            **ceiling_facts(ceilings),
            **facts,
            "warnings": warnings,
        },
    )


def _from_measurements(
    params: Params, stimuli: Stimuli, named: Stimuli, folder: Path, warnings: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None, dict[str, Any]]:
    """Make targets from ratings and signals; a picture that cannot be read still counts for medians and ridge.

    Returns the targets, the ratings, every subject's predictions (None without signals), and facts; adds warnings.
    """
    human = params.analysis.human
    if human.kind == "toyworld":
        drawn = inputs.toyworld_folder(params, Store(params.store)) / "human"
        files = {name: drawn / f"{name}.csv" for name in FILES[1:]}
    else:
        files = {name: _needed(params, name) for name in ("ratings",)}
        files |= {name: _needed(params, name) for name in ("signals", "regions") if human.signals is not None}
    ratings = read_ratings(files["ratings"], human.rating_range, missing=human.missing, warnings=warnings)
    check_ratings(ratings, named)
    labels = true_labels(ratings)
    predictions = of_subjects = None
    if "signals" in files:
        regions = read_regions(files["regions"])
        refuse_reserved_regions(set(regions["region"]), files["regions"].name)
        signals = read_signals(
            files["signals"], missing=human.missing, signal_range=human.signal_range, warnings=warnings
        )
        check_signals(signals, regions, named)
        of_subjects = subject_predictions(
            signals,
            regions,
            labels,
            human.penalties,
            params.analysis.seed,
            outer=human.outer,
            folds=human.folds,
            repeats=human.repeats,
        )
        predictions = mean_over_subjects(of_subjects)
        predictions.to_parquet(folder / "region_predictions.parquet", index=False)
    labels.to_parquet(folder / "labels.parquet", index=False)
    unlabelled = labels[labels["label"].isna()]
    facts = {
        "annotators": int(ratings["annotator"].nunique()),
        "labels_dropped_at_the_median": [f"{r.stimulus} ({r.valence_type})" for r in unlabelled.itertuples()],
    }
    if predictions is not None:
        facts["subjects"] = int(signals["subject"].nunique())
    if predictions is None:
        predictions = pd.DataFrame(columns=["stimulus", "valence_type", "region", "prediction"])
    shown = stimuli.table["stimulus"]
    labels, predictions = (t[t["stimulus"].isin(shown)] for t in (labels, predictions))
    return targets_table(labels, predictions, stimuli), ratings, of_subjects, facts


def _needed(params: Params, name: str) -> Path:
    text = getattr(params.analysis.human, name)
    if text is None:
        raise ParameterError(
            f"analysis.human.{name} is not set",
            value="nothing",
            expected="the path of a table",
            remedy=f"set analysis.human.{name}, or another analysis.human.kind",
        )
    return params.path(text)
