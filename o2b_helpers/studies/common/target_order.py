"""The targets as figures and sentences name them: their parts, their order, and which stand first."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.studies.common.names import ordered
from o2b_helpers.studies.common.people import people_of
from o2b_helpers.studies.common.tables import TARGETS


def target_parts(results: Results) -> pd.DataFrame:
    """Return valence type, source and condition of every target, indexed by its name, in the figures' order."""
    parts = (
        results.table(TARGETS).drop_duplicates("target").set_index("target")[["valence_type", "source", "condition"]]
    )
    for column in ("source", "valence_type", "condition"):
        names = ordered_sources(results) if column == "source" else ordered(parts[column], column)
        rank = {name: i for i, name in enumerate(names)}
        parts = parts.sort_values(column, key=lambda names, rank=rank: names.map(rank), kind="stable")
    return parts


def ordered_sources(results: Results) -> list[str]:
    """Order the sources of the targets: people's own first, then the paper's, then others as they appear."""
    people = people_of(results)
    return people + [name for name in ordered(results.table(TARGETS)["source"], "source") if name not in people]


def first_targets(results: Results, sources: Sequence[str]) -> dict[str, str]:
    """Name, for every condition, the first target of some sources: the first valence type, then the first source.

    Parameters
    ----------
    results : Results
        Needs targets.csv.
    sources : sequence of str
        In the order in which they are wanted. A condition without a target of any of them is left out.
    """
    parts = target_parts(results)
    parts, chosen = parts[parts["source"].isin(list(sources))], {}
    for condition in ordered(parts["condition"], "condition"):
        of_condition = parts[parts["condition"] == condition]
        types = ordered(of_condition["valence_type"], "valence_type")
        rank = of_condition["valence_type"].map(types.index) * len(sources)
        rank += of_condition["source"].map(list(sources).index)
        chosen[condition] = str(rank.idxmin())
    return chosen


def main_targets(results: Results) -> dict[str, str]:
    """Name, for every condition, the target that stands first [ours].

    It is what people themselves say, where the profile says which source that is; else the first in the figures' order.
    Of the paper's targets it is IV/true/<condition>.
    """
    return first_targets(results, people_of(results) or ordered_sources(results))
