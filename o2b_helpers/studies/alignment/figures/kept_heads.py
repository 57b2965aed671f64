"""Which heads are kept, which run is a model's best, and what its alignment is."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.tables import ALIGNMENT, HEADS
from o2b_helpers.studies.common.options import FULL_RULES
from o2b_helpers.studies.common.select import models, named

OPTIMISTIC = "epoch and rate were chosen on the same held-out pictures, as in the paper"
OPTIMISM = (
    "so the held-out error is mildly optimistic (measured on the toy world: 0.268 where it is 0.285 on fresh "
    "pictures; rho does not change)"
)
RUN = ["architecture", "weights", "layer", "rules", "run"]


def chosen_on(heads: pd.DataFrame) -> str:
    """Name the split on which epochs and rates are chosen: ``validation`` where heads.csv has it, else ``test``."""
    return "validation" if (heads["split"] == "validation").any() else "test"


def choice_in_words(heads: pd.DataFrame) -> str:
    """Say how far the error on held-out pictures can be trusted."""
    if chosen_on(heads) == "validation":
        return "epoch and rate were chosen on other pictures (validation), so the error is not too low by the choice"
    return f"{OPTIMISTIC}, {OPTIMISM}"


def kept_heads(heads: pd.DataFrame) -> pd.DataFrame:
    """Reduce the training history to the kept head of every run.

    Of each learning rate the epoch with the lowest loss on the images that choose stands for it; of the rates, the one
    with the lowest mean absolute error there is kept. The test images choose (the paper, sections 2.2.2 and 2.2.3),
    or validation images where there are any (ours). A table that holds nothing but kept heads comes back unchanged.

    Returns
    -------
    pandas.DataFrame
        One row per (architecture, weights, layer, rules, run), columns as in heads.csv, ``split`` is ``test``.
    """
    chosen = _chosen(heads)
    if chosen_on(heads) == "test":
        return chosen
    keys = [*RUN, "learning_rate", "epoch"]
    return chosen[keys].merge(heads[heads["split"] == "test"], on=keys)[list(heads.columns)]


def best_runs(heads: pd.DataFrame) -> dict[str, int]:
    """Name the run of each full model (figure 1) whose kept head has the lowest error on the images that choose.

    `heads` has unique names.
    """
    chosen = _chosen(heads)
    full = chosen[chosen["rules"] == FULL_RULES]
    best = full.loc[full.groupby("architecture", sort=False)["mae"].idxmin()]
    return dict(zip(best["architecture"], best["run"].astype(int), strict=True))


def _chosen(heads: pd.DataFrame) -> pd.DataFrame:
    """Return the kept heads as they are on the images that choose."""
    rows = heads[(heads["split"] == chosen_on(heads)) & heads["loss"].notna()]
    epochs = rows.loc[rows.groupby([*RUN, "learning_rate"], sort=False, dropna=False)["loss"].idxmin()]
    return epochs.loc[epochs.groupby(RUN, sort=False)["mae"].idxmin()].reset_index(drop=True)


def best_alignment(results: Results) -> pd.DataFrame:
    """Keep, of every model, the alignment of its best run; names are unique.

    Raises
    ------
    InputError
        When a model of alignment.csv has no kept full head in heads.csv.
    """
    alignment = named(results.table(ALIGNMENT), results.table(ALIGNMENT))
    best = best_runs(named(results.table(HEADS), results.table(ALIGNMENT)))
    unknown = [model for model in models(alignment) if model not in best]
    if unknown:
        raise InputError(
            "A model has an alignment but no trained head on record",
            value=", ".join(unknown),
            expected="a row with rules full and split test in heads.csv for every model of alignment.csv",
            remedy="run notebooks 02 and 03 again: o2b run <profile> --from 02",
        )
    return alignment[alignment["run"] == alignment["architecture"].map(best)].reset_index(drop=True)
