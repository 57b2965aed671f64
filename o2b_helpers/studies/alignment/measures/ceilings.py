"""Noise ceilings of all targets as a table (used by notebook 01)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from o2b_helpers.kernels.statistics.noise_ceiling import noise_ceilings
from o2b_helpers.studies.alignment.tables import CEILINGS
from o2b_helpers.studies.common.tables import TARGET

NOT_RELIABLE = "people do not agree more than by chance, so the ceiling is 0"


def ceilings_table(
    targets: pd.DataFrame,
    ratings: pd.DataFrame | None,
    predictions: pd.DataFrame | None,
    *,
    splits: int,
    seed: int,
    confidence: float,
    unknown: str,
) -> pd.DataFrame:
    """Say for every target how high a correlation with it could be (ours; the paper has no ceilings).

    Parameters
    ----------
    targets : DataFrame
        The contract's ``targets.csv``.
    ratings : DataFrame, optional
        Columns stimulus, annotator, valence_type, rating: what the labels (source ``true``) were made from. Halves of
        the annotators are compared.
    predictions : DataFrame, optional
        Columns subject, stimulus, valence_type, region, prediction: what the region targets were averaged from. Each
        subject is compared with the mean of the others. Noise that all subjects share counts as signal.
    splits, seed : int
        Random halves, and their seed.
    confidence : float
        Share of the draws inside the interval.
    unknown : str
        Why nothing is known of a target whose single people are not at hand.

    Returns
    -------
    DataFrame
        Columns target, valence_type, source, condition, n, reliability, ceiling, ceiling_low, ceiling_high, splits,
        method; one row per target, in the order of the targets. Where the ceiling is not known, it is NaN and
        ``method`` says why; it is never taken to be 1.
    """
    counts = targets.groupby("target", sort=False)["stimulus"].size().rename("n")
    table = targets[[column.name for column in TARGET]].drop_duplicates("target").merge(counts, on="target")
    table = table.assign(
        reliability=np.nan, ceiling=np.nan, ceiling_low=np.nan, ceiling_high=np.nan, splits=0,
        method=f"unknown: {unknown}",
    )  # fmt: skip
    for (source, valence_type), rows in table.groupby(["source", "valence_type"], sort=False):
        if source == "true" and ratings is not None:
            part = ratings[ratings["valence_type"] == valence_type]
            people, method = part.pivot(index="annotator", columns="stimulus", values="rating"), "split_half"
            said = f"random halves of {len(people)} annotators"
        elif source != "true" and predictions is not None:
            part = predictions[(predictions["region"] == source) & (predictions["valence_type"] == valence_type)]
            people, method = part.pivot(index="subject", columns="stimulus", values="prediction"), "leave_one_out"
            said = f"each of {len(people)} subjects against the others"
        else:
            continue
        if len(people) < 2:
            table.loc[rows.index, "method"] = "unknown: a single person"
            continue
        places = [
            people.columns.get_indexer(targets.loc[targets["target"] == target, "stimulus"])
            for target in rows["target"]
        ]
        estimated = noise_ceilings(
            people.to_numpy(),
            places,
            method=method,
            median_labels=source == "true",
            splits=splits,
            seed=seed,
            confidence=confidence,
        )
        table.loc[rows.index, "reliability"] = estimated.reliability
        table.loc[rows.index, "ceiling"] = estimated.ceiling
        table.loc[rows.index, "ceiling_low"], table.loc[rows.index, "ceiling_high"] = estimated.low, estimated.high
        table.loc[rows.index, "splits"] = splits
        table.loc[rows.index, "method"] = [_said(said, value) for value in estimated.reliability]
    return CEILINGS.select(table)


def ceiling_facts(table: pd.DataFrame) -> dict[str, str]:
    """Return what is worth saying about the ceilings."""
    known = table["ceiling"].dropna()
    if known.empty:
        return {"noise_ceilings": f"{table['method'].iloc[0]}"}
    said = f"{known.min():.2f} to {known.max():.2f}, known for {len(known)} of {len(table)} targets"
    return {"noise_ceilings": said}


def _said(method: str, reliability: float) -> str:
    if np.isnan(reliability):
        return "unknown: no two people's values can be correlated"
    return method if reliability > 0 else f"{method}; {NOT_RELIABLE}"
