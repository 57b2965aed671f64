"""The paper's values beside those of this run: options, sizes and findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.report.provenance import flatten, short
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number
from o2b_helpers.report.tables import Table
from o2b_helpers.studies.common.select import models

# What the paper used (sections 2.1, 2.2 and 3.2), and where this run's number stands in provenance.json.
SIZES = [
    ("rated pictures in the training corpus", "25,869", "inputs", "images_in_corpus"),
    ("of them unpleasant (label 0)", "8,469", "inputs", "unpleasant"),
    ("of them pleasant (label 1)", "13,997", "inputs", "pleasant"),
    ("of them neutral (dropped)", "3,403", "inputs", "neutral"),
    ("stimuli", "48", "inputs", "stimuli"),
    ("annotators of the stimuli", "50", "human_targets", "annotators"),
    ("subjects in the scanner", "22", "human_targets", "subjects"),
    ("targets", "24", "human_targets", "targets"),
    ("classes detected at least once", "250", "objects", "detected_classes"),
]
MODELS = "10 networks with ImageNet weights, 4 of them also with Places365 weights"
REGIONS = ("LLR", "MLR", "HLR")


def paper_tables(results: Results) -> list[Table]:
    """Return the tables that set the paper's values beside ours; one for which nothing is known is left out."""
    made = [_options(results.provenance), _sizes(results), _decoding(results)]
    return [table for table in made if table is not None]


def _options(provenance: Mapping[str, Any]) -> Table | None:
    """Set every option that the paper fixes beside its value in this run."""
    described, analysis = provenance.get("options"), provenance.get("analysis")
    if not isinstance(described, Mapping) or not isinstance(analysis, Mapping):
        return None
    values, rows = dict(flatten(analysis, "analysis")), []
    for name, about in described.items():
        if not isinstance(about, Mapping) or not str(about.get("source", "")).startswith("paper") or name not in values:
            continue
        here, paper = short(values[name]), short(about.get("default"))
        same = "as the paper" if here == paper else "differs"
        rows.append([str(about.get("meaning") or name), paper, here, same, str(about["source"]), name])
    if not rows:
        return None
    columns = [(c, False) for c in ("what", "the paper", "this run", "", "where", "option")]
    note = f"{len(rows)} values that the paper states. Every other option is ours; all are listed under Parameters."
    return Table("Settings: the paper’s and this run’s", columns, rows, note)


def _sizes(results: Results) -> Table | None:
    steps = results.provenance.get("steps")
    steps = steps if isinstance(steps, Mapping) else {}
    rows = []
    for what, paper, step, fact in SIZES:
        found = steps.get(step)
        facts = found.get("facts") if isinstance(found, Mapping) else None
        here = facts.get(fact) if isinstance(facts, Mapping) else None
        if here is not None:
            rows.append([what, paper, f"{here:,}" if isinstance(here, int) else short(here)])
    if results.has("alignment.csv"):
        names = models(results.alignment)
        few = names if len(names) <= 6 else [*names[:6], f"and {len(names) - 6} more"]
        rows.append(["models", MODELS, ", ".join(few)])
    if not rows:
        return None
    columns = [(c, False) for c in ("what", "the paper", "this run")]
    return Table("Sizes: the paper’s and this run’s", columns, rows, "The paper’s sections 2.1, 2.2 and 3.2.")


def _decoding(results: Results) -> Table | None:
    """Set what the paper reads from the brain beside what these targets give; None without region groups."""
    if not results.has("targets.csv"):
        return None
    targets = results.targets
    if not set(REGIONS) <= set(targets["source"]) or "true" not in set(targets["source"]):
        return None
    paper = {
        ("congruent", "LLR"): "small, positive", ("congruent", "MLR"): "small, positive",
        ("congruent", "HLR"): "small, positive", ("incongruent", "LLR"): "none (follows the scene only)",
        ("incongruent", "MLR"): "positive", ("incongruent", "HLR"): "positive",
    }  # fmt: skip
    rows = []
    for (condition, source), found in paper.items():
        here = targets[targets["condition"] == condition]
        parts = []
        for valence_type, own in here[here["source"] == source].groupby("valence_type"):
            true = here[(here["source"] == "true") & (here["valence_type"] == valence_type)]
            both = own.merge(true, on="stimulus", suffixes=("", "_true"))
            values = both[["value", "value_true"]].to_numpy(float).T
            rho = rank_correlation(values[:1], values[1:])[0, 0] if len(both) > 1 else np.nan
            parts.append(f"{valence_type} {number(rho)}")
        if parts:
            rows.append([condition, source, found, ", ".join(parts)])
    columns = [(c, False) for c in ("condition", "region group", "the paper finds", "this run: rho by valence type")]
    note = "Correlation of the labels predicted from a region group with the true labels (the paper, section 2.1)."
    return Table("Findings: what can be read from the brain", columns, rows, note) if rows else None


def human_source(results: Results) -> str:
    """Say whether people and brains are measured or simulated; empty where the provenance does not say."""
    analysis = results.provenance.get("analysis")
    human = analysis.get("human") if isinstance(analysis, Mapping) else None
    kind = human.get("kind") if isinstance(human, Mapping) else None
    return (
        "The people and brain signals of this run are simulated by the built-in toy world: its numbers show how the "
        "method works and say nothing about real people."
        if kind == "toyworld"
        else ""
    )
