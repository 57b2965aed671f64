"""Add to a results folder what says how sure its numbers are: tested weights, intervals and ceilings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def write_uncertainty(folder: Path, sure: tuple[str, ...] = ("Car", "Tree")) -> Path:
    """Write the five tables of uncertainty; the classes of `sure` get q = 0.01, all others q = 0.6."""
    weights = pd.read_csv(folder / "object_weights.csv", keep_default_na=False)
    keys = ["architecture", "layer", "target", "class", "category"]
    mean = weights.groupby(keys, sort=False)["weight"].agg(weight="mean", sd="std").reset_index()
    q = mean["class"].isin(sure).map({True: 0.01, False: 0.6})
    mean = mean.assign(p=q / 10, q=q, ci_low=mean["weight"] - 0.05, ci_high=mean["weight"] + 0.05)
    mean.to_csv(folder / "object_weights_mean.csv", index=False)
    hidden = mean[mean["layer"] == "features.9"].assign(estimator="occlusion", layer="full")
    hidden["weight"] = -hidden["weight"]  # another opinion
    columns = ["estimator", *keys, "weight", "p", "q"]
    pd.concat([mean.assign(estimator="sum"), hidden])[columns].to_csv(
        folder / "object_weights_by_estimator.csv", index=False
    )
    shared = ["target", "valence_type", "source", "condition", "n"]
    for name, more in (("alignment", []), ("layer_alignment", ["layer"])):
        table = pd.read_csv(folder / f"{name}.csv", keep_default_na=False)
        by = ["architecture", "weights", *more, *shared]
        table = table.groupby(by, sort=False)["rho"].agg(rho="mean", sd="std", runs="count").reset_index()
        table = table.assign(ci_low=table["rho"] - 0.2, ci_high=table["rho"] + 0.2)
        table.to_csv(folder / f"{name}_summary.csv", index=False)
    targets = pd.read_csv(folder / "targets.csv", keep_default_na=False).drop_duplicates("target")
    unknown = targets["source"] == "MLR"
    ceilings = targets[["target", "valence_type", "source", "condition"]].assign(
        n=24, reliability=0.8, ceiling=(~unknown).map({True: 0.86, False: float("nan")}), ceiling_low=0.8,
        ceiling_high=0.9, splits=1000, method="made up for a test",
    )  # fmt: skip
    ceilings.to_csv(folder / "ceilings.csv", index=False)
    return folder


def without_uncertainty(folder: Path) -> Path:
    """Take the five tables away: results as an older version wrote them."""
    for name in (
        "object_weights_mean",
        "object_weights_by_estimator",
        "alignment_summary",
        "layer_alignment_summary",
        "ceilings",
    ):
        (folder / f"{name}.csv").unlink(missing_ok=True)
    return folder
