"""Noise ceilings: known ones in words, in a panel (band: interval, line: ceiling) and in a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import MUTED, number, safe
from o2b_helpers.report.tables import ShownTable, make_table
from o2b_helpers.studies.alignment.tables import CEILINGS
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.common.uncertainty import interval_words

BAND = "#c9d1d9"


def known_ceilings(results: Results) -> pd.DataFrame:
    """Return the noise ceilings that are known, indexed by target; empty where none is."""
    return results.table(CEILINGS).dropna(subset=["ceiling"]).set_index("target")


def ceilings_in_words(results: Results) -> str:
    """Say how high the known ceilings are and for how many targets none is known, for a caption."""
    known, targets = known_ceilings(results), results.table(TARGETS)["target"].nunique()
    missing = targets - len(known)
    words = ""
    if len(known):
        words = (
            f"The noise ceilings lie between {number(known['ceiling'].min())} and {number(known['ceiling'].max())}. "
        )
    if missing:
        which = "any target" if missing == targets else f"{missing} of {targets} targets"
        words += (
            f"No noise ceiling is known for {which}, because the values of single people are not at hand; no band is "
            "drawn there, which does not mean that the ceiling is 1. "
        )
    return words.strip()


def ceiling_hover(target: str, row: pd.Series) -> str:
    """Write what a ceiling's band says when pointed at; names are escaped."""
    return (
        f"<b>noise ceiling</b>, {safe(target)}<br>{number(row['ceiling'])} "
        f"({number(row['ceiling_low'])} to {number(row['ceiling_high'])})<br>"
        f"reliability {number(row['reliability'])}, n = {int(row['n'])}<br>{safe(row['method'])}"
    )


def ceiling_bands(
    grid: PanelGrid, row: int, column: int, ceilings: pd.DataFrame, places: Sequence[float], width: float,
    colours: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Draw the bands of some targets into one panel.

    Parameters
    ----------
    grid : PanelGrid
        The figure; bars must lie over each other (``barmode="overlay"``).
    row, column : int
        The panel.
    ceilings : DataFrame
        Indexed by target, columns of ceilings.csv, all known.
    places : sequence of float
        Where on the x axis each band's middle is.
    width : float
        Of a band, in units of the x axis.
    colours : sequence of str, optional
        One for each band; grey where nothing is given.
    """
    if ceilings.empty:
        return
    low, high = ceilings["ceiling_low"], ceilings["ceiling_high"]
    grid.add(
        go.Bar(
            x=list(places), base=low.tolist(), y=(high - low).tolist(), width=width,
            marker={"color": list(colours) if colours else BAND, "line": {"width": 0}},
            opacity=0.35 if colours else 0.55,
            hovertext=[ceiling_hover(target, part) for target, part in ceilings.iterrows()],
            hovertemplate="%{hovertext}<extra></extra>", showlegend=False, legendgroup="ceiling",
        ),
        row, column,
    )  # fmt: skip
    x, y = [], []
    for place, value in zip(places, ceilings["ceiling"], strict=True):
        x += [place - width / 2, place + width / 2, None]
        y += [value, value, None]
    line = {"color": MUTED, "width": 1.5}
    grid.add(
        go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False, legendgroup="ceiling"),
        row, column,
    )  # fmt: skip


def ceiling_legend(grid: PanelGrid) -> None:
    """Add the band to the legend."""
    marker = {"symbol": "square", "color": BAND, "size": 12, "line": {"color": MUTED, "width": 1}}
    grid.traces.append(legend_entry("noise ceiling", marker, "ceiling"))


def ceiling_table(results: Results) -> ShownTable:
    """Show how high rho could be for each target."""
    table = results.table(CEILINGS)
    columns = ["ceiling", "ceiling_low", "ceiling_high"]
    shown = {"ceiling": "ceiling", "ceiling_low": "lowest", "ceiling_high": "highest"}
    frame = pd.DataFrame({"target": table["target"], **{shown[c]: table[c].map(number) for c in columns}})
    exact = {shown[c]: table[c] for c in columns}
    what = f"the highest rho that a perfect model could reach, and its {interval_words(results)}; undefined: unknown"
    title = "How high could the agreement be?"
    return make_table(title, frame, set(shown.values()), CEILINGS.file, what, exact=exact)
