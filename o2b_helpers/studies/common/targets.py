"""Targets as arrays: a matrix of all of them, and which share their stimuli."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from o2b_helpers.kernels.statistics.rank_correlation import by_missing
from o2b_helpers.studies.common.tables import TARGET


@dataclass(frozen=True)
class TargetGroup:
    """Targets with values for the same stimuli.

    Attributes
    ----------
    targets : array (target,) of int
        Their rows among all targets.
    places : array (stimulus,) of int
        Their stimuli among all stimuli.
    values : array (target, stimulus)
        None missing.
    """

    targets: np.ndarray
    places: np.ndarray
    values: np.ndarray


def target_groups(values: np.ndarray) -> list[TargetGroup]:
    """Group targets (target, stimulus), NaN where a target has no value, by the stimuli they have."""
    groups = []
    for rows, missing in by_missing(np.isnan(values)):
        places = np.flatnonzero(~missing)
        groups.append(TargetGroup(rows, places, values[np.ix_(rows, places)]))
    return groups


def exchangeable(targets: pd.DataFrame, stimuli: pd.Series) -> np.ndarray:
    """Say which stimuli may be exchanged by chance: those that appear in targets of the same conditions.

    Parameters
    ----------
    targets : DataFrame
        The contract's ``targets.csv``.
    stimuli : Series
        Names, in order.

    Returns
    -------
    array (stimulus,) of str
        The same text for stimuli that may be exchanged.
    """
    conditions = targets.groupby("stimulus")["condition"].unique()
    return np.array(["/".join(sorted(map(str, conditions[name]))) for name in stimuli])


def target_matrix(targets: pd.DataFrame, stimuli: pd.Series) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the targets as (target, stimulus), missing outside a target's condition, and a row describing each."""
    described = targets[[column.name for column in TARGET]].drop_duplicates().reset_index(drop=True)
    wide = targets.pivot(index="target", columns="stimulus", values="value")
    return wide.reindex(index=described["target"], columns=list(stimuli)).to_numpy(dtype=np.float64), described
