"""Figure 4: whether different networks lean on the same kinds of objects; with its caption and tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import SOURCE_COLOURS, cycle, safe, significant_figures
from o2b_helpers.report.tables import MOST_ROWS, ShownTable, make_table, p_value
from o2b_helpers.studies.common.names import ordered
from o2b_helpers.studies.common.select import chosen_models, last_layer, models, models_left_out
from o2b_helpers.studies.common.sources import SOURCE_LEGEND
from o2b_helpers.studies.common.target_order import ordered_sources, target_parts
from o2b_helpers.studies.common.uncertainty import interval_words
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
from o2b_helpers.studies.object2brain.tables import CATEGORY_WEIGHTS, OBJECT_WEIGHTS_MEAN

TITLE = "Figure 4. Do the models lean on the same kinds of objects?"
MOST_MODELS, MOST_CATEGORIES = 4, 9
CLASSES_AT_EITHER_END = 5


def figure_4(
    results: Results, architectures: Sequence[str] | None = None, categories: Sequence[str] | None = None
) -> go.Figure:
    """Draw the category weights of every model's last target layer.

    One row of panels per model, one column per condition and valence type (congruent left), bars by category and
    source, those of the highest and of the lowest classes (the paper, section 3.2 and figure 4).

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
    table = complete(results.table(CATEGORY_WEIGHTS))
    names = chosen_models(table, architectures, MOST_MODELS, "category weights")
    ends = {model: last_layer(results.table(CATEGORY_WEIGHTS), model) for model in names}
    table = table[table["layer"] == table["architecture"].map(ends)]
    chosen = list(categories or strongest_categories(table, MOST_CATEGORIES))
    table = table[table["category"].isin(chosen)]
    parts = target_parts(results)
    types, conditions = (ordered(parts[c], c) for c in ("valence_type", "condition"))
    sources = ordered_sources(results)
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
            of_panel = parts[(parts["condition"] == condition) & (parts["valence_type"] == valence_type)]
            for position, source in enumerate(sources):
                targets = of_panel.index[of_panel["source"] == source]
                part = mine[mine["target"].isin(targets)]
                grid.add(_bars(part, chosen, position, len(sources), hover(results)), row, column)
        grid.row_heading(row, f"{safe(model, 40)}, layer {safe(ends[model], 40)}")
    grid.headings([safe(condition, 40) for condition in conditions], [safe(name, 24) for name in types])
    _legend(grid, sources)
    grid.title(
        TITLE,
        "Right of zero: the category’s objects support the agreement. Left: they weaken it. "
        f"Every model has its own scale. {FADING}" + models_left_out(results.table(CATEGORY_WEIGHTS), names),
    )
    return grid.finish(legend=grid.layout["legend"] | SOURCE_LEGEND, barmode="overlay")


def _bars(part: pd.DataFrame, chosen: list[str], position: int, sources: int, template: str) -> go.Bar:
    thickness = 0.84 / sources
    places = [chosen.index(category) for category in part["category"]]
    return go.Bar(
        x=part["weight"].tolist(), y=places, orientation="h", width=thickness,
        offset=-0.42 + position * thickness, showlegend=False, legendgroup=f"source {position}",
        marker={
            "color": cycle(SOURCE_COLOURS, position), "line": {"width": 0},
            "opacity": [strength(q) for q in part["q"]],
        },
        customdata=[hover_text(row, row.target) for row in part.itertuples()], hovertemplate=template,
    )  # fmt: skip


def _legend(grid: PanelGrid, sources: list[str]) -> None:
    for position, source in enumerate(sources):
        marker = {"symbol": "square", "size": 11, "color": cycle(SOURCE_COLOURS, position)}
        grid.traces.append(legend_entry(safe(source, 18), marker, f"source {position}"))


