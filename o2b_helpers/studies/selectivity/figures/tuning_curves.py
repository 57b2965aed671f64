"""Figure 13: tuning curves of example filters, and the valence of the pictures that they respond to most."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.inputs.corpora.rating_scale import HIGHEST, LOWEST
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import MUTED, SIZE_SMALL, faint, isolated, number, safe
from o2b_helpers.report.tables import ShownTable, make_table
from o2b_helpers.studies.common.select import chosen_models, layers, models_left_out, named
from o2b_helpers.studies.selectivity.figures.thumbnails import MOST, Thumbnails, add_pictures
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.tables import (
    EXAMPLE_FILTERS,
    FILTER_SELECTIVITY,
    IMAGE_SETS,
    LAYER_SELECTIVITY,
    SETS,
)

TITLE = "Figure 13. Which pictures do example filters respond to?"
MOST_MODELS = 1
COLOURS = dict(zip(SETS, ("#0072B2", "#D08700"), strict=True))
EDGES = np.linspace(LOWEST, HIGHEST, 9)


def figure_13(results: Results) -> go.Figure:
    """Draw tuning curves of example filters and the valence of their strongest pictures (the paper's figure 2).

    Parameters
    ----------
    results : Results
        Needs example_filters.csv, filter_selectivity.parquet, image_sets.csv and layer_selectivity.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    examples, filters = _examples(results), _filters(results)
    (model,) = chosen_models(examples, None, MOST_MODELS, "example filters")
    own = examples[examples["architecture"] == model]
    names = layers(own, model)
    pictures, thumbnails = results.table(IMAGE_SETS), Thumbnails(results)
    each = 3 if thumbnails.any else 2  # rows of panels of a layer
    grid = PanelGrid(each * len(names), len(EMOTIONS), width=270, height=130, row_gap=64, row_group=each,
                     row_group_gap=34, column_gap=44, top=150, bottom=70, right=170, left=100)  # fmt: skip
    for place, layer in enumerate(names):
        first = each * place
        grid.text(f"<b>{safe(layer, 40)}</b>", 0, grid._y(first) - 24)
        for column, emotion in enumerate(EMOTIONS):
            rows = own[(own["layer"] == layer) & (own["emotion"] == emotion)]
            _axes(grid, first, column)
            if rows.empty:
                grid.text("no such filter", grid._x(column), grid._y(first) - 6, size=SIZE_SMALL)
                continue
            channel = int(rows["channel"].iloc[0])
            heading = f"filter {channel}, for {emotion} pictures"
            grid.text(heading, grid._x(column), grid._y(first) - 6, size=SIZE_SMALL)
            curves = filters[(filters["architecture"] == model) & (filters["layer"] == layer)
                             & (filters["channel"] == channel)].set_index("image_set")  # fmt: skip
            for name in SETS:
                grid.add(_curve(curves.loc[name], name, heading), first, column)
                strongest = rows[rows["image_set"] == name]["scaled_valence"]
                every = pictures[pictures["image_set"] == name]["scaled_valence"]
                for trace in _valence(strongest, every, name, heading):
                    grid.add(trace, first + 1, column)
            if thumbnails.any:
                add_pictures(grid, first + 2, column, thumbnails, rows)
    for name, colour in COLOURS.items():
        grid.traces.append(legend_entry(f"{name} image set", {"color": colour, "size": 9}, name))
    grid.traces.append(legend_entry("all pictures of it", {"color": MUTED, "size": 9, "symbol": "line-ew",
                                                          "line": {"color": MUTED, "width": 2}}, "all"))  # fmt: skip
    many = int(own["rank"].max())
    grid.title(
        TITLE,
        f"{safe(model)}: for an early, a middle and the last layer, the filter with the largest index in both sets. "
        f"Above: its tuning curve;<br>below: the valence (1 to 9) of the {many} pictures with the strongest response, "
        + ("in percent, and the strongest of these pictures." if thumbnails.any else "in percent.")
        + models_left_out(examples, [model]),
    )
    return grid.finish()


def _axes(grid: PanelGrid, row: int, column: int) -> None:
    x = {"tickvals": list(range(len(EMOTIONS))), "ticktext": list(EMOTIONS), "range": [-0.4, len(EMOTIONS) - 0.6],
         "zeroline": False}  # fmt: skip
    first = {"title": "tuning value"} if column == 0 else {}
    grid.axes(row, column, x, {"rangemode": "tozero"} | first)
    second = {"title": "% of pictures"} if column == 0 else {}
    grid.axes(row + 1, column, {"range": [LOWEST, HIGHEST], "dtick": 2, "tick0": LOWEST},
              {"rangemode": "tozero"} | second)  # fmt: skip


def _curve(row: pd.Series, name: str, heading: str) -> go.Scatter:
    values = [float(row[f"tuning_{emotion}"]) for emotion in EMOTIONS]
    hover = [f"{heading}, {name} set<br>{emotion}: {number(value)}" for emotion, value in zip(EMOTIONS, values,
             strict=True)]  # fmt: skip
    return go.Scatter(
        x=list(range(len(EMOTIONS))), y=values, mode="lines+markers", line={"color": COLOURS[name]},
        marker={"size": 7, "symbol": "circle" if name == SETS[0] else "square"}, customdata=hover,
        hovertemplate="%{customdata}<extra></extra>", showlegend=False, legendgroup=name,
    )  # fmt: skip


def _valence(strongest: pd.Series, every: pd.Series, name: str, heading: str) -> list[go.Scatter]:
    traces = []
    for values, group in ((every, "all"), (strongest, name)):
        share = 100 * np.histogram(values.to_numpy(float), EDGES)[0] / len(values)
        faded = group == "all"
        colour = faint(COLOURS[name], 0.45) if faded else COLOURS[name]
        what = "all pictures" if faded else "strongest pictures"
        hover = [
            f"{heading}, {name} set, {what}<br>valence {low:g} to {high:g}: {part:.0f} %"
            for low, high, part in zip(EDGES, EDGES[1:], share, strict=False)
        ]
        traces.append(
            go.Scatter(
                x=((EDGES[:-1] + EDGES[1:]) / 2).tolist(), y=share.tolist(), mode="lines",
                line={"color": colour, "width": 1.2 if faded else 2, "dash": "dot" if faded else "solid",
                      "shape": "hvh"},
                customdata=hover, hovertemplate="%{customdata}<extra></extra>", showlegend=False, legendgroup=group,
            )
        )  # fmt: skip
    return traces


def _examples(results: Results) -> pd.DataFrame:
    return named(results.table(EXAMPLE_FILTERS), results.table(LAYER_SELECTIVITY))


def _filters(results: Results) -> pd.DataFrame:
    return named(results.table(FILTER_SELECTIVITY), results.table(LAYER_SELECTIVITY))


def caption(results: Results) -> Caption:
    """Say what figure 13 asks and shows."""
    table, said = _means(results), []
    for model, rows in table.groupby("architecture", sort=False):
        parts = [
            f"{row.layer}, {row.emotion}: mean valence {number(row.strongest)} (all pictures: "
            f"{number(row.all_pictures)})"
            for row in rows[rows["image_set"] == SETS[1]].itertuples()
        ]
        said.append(f"{isolated(model)}, strongest pictures of the second set: {'; '.join(parts)}.")
    return Caption(
        title="Which pictures do example filters respond to?",
        question="What does the response of an emotion-selective filter look like, and is the valence of the pictures "
        "that drive it most that of its emotion?",
        how_to_read=(
            "Rows by layer: an early, a middle and the last one; columns: filters that are selective for unpleasant, "
            "neutral and pleasant pictures in both sets. Above, the mean response to the pictures of each emotion less "
            "that to all, in standard deviations. Below, the valence of the pictures with the strongest responses "
            "(solid) and of all pictures of the set (dotted). " + _pictures_in_words(results)
        ),
        finding=" ".join(said) or "No filter is selective for an emotion in both sets.",
        limits=(
            "These are the best filters of their layers, chosen by these pictures, so that they look better here than "
            "they would on others. Where solid and dotted lines lie on each other, the strongest pictures are like all."
        ),
        origin="The paper’s figure 2 (Liu et al. 2024), which shows filters that were picked by eye.",
    )


def _pictures_in_words(results: Results) -> str:
    """Say which pictures are shown, and why others are not."""
    thumbnails = Thumbnails(results)
    said = (
        f"Below these, the {MOST} pictures with the strongest response, the strongest on the left, cut square and in "
        "their own colours. "
    )
    return ((said if thumbnails.any else "") + thumbnails.reason).strip()


def _means(results: Results) -> pd.DataFrame:
    """Return the mean valence of the strongest pictures of every example filter and set, beside that of all."""
    every = results.table(IMAGE_SETS).groupby("image_set")["scaled_valence"].mean()
    keys = ["architecture", "layer", "emotion", "channel", "image_set"]
    table = _examples(results).groupby(keys, sort=False)["scaled_valence"].agg(strongest="mean", pictures="count")
    table = table.reset_index()
    return table.assign(all_pictures=table["image_set"].map(every))


def example_table(results: Results) -> ShownTable | None:
    """Show the example filters and the valence of their strongest pictures."""
    table = _means(results)
    if table.empty:
        return None
    texts = {"model": table["architecture"], "layer": table["layer"], "emotion": table["emotion"]}
    exact: dict[str, pd.Series] = {}
    texts["filter"], exact["filter"] = table["channel"].map("{:.0f}".format), table["channel"]
    texts["set"] = table["image_set"]
    for heading, name in (("strongest pictures", "strongest"), ("all pictures", "all_pictures")):
        texts[heading], exact[heading] = table[name].map(number), table[name]
    what = "example filters and sets, with the mean valence (1 to 9) of their strongest pictures and of all"
    return make_table("Example filters", pd.DataFrame(texts), set(exact), EXAMPLE_FILTERS.file, what, exact=exact)


FIGURE = Figure(13, "tuning_curves", draw=figure_13, caption=caption, tables=(example_table,))
