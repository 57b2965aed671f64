"""Figure 11: how selective the filters of each layer are, in both image sets, trained and with drawn weights."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import MUTED, faint, isolated, number, safe
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.common.select import P_SIGNIFICANT, chosen_models, layers, models, models_left_out
from o2b_helpers.studies.common.uncertainty import interval_words
from o2b_helpers.studies.selectivity.answers import of_networks
from o2b_helpers.studies.selectivity.tables import LAYER_SELECTIVITY, SETS

TITLE = "Figure 11. How selective for emotions are the filters of each layer?"
MOST_MODELS = 3
TRAINED_COLOUR, DRAWN_COLOUR, EXCHANGED_COLOUR = "#0072B2", "#D55E00", MUTED
LEGEND = {
    "trained": (TRAINED_COLOUR, "circle"),
    "drawn weights": (DRAWN_COLOUR, "square"),
    "exchanged emotions": (EXCHANGED_COLOUR, "line-ew"),
}


def layer_axis(names: list[str], *, labelled: bool = True) -> dict:
    """Return the looks of an axis with a place for each layer."""
    return {
        "tickvals": list(range(len(names))), "ticktext": [safe(name, 18) for name in names], "tickangle": -40,
        "range": [-0.5, len(names) - 0.5], "showgrid": False, "zeroline": False, "showticklabels": labelled,
    }  # fmt: skip


def figure_11(results: Results) -> go.Figure:
    """Draw the mean selectivity index by layer (the paper's figure 3A) with its interval and what chance gives (ours).

    Parameters
    ----------
    results : Results
        Needs layer_selectivity.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table = of_networks(results, LAYER_SELECTIVITY)
    shown = chosen_models(table, None, MOST_MODELS, "emotion-selective filters")
    grid = PanelGrid(len(shown), len(SETS), width=380, height=210, row_gap=110, top=150, bottom=100, right=190)
    ends = table[["index_high", "untrained_high", "index"]].to_numpy(float)
    top = 1.08 * float(ends[ends == ends].max()) if (ends == ends).any() else 1.0
    for row, model in enumerate(shown):
        grid.row_heading(row, safe(model, 40))
        names = layers(table, model)
        for column, name in enumerate(SETS):
            own = table[(table["architecture"] == model) & (table["image_set"] == name)].set_index("layer")
            y = {"range": [0, top], "showticklabels": column == 0}
            grid.axes(row, column, layer_axis(names), y | ({"title": "mean index (d’)"} if column == 0 else {}))
            for trace in _lines(own.reindex(names), model, name):
                grid.add(trace, row, column)
    for column, name in enumerate(SETS):
        grid.column_heading(column, f"<b>{name} image set</b>", above=28)
    for name, (colour, symbol) in LEGEND.items():
        marker = {"color": colour, "size": 9, "symbol": symbol, "line": {"color": colour, "width": 2}}
        grid.traces.append(legend_entry(name, marker, name))
    grid.title(
        TITLE,
        f"Mean over the filters of a layer, with its {interval_words(results)} over pictures. Filled: beyond exchanged "
        f"emotions (q &lt; {P_SIGNIFICANT}).<br>Drawn weights: mean, lowest and highest of the seeds."
        + models_left_out(table, shown),
    )
    return grid.finish()


def _lines(own: pd.DataFrame, model: str, image_set: str) -> list[go.Scatter]:
    places = list(range(len(own)))
    sure = (own["q"] < P_SIGNIFICANT).to_numpy()
    hover = [
        f"<b>{safe(model)}, {safe(layer)}</b>, {image_set} set<br>index {number(row['index'], 3)} "
        f"({number(row['index_low'], 3)} to {number(row['index_high'], 3)}), {row['filters']:.0f} filters<br>exchanged "
        f"emotions {number(row['exchanged'], 3)}, q {p_value(row['q'])}<br>drawn weights {number(row['untrained'], 3)} "
        f"({number(row['untrained_low'], 3)} to {number(row['untrained_high'], 3)})"
        for layer, row in own.iterrows()
    ]
    common = {"x": places, "customdata": hover, "hovertemplate": "%{customdata}<extra></extra>", "showlegend": False}

    def bars(value: pd.Series, low: str, high: str, colour: str) -> dict:
        return {"type": "data", "symmetric": False, "array": (own[high] - value).tolist(),
                "arrayminus": (value - own[low]).tolist(), "thickness": 1.2, "width": 3,
                "color": faint(colour)}  # fmt: skip

    def marks(colour: str, filled: list[bool], symbol: str) -> dict:
        return {"color": [colour if full else "white" for full in filled], "size": 8, "symbol": symbol,
                "line": {"color": colour, "width": 1.6}}  # fmt: skip

    everywhere = [True] * len(own)
    return [
        go.Scatter(y=own["exchanged"].tolist(), mode="lines", line={"color": EXCHANGED_COLOUR, "dash": "dot"},
                   legendgroup="exchanged emotions", **common),
        go.Scatter(y=own["untrained"].tolist(), mode="lines+markers", line={"color": DRAWN_COLOUR, "dash": "dash"},
                   error_y=bars(own["untrained"], "untrained_low", "untrained_high", DRAWN_COLOUR),
                   marker=marks(DRAWN_COLOUR, everywhere, "square"), legendgroup="drawn weights", **common),
        go.Scatter(y=own["index"].tolist(), mode="lines+markers", line={"color": TRAINED_COLOUR},
                   error_y=bars(own["index"], "index_low", "index_high", TRAINED_COLOUR),
                   marker=marks(TRAINED_COLOUR, sure.tolist(), "circle"), legendgroup="trained", **common),
    ]  # fmt: skip


def caption(results: Results) -> Caption:
    """Say what figure 11 asks and shows."""
    table, said = of_networks(results, LAYER_SELECTIVITY), []
    for model in models(table):
        own = table[table["architecture"] == model]
        first, last = (own[own["layer"] == layer]["index"].mean() for layer in (layers(own, model)[0],
                                                                              layers(own, model)[-1]))  # fmt: skip
        above = int((own["index"] > own["untrained_high"]).sum())
        said.append(
            f"{isolated(model)}: the mean index is {number(first)} in the first layer and {number(last)} in the last "
            f"one (mean of both sets); it is above all networks with drawn weights in {above} of {len(own)} layers and "
            "sets."
        )
    return Caption(
        title="How selective for emotions are the filters of each layer?",
        question="Do filters prefer the pictures of one emotion, more so in later layers, and only after training?",
        how_to_read=(
            "Left the first image set, right the second; layers from input (left) to output. A point is the mean over "
            "the layer’s filters of the selectivity index, the largest d’ of an emotion against the others. The dashed "
            "line is the same network with drawn weights; its bars go from the lowest to the highest seed. The dotted "
            "line is the network itself with emotions exchanged between pictures."
        ),
        finding=" ".join(said) or "No network was studied.",
        limits=(
            "The index is the largest of three values and so above 0 by noise alone, the more the fewer pictures there "
            "are: read it against the dotted line. It does not say which property of the pictures a filter answers to."
        ),
        origin="The paper’s figure 3A (Liu et al. 2024). Intervals, exchanged emotions and several seeds are ours.",
    )


def layer_table(results: Results) -> ShownTable | None:
    """Show the index of every layer and set."""
    table = of_networks(results, LAYER_SELECTIVITY)
    if table.empty:
        return None
    texts = {"model": table["architecture"], "set": table["image_set"], "layer": table["layer"]}
    exact: dict[str, pd.Series] = {}
    for heading, name in (("filters", "filters"), ("constant", "constant")):
        texts[heading], exact[heading] = table[name].map("{:.0f}".format), table[name]
    texts["index"], exact["index"] = table["index"].map(number), table["index"]
    texts["interval"] = _ends(table, "index_low", "index_high")
    texts["exchanged emotions"], exact["exchanged emotions"] = table["exchanged"].map(number), table["exchanged"]
    texts["q"], exact["q"] = table["q"].map(lambda q: "untested" if q != q else p_value(q)), table["q"]
    texts["drawn weights"] = _ends(table, "untrained_low", "untrained_high")
    what = "layers of the networks; those with drawn weights are in the file"
    return make_table("Selectivity index by layer", pd.DataFrame(texts), set(exact), LAYER_SELECTIVITY.file, what,
                      exact=exact)  # fmt: skip


def _ends(table: pd.DataFrame, low: str, high: str) -> list[str]:
    return [f"{number(a)} to {number(b)}" for a, b in zip(table[low], table[high], strict=True)]


FIGURE = Figure(11, "selectivity_by_layer", draw=figure_11, caption=caption, tables=(layer_table,))
