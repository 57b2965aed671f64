"""Figure 2: how the agreement changes from early to late layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import (
    DASHES,
    SOURCE_COLOURS,
    SYMBOLS,
    cycle,
    faint,
    long_name,
    number,
    offsets,
    ordered,
    safe,
)
from o2b_helpers.studies.alignment.figures.alignment_by_architecture import rho_limits
from o2b_helpers.studies.alignment.figures.ceiling_bands import ceiling_bands, ceiling_legend
from o2b_helpers.studies.common.select import FULL, chosen_models, layers, models_left_out, named, target_parts
from o2b_helpers.studies.common.uncertainty import interval_words, known_ceilings, summary_over_runs

TITLE = "Figure 2. Where in the network does the agreement arise?"
MOST_MODELS = 4
SPREAD = 0.36  # of the marks of the sources in one layer
BANDS = 0.7  # of the place behind the full model, shared by the sources
SOURCE_LEGEND = {"title": {"text": "source of<br>the target", "font": {"size": 12}}}
HOVER = (
    "<b>%{customdata[0]}</b>, %{customdata[1]}<br>%{customdata[2]}<br>mean rho %{customdata[3]}, "
    "sd %{customdata[4]} over %{customdata[5]} runs%{customdata[6]}<extra></extra>"
)


def figure_2(results: Results, architectures: Sequence[str] | None = None) -> go.Figure:
    """Draw Spearman's rho of the layer models from the first to the last layer.

    One panel per valence type (rows), condition and model (columns; congruent left, incongruent right); one line
    per source; mean over runs (the paper, section 2.2.3 and figure 2) with its interval over runs and stimuli (ours;
    the paper's standard deviation over runs is drawn where the results hold no interval). Behind the last layer stands
    the full model, trained by other rules and therefore not joined to the line, and behind it the noise ceiling of
    every source where it is known (ours).

    Parameters
    ----------
    results : Results
        Needs targets.csv, layer_alignment.csv and alignment.csv; draws ceilings.csv and, if both are there,
        layer_alignment_summary.csv and alignment_summary.csv.
    architectures : sequence of str, optional
        The models to draw; at most the first four of the results where nothing is given.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table, ceilings = named(results.layer_alignment, results.alignment), known_ceilings(results)
    names = chosen_models(table, architectures, MOST_MODELS, "layer models")
    parts = target_parts(results)
    types, conditions, sources = (ordered(parts[c], c) for c in ("valence_type", "condition", "source"))
    summary, intervals = summary_over_runs(results)
    summary = summary.drop_duplicates(["architecture", "layer", "valence_type", "source", "condition"])
    shown = summary[summary["architecture"].isin(names)]
    ends = [shown["low"], shown["high"], shown["mean"], ceilings["ceiling_high"]]
    low, high = rho_limits(pd.concat([part.astype(float) for part in ends if len(part)]))
    what = interval_words(results)
    grid = PanelGrid(
        len(types), len(names) * len(conditions), width=max(210, 400 // len(names)), height=170, group=len(names),
        top=165, row_gap=46, bottom=90, right=150,
    )  # fmt: skip
    for column in range(grid.columns):
        condition, model = conditions[column // len(names)], names[column % len(names)]
        steps = [*layers(table, model), FULL]
        ticks = [*steps, *(["<i>ceiling</i>"] if len(ceilings) else [])]
        for row, valence_type in enumerate(types):
            last = row == len(types) - 1
            x = {
                "tickvals": list(range(len(ticks))),
                "ticktext": [safe(step, 18) for step in steps] + ticks[len(steps) :],
                "tickangle": -40,
                "range": [-0.4, len(ticks) - 0.6],
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
            known = ceilings[(ceilings["condition"] == condition) & (ceilings["valence_type"] == valence_type)]
            ranks = [sources.index(source) for source in known["source"]]
            places = [len(steps) + offsets(len(sources), BANDS * (1 - 1 / len(sources)))[rank] for rank in ranks]
            colours = [cycle(SOURCE_COLOURS, rank) for rank in ranks]
            ceiling_bands(grid, row, column, known, places, 0.86 * BANDS / len(sources), colours)
            for position, source in enumerate(sources):
                line = panel[panel["source"] == source].set_index("layer").reindex(steps)
                shift = offsets(len(sources), SPREAD)[position]
                for part in _line(line, model, position, shift, what if intervals else ""):
                    grid.add(part, row, column)
    for group, condition in enumerate(conditions):
        grid.group_heading(group, safe(condition, 40), above=54)
    for column in range(grid.columns):
        grid.column_heading(column, safe(names[column % len(names)], 26), above=28)
    for row, valence_type in enumerate(types):
        grid.row_heading(row, long_name(valence_type))
    source_lines(grid, sources)
    runs = " or ".join(str(int(n)) for n in sorted(shown["runs"].unique()))
    bars = f"bars: its {what} over runs and stimuli" if intervals else "bars: standard deviation over runs"
    lines = f"Mean over {runs} runs; {bars}. Layers from input (left) to output (right); “full” is the full model."
    if len(ceilings):
        lines += "<br>“ceiling”: noise ceiling of each source, the most that people’s agreement allows."
        ceiling_legend(grid)
    grid.title(TITLE, lines + models_left_out(table, names))
    return grid.finish(legend=grid.layout["legend"] | SOURCE_LEGEND, barmode="overlay")


def _line(line: pd.DataFrame, model: str, position: int, shift: float, interval: str) -> list[go.Scatter]:
    """Build one source's line over the layers and its single mark for the full model."""
    colour = cycle(SOURCE_COLOURS, position)
    text = [
        [safe(model), safe(layer), safe(r.target), number(r.mean, 3), number(r.sd, 3), int(r.runs),
         f"<br>{interval} {number(r.low)} to {number(r.high)}<br>over runs and stimuli" if interval else ""]
        if isinstance(r.target, str) else [""] * 7
        for layer, r in zip(line.index, line.itertuples(), strict=True)
    ]  # fmt: skip
    places = np.arange(len(line)) + shift
    up, down = (line["high"] - line["mean"]).fillna(0), (line["mean"] - line["low"]).fillna(0)
    error = {"thickness": 1, "width": 0, "color": faint(colour)}
    traces = []
    for part, mode in ((slice(0, -1), "lines+markers"), (slice(-1, None), "markers")):
        traces.append(
            go.Scatter(
                x=places[part].tolist(), y=line["mean"].iloc[part].tolist(), mode=mode,
                error_y=error | {"array": up.iloc[part].tolist(), "arrayminus": down.iloc[part].tolist()},
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
