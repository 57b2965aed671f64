"""Rank correlation of predictions with every target, as a table (used by notebooks 03 and 04)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from o2b_helpers.errors import InputError
from o2b_helpers.kernels.rank_correlation import benjamini_hochberg, rank_correlation, spearman_p


def align(predictions: pd.DataFrame, targets: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Correlate every group of predictions with every target within the target's condition.

    Parameters
    ----------
    predictions : DataFrame
        Columns ``by``, stimulus, prediction.
    targets : DataFrame
        The contract's ``targets.csv``.
    by : list of str
        Columns that make one network: architecture, weights[, layer], run.

    Returns
    -------
    DataFrame
        Columns ``by``, target, valence_type, source, condition, n, rho, p (two-sided), q (Benjamini-Hochberg over
        the whole table).
    """
    order = targets["stimulus"].drop_duplicates()
    values, described = target_matrix(targets, order)
    wide = predictions.pivot(index=by, columns="stimulus", values="prediction")
    missing = sorted(set(order) - set(wide.columns))
    if missing:
        raise InputError(
            "stimuli with a target but without a prediction",
            value=f"{len(missing)}: {', '.join(missing[:5])}",
            expected="a prediction for every stimulus that has a target",
            remedy="make the stimulus names of the targets match those of the stimuli",
        )
    wide = wide[order]
    rho = rank_correlation(wide.to_numpy(), values)
    counts = np.isfinite(values).sum(axis=1)
    frames = [
        described.assign(n=counts, rho=rho[row], p=spearman_p(rho[row], counts), **dict(zip(by, name, strict=True)))
        for row, name in enumerate(wide.index)
    ]
    table = pd.concat(frames, ignore_index=True)
    table["q"] = benjamini_hochberg(table["p"].to_numpy())
    return table[[*by, "target", "valence_type", "source", "condition", "n", "rho", "p", "q"]]


def target_matrix(targets: pd.DataFrame, stimuli: pd.Series) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the targets as (target, stimulus), missing outside a target's condition, and a row describing each."""
    described = targets[["target", "valence_type", "source", "condition"]].drop_duplicates().reset_index(drop=True)
    wide = targets.pivot(index="target", columns="stimulus", values="value")
    return wide.reindex(index=described["target"], columns=list(stimuli)).to_numpy(dtype=np.float64), described
