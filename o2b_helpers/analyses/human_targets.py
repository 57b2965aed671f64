"""Notebook 01: from ratings and ROI signals to the targets that networks are compared with (METHODS 1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.analyses import inputs
from o2b_helpers.analyses.step import Result, run_step
from o2b_helpers.analyses.tables import write_facts, write_table
from o2b_helpers.digests import file_digest
from o2b_helpers.errors import ParameterError
from o2b_helpers.inputs.human import read_ratings, read_regions, read_signals, read_targets
from o2b_helpers.inputs.matching import check_ratings, check_signals, check_targets
from o2b_helpers.inputs.stimuli import Stimuli
from o2b_helpers.inputs.targets import mean_rating_targets, ridge_predictions, targets_table, true_labels
from o2b_helpers.kernels.rank_correlation import rank_correlation, spearman_p
from o2b_helpers.params import Params
from o2b_helpers.store import Store

NEEDS = ("inputs",)
FILES = ("targets", "ratings", "signals", "regions")


def run(params: Params) -> Result:
    """Make ``targets.csv``: stimulus, target, valence_type, source, condition, value."""
    return run_step(params, "human_targets")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the step's options and the digests of the files it reads."""
    human = params.analysis.human
    named = {name: getattr(human, name) for name in FILES if getattr(human, name) is not None}
    return {
        "human": human.model_dump(),
        "seed": params.analysis.seed,
        "files": {name: file_digest(params.path(text)) for name, text in named.items()},
    }


def compute(params: Params, needs: dict[str, Path], folder: Path) -> None:
    """Write the targets."""
    human = params.analysis.human
    table = inputs.load(params, needs["inputs"]).stimuli
    stimuli, named = Stimuli(table, Path()), Stimuli(inputs.load_named_stimuli(needs["inputs"]), Path())
    facts: dict[str, Any] = {}
    if human.kind == "targets":
        targets = read_targets(_needed(params, "targets"))
        check_targets(targets, named)
        targets = targets[targets["stimulus"].isin(table["stimulus"])]
    elif human.kind == "corpus":
        if "valence" not in table:
            raise ParameterError(
                "human.kind: corpus needs stimuli that the corpus rated",
                value=f"stimuli.kind: {params.analysis.stimuli.kind}",
                expected="stimuli.kind: corpus",
                remedy="set analysis.stimuli.kind to corpus, or give targets or ratings",
            )
        targets = mean_rating_targets(stimuli)
    else:
        targets, facts = _from_measurements(params, stimuli, named, folder)
    counts = targets.groupby("target", sort=False)["value"].size()
    write_table(targets, folder / "results" / "targets.csv")
    write_facts(
        folder,
        {
            "targets": len(counts),
            "stimuli": int(targets["stimulus"].nunique()),
            "stimuli_per_target": f"{counts.min()} to {counts.max()}",
            **facts,
        },
    )


def _from_measurements(
    params: Params, stimuli: Stimuli, named: Stimuli, folder: Path
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Make targets from ratings and signals; a picture that cannot be read still counts for medians and ridge."""
    human = params.analysis.human
    if human.kind == "toyworld":
        drawn = inputs.toyworld_folder(params, Store(params.store)) / "human"
        files = {name: drawn / f"{name}.csv" for name in FILES[1:]}
    else:
        files = {name: _needed(params, name) for name in ("ratings",)}
        files |= {name: _needed(params, name) for name in ("signals", "regions") if human.signals is not None}
    ratings = read_ratings(files["ratings"], human.rating_range)
    check_ratings(ratings, named)
    labels = true_labels(ratings)
    predictions = None
    if "signals" in files:
        regions, signals = read_regions(files["regions"]), read_signals(files["signals"])
        check_signals(signals, regions, named)
        predictions = ridge_predictions(
            signals,
            regions,
            labels,
            human.penalties,
            params.analysis.seed,
            outer=human.outer,
            folds=human.folds,
            repeats=human.repeats,
        )
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
    return targets_table(labels, predictions, stimuli), facts


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


def decoding_table(targets: pd.DataFrame) -> pd.DataFrame:
    """Correlate every source's predictions with the true labels of each valence type.

    Parameters
    ----------
    targets : DataFrame
        The contract's ``targets.csv``.

    Returns
    -------
    DataFrame
        Columns source, predicted, true, condition, n, rho, p: the source's predictions of valence type ``predicted``
        against the true labels of type ``true``; condition ``all`` takes every stimulus. Empty without such sources.
    """
    rows = []
    truth = targets[targets["source"] == "true"]
    for (source, predicted), found in targets[targets["source"] != "true"].groupby(
        ["source", "valence_type"], sort=False
    ):
        for true, labels in truth.groupby("valence_type", sort=False):
            both = found.merge(labels, on=["stimulus", "condition"], suffixes=("", "_true"))
            for condition, group in [("all", both), *both.groupby("condition")]:
                rho = rank_correlation(group["value"].to_numpy()[None], group["value_true"].to_numpy()[None])[0, 0]
                rows.append(
                    {
                        "source": source,
                        "predicted": predicted,
                        "true": true,
                        "condition": condition,
                        "n": len(group),
                        "rho": rho,
                        "p": float(spearman_p(rho, len(group))),
                    }
                )
    return pd.DataFrame(rows, columns=["source", "predicted", "true", "condition", "n", "rho", "p"])
