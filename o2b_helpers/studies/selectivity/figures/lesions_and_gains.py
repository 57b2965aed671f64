"""Figure 14: recognition with selective filters lesioned and strengthened, layer by layer, against other filters."""

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
from o2b_helpers.studies.selectivity.figures.selectivity_by_layer import layer_axis
from o2b_helpers.studies.selectivity.gains.answers import effects_of, sure_layers
from o2b_helpers.studies.selectivity.gains.tables import CHOSEN, GAIN_EFFECTS, HELD_OUT, LESIONED
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.tables import SETS

TITLE = "Figure 14. Does the network need its emotion-selective filters?"
MOST_MODELS = 2
SHOWN = {LESIONED: ("#D55E00", "triangle-down"), CHOSEN: ("#0072B2", "triangle-up")}
KINDS = ("selective", "matched")
WHAT = {"auroc": "AUROC", "f1": "F1"}


def figure_14(results: Results) -> go.Figure:
    """Draw what lesions and gains do to F1 and AUROC on test pictures (the paper's figures 4 to 6).

    Parameters
    ----------
    results : Results
        Needs gain_effects.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table = effects_of(results)
    table = table[(table["selection"] == HELD_OUT) & table["measure"].isin(list(WHAT))]
    shown = chosen_models(table, None, MOST_MODELS, "emotion-selective filters")
    rows = [(model, name, measure) for model in shown for name in SETS for measure in WHAT]
    grid = PanelGrid(len(rows), len(EMOTIONS), width=290, height=190, row_gap=120, top=150, bottom=100, right=200)
    for row, (model, name, measure) in enumerate(rows):
        grid.row_heading(row, f"{safe(model, 40)}, {name} image set: {WHAT[measure]}")
        names = layers(table, model)
        for column, emotion in enumerate(EMOTIONS):
            own = table[(table["architecture"] == model) & (table["image_set"] == name)]
            own = own[(own["measure"] == measure) & (own["emotion"] == emotion)]
            y = {"range": [-0.03, 1.03], "showticklabels": column == 0}
            grid.axes(row, column, layer_axis(names), y | ({"title": WHAT[measure]} if column == 0 else {}))
            for trace in _traces(own, names, f"{safe(model)}, {emotion}"):
                grid.add(trace, row, column)
    for column, emotion in enumerate(EMOTIONS):
        grid.column_heading(column, f"<b>{emotion}</b>", above=28)
    for manipulation, (colour, symbol) in SHOWN.items():
        for kind in KINDS:
            marker = {"color": colour if kind == "selective" else faint(colour), "size": 9, "symbol": symbol}
            grid.traces.append(legend_entry(f"{manipulation}, {kind}", marker, f"{manipulation}{kind}"))
    grid.traces.append(
        legend_entry(
            "no change",
            {"color": MUTED, "size": 9, "symbol": "line-ew", "line": {"color": MUTED, "width": 2}},
            "original",
        )
    )
    grid.title(
        TITLE,
        f"Test pictures, mean over splits. Filled: more than filters that respond as strongly (q &lt; "
        f"{P_SIGNIFICANT}).<br>Bars: lowest and highest split; if pale, {interval_words(results)} of the draws."
        + models_left_out(table, shown),
    )
    return grid.finish()


def _traces(own: pd.DataFrame, names: list[str], what: str) -> list[go.Scatter]:
    traces = []
    shifts = iter(offsets(2 * len(SHOWN), 0.6))
    for manipulation, (colour, symbol) in SHOWN.items():
        rows = own[own["manipulation"] == manipulation].set_index("layer").reindex(names)
        hover = [
            f"<b>{what}, {safe(layer)}</b><br>{manipulation}, alpha {number(row['alpha'], 1)}: {number(row['value'])} "
            f"({number(row['value_low'])} to {number(row['value_high'])}), without {number(row['original'])}<br>random "
            f"filters {number(row['random'])}, q {p_value(row['q_random'])}<br>filters with alike responses "
            f"{number(row['matched'])}, q {p_value(row['q_matched'])}<br>filters selective for nothing "
            f"{number(row['others'])}, q {p_value(row['q_others'])}<br>{number(row['filters'], 0)} filters"
            for layer, row in rows.iterrows()
        ]
        for kind, stem in zip(KINDS, ("value", "matched"), strict=True):
            colours = [colour if q < P_SIGNIFICANT else "white" for q in rows["q_matched"]]
            shift = next(shifts)
            traces.append(
                go.Scatter(
                    x=[place + shift for place in range(len(names))], y=rows[stem].tolist(), mode="markers",
                    marker={"color": colours if stem == "value" else faint(colour), "size": 8, "symbol": symbol,
                            "line": {"color": colour, "width": 1.6 if stem == "value" else 0}},
                    error_y={"type": "data", "symmetric": False, "array": (rows[f"{stem}_high"] - rows[stem]).tolist(),
                             "arrayminus": (rows[stem] - rows[f"{stem}_low"]).tolist(), "thickness": 1.2, "width": 3,
                             "color": faint(colour)},
                    customdata=hover, hovertemplate="%{customdata}<extra></extra>", showlegend=False,
                    legendgroup=f"{manipulation}{kind}",
                )
            )  # fmt: skip
    original = own[own["manipulation"] == LESIONED].set_index("layer").reindex(names)["original"]
    traces.append(
        go.Scatter(x=list(range(len(names))), y=original.tolist(), mode="lines", hoverinfo="skip", showlegend=False,
                   line={"color": MUTED, "dash": "dot"}, legendgroup="original")
    )  # fmt: skip
    return traces


def caption(results: Results) -> Caption:
    """Say what figure 14 asks and shows."""
    table = effects_of(results)
    said = [
        f"{isolated(model)}: a lesion lowers AUROC more than one of filters that respond as strongly, in so many "
        f"layers of both sets: {sure_layers(table[table['architecture'] == model], LESIONED, 'auroc', 'matched')} F1: "
        f"{sure_layers(table[table['architecture'] == model], LESIONED, 'f1', 'matched')}"
        for model in models(table)
    ]
    return Caption(
        title="Does the network need its emotion-selective filters?",
        question="Is an emotion recognised worse without the filters that are selective for it, and better with them "
        "strengthened, than with other filters changed?",
        how_to_read=(
            "A panel for each emotion; layers from input (left) to output. Dotted: recognition as it is. Orange: the "
            "emotion’s filters are lesioned; blue: they are strengthened, by as much as is best on the validation "
            "pictures. Pale: the same with as many filters of the layer that respond as strongly. F1 falls also where "
            "only the threshold has moved; AUROC does not."
        ),
        finding=" ".join(said) or "No network was studied.",
        limits=(
            "A lesion of many filters changes everything behind them, whatever they stand for: compare with the "
            "pale marks, and in the table with random filters. Splits share pictures, so that their "
            "spread is no interval."
        ),
        origin="The paper’s figures 4 to 6 (Liu et al. 2024). Filters are selected without the test pictures, and the "
        "strength without them, too; draws, AUROC and q are ours.",
    )


def effects_table(results: Results) -> ShownTable | None:
    """Show effects on F1 and AUROC, honest and as in the paper."""
    table = effects_of(results)
    table = table[table["measure"].isin(list(WHAT))]
    if table.empty:
        return None
    names = ("architecture", "image_set", "layer", "emotion", "selection", "manipulation", "measure")
    texts, exact = {name.replace("_", " ").replace("architecture", "model"): table[name] for name in names}, {}
    for heading, name, digits in (
        ("filters", "filters", 0), ("alpha", "alpha", 1), ("without", "original", 2), ("with", "value", 2),
        ("random", "random", 2), ("matched", "matched", 2), ("selective for nothing", "others", 2),
    ):  # fmt: skip
        texts[heading], exact[heading] = table[name].map(lambda value, d=digits: number(value, d)), table[name]
    for heading in ("random", "matched", "others"):
        texts[f"q ({heading})"], exact[f"q ({heading})"] = table[f"q_{heading}"].map(p_value), table[f"q_{heading}"]
    return make_table("Lesions and gains", pd.DataFrame(texts), set(exact), GAIN_EFFECTS.file,
                      "other measures are in the file", exact=exact)  # fmt: skip


FIGURE = Figure(14, "lesions_and_gains", draw=figure_14, caption=caption, tables=(effects_table,))
