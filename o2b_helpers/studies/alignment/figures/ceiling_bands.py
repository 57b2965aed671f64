"""Noise ceilings in a panel: a band for the interval, a line for the ceiling."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.style import MUTED
from o2b_helpers.studies.common.uncertainty import ceiling_hover

BAND = "#c9d1d9"


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
