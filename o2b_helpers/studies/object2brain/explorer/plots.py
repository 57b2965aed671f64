"""The explorer's figures: empty Plotly widgets, and bars put into them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.report.style import FONT, RULE, SIZE_HEADING, SIZE_SMALL, SIZE_TEXT, TEXT, ZERO, safe

BLUE, ORANGE, CHOSEN = "#0072B2", "#D08700", "#222222"
WIDE, HALF = 800, 400  # pixels; what fits beside JupyterLab's file browser in a window of 1280


def effects_figure() -> go.FigureWidget:
    """Make the ranked plot: a click picks a filter, a frame drawn with the mouse a set of them."""
    figure = _figure(WIDE, 300, "filter (channel), from supporting to weakening", "lesion effect (change of rho)")
    hover = "filter %{customdata[1]}<br>%{y:.4f}, sd %{customdata[2]} over runs<extra></extra>"
    figure.add_trace(_bar(error_y=_error(), hovertemplate=hover))
    # what is selected is shown by colour, so that list and plot cannot disagree
    opaque = {"marker": {"opacity": 1}}
    figure.data[0].update(selected=opaque, unselected=opaque)
    figure.update_layout(dragmode="select", bargap=0.3)
    return figure


def profile_figure() -> go.FigureWidget:
    """Make the plot of a filter's class profile beside its layer's mean."""
    figure = _figure(HALF, 480, "mean box score (0 to 1)", "")
    figure.add_trace(_bar(orientation="h", name="this filter"))
    marker = {"symbol": "line-ns-open", "size": 12, "color": ORANGE, "line": {"width": 3}}
    figure.add_trace({"type": "scatter", "mode": "markers", "marker": marker, "name": "mean of the layer"})
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.16, "x": 0}, margin={"l": 130})
    figure.data[0].hovertemplate = "%{customdata}<br>score %{x:.3f}<extra></extra>"
    figure.data[1].hovertemplate = "mean of the layer %{x:.3f}<extra></extra>"
    return figure


def weights_figure() -> go.FigureWidget:
    """Make the plot of a layer's class weights."""
    figure = _figure(HALF, 480, "weight (mean and sd over runs)", "")
    figure.add_trace(_bar(orientation="h", error_x=_error()))
    figure.update_layout(margin={"l": 130})
    figure.data[0].hovertemplate = "%{customdata}<br>weight %{x:.4g}<extra></extra>"
    return figure


def horizontal(figure: go.FigureWidget, names: Sequence[str], values: pd.Series, sd: pd.Series | None) -> None:
    """Put classes into the first trace of a figure of horizontal bars, the first class on top."""
    bars = figure.data[0]
    bars.x, bars.y = defined(values), list(range(len(values)))
    bars.customdata = [safe(name, 80) for name in names]
    if sd is not None:
        bars.error_x.array = sd.fillna(0).tolist()
    axis = figure.layout.yaxis
    axis.tickvals, axis.ticktext = list(range(len(values))), [safe(name, 18) for name in names]
    axis.range = [max(len(values), 1) - 0.5, -0.5]


def defined(values: Iterable[float]) -> list[float | None]:
    """Return numbers as a browser takes them: None, a gap, for what is undefined."""
    return [None if math.isnan(value) else float(value) for value in values]


def chance_lines(figure: go.FigureWidget, level: float | None) -> None:
    """Draw how large the largest effect is by chance, above and below zero; nothing where it is not known."""
    dashed = {"color": CHOSEN, "width": 1, "dash": "dash"}
    figure.layout.shapes = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": height, "y1": height, "line": dashed}
        for height in (() if level is None else (level, -level))
    ]


def _bar(**more) -> dict:
    return {"type": "bar", "marker": {"color": BLUE}, **more}


def _error() -> dict:
    return {"color": "#57606a", "thickness": 1, "width": 2}


def _figure(width: int, height: int, x: str, y: str) -> go.FigureWidget:
    looks = {"gridcolor": RULE, "zerolinecolor": ZERO, "tickfont": {"size": SIZE_SMALL}}
    names = looks | {"zeroline": False, "showgrid": False}  # the axis along which filters or classes stand
    upright = bool(y)
    title = {"font": {"size": SIZE_TEXT}}
    figure = go.FigureWidget(
        layout={
            "width": width, "height": height, "margin": {"l": 70, "r": 20, "t": 50, "b": 60}, "showlegend": False,
            "font": {"family": FONT, "size": SIZE_TEXT, "color": TEXT}, "plot_bgcolor": "white",
            "paper_bgcolor": "white", "hoverlabel": {"bgcolor": "white", "font": {"color": TEXT}},
            "title": {"text": "", "font": {"size": SIZE_HEADING}},
            "xaxis": (names if upright else looks) | {"title": title | {"text": x}},
            "yaxis": (looks if upright else names) | {"title": title | {"text": y}},
        }
    )  # fmt: skip
    # Plotly's buttons would cover the titles; only the ranked plot has one, for the frame, and none leads to a server
    figure._config = {"displayModeBar": upright, "displaylogo": False, "modeBarButtons": [["select2d"]]}
    return figure