def caption(results: Results) -> Caption:
    """Say what figure 4 asks and shows."""
    return Caption(
        title="Do the models lean on the same kinds of objects?",
        question="Do networks that agree with people equally well lean on the same kinds of objects?",
        how_to_read=with_sentence(
            results,
            "Each row of panels is one model at its last target layer, each column one condition and valence type. "
            "Bars to the right: the category’s objects support the agreement; to the left: they weaken it. Colours are "
            "the sources of the target, in the order of the legend from top to bottom. A category may have two bars of "
            "a source: one from the classes with the highest weights, one from those with the lowest.",
        ),
        finding=" ".join(category_in_words(results, last_only=True)),
        limits=(
            "Every model has its own scale, printed below its panels: look at the pattern, not at the length across "
            "models. Weights have no unit. Boxes of different classes overlap (figure 5). A category that is missing "
            "here may matter in an earlier layer. Pale bars may come from chance (q over the "
            "categories of the target is not below 0.05)."
        ),
        origin="As figure 3. Which categories are drawn is ours: at most nine, the largest in the last layers.",
    )


def category_table(results: Results) -> ShownTable | None:
    """Show the largest category weights of every model's last target layer; None where there is none."""
    table = results.table(CATEGORY_WEIGHTS)
    if table.empty:
        return None
    names = models(table)
    table = _last_layers(table).sort_values("weight", key=lambda w: w.abs(), ascending=False, kind="stable")
    share = max(1, MOST_ROWS // len(names))
    shown = pd.concat([table[table["architecture"] == name].head(share) for name in names])
    rest = pd.concat([table[table["architecture"] == name].iloc[share:] for name in names])
    table = pd.concat([shown, rest])  # every model has its part of the rows shown
    what = "the last target layer of each model, largest weights first"
    return categories_as_table("Category weights", table, what, share * len(names))


def class_table(results: Results) -> ShownTable | None:
    """Show, for every target, the classes with the highest and the lowest weight in the last target layer."""
    table, rows = results.table(OBJECT_WEIGHTS_MEAN), []
    if table.empty:
        return None
    for model in models(table):
        last = last_layer(table, model)
        own = table[(table["architecture"] == model) & (table["layer"] == last)]
        for target in target_parts(results).index:
            weights = own[own["target"] == target].sort_values(["weight", "class"], ascending=[False, True])
            count = max(1, min(CLASSES_AT_EITHER_END, len(weights) // 2))  # no class stands at both ends
            high, low = weights.head(count), weights.tail(count).iloc[::-1]
            rows.append((model, last, target, _classes(high), _classes(low)))
    frame = pd.DataFrame(rows, columns=["model", "layer", "target", "highest weights", "lowest weights"])
    what = (
        f"the last target layer, up to {CLASSES_AT_EITHER_END} classes at either end, weight as mean ± sd over runs; "
        "above zero a class supports the agreement, below zero it weakens it"
    )
    return make_table("Classes with the largest weights", frame, set(), OBJECT_WEIGHTS_MEAN.file, what)


def weight_table(results: Results) -> ShownTable | None:
    """Show every class' weight in the last target layer, with its interval and q; None where there is none."""
    table = results.table(OBJECT_WEIGHTS_MEAN)
    if table.empty:
        return None
    rank = {target: place for place, target in enumerate(target_parts(results).index)}
    table = _last_layers(table)
    table = table.assign(place=table["target"].map(rank)).sort_values(
        ["place", "architecture", "weight"], ascending=[True, True, False], kind="stable"
    )
    shown = {"weight": "weight", "sd": "sd over runs", "ci_low": "lowest", "ci_high": "highest", "q": "q"}
    texts = {"model": table["architecture"], **{c: table[c] for c in ("layer", "target", "class", "category")}}
    for column, heading in shown.items():
        texts[heading] = table[column].map(p_value if column == "q" else lambda v: significant_figures(v, 3))
    what = f"the last target layer of each model; mean over runs, its {interval_words(results)}, and q against chance"
    exact = {heading: table[column] for column, heading in shown.items()}
    frame = pd.DataFrame(texts)
    return make_table("Weights of all classes", frame, set(exact), OBJECT_WEIGHTS_MEAN.file, what, exact=exact)


def _last_layers(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of every model's last target layer."""
    last = {model: last_layer(table, model) for model in models(table)}
    return table[table["layer"] == table["architecture"].map(last)]


def _classes(part: pd.DataFrame) -> str:
    words = part[["class", "weight", "sd"]].itertuples(index=False)
    return ", ".join(f"{name} ({significant_figures(w)} ± {significant_figures(sd)})" for name, w, sd in words)


FIGURE = Figure(
    4,
    "category_weights_by_architecture",
    draw=figure_4,
    caption=caption,
    tables=(category_table, class_table, weight_table),
)
