"""The targets as figures and sentences name them: their parts, their order, and which stands first."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.studies.common.names import ordered
from o2b_helpers.studies.common.tables import TARGETS


def target_parts(results: Results) -> pd.DataFrame:
    """Return valence type, source and condition of every target, indexed by its name, in the figures' order."""
    parts = (
        results.table(TARGETS).drop_duplicates("target").set_index("target")[["valence_type", "source", "condition"]]
    )
    for column in ("source", "valence_type", "condition"):
        rank = {name: i for i, name in enumerate(ordered(parts[column], column))}
        parts = parts.sort_values(column, key=lambda names, rank=rank: names.map(rank), kind="stable")
    return parts


def main_targets(results: Results) -> dict[str, str]:
    """Name, for every condition, the target that stands first: what people themselves say of the whole picture.

    Of the paper's targets that is IV/true/<condition>; of others, the first in the figures' order [ours].
    """
    parts = target_parts(results)
    chosen = {}
    for condition in ordered(parts["condition"], "condition"):
        of_condition = parts[parts["condition"] == condition]
        types = ordered(of_condition["valence_type"], "valence_type")
        sources = ordered(of_condition["source"], "source")
        rank = of_condition["valence_type"].map(types.index) * len(sources) + of_condition["source"].map(sources.index)
        chosen[condition] = str(rank.idxmin())
    return chosen
