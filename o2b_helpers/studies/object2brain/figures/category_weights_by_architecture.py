"""Figure 4: whether different networks lean on the same kinds of objects."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import SOURCE_COLOURS, cycle, ordered, safe
from o2b_helpers.studies.alignment.figures.alignment_by_layer import SOURCE_LEGEND
from o2b_helpers.studies.common.select import chosen_models, last_layer, models_left_out, target_parts
from o2b_helpers.studies.object2brain.figures.categories import (
    FADING,
    HOVER,
    complete,
    hover_text,
    strength,
    strongest_categories,
    weight_axis,
)

TITLE = "Figure 4. Do the models lean on the same kinds of objects?"
MOST_MODELS, MOST_CATEGORIES = 4, 9


def figure_4(
    results: Results, architectures: Sequence[str] | None = None, categories: Sequence[str] | None = None
) -> go.Figure:
    """Draw the category weights of every model's last target layer.

    One row of panels per model, one column per condition and valence type (congruent left), bars by category and
    source, positive sums to the right and negative ones to the left (the paper, section 3.2 and figure 4).

    Parameters
    ----------
    results : Results
        Needs targets.csv and category_weights.csv.
    architectures : sequence of str, optional
        The models to draw; by default at most the first four of the results.
    categories : sequence of str, optional
        The categories to draw; by default the nine with the largest weights in the last layers [how the paper
        chose its nine is not stated; this is ours].

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table = complete(results.category_weights)
    names = chosen_models(table, architectures, MOST_MODELS, "category weights")
    ends = {model: last_layer(results.category_weights, model) for model in names}
    table = table[table["layer"] == table["architecture"].map(ends)]
    chosen = list(categories or strongest_categories(table, MOST_CATEGORIES))
    table = table[table["category"].isin(chosen)]
    parts = target_parts(results)
    types, conditions, sources = (ordered(parts[c], c) for c in ("valence_type", "condition", "source"))
    few = len(types) * len(conditions) < 4
    height = len(chosen) * max(16, 6 * len(sources) + 4)
    grid = PanelGrid(
        len(names), len(types) * len(conditions), width=300 if few else 148, height=height, group=len(types),
        top=150, column_gap=10, row_gap=66, left=130, right=120, bottom=60,
    )  # fmt: skip
    for row, model in enumerate(names):
        mine = table[table["architecture"] == model]
        for column in range(grid.columns):
            condition, valence_type = conditions[column // len(types)], types[column % len(types)]
            x = weight_axis(mine["weight"]) | {"title": "weight", "tickangle": 0}
            y = {
                "tickvals": list(range(len(chosen))),
                "ticktext": [safe(category, 20) for category in chosen],
                "range": [len(chosen) - 0.5, -0.5],
                "showgrid": False,
                "zeroline": False,
                "showticklabels": column == 0,
            }
            grid.axes(row, column, x, y)
            grid.separate(row, column, len(chosen), "y")
            here = parts[(parts["condition"] == condition) & (parts["valence_type"] == valence_type)]
            for position, source in enumerate(sources):
                targets = here.index[here["source"] == source]
                part = mine[mine["target"].isin(targets)]
                grid.add(_bars(part, chosen, position, len(sources)), row, column)
        grid.row_heading(row, f"{safe(model, 40)}, layer {safe(ends[model], 40)}")
    for group, condition in enumerate(conditions):
        grid.group_heading(group, safe(condition, 40), above=54)
    for column in range(grid.columns):
        grid.column_heading(column, safe(types[column % len(types)], 24), above=28)
    _legend(grid, sources)
    grid.title(
        TITLE,
        "Right of zero: the category’s objects support the agreement. Left: they weaken it. "
        f"Every model has its own scale. {FADING}" + models_left_out(results.category_weights, names),
    )
    return grid.finish(legend=grid.layout["legend"] | SOURCE_LEGEND, barmode="overlay")


def _bars(part: pd.DataFrame, chosen: list[str], position: int, sources: int) -> go.Bar:
    thickness = 0.84 / sources
    places = [chosen.index(category) for category in part["category"]]
    return go.Bar(
        x=part["weight"].tolist(), y=places, orientation="h", width=thickness,
        offset=-0.42 + position * thickness, showlegend=False, legendgroup=f"source {position}",
        marker={
            "color": cycle(SOURCE_COLOURS, position), "line": {"width": 0},
            "opacity": [strength(q) for q in part["q"]],
        },
        customdata=[hover_text(row, row.target) for row in part.itertuples()], hovertemplate=HOVER,
    )  # fmt: skip


def _legend(grid: PanelGrid, sources: list[str]) -> None:
    for position, source in enumerate(sources):
        marker = {"symbol": "square", "size": 11, "color": cycle(SOURCE_COLOURS, position)}
        grid.traces.append(legend_entry(safe(source, 18), marker, f"source {position}"))
