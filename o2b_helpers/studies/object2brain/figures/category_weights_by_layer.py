"""Figure 3: which kinds of objects matter in which layer; with its caption and the table below it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import DASHES, SOURCE_COLOURS, SYMBOLS, cycle, safe
from o2b_helpers.report.tables import ShownTable
from o2b_helpers.studies.common.names import ordered
from o2b_helpers.studies.common.select import chosen_models, layers, models_left_out
from o2b_helpers.studies.common.sources import SOURCE_LEGEND, source_lines
from o2b_helpers.studies.common.target_order import ordered_sources, target_parts
from o2b_helpers.studies.object2brain.answers.category_weight import with_sentence
from o2b_helpers.studies.object2brain.answers.kinds import category_in_words
from o2b_helpers.studies.object2brain.figures.categories import (
    FADING,
    categories_as_table,
    complete,
    hover,
    hover_text,
    strength,
    strongest_categories,
    weight_axis,
)
from o2b_helpers.studies.object2brain.tables import CATEGORY_WEIGHTS

ENDS = {"positive": "highest", "negative": "lowest"}
TITLE = "Figure 3. Which kinds of objects support or weaken the agreement, layer by layer?"
MOST_MODELS, MOST_CATEGORIES = 3, 3


def figure_3(
    results: Results, architectures: Sequence[str] | None = None, categories: Sequence[str] | None = None
) -> go.Figure:
    """Draw the category weights over the target layers.

    One row of panels per category and model, one column per condition and valence type (congruent left), one line
    per source, highest and lowest classes apart (the paper, section 3.2 and figure 3). The scale is shared by all
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
    table = complete(results.table(CATEGORY_WEIGHTS))
    names = chosen_models(table, architectures, MOST_MODELS, "category weights")
    table = table[table["architecture"].isin(names)]
    chosen = list(categories or strongest_categories(table, MOST_CATEGORIES))
    parts = target_parts(results)
    types, conditions = (ordered(parts[c], c) for c in ("valence_type", "condition"))
    sources = ordered_sources(results)
    rows = [(model, category) for model in names for category in chosen]
    few = len(types) * len(conditions) < 4
    grid = PanelGrid(
        len(rows), len(types) * len(conditions), width=300 if few else 150, height=120, group=len(types), top=150,
        column_gap=10, row_gap=34, bottom=90, right=120, row_group=len(chosen), row_group_gap=66,
    )  # fmt: skip
    for row, (model, category) in enumerate(rows):
        steps = layers(results.table(CATEGORY_WEIGHTS), model)
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
            of_panel = (parts["condition"] == condition) & (parts["valence_type"] == valence_type)
            for position, source in enumerate(sources):
                targets = parts.index[of_panel & (parts["source"] == source)]
                part = table[
                    (table["architecture"] == model) & (table["category"] == category) & table["target"].isin(targets)
                ]
                if len(targets):
                    grid.add(_lines(part, steps, targets[0], position, hover(results)), row, column)
        grid.row_heading(row, f"{safe(category, 40)} – {safe(model, 40)}")
    return _finish(grid, conditions, types, sources, models_left_out(results.table(CATEGORY_WEIGHTS), names))


def _lines(part: pd.DataFrame, steps: list[str], target: str, position: int, template: str) -> go.Scatter:
    """Join a source's weights at the highest and at the lowest end into one trace of two lines; a missing one is 0."""
    x: list[int | None] = []
    y: list[float | None] = []
    text: list[list] = []
    size: list[int] = []
    opacity: list[float] = []
    for sign in ("positive", "negative"):
        by_layer = {row.layer: row for row in part[part["sign"] == sign].itertuples()}
        for place, step in enumerate(steps):
            row = by_layer.get(step)
            x.append(place)
            y.append(0.0 if row is None else row.weight)
            nothing = ["", safe(step), safe(target), f"no class among the {ENDS[sign]} weights", 0, "0", ""]
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
        x=x, y=y, mode="lines+markers", connectgaps=False, customdata=text, hovertemplate=template, showlegend=False,
        legendgroup=f"source {position}", line={"color": colour, "width": 1, "dash": cycle(DASHES, position)},
        marker={
            "symbol": cycle(SYMBOLS, position), "size": size, "color": colour, "opacity": opacity, "line": {"width": 0},
        },
    )  # fmt: skip


def _finish(grid: PanelGrid, conditions: list[str], types: list[str], sources: list[str], note: str) -> go.Figure:
    grid.headings([safe(condition, 40) for condition in conditions], [safe(name, 24) for name in types])
    source_lines(grid, sources)
    grid.title(
        TITLE,
        "Above zero: the category’s objects support the agreement. Below zero: they weaken it. "
        f"Scale shared within a model. {FADING}" + note,
    )
    return grid.finish(legend=grid.layout["legend"] | SOURCE_LEGEND)


def caption(results: Results) -> Caption:
    """Say what figure 3 asks and shows."""
    return Caption(
        title="Which kinds of objects support or weaken the agreement, layer by layer?",
        question="Through which kinds of objects does each layer gain or lose agreement with people?",
        how_to_read=with_sentence(
            results,
            "Each row of panels is one category of objects and one model, each column one condition and valence type. "
            "Above zero: switching off filters that answer to these objects lowers rho, so the objects support the "
            "agreement. Below zero: it raises rho, so they weaken it. A category can do both, through different "
            "classes. Where no class of a category is among the highest or lowest, the line runs along zero.",
        ),
        finding=" ".join(category_in_words(results, last_only=False)),
        limits=(
            "Weights have no unit: compare them within a model, not between models. Only the classes at either end "
            "enter, so a category with many middling classes shows nothing. Boxes of different classes overlap "
            "(figure 5), so part of a category’s weight may belong to its neighbour. Bright marks have q < 0.05, "
            "over the categories of their layer and target: by "
            "chance alone, with people’s answers exchanged between stimuli, so large a weight is rare. That a mark is "
            "pale does not show that the category plays no part; nor does a bright one show that it does so directly."
        ),
        origin=(
            "The weights of classes, and taking the highest and lowest classes (the same share of both, whatever their "
            "sign) by category, are the paper’s (section 3.2), which shows averages over a category’s classes. Over "
            "which classes it does not say. The model is the paper’s, too: the full model that is trained by the rules "
            "of the layer models, “full” in figure 2. The score of a box, a lesion’s sign, most categories, p and q "
            "are ours. The categories drawn are those with the largest weights."
        ),
    )


def all_categories_table(results: Results) -> ShownTable | None:
    """Show the category weights of all target layers, in the order of the file; None where there is none."""
    table = results.table(CATEGORY_WEIGHTS)
    if table.empty:
        return None
    return categories_as_table("Category weights in all layers", table, "all target layers, in the order of the file")


FIGURE = Figure(3, "category_weights_by_layer", draw=figure_3, caption=caption, tables=(all_categories_table,))
