"""Figure 9: how far CAM methods agree on objects and emotions, and how faithful their maps are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.contract import Table
from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import SIZE_SMALL, isolated, number, safe
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.common.select import P_SIGNIFICANT, chosen_models, models, models_left_out, named
from o2b_helpers.studies.emocam.tables import CAM_METHOD_AGREEMENT, CAM_METHODS, EMOTION_MODELS

TITLE = "Figure 9. Do CAM methods name the same objects, and are their maps faithful?"
MOST_MODELS, CELL = 2, 45
STATISTICS = {"count": "count M (the paper)", "conditional": "where it is there", "lift": "lift"}
AREAS = {
    "deletion": ("deletion (small is faithful)", "#a33b2e"),
    "insertion": ("insertion (large is faithful)", "#1f5fa8"),
}


def figure_9(results: Results) -> go.Figure:
    """Draw, for each network, Spearman's rho of each pair of methods (the paper's figure 6) and both areas (ours).

    Parameters
    ----------
    results : Results
        Needs cam_method_agreement.csv, cam_methods.csv and emotion_models.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    agreement, methods = (_table(results, table) for table in (CAM_METHOD_AGREEMENT, CAM_METHODS))
    shown = chosen_models(methods, None, MOST_MODELS, "CAM methods")
    names = list(dict.fromkeys(methods["method"]))
    side = CELL * len(names)
    grid = PanelGrid(len(shown), len(STATISTICS) + 1, width=side, height=side, column_gap=26, row_gap=120, left=120,
                     right=120, top=140, bottom=110)  # fmt: skip
    for row, model in enumerate(shown):
        grid.text(f"<b>{safe(model, 40)}</b>", 0, grid._y(row) - 30)
        own = agreement[agreement["architecture"] == model]
        for column, (statistic, heading) in enumerate(STATISTICS.items()):
            grid.text(heading, grid._x(column), grid._y(row) - 6, size=SIZE_SMALL)
            _draw_agreement(grid, row, column, own[own["statistic"] == statistic], names)
        grid.text("area below the named label’s probability", grid._x(3), grid._y(row) - 6, size=SIZE_SMALL)
        _draw_areas(grid, row, methods[methods["architecture"] == model], names)
    grid.title(
        TITLE,
        "Colour: Spearman’s rho of what two methods say of all labels and classes. Bold: more than with exchanged "
        f"boxes (q &lt; {P_SIGNIFICANT}).<br>Right: red, while the highest places are blurred first; blue, while they "
        "come back first; with intervals over pictures." + models_left_out(methods, shown),
    )
    return grid.finish()


def _table(results: Results, table: Table) -> pd.DataFrame:
    return named(results.table(table), results.table(EMOTION_MODELS))


def _draw_agreement(grid: PanelGrid, row: int, column: int, pairs: pd.DataFrame, names: list[str]) -> None:
    place = {name: number for number, name in enumerate(names)}
    rho, written = np.full((len(names),) * 2, np.nan), [[""] * len(names) for _ in names]
    hover = [[f"{safe(a)}" for _ in names] for a in names]
    for pair in pairs.to_dict("records"):
        a, b = place[pair["method_a"]], place[pair["method_b"]]
        text = "" if np.isnan(pair["rho"]) else number(pair["rho"])
        said = f"<b>{safe(pair['method_a'])}, {safe(pair['method_b'])}</b><br>"
        said += (
            f"rho {text} over {pair['cells']:.0f} cells<br>with exchanged boxes {number(pair['expected'])}, q "
            f"{p_value(pair['q'])}"
            if text
            else "no value: too few labels and classes, or all alike"
        )
        for i, j in ((a, b), (b, a)):
            rho[i, j], hover[i][j] = pair["rho"], said
            written[i][j] = f"<b>{text}</b>" if text and pair["q"] < P_SIGNIFICANT else text
    ticks = {"tickvals": list(range(len(names))), "showgrid": False, "zeroline": False}
    x = ticks | {"ticktext": [safe(name, 18) for name in names], "tickangle": -40, "range": [-0.5, len(names) - 0.5]}
    y = ticks | {"ticktext": [safe(name, 18) if column == 0 else "" for name in names],
                 "range": [len(names) - 0.5, -0.5]}  # fmt: skip
    grid.axes(row, column, x, y)
    small = {"size": SIZE_SMALL}
    bar = {"x": 1 + 44 / grid.plot_width, "len": 1 / grid.rows, "y": 1, "yanchor": "top", "thickness": 12,
           "title": {"text": "rho", "side": "right", "font": small}, "tickfont": small}  # fmt: skip
    grid.add(
        go.Heatmap(
            x=list(range(len(names))), y=list(range(len(names))), z=rho.tolist(), zmin=-1, zmax=1, colorscale="RdBu",
            xgap=1, ygap=1, customdata=hover, text=written, texttemplate="%{text}", textfont=small,
            hovertemplate="%{customdata}<extra></extra>", showscale=row == 0 and column == 0, colorbar=bar,
        ),
        row, column,
    )  # fmt: skip


