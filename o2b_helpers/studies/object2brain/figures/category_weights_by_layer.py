"""Figure 3: which kinds of objects matter in which layer."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import DASHES, SOURCE_COLOURS, SYMBOLS, cycle, ordered, safe
from o2b_helpers.studies.alignment.figures.alignment_by_layer import SOURCE_LEGEND, source_lines
from o2b_helpers.studies.common.select import chosen_models, layers, models_left_out, target_parts
from o2b_helpers.studies.object2brain.figures.categories import (
    FADING,
    HOVER,
    complete,
    hover_text,
    strength,
    strongest_categories,
    weight_axis,
)

TITLE = "Figure 3. Which kinds of objects support or weaken the agreement, layer by layer?"
MOST_MODELS, MOST_CATEGORIES = 3, 3


def figure_3(
    results: Results, architectures: Sequence[str] | None = None, categories: Sequence[str] | None = None
) -> go.Figure:
    """Draw the category weights over the target layers.

    One row of panels per category and model, one column per condition and valence type (congruent left), one line
    per source, positive and negative sums apart (the paper, section 3.2 and figure 3). The scale is shared by all
    panels of a model.

    Parameters
    ----------
    results : Results
        Needs targets.csv and category_weights.csv.
    architectures : sequence of str, optional
        The models to draw; by default at most the first three of the results.
    categories : sequence of str, optional
        The categories to draw; by default the three with the largest weights [ours; the paper shows Body Parts,
        Human and Transport].

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table = complete(results.category_weights)
    names = chosen_models(table, architectures, MOST_MODELS, "category weights")
    table = table[table["architecture"].isin(names)]
    chosen = list(categories or strongest_categories(table, MOST_CATEGORIES))
    parts = target_parts(results)
    types, conditions, sources = (ordered(parts[c], c) for c in ("valence_type", "condition", "source"))
    rows = [(model, category) for model in names for category in chosen]
    few = len(types) * len(conditions) < 4
    grid = PanelGrid(
        len(rows), len(types) * len(conditions), width=300 if few else 150, height=120, group=len(types), top=150,
        column_gap=10, row_gap=34, bottom=90, right=120, row_group=len(chosen), row_group_gap=66,
    )  # fmt: skip
    for row, (model, category) in enumerate(rows):
        steps = layers(results.category_weights, model)
        scale = table.loc[table["architecture"] == model, ["category", "weight"]]
        scale = weight_axis(scale.loc[scale["category"].isin(chosen), "weight"])
        last = row == len(rows) - 1 or rows[row + 1][0] != model
        for column in range(grid.columns):
            condition, valence_type = conditions[column // len(types)], types[column % len(types)]
            x = {
                "tickvals": list(range(len(steps))),
                "ticktext": [safe(step, 18) for step in steps],
                "tickangle": -40,
                "range": [-0.35, len(steps) - 0.65],
                "showgrid": False,
                "zeroline": False,
                "showticklabels": last,
            }
            y = scale | {"showticklabels": column == 0}
            if column == 0:
                y["title"] = "weight"
            grid.axes(row, column, x, y)
            here = (parts["condition"] == condition) & (parts["valence_type"] == valence_type)
            for position, source in enumerate(sources):
                targets = parts.index[here & (parts["source"] == source)]
                part = table[
                    (table["architecture"] == model) & (table["category"] == category) & table["target"].isin(targets)
                ]
                if len(targets):
                    grid.add(_lines(part, steps, targets[0], position), row, column)
        grid.row_heading(row, f"{safe(category, 40)} – {safe(model, 40)}")
    return _finish(grid, conditions, types, sources, models_left_out(results.category_weights, names))


def _lines(part: pd.DataFrame, steps: list[str], target: str, position: int) -> go.Scatter:
    """Join positive and negative sums of one source into one trace of two lines; a missing sum is zero."""
    x, y, text, size, opacity = [], [], [], [], []
    for sign in ("positive", "negative"):
        by_layer = {row.layer: row for row in part[part["sign"] == sign].itertuples()}
        for place, step in enumerate(steps):
            row = by_layer.get(step)
            x.append(place)
            y.append(0.0 if row is None else row.weight)
            nothing = ["", safe(step), safe(target), f"no {sign} class among the chosen", 0, "0", ""]
            text.append(nothing if row is None else hover_text(row, target))
            opacity.append(1.0 if row is None else strength(row.q))
            size.append(0 if row is None else 6)  # the line alone runs along zero where there is nothing
        x.append(None)
        y.append(None)
        text.append([""] * 7)
        size.append(0)
        opacity.append(1.0)
    colour = cycle(SOURCE_COLOURS, position)
    return go.Scatter(
        x=x, y=y, mode="lines+markers", connectgaps=False, customdata=text, hovertemplate=HOVER, showlegend=False,
        legendgroup=f"source {position}", line={"color": colour, "width": 1, "dash": cycle(DASHES, position)},
        marker={
            "symbol": cycle(SYMBOLS, position), "size": size, "color": colour, "opacity": opacity, "line": {"width": 0},
        },
    )  # fmt: skip


def _finish(grid: PanelGrid, conditions: list[str], types: list[str], sources: list[str], note: str) -> go.Figure:
    for group, condition in enumerate(conditions):
        grid.group_heading(group, safe(condition, 40), above=54)
    for column in range(grid.columns):
        grid.column_heading(column, safe(types[column % len(types)], 24), above=28)
    source_lines(grid, sources)
    grid.title(
        TITLE,
        "Above zero: the category’s objects support the agreement. Below zero: they weaken it. "
        f"Scale shared within a model. {FADING}" + note,
    )
    return grid.finish(legend=grid.layout["legend"] | SOURCE_LEGEND)
