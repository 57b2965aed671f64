"""Figure 12: how many filters are selective for the same emotion in both image sets, against chance."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import MUTED, faint, isolated, number, offsets, safe
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.common.select import P_SIGNIFICANT, chosen_models, layers, models, models_left_out
from o2b_helpers.studies.common.uncertainty import interval_words
from o2b_helpers.studies.selectivity.answers import of_networks, verdict
from o2b_helpers.studies.selectivity.figures.selectivity_by_layer import layer_axis
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.tables import ALL_LAYERS, SELECTIVE_OVERLAP

TITLE = "Figure 12. Are there more emotion-selective filters than chance gives?"
MOST_MODELS = 3
KINDS = {  # columns of value, low and high end; colour; symbol
    "both sets": (("both", "", ""), "#0072B2", "circle"),
    "exchanged emotions": (("exchanged", "exchanged_low", "exchanged_high"), MUTED, "diamond"),
    "two random sets": (("expected", "expected_low", "expected_high"), "#009E73", "line-ew"),
    "drawn weights": (("untrained", "untrained_low", "untrained_high"), "#D55E00", "square"),
}


def figure_12(results: Results) -> go.Figure:
    """Draw the share of each layer's filters that are selective in both sets, and what chance gives (figure 3B).

    Parameters
    ----------
    results : Results
        Needs selective_overlap.csv and layer_selectivity.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table = of_networks(results, SELECTIVE_OVERLAP)
    table = table[table["layer"] != ALL_LAYERS]
    shown = chosen_models(table, None, MOST_MODELS, "emotion-selective filters")
    grid = PanelGrid(len(shown), len(EMOTIONS), width=290, height=210, row_gap=110, top=150, bottom=100, right=190)
    high = table[[column for columns, *_ in KINDS.values() for column in columns if column]].max(axis=1)
    top = 1.08 * float((100 * high / table["filters"].where(table["filters"] > 0)).max())
    for row, model in enumerate(shown):
        grid.row_heading(row, safe(model, 40))
        names = layers(table, model)
        for column, emotion in enumerate(EMOTIONS):
            own = table[(table["architecture"] == model) & (table["emotion"] == emotion)].set_index("layer")
            y = {"range": [-3, top], "showticklabels": column == 0}
            grid.axes(row, column, layer_axis(names), y | ({"title": "% of the layer’s filters"} if not column else {}))
            for place, name in enumerate(KINDS):
                shift = offsets(len(KINDS), 0.54)[place]
                grid.add(_marks(own.reindex(names), name, shift, f"{safe(model)}, {emotion}"), row, column)
    for column, emotion in enumerate(EMOTIONS):
        grid.column_heading(column, f"<b>{emotion}</b>", above=28)
    for name, (_, colour, symbol) in KINDS.items():
        marker = {"color": colour, "size": 9, "symbol": symbol, "line": {"color": colour, "width": 2}}
        grid.traces.append(legend_entry(name, marker, name))
    grid.title(
        TITLE,
        "Filters that are selective for the emotion in both sets. Filled: more selective than with exchanged emotions "
        f"(q &lt; {P_SIGNIFICANT}).<br>Bars: {interval_words(results)} of what chance gives; drawn weights: lowest and "
        "highest seed." + models_left_out(table, shown),
    )
    return grid.finish()


def _marks(own: pd.DataFrame, kind: str, shift: float, what: str) -> go.Scatter:
    (name, low, high), colour, symbol = KINDS[kind]
    share = 100 / own["filters"].where(own["filters"] > 0)
    filled = (own["q_strength"] < P_SIGNIFICANT) if kind == "both sets" else pd.Series(True, index=own.index)
    hover = [
        f"<b>{what}, {safe(layer)}</b><br>both sets: {row['both']:.0f} of {row['filters']:.0f} filters "
        f"({row['first']:.0f} in the first, {row['second']:.0f} in the second)<br>exchanged emotions "
        f"{number(row['exchanged'], 1)}, q {p_value(row['q_exchanged'])}; of their indices q "
        f"{p_value(row['q_strength'])}<br>two random sets {number(row['expected'], 1)}, q "
        f"{p_value(row['q'])}<br>drawn weights {number(row['untrained'], 1)} "
        f"({row['untrained_low']:.0f} to {row['untrained_high']:.0f})"
        for layer, row in own.iterrows()
    ]
    bars = {}
    if low:
        bars = {"error_y": {
            "type": "data", "symmetric": False, "array": ((own[high] - own[name]) * share).clip(lower=0).tolist(),
            "arrayminus": ((own[name] - own[low]) * share).clip(lower=0).tolist(), "thickness": 1.2, "width": 3,
            "color": faint(colour),
        }}  # fmt: skip
    return go.Scatter(
        x=[place + shift for place in range(len(own))], y=(own[name] * share).tolist(), mode="markers",
        marker={"color": [colour if full else "white" for full in filled], "size": 8, "symbol": symbol,
                "line": {"color": colour, "width": 1.6}},
        customdata=hover, hovertemplate="%{customdata}<extra></extra>", showlegend=False, legendgroup=kind, **bars,
    )  # fmt: skip


