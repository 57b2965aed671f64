"""A sentence for each filter: its selectivity index, and the emotion that it prefers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number
from o2b_helpers.studies.selectivity.tables import FILTER_SELECTIVITY, SETS


def filter_facts(results: Results, model: str) -> Mapping[tuple[str, int], str]:
    """Return what is known of a model's filters, by layer and channel; nothing where notebook 12 has not run.

    Parameters
    ----------
    results : Results
        May hold filter_selectivity.parquet.
    model : str
        A name of column ``architecture``.
    """
    if not results.has(FILTER_SELECTIVITY):
        return {}
    table = results.table(FILTER_SELECTIVITY)
    own = table[table["architecture"] == model]
    if own["weights"].nunique() > 1:  # which of the networks of this name is meant, nobody says
        return {}
    first, second = (own[own["image_set"] == name].set_index(["layer", "channel"]) for name in SETS)
    pairs = zip(first.iterrows(), second.loc[first.index].iterrows(), strict=True)
    return {(str(key[0]), int(key[1])): sentence(one, two) for (key, one), (_, two) in pairs}


def sentence(first: pd.Series, second: pd.Series) -> str:
    """Say what a filter prefers, from its rows of filter_selectivity.parquet for the two image sets."""
    if first["constant"]:
        return "It responds to all pictures of an image set alike, so that it prefers no emotion."
    indices = f"index {number(first['index'])} and {number(second['index'])} in the two image sets"
    if first["preferred"] != second["preferred"]:
        return (
            f"It prefers {first['preferred']} pictures in the first image set and {second['preferred']} ones in the "
            f"second (selectivity {indices}), so that it is not emotion-selective."
        )
    selective = "emotion-selective" if first["emotion_selective"] else "not emotion-selective: an index is too low"
    return f"It prefers {first['preferred']} pictures (selectivity {indices}) and is {selective}."
