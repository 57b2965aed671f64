"""How figures show the sources of the targets: their line in the legend, and its title."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.style import DASHES, SOURCE_COLOURS, SYMBOLS, cycle, safe

SOURCE_LEGEND = {"title": {"text": "source of<br>the target", "font": {"size": 12}}}


def source_lines(grid: PanelGrid, sources: Sequence[str]) -> None:
    """Add the legend of the sources' lines."""
    for position, source in enumerate(sources):
        colour = cycle(SOURCE_COLOURS, position)
        grid.traces.append(
            go.Scatter(
                x=[None], y=[None], mode="lines+markers", name=safe(source, 18), legendgroup=f"source {position}",
                line={"color": colour, "width": 1.6, "dash": cycle(DASHES, position)}, hoverinfo="skip",
                marker={"symbol": cycle(SYMBOLS, position), "size": 7, "color": colour},
            )
        )  # fmt: skip