def caption(results: Results) -> Caption:
    """Say what figure 12 asks and shows."""
    table, said = of_networks(results, SELECTIVE_OVERLAP), []
    for model in models(table):
        own = table[(table["architecture"] == model) & (table["layer"] == ALL_LAYERS)].set_index("emotion")
        parts = [
            f"{emotion}: {own.loc[emotion, 'both']:.0f} (exchanged emotions: "
            f"{number(own.loc[emotion, 'exchanged'], 1)}; drawn weights: {own.loc[emotion, 'untrained_low']:.0f} to "
            f"{own.loc[emotion, 'untrained_high']:.0f}). "
            f"{verdict(own.loc[emotion])}."
            for emotion in EMOTIONS
        ]
        said.append(f"{isolated(model)}, filters of all layers: {' '.join(parts)}")
    return Caption(
        title="Are there more emotion-selective filters than chance gives?",
        question="Do two image sets agree on which filters prefer which emotion, and would they by chance?",
        how_to_read=(
            "A panel for each emotion; layers from input (left) to output. Blue: filters that are selective for the "
            "emotion in both image sets, in percent of the layer’s filters. Grey: the same with the emotions of the "
            "second set exchanged between its pictures; filled blue: the indices of the filters add up to more than "
            "then. Green: what two random sets of filters of the same sizes have in common. Orange: the same network "
            "with drawn weights."
        ),
        finding=" ".join(said) or "No network was studied.",
        limits=(
            "Random sets take filters for independent; filters that respond alike are selected together, so that their "
            "interval is too narrow. Exchanged emotions keep that. Neither says that it is emotion that the filters "
            "answer to, and drawn weights show how far plain properties of the pictures go."
        ),
        origin="The paper’s figure 3B (Liu et al. 2024). Exact chance, exchanged emotions and several seeds are ours.",
    )


def overlap_table(results: Results) -> ShownTable | None:
    """Show the overlap of every layer and emotion."""
    table = of_networks(results, SELECTIVE_OVERLAP)
    if table.empty:
        return None
    texts = {"model": table["architecture"], "layer": table["layer"], "emotion": table["emotion"]}
    exact: dict[str, pd.Series] = {}
    for heading, name in (("filters", "filters"), ("first set", "first"), ("second set", "second"), ("both", "both")):
        texts[heading], exact[heading] = table[name].map("{:.0f}".format), table[name]
    for heading, name, q in (("random sets", "expected", "q"), ("exchanged emotions", "exchanged", "q_exchanged")):
        texts[heading], exact[heading] = table[name].map(lambda value: number(value, 1)), table[name]
        texts[f"q ({heading})"], exact[f"q ({heading})"] = table[q].map(p_value), table[q]
    ends = zip(table["untrained_low"], table["untrained_high"], strict=True)
    texts["drawn weights"] = [f"{low:.0f} to {high:.0f}" for low, high in ends]
    texts["q (their indices)"], exact["q (their indices)"] = table["q_strength"].map(p_value), table["q_strength"]
    what = "layers and emotions; those of networks with drawn weights are in the file"
    return make_table("Emotion-selective filters", pd.DataFrame(texts), set(exact), SELECTIVE_OVERLAP.file, what,
                      exact=exact)  # fmt: skip


FIGURE = Figure(12, "selective_overlap", draw=figure_12, caption=caption, tables=(overlap_table,))
