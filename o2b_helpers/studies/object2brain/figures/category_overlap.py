"""Figure 5: how far the boxes of two categories cover each other; with its caption and the table below it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import SIZE_SMALL, number, safe
from o2b_helpers.report.tables import ShownTable, make_table
from o2b_helpers.studies.object2brain.tables import CATEGORY_OVERLAP

TITLE = "Figure 5. How far do the boxes of two categories overlap?"
MOST_CELLS_WITH_TEXT = 20 * 20


def figure_5(results: Results) -> go.Figure:
    """Draw the mean overlap of boxes between categories.

    A cell is the share of the row category's area that boxes of the column category cover, in percent, averaged over
    the images that show both (the paper, section 3.2 and figure 5). Grey: never in one image.

    Parameters
    ----------
    results : Results
        Needs category_overlap.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table = results.table(CATEGORY_OVERLAP)
    names = sorted(set(table["category_a"]) | set(table["category_b"]), key=str.casefold)
    matrix = table.drop_duplicates(["category_a", "category_b"]).pivot(
        index="category_a", columns="category_b", values="overlap"
    )
    share = matrix.reindex(index=names, columns=names).to_numpy(float) * 100
    cell = 46 if len(names) <= 14 else max(18, 640 // len(names))
    side = max(cell * len(names), 220)
    grid = PanelGrid(1, 1, width=side, height=side, left=180, right=130, top=110, bottom=140)
    ticks = {"tickvals": list(range(len(names))), "ticktext": [safe(name, 22) for name in names], "showgrid": False}
    ticks |= {"zeroline": False, "range": [-0.5, len(names) - 0.5]}
    x = ticks | {"title": "is covered by boxes of", "tickangle": -40}
    grid.axes(0, 0, x, ticks | {"range": [len(names) - 0.5, -0.5], "title": "area of"})
    hover = [
        [
            f"{safe(a)} and {safe(b)}: never in one image" if value != value
            else f"boxes of {safe(b)} cover {value:.1f} % of the area of {safe(a)}"
            for b, value in zip(names, line, strict=True)
        ]
        for a, line in zip(names, share, strict=True)
    ]  # fmt: skip
    written = [["" if value != value else f"{value:.0f}" for value in line] for line in share]
    small = {"size": SIZE_SMALL}
    colorbar = {"title": {"text": "area covered (%)", "side": "right", "font": small}, "tickfont": small}
    colorbar |= {"thickness": 14, "outlinewidth": 0}
    grid.add(
        go.Heatmap(
            x=list(range(len(names))), y=list(range(len(names))), z=share.tolist(), zmin=0, zmax=100,
            colorscale="Blues", xgap=1, ygap=1, hoverongaps=True, customdata=hover,
            text=written if len(names) ** 2 <= MOST_CELLS_WITH_TEXT else None, texttemplate="%{text}",
            textfont={"size": SIZE_SMALL}, hovertemplate="%{customdata}<extra></extra>",
            colorbar=colorbar,
        ),
        0, 0,
    )  # fmt: skip
    grid.title(TITLE, "Share of the row category’s area covered by boxes of the column category, in percent.<br>"
               "Mean over the images that show both. Grey: never in one image.")  # fmt: skip
    return grid.finish(plot_bgcolor="#c9ced4")


def caption(results: Results) -> Caption:
    """Say what figure 5 asks and shows."""
    table = results.table(CATEGORY_OVERLAP)
    different = table[(table["category_a"] != table["category_b"]) & table["overlap"].notna()]
    if different.empty:
        finding = "No two categories were found in one image."
    else:
        top = different.nlargest(3, "overlap")
        pairs = [f"{r.category_b} cover {100 * r.overlap:.0f} % of {r.category_a}" for r in top.itertuples()]
        median = 100 * different["overlap"].median()
        finding = f"The largest overlaps: boxes of {'; of '.join(pairs)}. Median over pairs: {median:.0f} %."
    return Caption(
        title="How far do the boxes of two categories overlap?",
        question="Could the weight of one category be borrowed from another whose boxes lie in the same place?",
        how_to_read=(
            "A cell is the share of the row category’s area that boxes of the column category cover, in percent, "
            "averaged over the images that show both. The table is not symmetric: people may cover little of a house "
            "while the house covers all of the people. Grey: never in one image."
        ),
        finding=finding,
        limits=(
            "Boxes are larger than the objects in them, so the overlap of the objects is smaller. A large overlap "
            "makes mixing possible; it does not prove it. How many images a cell rests on is not shown."
        ),
        origin=(
            "The figure is the paper’s (section 3.2, figure 5). Reading each cell as a share of the row’s area is ours."
        ),
    )


def overlap_table(results: Results) -> ShownTable:
    """Show how far the boxes of two categories overlap, largest first."""
    table = results.table(CATEGORY_OVERLAP)
    table = table[table["category_a"] != table["category_b"]].sort_values("overlap", ascending=False, kind="stable")
    frame = pd.DataFrame(
        {"area of": table["category_a"], "covered by boxes of": table["category_b"],
         "share covered": table["overlap"].map(lambda v: number(v, 3))}
    )  # fmt: skip
    what = "pairs of different categories; undefined: never in one picture"
    exact = {"share covered": table["overlap"]}
    return make_table("Overlap of boxes", frame, {"share covered"}, CATEGORY_OVERLAP.file, what, exact=exact)


FIGURE = Figure(5, "category_overlap", draw=figure_5, caption=caption, tables=(overlap_table,))
