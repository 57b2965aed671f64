"""Add to a results folder what says how sure its numbers are: tested weights, intervals and ceilings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from scipy.stats import false_discovery_control

from o2b_helpers.studies.alignment import tables as alignment
from o2b_helpers.studies.common.tables import TARGET, TARGETS
from o2b_helpers.studies.object2brain import tables as object2brain


def write_uncertainty(folder: Path, sure: tuple[str, ...] = ("Car", "Tree"), beyond: tuple[str, ...] = ()) -> Path:
    """Write the five tables of uncertainty; the classes of `sure` get p = 0.001, all others p = 0.6.

    Where there is any in `beyond`, shams were hidden, and these classes have q_sham = 0.02.
    """
    weights = object2brain.OBJECT_WEIGHTS.read(folder)
    keys = ["architecture", "layer", "target", "class", "category"]
    mean = weights.groupby(keys, sort=False)["weight"].agg(weight="mean", sd="std").reset_index()
    p = mean["class"].isin(sure).map({True: 0.001, False: 0.6})
    q = p.groupby([mean[name] for name in keys[:3]]).transform(false_discovery_control)
    mean = mean.assign(p=p, q=q, ci_low=mean["weight"] - 0.05, ci_high=mean["weight"] + 0.05)
    object2brain.OBJECT_WEIGHTS_MEAN.write(mean, folder)
    hidden = mean[mean["layer"] == "features.9"].assign(estimator="occlusion", layer="full")
    hidden["weight"] = -hidden["weight"]  # another opinion
    estimated = pd.concat([mean.assign(estimator="sum"), hidden])
    estimated = estimated.assign(p_sham=float("nan"), q_sham=float("nan"))
    if beyond:
        of_shams = estimated["estimator"] == "occlusion"
        estimated.loc[of_shams, "q_sham"] = estimated["class"].isin(beyond).map({True: 0.02, False: 0.7})[of_shams]
    object2brain.OBJECT_WEIGHTS_BY_ESTIMATOR.write(estimated, folder)
    target = [column.name for column in TARGET]
    for table, summary, more in (
        (alignment.ALIGNMENT, alignment.ALIGNMENT_SUMMARY, []),
        (alignment.LAYER_ALIGNMENT, alignment.LAYER_ALIGNMENT_SUMMARY, ["layer"]),
    ):
        over_runs = table.read(folder).groupby(["architecture", "weights", *more, *target, "n"], sort=False)["rho"]
        over_runs = over_runs.agg(rho="mean", sd="std", runs="count").reset_index()
        summary.write(over_runs.assign(ci_low=over_runs["rho"] - 0.2, ci_high=over_runs["rho"] + 0.2), folder)
    targets = TARGETS.read(folder).drop_duplicates("target")
    known = (targets["source"] != "MLR").map({True: 0.86, False: float("nan")})
    ceilings = targets[target].assign(
        n=24,
        reliability=0.8,
        ceiling=known,
        ceiling_low=0.8,
        ceiling_high=0.9,
        splits=1000,
        method="made up for a test",
    )
    alignment.CEILINGS.write(ceilings, folder)
    return folder
