"""Which heads are kept, which run is a model's best, and what its alignment is."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.tables import ALIGNMENT, HEADS
from o2b_helpers.studies.common.select import FULL, models, named


def kept_heads(heads: pd.DataFrame) -> pd.DataFrame:
    """Reduce the training history to the kept head of every run.

    Of each learning rate the epoch with the lowest test loss stands for it; of the rates, the one with the lowest
    mean absolute error on the test images is kept (the paper, sections 2.2.2 and 2.2.3). A table that holds
    nothing but kept heads comes back unchanged.

    Returns
    -------
    pandas.DataFrame
        One row per (architecture, weights, layer, run), columns as in heads.csv, ``split`` is ``test``.
    """
    test = heads[(heads["split"] == "test") & heads["loss"].notna()]
    run = ["architecture", "weights", "layer", "run"]
    epochs = test.loc[test.groupby([*run, "learning_rate"], sort=False, dropna=False)["loss"].idxmin()]
    return epochs.loc[epochs.groupby(run, sort=False)["mae"].idxmin()].reset_index(drop=True)


def best_runs(heads: pd.DataFrame) -> dict[str, int]:
    """Name the run of each full model whose kept head has the lowest test error; `heads` with unique names."""
    kept = kept_heads(heads)
    full = kept[kept["layer"] == FULL]
    best = full.loc[full.groupby("architecture", sort=False)["mae"].idxmin()]
    return dict(zip(best["architecture"], best["run"].astype(int), strict=True))


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
            expected="a row with layer full and split test in heads.csv for every model of alignment.csv",
            remedy="run notebooks 02 and 03 again: o2b run <profile> --from 02",
        )
    return alignment[alignment["run"] == alignment["architecture"].map(best)].reset_index(drop=True)