def _draw_areas(grid: PanelGrid, row: int, methods: pd.DataFrame, names: list[str]) -> None:
    x = {"tickvals": list(range(len(names))), "ticktext": [safe(name, 18) for name in names], "tickangle": -40,
         "range": [-0.5, len(names) - 0.5]}  # fmt: skip
    grid.axes(row, len(STATISTICS), x, {"range": [0, 1], "side": "right"})
    own = methods.set_index("method").reindex(names)
    for name, (heading, colour) in AREAS.items():
        value, low, high = (own[f"{name}{end}"].to_numpy(float) for end in ("", "_low", "_high"))
        hover = [
            f"{safe(method)}, {heading}: {number(v)} ({number(a)} to {number(b)})"
            for method, v, a, b in zip(names, value, low, high, strict=True)
        ]
        bars = {"type": "data", "symmetric": False, "array": (high - value).tolist(),
                "arrayminus": (value - low).tolist(), "thickness": 1.2, "width": 4}  # fmt: skip
        grid.add(
            go.Scatter(x=list(range(len(names))), y=value.tolist(), mode="markers", customdata=hover, error_y=bars,
                       marker={"color": colour, "size": 9, "symbol": "circle" if name == "insertion" else "diamond"},
                       hovertemplate="%{customdata}<extra></extra>", showlegend=False),
            row, len(STATISTICS),
        )  # fmt: skip


def caption(results: Results) -> Caption:
    """Say what figure 9 asks and shows."""
    agreement, methods = (_table(results, table) for table in (CAM_METHOD_AGREEMENT, CAM_METHODS))
    said = []
    for model in models(methods):
        own, of_model = agreement[agreement["architecture"] == model], methods[methods["architecture"] == model]
        ranges = []
        for statistic, words in (("count", "counts"), ("lift", "lifts")):
            rho = own.loc[own["statistic"] == statistic, "rho"].dropna()
            ranges.append(
                f"{number(rho.min())} to {number(rho.max())} for {words}" if len(rho) else f"undefined for {words}"
            )
        best = [isolated(of_model.loc[of_model[name].astype(float).sort_values().index[place], "method"])
                for name, place in (("deletion", 0), ("insertion", -1))]  # fmt: skip
        said.append(
            f"{isolated(model)}: rho between methods is {' and '.join(ranges)}; deletion is smallest for {best[0]}, "
            f"insertion largest for {best[1]}."
        )
    return Caption(
        title="Do CAM methods name the same objects, and are their maps faithful?",
        question="Does what is said of objects and emotions hang on how the maps are made, and do the maps show the "
        "places on which the network’s answer hangs?",
        how_to_read=(
            "Each matrix compares the methods pair by pair: 1 means that they order all labels and classes alike. The "
            "first counts pictures, as the paper does; the second is the share of the pictures that show the class; "
            "the third is what is left over exchanged boxes. Right: the mean probability of the named label while the "
            "places where the map is high are blurred first (deletion), or come back first (insertion)."
        ),
        finding=" ".join(said) or "No network was studied.",
        limits=(
            "Counts share the frequency of labels and classes, so that they agree whatever the methods do: the p "
            "compares with exchanged boxes, which keep it. A blurred picture is one that the network was not trained "
            "on, so the areas compare methods with each other; they are no scale of their own. Where only pooling and "
            "the head stand behind the layer, Ablation-CAM and LIFT-CAM are the same up to a factor."
        ),
        origin="The first matrix is the paper’s figure 6 (EmoCAM, section 3.2). The others, q and the areas are ours.",
    )


def method_table(results: Results) -> ShownTable | None:
    """Show both areas and the planted truth of every method."""
    table = _table(results, CAM_METHODS)
    if table.empty:
        return None
    texts, exact = {"model": table["architecture"], "method": table["method"]}, {}
    for name in ("deletion", "insertion"):
        texts[name], exact[name] = table[name].map(number), table[name]
        ends = zip(table[f"{name}_low"], table[f"{name}_high"], strict=True)
        texts[f"interval of {name}"] = [f"{number(low)} to {number(high)}" for low, high in ends]
    if table["auc_lift"].notna().any():
        for name in ("importance", "conditional", "lift"):
            heading = f"AUC of {name}"
            texts[heading] = table[f"auc_{name}"].map(lambda value: "undefined" if np.isnan(value) else number(value))
            exact[heading] = table[f"auc_{name}"]
    what = "CAM methods; the AUC says how well a statistic finds what the toy world plants"
    return make_table("CAM methods", pd.DataFrame(texts), set(exact), CAM_METHODS.file, what, exact=exact)


def agreement_table(results: Results) -> ShownTable | None:
    """Show the agreement of all pairs of methods."""
    table = _table(results, CAM_METHOD_AGREEMENT)
    if table.empty:
        return None
    texts = {"model": table["architecture"], "statistic": table["statistic"], "method": table["method_a"]}
    texts["other method"], exact = table["method_b"], {}
    for heading, name in (("rho", "rho"), ("with exchanged boxes", "expected")):
        texts[heading] = table[name].map(lambda value: "undefined" if np.isnan(value) else number(value))
        exact[heading] = table[name]
    for name in ("p", "q"):
        texts[name] = table[name].map(lambda value: "untested" if np.isnan(value) else p_value(value))
        exact[name] = table[name]
    what = "pairs of CAM methods, for counts, conditional importance and lift"
    return make_table("Agreement of CAM methods", pd.DataFrame(texts), set(exact), CAM_METHOD_AGREEMENT.file, what,
                      exact=exact)  # fmt: skip


FIGURE = Figure(9, "cam_methods", draw=figure_9, caption=caption, tables=(method_table, agreement_table))
