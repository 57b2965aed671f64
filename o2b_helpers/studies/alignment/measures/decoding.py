"""How well do the values read from brain regions follow what people said? A table (used by notebook 01)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from o2b_helpers.inputs.people.stimuli import MIN_PER_CONDITION
from o2b_helpers.kernels.statistics.permutation_null import LinearStatistics, permutation_test, unit_ranks
from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg, rank_correlation, spearman_p
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.targets import exchangeable

COLUMNS = ["source", "predicted", "true", "condition", "all_stimuli", "n", "rho", "p", "p_perm", "q"]
ALL = "all"


def decoding_table(
    targets: pd.DataFrame, options: Significance | None = None, people: str | None = "true"
) -> pd.DataFrame:
    """Correlate every source's predictions with people's own labels (or ratings) of each valence type.

    Parameters
    ----------
    targets : DataFrame
        The contract's ``targets.csv``.
    options : Significance, optional
        How many permutations, and their seed; the defaults of ``analysis.significance`` where nothing is given.
    people : str, optional
        The source that is people's own; None where nobody says which it is: the table is then empty.

    Returns
    -------
    DataFrame
        Columns source, predicted, true, condition, all_stimuli, n, rho (empty where too few stimuli have both); p
        (two-sided, Student's t); p_perm (two-sided; labels exchanged between stimuli of one condition, the
        predictions as they are: no regression is fitted anew); q (Benjamini-Hochberg of p_perm over the whole table;
        ours). ``predicted`` is the valence type that the source's predictions were made for, ``true`` the one they are
        compared with; condition ``all`` takes every stimulus, and so says ``all_stimuli``, as a condition may have that
        name, too. Empty without such sources.
    """
    options = options or Significance()
    stimuli = targets["stimulus"].drop_duplicates().reset_index(drop=True)
    place = pd.Series(stimuli.index, index=stimuli)
    truth, rows, correlations = targets[targets["source"] == people], [], []
    for (source, predicted), own in targets[targets["source"] != people].groupby(
        ["source", "valence_type"], sort=False
    ):
        for true, labels in truth.groupby("valence_type", sort=False):
            both = own.merge(labels, on=["stimulus", "condition"], suffixes=("", "_true"))
            for whole, condition, group in [(True, ALL, both), *((False, *part) for part in both.groupby("condition"))]:
                x, y = (group[name].to_numpy()[None] for name in ("value", "value_true"))
                if both.empty:
                    continue  # no stimulus has both
                rho = rank_correlation(x, y)[0, 0] if len(group) >= MIN_PER_CONDITION else np.nan
                p = float(spearman_p(rho, len(group)))
                rows.append((source, predicted, true, condition, whole, len(group), rho, p, np.nan, np.nan))
                correlations.append(LinearStatistics(unit_ranks(x), y, place[group["stimulus"]].to_numpy()))
    table = pd.DataFrame(rows, columns=COLUMNS)
    if rows:
        permutations = permutations_within(exchangeable(targets, stimuli), options.permutations, options.seed)
        p_perm = np.array([float(p[0, 0]) for p in permutation_test(correlations, permutations).p])
        table["p_perm"] = np.where(table["rho"].notna(), p_perm, np.nan)
        table["q"] = benjamini_hochberg(table["p_perm"].to_numpy())
    return table.astype({"all_stimuli": bool})
