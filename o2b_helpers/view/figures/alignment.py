"""Figure 1: how far every model agrees with every target."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.view.figures.panels import PanelGrid, legend_entry
from o2b_helpers.view.results import Results
from o2b_helpers.view.select import P_SIGNIFICANT, best_alignment, models, named, target_parts
from o2b_helpers.view.style import (
    MODEL_COLOURS,
    SIZE_HEADING,
    SYMBOLS,
    cycle,
    long_name,
    number,
    offsets,
    ordered,
    safe,
)

TITLE = "Figure 1. Do the models agree with people and their brains?"
HOVER = (
    "<b>%{customdata[0]}</b> (%{customdata[1]}), run %{customdata[2]}%{customdata[3]}<br>%{customdata[4]}<br>"
    "rho %{customdata[5]}, p %{customdata[6]}, q %{customdata[7]}, n = %{customdata[8]}<extra></extra>"
)


def figure_1(results: Results) -> go.Figure:
    """Draw Spearman's rho of all full models on all targets.

    Rows are valence types, columns conditions (congruent left, incongruent right), and within a panel the sources
    of the target stand side by side (the paper, section 2.2.2 and figure 1). A large mark is the model's best run
    (lowest kept test error); small ones are its other runs [ours]. Filled marks have p < 0.05, uncorrected.

    Parameters
    ----------
    results : Results
        Needs targets.csv, alignment.csv and heads.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table = named(results.alignment, results.alignment)
    best = {row.architecture: row.run for row in best_alignment(results).itertuples()}
    parts = target_parts(results)
    names = models(table)
    types, conditions = (ordered(parts[column], column) for column in ("valence_type", "condition"))
    sources = ordered(parts["source"], "source")
    width = int(np.clip(len(sources) * (30 + 11 * len(names)), 300, 620))
    grid = PanelGrid(len(types), len(conditions), width=width, height=180, column_gap=24, top=130, row_gap=46)
    places = dict(zip(names, offsets(len(names), min(0.74, 0.16 * len(names))), strict=True))
    low, high = rho_limits(table["rho"])
    for column, condition in enumerate(conditions):
        here = parts["condition"] == condition
        grid.column_heading(column, f"<b>{safe(condition, 40)}</b>{_sizes(table, condition)}", 32, SIZE_HEADING)
        for row, valence_type in enumerate(types):
            x = {
                "tickvals": list(range(len(sources))),
                "ticktext": [safe(source, 16) for source in sources],
                "range": [-0.5, len(sources) - 0.5],
                "showgrid": False,
                "zeroline": False,
            }
            if row == len(types) - 1:
                x["title"] = "source of the target"
            y = {"range": [low, high], "showticklabels": column == 0, "dtick": 0.2}
            if column == 0:
                y["title"] = "Spearman’s rho"
            grid.axes(row, column, x, y)
            chosen = parts[here & (parts["valence_type"] == valence_type)]
            grid.separate(row, column, len(sources), "x")
            for position, model in enumerate(names):
                rows = table[(table["architecture"] == model) & table["target"].isin(chosen.index)]
                for part in _marks(rows, best.get(model), sources, places[model], position):
                    grid.add(part, row, column)
    for row, valence_type in enumerate(types):
        grid.row_heading(row, long_name(valence_type))
    _legend(grid, names)
    grid.title(
        TITLE,
        "Large mark: the model’s best run. Small marks: its other runs. "
        "Filled: p &lt; 0.05, not corrected for the number of tests. Open: p ≥ 0.05.",
    )
    return grid.finish()


def _marks(rows: pd.DataFrame, best: int | None, sources: list[str], offset: float, position: int) -> list:
    """Build the other runs' small marks and, on top, the best run's large ones of one model in one panel."""
    colour, symbol = cycle(MODEL_COLOURS, position), cycle(SYMBOLS, position)
    traces = []
    for is_best in (False, True):
        part = rows[(rows["run"] == best) == is_best]
        filled = (part["p"] < P_SIGNIFICANT).to_numpy()
        marker = {
            "symbol": [symbol if yes else f"{symbol}-open" for yes in filled],
            "color": colour,
            "size": 11 if is_best else 5,
            "opacity": 1.0 if is_best else 0.55,
            "line": {"width": 1.6 if is_best else 0.9, "color": colour},
        }
        text = [
            [safe(r.architecture), safe(r.weights), r.run, " (best)" if is_best else "", safe(r.target),
             number(r.rho, 3), _small(r.p), _small(r.q), int(r.n)]
            for r in part.itertuples()
        ]  # fmt: skip
        traces.append(
            go.Scatter(
                x=[sources.index(source) + offset for source in part["source"]], y=part["rho"].tolist(),
                mode="markers", marker=marker, customdata=text, hovertemplate=HOVER, showlegend=False,
                legendgroup=f"model {position}",
            )
        )  # fmt: skip
    return traces


def _legend(grid: PanelGrid, names: list[str]) -> None:
    for position, model in enumerate(names):
        marker = {"symbol": cycle(SYMBOLS, position), "color": cycle(MODEL_COLOURS, position), "size": 10}
        grid.traces.append(legend_entry(safe(model, 26), marker, f"model {position}"))


def rho_limits(rho: pd.Series) -> tuple[float, float]:
    """Round the range of rho out to tenths, zero always inside."""
    low, high = min(rho.min(), 0), max(rho.max(), 0)
    if np.isnan(low) or np.isnan(high):
        return -1.0, 1.0
    return max(np.floor((low - 0.06) * 10) / 10, -1.08), min(np.ceil((high + 0.06) * 10) / 10, 1.08)


def _sizes(table: pd.DataFrame, condition: str) -> str:
    sizes = table.loc[table["condition"] == condition, "n"].dropna().astype(int)
    if sizes.empty:
        return ""
    low, high = sizes.min(), sizes.max()
    return f" (n = {low} stimuli)" if low == high else f" (n = {low} to {high} stimuli)"


def _small(value: float) -> str:
    return "&lt; 0.001" if value < 0.001 else number(value, 3)
