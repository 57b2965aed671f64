"""Read the tables that say how sure the numbers are, where a run has them."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.report.results import Results


def known(results: Results, name: str) -> pd.DataFrame | None:
    """Read a table of intervals, ceilings or tested weights.

    Parameters
    ----------
    results : Results
        The results folder.
    name : str
        alignment_summary.csv, layer_alignment_summary.csv, ceilings.csv, object_weights_mean.csv or
        object_weights_by_estimator.csv; read once, whoever asks.

    Returns
    -------
    DataFrame or None
        None where the run did not write it (results of an older version): whoever shows the numbers then has to say
        that their uncertainty is not known.

    Raises
    ------
    InputError
        When the table is there but lacks a column.
    """
    return getattr(results, name.removesuffix(".csv")) if results.has(name) else None
