"""Differences between agreements: in a sentence, and as the table below figure 1 and in notebook 03."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.alignment.contrasts.pairs import CONDITIONS, MODELS, SOURCES, VALENCE_TYPES
from o2b_helpers.studies.alignment.tables import ALIGNMENT, CONTRASTS
from o2b_helpers.studies.common.select import P_SIGNIFICANT, named
from o2b_helpers.studies.common.uncertainty import interval_words

PAIRS = {
    VALENCE_TYPES: "pairs of valence types",
    SOURCES: "pairs of sources",
    CONDITIONS: "pairs of conditions",
    MODELS: "pairs of models",
}
MOST_SHOWN = 1000  # rows of a table on the page; the file holds all


def contrasts(results: Results) -> pd.DataFrame:
    """Return alignment_contrasts.csv with unique names of models."""
    everyone = results.table(ALIGNMENT)
    table = named(results.table(CONTRASTS), everyone)
    second = table[["second_architecture", "second_weights"]].set_axis(["architecture", "weights"], axis=1)
    return table.assign(second_architecture=named(second, everyone)["architecture"])


def contrasts_in_words(results: Results, name: Callable[[str], str] = str) -> str:
    """Say for each kind of contrast how many differences are beyond chance, and the largest of them.

    Parameters
    ----------
    results : Results
        Needs alignment_contrasts.csv.
    name : callable
        How a name of the data is set in the sentence.

    Returns
    -------
    str
        One sentence; empty where nothing was compared.
    """
    table = contrasts(results)
    tested = table[table["p"].notna()]
    if tested.empty:
        return ""
    beyond = tested[tested["q"] < P_SIGNIFICANT]
    if beyond.empty:
        return (
            f"No difference between two agreements is beyond chance (q < {P_SIGNIFICANT}) in any of {len(tested):,} "
            f"pairs of targets or models; the smallest q is {p_value(tested['q'].min())}."
        )
    parts = []
    for kind, rows in tested.groupby("contrast", sort=False):
        differ = beyond[beyond["contrast"] == kind]
        said = f"{len(differ)} of {len(rows):,} {PAIRS[str(kind)]}"
        if len(differ):
            largest = differ.loc[differ["difference"].abs().idxmax()]
            said += f" (most: {_largest(largest, name)})"
        parts.append(said)
    return f"The agreement differs beyond chance (q < {P_SIGNIFICANT}) in {'; '.join(parts)}."


def _largest(row: pd.Series, name: Callable[[str], str]) -> str:
    """Name the larger agreement first."""
    sides = [(row["architecture"], row["first_target"]), (row["second_architecture"], row["second_target"])]
    ends = [row["ci_low"], row["ci_high"]]
    if row["difference"] < 0:
        sides, ends = sides[::-1], [-end for end in ends[::-1]]
    (model, target), (other, other_target) = sides
    if row["contrast"] == MODELS:
        pair = f"{name(model)} above {name(other)} on {name(target)}"
    else:
        pair = f"{name(model)}, {name(target)} above {name(other_target)}"
    interval = "" if pd.isna(ends[0]) else f", {number(ends[0])} to {number(ends[1])}"
    return f"{pair} by {number(abs(row['difference']))}{interval}, q {p_value(row['q'])}"


def contrasts_table(results: Results) -> ShownTable | None:
    """Show the pairs of targets of every model, and the pairs of models where they are not too many for a page."""
    table = contrasts(results)
    if table.empty:
        return None
    short = table if len(table) <= MOST_SHOWN else table[table["contrast"] != MODELS]
    shown = {"rho_a": "rho of the first", "rho_b": "rho of the second", "difference": "difference"}
    shown |= {"ci_low": "lowest", "ci_high": "highest"}
    other = short["second_architecture"].where(short["contrast"] == MODELS, "")
    frame = pd.DataFrame(
        {
            "what differs": short["contrast"], "model": short["architecture"], "second model": other,
            "first target": short["first_target"], "second target": short["second_target"],
            **{heading: short[column].map(lambda v: number(v, 3)) for column, heading in shown.items()},
            "p": short["p"].map(p_value), "q": short["q"].map(p_value),
        }
    )  # fmt: skip
    exact = {heading: short[column] for column, heading in shown.items()} | {name: short[name] for name in ("p", "q")}
    what = (
        "mean rho over runs with two targets, or of two models, and their difference with its "
        f"{interval_words(results)} over stimuli and runs; q is corrected within a kind of contrast and a model (or a "
        "pair of models)"
    )
    if len(short) < len(table):
        what += "; pairs of models stand in the file only"
    title = "Differences between agreements"
    return make_table(title, frame, {*shown.values(), "p", "q"}, CONTRASTS.file, what, exact=exact)
