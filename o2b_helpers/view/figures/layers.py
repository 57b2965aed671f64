"""Figure 2: how the agreement changes from early to late layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.view.figures.alignment import rho_limits
from o2b_helpers.view.figures.panels import PanelGrid
from o2b_helpers.view.results import Results
from o2b_helpers.view.select import FULL, chosen_models, layers, models_left_out, named, target_parts
from o2b_helpers.view.style import DASHES, SOURCE_COLOURS, SYMBOLS, cycle, long_name, number, offsets, ordered, safe

TITLE = "Figure 2. Where in the network does the agreement arise?"
MOST_MODELS = 4
SOURCE_LEGEND = {"title": {"text": "source of<br>the target", "font": {"size": 12}}}
HOVER = (
    "<b>%{customdata[0]}</b>, %{customdata[1]}<br>%{customdata[2]}<br>mean rho %{customdata[3]}, "
    "sd %{customdata[4]} over %{customdata[5]} runs<extra></extra>"
)


def figure_2(results: Results, architectures: Sequence[str] | None = None) -> go.Figure:
    """Draw Spearman's rho of the layer models from the first to the last layer.

    One panel per valence type (rows), condition and model (columns; congruent left, incongruent right); one line
    per source; mean and standard deviation over runs (the paper, section 2.2.3 and figure 2). Behind the last
    layer stands the full model, trained by other rules and therefore not joined to the line.

    Parameters
    ----------
    results : Results
        Needs targets.csv, layer_alignment.csv and alignment.csv.
    architectures : sequence of str, optional
        The models to draw; at most the first four of the results where nothing is given.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table, full = (named(part, results.alignment) for part in (results.layer_alignment, results.alignment))
    names = chosen_models(table, architectures, MOST_MODELS, "layer models")
    parts = target_parts(results)
    types, conditions, sources = (ordered(parts[c], c) for c in ("valence_type", "condition", "source"))
    summary = pd.concat([_summary(table), _summary(full.assign(layer=FULL))])
    summary = summary.drop_duplicates(["architecture", "layer", "valence_type", "source", "condition"])
    shown = summary[summary["architecture"].isin(names)]
    low, high = rho_limits(pd.concat([shown["mean"] - shown["sd"].fillna(0), shown["mean"] + shown["sd"].fillna(0)]))
    grid = PanelGrid(
        len(types), len(names) * len(conditions), width=max(210, 400 // len(names)), height=170, group=len(names),
        top=150, row_gap=46, bottom=90, right=150,
    )  # fmt: skip
    for column in range(grid.columns):
        condition, model = conditions[column // len(names)], names[column % len(names)]
        steps = [*layers(table, model), FULL]
        for row, valence_type in enumerate(types):
            last = row == len(types) - 1
            x = {
                "tickvals": list(range(len(steps))),
                "ticktext": [safe(step, 18) for step in steps],
                "tickangle": -40,
                "range": [-0.4, len(steps) - 0.6],
                "showgrid": False,
                "zeroline": False,
                "showticklabels": last,
            }
            y = {"range": [low, high], "showticklabels": column == 0, "dtick": 0.2}
            if column == 0:
                y["title"] = "Spearman’s rho"
            grid.axes(row, column, x, y)
            panel = shown[
                (shown["architecture"] == model) & (shown["condition"] == condition)
                & (shown["valence_type"] == valence_type)
            ]  # fmt: skip
            for position, source in enumerate(sources):
                line = panel[panel["source"] == source].set_index("layer").reindex(steps)
                shift = offsets(len(sources), 0.24)[position]
                for part in _line(line, model, source, position, shift):
                    grid.add(part, row, column)
    for group, condition in enumerate(conditions):
        grid.group_heading(group, safe(condition, 40), above=54)
    for column in range(grid.columns):
        grid.column_heading(column, safe(names[column % len(names)], 26), above=28)
    for row, valence_type in enumerate(types):
        grid.row_heading(row, long_name(valence_type))
    source_lines(grid, sources)
    runs = sorted(shown["runs"].unique())
    grid.title(
        TITLE,
        f"Mean and standard deviation over {' or '.join(str(int(n)) for n in runs)} runs. Layers from input (left) "
        "to output (right); “full” is the full model." + models_left_out(table, names),
    )
    return grid.finish(legend=grid.layout["legend"] | SOURCE_LEGEND)


def _summary(table: pd.DataFrame) -> pd.DataFrame:
    keys = ["architecture", "layer", "target", "valence_type", "source", "condition"]
    return table.groupby(keys, sort=False)["rho"].agg(mean="mean", sd="std", runs="count").reset_index()


def _line(line: pd.DataFrame, model: str, source: str, position: int, shift: float) -> list[go.Scatter]:
    """Build one source's line over the layers and its single mark for the full model."""
    colour = cycle(SOURCE_COLOURS, position)
    text = [
        [safe(model), safe(layer), safe(r.target), number(r.mean, 3), number(r.sd, 3), r.runs]
        if isinstance(r.target, str) else [""] * 6
        for layer, r in zip(line.index, line.itertuples(), strict=True)
    ]  # fmt: skip
    places = np.arange(len(line)) + shift
    error = {"thickness": 1, "width": 2, "color": colour}
    traces = []
    for part, mode in ((slice(0, -1), "lines+markers"), (slice(-1, None), "markers")):
        traces.append(
            go.Scatter(
                x=places[part].tolist(), y=line["mean"].iloc[part].tolist(), mode=mode,
                error_y=error | {"array": line["sd"].iloc[part].fillna(0).tolist()},
                line={"color": colour, "width": 1.6, "dash": cycle(DASHES, position)},
                marker={"symbol": cycle(SYMBOLS, position), "size": 7, "color": colour},
                customdata=text[part], hovertemplate=HOVER, showlegend=False, legendgroup=f"source {position}",
            )
        )  # fmt: skip
    return traces


def source_lines(grid: PanelGrid, sources: list[str]) -> None:
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
