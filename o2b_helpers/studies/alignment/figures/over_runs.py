"""Rho as a mean over runs with its interval: the numbers, and the table that shows them."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.contract import Table
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number
from o2b_helpers.report.tables import ShownTable, make_table
from o2b_helpers.studies.alignment.tables import ALIGNMENT, ALIGNMENT_SUMMARY, LAYER_ALIGNMENT_SUMMARY
from o2b_helpers.studies.common.select import named
from o2b_helpers.studies.common.uncertainty import interval_words


def full_intervals(results: Results) -> pd.DataFrame:
    """Return mean rho of every full model over runs with its interval; names are unique."""
    return named(results.table(ALIGNMENT_SUMMARY), results.table(ALIGNMENT))


def summary_over_runs(results: Results) -> pd.DataFrame:
    """Return mean rho over runs of every layer model and, as layer ``full``, full model under the same rules.

    Returns
    -------
    DataFrame
        Columns architecture (made unique), layer, target, valence_type, source, condition, runs, mean, sd, and low and
        high, the ends of the interval over runs and stimuli.
    """
    columns = ["architecture", "layer", "target", "valence_type", "source", "condition", "runs", "mean", "sd", "low"]
    summary = results.table(LAYER_ALIGNMENT_SUMMARY).rename(columns={"rho": "mean", "ci_low": "low", "ci_high": "high"})
    return named(summary, results.table(ALIGNMENT))[[*columns, "high"]]


def over_runs_table(results: Results, title: str, table: Table, *more: str) -> ShownTable | None:
    """Show a table of means over runs; `more` names columns besides model and target. None where it has no row."""
    frame = named(results.table(table), results.table(ALIGNMENT))
    if frame.empty:
        return None
    shown = {"rho": "mean rho", "sd": "sd", "ci_low": "lowest", "ci_high": "highest"}
    texts = {"model": frame["architecture"], "weights": frame["weights"], **{name: frame[name] for name in more}}
    texts |= {"target": frame["target"], **{name: frame[name].map(lambda v: f"{v:.0f}") for name in ("n", "runs")}}
    texts |= {heading: frame[name].map(lambda v: number(v, 3)) for name, heading in shown.items()}
    return make_table(
        title,
        pd.DataFrame(texts),
        {"n", "runs", *shown.values()},
        table.file,
        f"mean over runs, with its {interval_words(results)} over runs and stimuli",
        exact={heading: frame[name] for name, heading in shown.items()},
    )
