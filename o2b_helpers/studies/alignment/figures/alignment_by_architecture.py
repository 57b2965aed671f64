"""Figure 1: how far every model agrees with every target."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import (
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
from o2b_helpers.studies.alignment.figures.ceiling_bands import ceiling_bands, ceiling_legend
from o2b_helpers.studies.common.select import P_SIGNIFICANT, best_alignment, models, named, target_parts
from o2b_helpers.studies.common.uncertainty import full_intervals, interval_words, known_ceilings, mark_words

BAND_WIDTH = 0.92
TITLE = "Figure 1. Do the models agree with people and their brains?"
HOVER = (
    "<b>%{customdata[0]}</b> (%{customdata[1]}), run %{customdata[2]}%{customdata[3]}<br>%{customdata[4]}<br>"
    "rho %{customdata[5]}, n = %{customdata[6]}<br>p %{customdata[7]}, by permutation %{customdata[8]}<br>"
    "q %{customdata[9]}, family-wise p %{customdata[10]}<extra></extra>"
)


def figure_1(results: Results, mark: str = "q") -> go.Figure:
    """Draw Spearman's rho of all full models on all targets.

    Rows are valence types, columns conditions (congruent left, incongruent right), and within a panel the sources
    of the target stand side by side (the paper, section 2.2.2 and figure 1). A large mark is the model's best run
    (lowest kept test error); small ones are its other runs [ours]. A thin bar is the interval of the mean over runs
    and stimuli, a grey band the noise ceiling, each where the results hold it [ours].

    Parameters
    ----------
    results : Results
        Needs targets.csv, alignment.csv and heads.csv; draws ceilings.csv and alignment_summary.csv where they are.
    mark : {"q", "p"}
        Filled marks have q < 0.05 (permutations, Benjamini-Hochberg over the table; ours) or, as in the paper,
        p < 0.05, not corrected for the number of tests.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    InputError
        Results that are not there, or another mark.
    """
    filled = mark_words(mark)
    table, ceilings = named(results.alignment, results.alignment), known_ceilings(results)
    bars, what = full_intervals(results), interval_words(results)
    best = {row.architecture: row.run for row in best_alignment(results).itertuples()}
    parts = target_parts(results)
    names = models(table)
    types, conditions = (ordered(parts[column], column) for column in ("valence_type", "condition"))
    sources = ordered(parts["source"], "source")
    width = int(np.clip(len(sources) * (30 + 11 * len(names)), 300, 620))
    grid = PanelGrid(len(types), len(conditions), width=width, height=190, column_gap=24, top=150, row_gap=46)
    places = dict(zip(names, offsets(len(names), min(0.74, 0.16 * len(names))), strict=True))
    ends = [ceilings["ceiling_high"]] + ([] if bars is None else [bars["ci_low"], bars["ci_high"]])
    low, high = rho_limits(pd.concat([part.astype(float) for part in (table["rho"], *ends) if len(part)]))
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
            known = ceilings[ceilings.index.isin(chosen.index)]
            ceiling_bands(grid, row, column, known, [sources.index(s) for s in known["source"]], BAND_WIDTH)
            for position, model in enumerate(names):
                rows = table[(table["architecture"] == model) & table["target"].isin(chosen.index)]
                if bars is not None:
                    own = bars[(bars["architecture"] == model) & bars["target"].isin(chosen.index)]
                    grid.add(_interval(own, sources, places[model], position, what), row, column)
                for part in _marks(rows, best.get(model), mark, sources, places[model], position):
                    grid.add(part, row, column)
    for row, valence_type in enumerate(types):
        grid.row_heading(row, long_name(valence_type))
    _legend(grid, names)
    lines = f"Large mark: the model’s best run. Small marks: its other runs. Filled: {filled}."
    if bars is not None:
        lines += f"<br>Thin bar: mean over runs and its {what} over runs and stimuli."
    if len(ceilings):
        lines += f"{' ' if bars is not None else '<br>'}Grey: noise ceiling, the most that people’s agreement allows."
        ceiling_legend(grid)
    grid.title(TITLE, lines)
    return grid.finish(barmode="overlay")


def _interval(rows: pd.DataFrame, sources: list[str], offset: float, position: int, what: str) -> go.Scatter:
    """Build the thin bars of one model in one panel: the interval of its mean over runs."""
    colour, mean = cycle(MODEL_COLOURS, position), rows["rho"]
    return go.Scatter(
        x=[sources.index(source) + offset for source in rows["source"]], y=mean.tolist(), mode="markers",
        marker={"symbol": "line-ew-open", "size": 7, "color": colour, "line": {"width": 1.2}},
        error_y={
            "array": (rows["ci_high"] - mean).tolist(), "arrayminus": (mean - rows["ci_low"]).tolist(),
            "thickness": 1, "width": 0, "color": colour,
        },
        opacity=0.6,
        hovertext=[
            f"<b>{safe(r.architecture)}</b>, mean over {int(r.runs)} runs<br>{safe(r.target)}<br>"
            f"rho {number(r.rho, 3)}, {what} {number(r.ci_low)} to {number(r.ci_high)}<br>over runs and stimuli"
            for r in rows.itertuples()
        ],
        hovertemplate="%{hovertext}<extra></extra>", showlegend=False, legendgroup=f"model {position}",
    )  # fmt: skip


def _marks(
    rows: pd.DataFrame, best: int | None, mark: str, sources: list[str], offset: float, position: int
) -> list[go.Scatter]:
    """Build the other runs' small marks and, on top, the best run's large ones of one model in one panel."""
    colour, symbol = cycle(MODEL_COLOURS, position), cycle(SYMBOLS, position)
    traces = []
    for is_best in (False, True):
        part = rows[(rows["run"] == best) == is_best]
        filled = (part[mark] < P_SIGNIFICANT).to_numpy()
        marker = {
            "symbol": [symbol if yes else f"{symbol}-open" for yes in filled],
            "color": colour,
            "size": 11 if is_best else 5,
            "opacity": 1.0 if is_best else 0.55,
            "line": {"width": 1.6 if is_best else 0.9, "color": colour},
        }
        text = [
            [safe(r.architecture), safe(r.weights), r.run, " (best)" if is_best else "", safe(r.target),
             number(r.rho, 3), int(r.n), _small(r.p), _small(r.p_perm), _small(r.q), _small(r.p_fwer)]
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
