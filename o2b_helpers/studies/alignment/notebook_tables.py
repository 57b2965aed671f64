"""The small tables that the notebooks of the study show: a few rows that answer the notebook's question."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.params import Params
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.figures.contrasts import contrasts
from o2b_helpers.studies.alignment.figures.kept_heads import kept_heads
from o2b_helpers.studies.alignment.measures.decoding import decoding_table
from o2b_helpers.studies.alignment.tables import CONTRASTS, HEADS
from o2b_helpers.studies.common.people import people_sources
from o2b_helpers.studies.common.select import FULL


def kept_full_heads(results: Results) -> pd.DataFrame:
    """Return the kept head of every full model and run, of both sets.

    Returns
    -------
    DataFrame
        rules (``full``: figure 1, ``full_under_layer_rules``: figure 2 and Object2Brain), learning_rate, epoch, and
        mae, loss and rho on held-out pictures.
    """
    kept = kept_heads(results.table(HEADS))
    kept = kept[kept["layer"] == FULL].drop(columns=["layer", "split"])
    return kept[["architecture", "weights", "rules", *kept.columns.drop(["architecture", "weights", "rules"])]]


def decoded_from_regions(params: Params, targets: pd.DataFrame) -> pd.DataFrame:
    """Return how well every other source follows people's own labels; see `decoding_table`.

    Parameters
    ----------
    params : Params
        The profile; it says which source is people's own. Where it names several, the first of them counts.
    targets : DataFrame
        ``targets.csv``.
    """
    people = people_sources(params.analysis.human.model_dump())
    return decoding_table(targets, params.analysis.significance, people[0] if people else None)


def largest_differences(results: Results, top: int = 5) -> pd.DataFrame:
    """Return the contrasts with the smallest p of each kind, the largest difference first among equal ones."""
    table = contrasts(results)
    table = table.assign(size=-table["difference"].abs()).sort_values(["p", "size"], kind="stable")
    first = table.groupby("contrast", sort=False).head(top).drop(columns=["weights", "second_weights", "size"])
    order = {kind: place for place, kind in enumerate(dict.fromkeys(results.table(CONTRASTS)["contrast"]))}
    return first.sort_values("contrast", key=lambda kinds: kinds.map(order), kind="stable").reset_index(drop=True)
