"""Figure 6: in which share of the pictures that are named an emotion a class is important; what is there; the lift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import SIZE_SMALL, isolated, number, safe
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.common.select import P_SIGNIFICANT, chosen_models, models, models_left_out, named
from o2b_helpers.studies.emocam.tables import EMOTION_ASSOCIATIONS, EMOTION_MODELS

TITLE = "Figure 6. Which objects does a network look at when it names an emotion?"
MOST_CLASSES, MOST_MODELS = 25, 2  # the paper's figure 2 has 25 classes
MOST_CELLS_WITH_TEXT = 25 * 12
PANELS = (("importance", "important in % of the pictures", "Blues", 0.0, 100.0),
          ("presence", "there in % of the pictures", "Blues", 0.0, 100.0),
          ("lift", "lift over exchanged boxes", "RdBu", -1.0, 1.0))  # fmt: skip


def figure_6(results: Results) -> go.Figure:
    """Draw, for each network, importance M' (the paper's figure 2), presence, and lift (ours) of the prominent classes.

    Parameters
    ----------
    results : Results
        Needs emotion_associations.csv and emotion_models.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table, cells = _table(results), drawn_cells(results)
    shown = models(cells)
    wide = {model: _matrices(cells[cells["architecture"] == model]) for model in shown}
    labels = max(len(matrices["importance"].columns) for matrices in wide.values())
    classes = max(len(matrices["importance"]) for matrices in wide.values())
    cell = 52 if labels <= 6 else max(17, 360 // labels)
    grid = PanelGrid(len(shown), len(PANELS), width=cell * labels, height=max(22 * classes, 120), column_gap=26,
                     row_gap=150, left=150, right=150, top=140, bottom=120)  # fmt: skip
    for row, (model, matrices) in enumerate(wide.items()):
        grid.text(f"<b>{safe(model, 40)}</b>", 0, grid._y(row) - 30)
        for column, (name, heading, colours, low, high) in enumerate(PANELS):
            grid.text(heading, grid._x(column), grid._y(row) - 6, size=SIZE_SMALL)
            _draw(grid, row, column, matrices, name, (colours, low, high))
    grid.title(
        TITLE,
        f"The {MOST_CLASSES} classes with the largest mean importance over labels, at most. In brackets: pictures that "
        f"are named so.<br>Bold: lift beyond chance (q &lt; {P_SIGNIFICANT}). Grey: no such picture."
        + models_left_out(table, shown),
    )
    return grid.finish(plot_bgcolor="#c9ced4")


def prominent_classes(rows: pd.DataFrame, most: int = MOST_CLASSES) -> list[str]:
    """Name the classes of one network with the largest importance, mean over labels (EmoCAM, section 3.1)."""
    mean = rows.groupby("class", sort=True)["importance"].mean()
    return list(mean.sort_values(ascending=False, kind="stable").index[:most])


def drawn_cells(results: Results) -> pd.DataFrame:
    """List the cells of the heatmap: rows of emotion_associations.csv in the order of the figure.

    Column ``architecture`` is the network's name in the figure, ``model`` the one in the profile; ``cell`` is the row's
    own number, and ``words`` says what it shows.

    Parameters
    ----------
    results : Results
        Needs emotion_associations.csv and emotion_models.csv.
    """
    table, parts = _table(results).assign(model=results.table(EMOTION_ASSOCIATIONS)["architecture"]), []
    for name in chosen_models(table, None, MOST_MODELS, "associations"):
        rows = table[table["architecture"] == name]
        order = {kind: place for place, kind in enumerate(prominent_classes(rows))}
        rows = rows[rows["class"].isin(order)]
        parts.append(rows.assign(place=rows["class"].map(order)).sort_values("place", kind="stable"))
    cells = pd.concat(parts, ignore_index=True).drop(columns="place")
    lines = [cell_lines(cell) for cell in cells.to_dict("records")]
    words = [f"{first}: {'; '.join(more)}." if more else f"{first}." for first, *more in lines]
    return cells.assign(cell=cells.index, words=words)


def _table(results: Results) -> pd.DataFrame:
    return named(results.table(EMOTION_ASSOCIATIONS), results.table(EMOTION_MODELS))


def _matrices(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return (class, label) matrices by column, in the order of the cells."""
    classes = list(dict.fromkeys(rows["class"]))
    columns = ("importance", "presence", "lift", "q_lift", "conditional", "pictures", "shown", "count", "cell")
    labels = list(dict.fromkeys(rows["predicted"]))
    return {
        name: rows.pivot(index="class", columns="predicted", values=name).reindex(index=classes, columns=labels)
        for name in columns
    }


def _draw(
    grid: PanelGrid, row: int, column: int, matrices: dict[str, pd.DataFrame], name: str, look: tuple[str, float, float]
) -> None:
    values, (colours, low, high) = matrices[name], look
    classes, labels = list(values.index), list(values.columns)
    many = matrices["pictures"].iloc[0]
    x = {"tickvals": list(range(len(labels))), "tickangle": -40, "showgrid": False, "zeroline": False,
         "ticktext": [f"{safe(label, 18)} ({many[label]:.0f})" for label in labels],
         "range": [-0.5, len(labels) - 0.5]}  # fmt: skip
    y = {"tickvals": list(range(len(classes))), "showgrid": False, "zeroline": False,
         "ticktext": [safe(name, 20) if column == 0 else "" for name in classes],
         "range": [len(classes) - 0.5, -0.5]}  # fmt: skip
    grid.axes(row, column, x, y)
    cells = values.to_numpy(float)
    hover = [[_hover(matrices, kind, label) for label in labels] for kind in classes]
    sure = matrices["q_lift"].to_numpy(float) < P_SIGNIFICANT
    written = None
    if cells.size <= MOST_CELLS_WITH_TEXT:
        digits = 1 if name == "lift" else 0
        written = [
            [_cell(value, digits, bold and name == "lift") for value, bold in zip(*line, strict=True)]
            for line in zip(cells, sure, strict=True)
        ]
    grid.add(
        go.Heatmap(
            x=list(range(len(labels))), y=list(range(len(classes))), z=cells.tolist(), zmin=low, zmax=high,
            colorscale=colours, xgap=1, ygap=1, hoverongaps=True, customdata=hover, text=written,
            texttemplate="%{text}", textfont={"size": SIZE_SMALL}, hovertemplate="%{customdata}<extra></extra>",
            showscale=row == 0 and column > 0, colorbar=_bar(grid, column),
            meta={"cells": matrices["cell"].to_numpy().tolist()},  # what is behind the cell that is clicked
        ),
        row, column,
    )  # fmt: skip


def _bar(grid: PanelGrid, column: int) -> dict:
    small = {"size": SIZE_SMALL}
    place = {"x": 1 + (14 if column == 1 else 84) / grid.plot_width, "len": 1 / grid.rows, "y": 1, "yanchor": "top"}
    text = "% of pictures" if column == 1 else "lift"
    return place | {"title": {"text": text, "side": "right", "font": small}, "tickfont": small, "thickness": 12}


def _cell(value: float, digits: int, bold: bool) -> str:
    text = "" if np.isnan(value) else number(round(value, digits) + 0.0, digits)  # no minus zero
    return f"<b>{text}</b>" if bold and text else text


def _hover(matrices: dict[str, pd.DataFrame], kind: str, label: str) -> str:
    """Say what a cell shows, in all three panels alike."""
    value = {name: matrix.at[kind, label] for name, matrix in matrices.items()}
    first, *more = map(safe, cell_lines({**value, "predicted": label, "class": kind}))
    return "<br>".join([f"<b>{first}</b>", *more]) if more else first


def cell_lines(cell: Mapping[str, Any]) -> list[str]:
    """Say what is behind a cell, in lines of plain text.

    Examples
    --------
    >>> cell_lines({"predicted": "joy", "class": "Rose", "pictures": 0.0})
    ['joy: no picture is named so']
    """
    label, kind = isolated(cell["predicted"]), isolated(cell["class"])
    if not cell["pictures"] > 0:
        return [f"{label}: no picture is named so"]
    if not cell["shown"] > 0:
        return [f"{label}: none of {cell['pictures']:.0f} pictures shows {kind}"]
    return [
        f"{kind}, {label}",
        f"there in {cell['shown']:.0f} of {cell['pictures']:.0f} pictures ({cell['presence']:.0f} %)",
        f"important in {cell['count']:.0f} ({cell['importance']:.0f} %)",
        f"where it is there, important in {100 * cell['conditional']:.0f} %",
        f"lift {number(cell['lift'])}, q {'untested' if np.isnan(cell['q_lift']) else p_value(cell['q_lift'])}",
    ]


def caption(results: Results) -> Caption:
    """Say what figure 6 asks and shows."""
    table = _table(results)
    said = []
    for model in models(table):
        rows = table[table["architecture"] == model]
        never = [isolated(label) for label in dict.fromkeys(rows.loc[rows["pictures"] == 0, "predicted"])]
        top = rows.dropna(subset=["lift"]).sort_values("lift", ascending=False, kind="stable").head(3)
        pairs = [
            f"{isolated(r['class'])} with {isolated(r['predicted'])} ({number(r['lift'])})" for _, r in top.iterrows()
        ]
        sure = int((rows["q_lift"] < P_SIGNIFICANT).sum())
        first = ", ".join(map(isolated, prominent_classes(rows, 3)))
        said.append(
            f"{isolated(model)}: the most prominent classes are {first or 'none'}; the largest lifts are "
            f"{', '.join(pairs) or 'undefined'}; {sure} of {int(rows['p_lift'].notna().sum())} lifts are beyond chance "
            f"(q < {P_SIGNIFICANT})." + (f" No picture is named {', '.join(never)}: grey columns." if never else "")
        )
    return Caption(
        title="Which objects does a network look at when it names an emotion?",
        question="Where a network names an emotion, which objects lie where its class activation map is high, and is "
        "that more than what is simply in the picture?",
        how_to_read=(
            "Rows are classes, columns are named emotions. Left: in how many percent of the pictures that are named so "
            "a box of the class is important. Middle: in how many percent the class is there at all. Left can be high "
            "because middle is high. Right, lift: how much more often the class is important, where it is there, than "
            "boxes of the class from other pictures are in its place; 0 is what size, number and place of the boxes do."
        ),
        finding=" ".join(said) or "There are no associations.",
        limits=(
            "A box holds background, and objects that stand close to each other share a map. The map says what speaks "
            "for the label in this network, not what people look at. Rows are ordered by the mean over labels, rare "
            "labels counting as much as frequent ones."
        ),
        origin=(
            "The left panel is the paper’s figure 2 (EmoCAM, section 3.1). Presence, lift, intervals and q are ours."
        ),
    )


def association_table(results: Results) -> ShownTable | None:
    """Show all associations, the largest lift first."""
    table = _table(results)
    if table.empty:
        return None
    table = table.sort_values(["lift"], ascending=False, kind="stable", na_position="last")
    columns = {"in % important": ("importance", 1), "in % there": ("presence", 1), "where there": ("conditional", 2),
               "exchanged": ("exchanged", 2), "lift": ("lift", 2)}  # fmt: skip
    texts = {"model": table["architecture"], "named": table["predicted"], "class": table["class"],
             "pictures": table["pictures"].map(lambda n: f"{n:.0f}")}  # fmt: skip
    exact = {"pictures": table["pictures"]}
    for heading, (name, digits) in columns.items():
        texts[heading] = table[name].map(lambda value, digits=digits: number(value, digits))
        exact[heading] = table[name]
    ends = zip(table["lift_low"], table["lift_high"], strict=True)
    texts["interval of lift"] = [f"{number(low)} to {number(high)}" for low, high in ends]
    for heading, name in (("q of lift", "q_lift"), ("q of count", "q")):
        texts[heading] = table[name].map(lambda value: "untested" if np.isnan(value) else p_value(value))
        exact[heading] = table[name]
    what = "associations of a named emotion and a class, the largest lift first"
    return make_table("Associations", pd.DataFrame(texts), set(exact), EMOTION_ASSOCIATIONS.file, what, exact=exact)


FIGURE = Figure(6, "associations", draw=figure_6, caption=caption, tables=(association_table,))
