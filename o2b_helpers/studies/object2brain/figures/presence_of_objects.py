"""Figure 8: every model's agreement beside what the presence of objects predicts; with its caption and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import MODEL_COLOURS, MUTED, SIZE_HEADING, SYMBOLS, TEXT, cycle, number, offsets, safe
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.alignment.tables import ALIGNMENT_CONTROLS
from o2b_helpers.studies.common.names import long_name, ordered
from o2b_helpers.studies.common.select import P_SIGNIFICANT, models
from o2b_helpers.studies.common.target_order import ordered_sources, target_parts
from o2b_helpers.studies.common.uncertainty import interval_words
from o2b_helpers.studies.object2brain.answers.presence import NOTHING, beyond_presence, semantic
from o2b_helpers.studies.object2brain.semantic.tables import SEMANTIC_CONTROL, SEMANTIC_HELD_OUT

TITLE = "Figure 8. Is it enough to know which objects a picture shows?"
BAND_WIDTH = 0.92
PRESENCE = "objects alone"


def figure_8(results: Results) -> go.Figure:
    """Draw rho of every full model beside the semantic and the low-level control, and what is left beyond [ours].

    Panels are those of figure 1. A black diamond is the semantic control with its interval, a dotted line the low-level
    control. A small open mark is a model's mean rho over runs; a line leads from it to the large mark, its rho beyond
    the semantic control, with its interval.

    Parameters
    ----------
    results : Results
        Needs targets.csv, alignment.csv, alignment_controls.csv and semantic_control.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table, parts, sources = semantic(results), target_parts(results), ordered_sources(results)
    simple = results.table(ALIGNMENT_CONTROLS).drop_duplicates("target").set_index("target")["low_level_rho"]
    alone = table.drop_duplicates("target")
    names, what = models(table), interval_words(results)
    types, conditions = (ordered(parts[column], column) for column in ("valence_type", "condition"))
    width = int(np.clip(len(sources) * (41 + 11 * len(names)), 300, 620))
    grid = PanelGrid(len(types), len(conditions), width=width, height=190, column_gap=24, top=150, row_gap=46)
    places = offsets(1 + len(names), min(0.74, 0.16 * (1 + len(names))))
    for column, condition in enumerate(conditions):
        grid.column_heading(column, f"<b>{safe(condition, 40)}</b>", 32, SIZE_HEADING)
        for row, valence_type in enumerate(types):
            x: dict[str, Any] = {
                "tickvals": list(range(len(sources))),
                "ticktext": [safe(source, 16) for source in sources],
                "range": [-0.5, len(sources) - 0.5],
                "showgrid": False,
                "zeroline": False,
            }
            if row == len(types) - 1:
                x["title"] = "source of the target"
            y: dict[str, Any] = {"range": [-1.08, 1.08], "showticklabels": column == 0, "dtick": 0.5}
            if column == 0:
                y["title"] = "Spearman’s rho"
            grid.axes(row, column, x, y)
            grid.separate(row, column, len(sources), "x")
            chosen = parts.index[(parts["condition"] == condition) & (parts["valence_type"] == valence_type)]
            grid.add(_low_level(simple[simple.index.isin(chosen)].dropna(), parts, sources), row, column)
            own = alone[alone["target"].isin(chosen)]
            ends = ("semantic_rho", "semantic_ci_low", "semantic_ci_high", "semantic_q")
            looks = {"symbol": "diamond", "colour": TEXT, "group": "presence", "size": 9}
            grid.add(_marks(own, PRESENCE, ends, sources, places[0], looks, what), row, column)
            for position, model in enumerate(names):
                own = table[(table["architecture"] == model) & table["target"].isin(chosen)]
                looks = {
                    "symbol": cycle(SYMBOLS, position), "colour": cycle(MODEL_COLOURS, position),
                    "group": f"model {position}", "size": 10,
                }  # fmt: skip
                for trace in _whole(own, sources, places[1 + position], looks):
                    grid.add(trace, row, column)
                ends = ("partial_rho", "ci_low", "ci_high", "q_partial")
                grid.add(_marks(own, model, ends, sources, places[1 + position], looks, what), row, column)
    for row, valence_type in enumerate(types):
        grid.row_heading(row, long_name(valence_type))
    _legend(grid, names)
    grid.title(
        TITLE,
        f"Diamond: what the classes of objects in a picture predict, with its {what}. Small mark: a model’s mean over "
        f"runs.<br>Large mark: what is left of it beyond the objects, with its {what}. Filled: q &lt; {P_SIGNIFICANT}."
        "<br>Dotted: low-level picture features.",
    )
    return grid.finish()


def _low_level(rho: pd.Series, parts: pd.DataFrame, sources: Sequence[str]) -> go.Scatter:
    """Build the dotted lines at the rho of the low-level control in one panel; `rho` is indexed by target."""
    x: list[float | None] = []
    y: list[float | None] = []
    for target, value in rho.items():
        place = sources.index(parts.loc[target, "source"])
        x, y = [*x, place - BAND_WIDTH / 2, place + BAND_WIDTH / 2, None], [*y, value, value, None]
    return go.Scatter(
        x=x, y=y, mode="lines", line={"color": MUTED, "width": 1.2, "dash": "dot"}, hoverinfo="skip", showlegend=False,
        legendgroup="low level",
    )  # fmt: skip


def _marks(
    rows: pd.DataFrame, name: str, columns: Sequence[str], sources: Sequence[str], offset: float, looks: dict, what: str
) -> go.Scatter:
    """Build the large marks of a model, or of the objects alone, in one panel: filled where q is small."""
    value, low, high, q = columns
    rows = rows.dropna(subset=[value])
    symbol, colour, beyond = looks["symbol"], looks["colour"], "" if name == PRESENCE else " beyond the objects"
    return go.Scatter(
        x=[sources.index(source) + offset for source in rows["source"]], y=rows[value].tolist(), mode="markers",
        marker={
            "symbol": [symbol if small else f"{symbol}-open" for small in rows[q] < P_SIGNIFICANT], "color": colour,
            "size": looks["size"], "line": {"width": 1.6, "color": colour},
        },
        error_y={
            "array": (rows[high] - rows[value]).tolist(), "arrayminus": (rows[value] - rows[low]).tolist(),
            "thickness": 1, "width": 0, "color": colour,
        },
        hovertext=[
            f"<b>{safe(name)}</b>, {safe(row['target'])}<br>rho{beyond} {number(row[value], 3)}, {what} "
            f"{number(row[low])} to {number(row[high])}<br>q {_small(row[q])}, n = {int(row['n'])}"
            for _, row in rows.iterrows()
        ],
        hovertemplate="%{hovertext}<extra></extra>", showlegend=False, legendgroup=looks["group"],
    )  # fmt: skip


def _whole(rows: pd.DataFrame, sources: Sequence[str], offset: float, looks: dict) -> list[go.Scatter]:
    """Build the small marks of a model's rho in one panel, and the lines from them to its large marks."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row in rows.dropna(subset=["rho", "partial_rho"]).itertuples():
        place = sources.index(row.source) + offset
        x, y = [*x, place, place, None], [*y, row.rho, row.partial_rho, None]
    shared = {"showlegend": False, "legendgroup": looks["group"]}
    line = go.Scatter(x=x, y=y, mode="lines", line={"color": looks["colour"], "width": 0.8}, hoverinfo="skip", **shared)
    rows = rows.dropna(subset=["rho"])
    mark = go.Scatter(
        x=[sources.index(source) + offset for source in rows["source"]], y=rows["rho"].tolist(), mode="markers",
        marker={
            "symbol": f"{looks['symbol']}-open", "color": looks["colour"], "size": 5,
            "line": {"width": 0.9, "color": looks["colour"]},
        },
        hovertext=[
            f"<b>{safe(row.architecture)}</b>, {safe(row.target)}<br>"
            f"rho {number(row.rho, 3)}, mean over {int(row.runs)} runs"
            for row in rows.itertuples()
        ],
        hovertemplate="%{hovertext}<extra></extra>", **shared,
    )  # fmt: skip
    return [line, mark]


def _small(value: float) -> str:
    return p_value(value).replace("<", "&lt;")


def _legend(grid: PanelGrid, names: list[str]) -> None:
    grid.traces.append(legend_entry(PRESENCE, {"symbol": "diamond", "color": TEXT, "size": 9}, "presence"))
    for position, model in enumerate(names):
        marker = {"symbol": cycle(SYMBOLS, position), "color": cycle(MODEL_COLOURS, position), "size": 10}
        grid.traces.append(legend_entry(safe(model, 26), marker, f"model {position}"))
    marker = {"symbol": "line-ew-open", "color": MUTED, "size": 12, "line": {"color": MUTED, "width": 1.2}}
    grid.traces.append(legend_entry("low-level features", marker, "low level"))


def caption(results: Results) -> Caption:
    """Say what figure 8 asks and shows."""
    return Caption(
        title="Is it enough to know which objects a picture shows?",
        question="How far do the objects alone say what people and brains say, and how much does a network add?",
        how_to_read=(
            "Panels are those of figure 1: a valence type in each row, a condition in each column, targets side by "
            "side by their source. The black diamond is a prediction without any network: a ridge regression learned "
            "from the corpus how pleasant pictures are that show a bus, a rose and so on (a class is there or not), "
            "and judged the stimuli by their objects. A small mark is a model’s mean rho over runs. A line leads "
            "from it to the large mark: what is left when the ranks of the diamond’s prediction are taken out of "
            f"model and target. Bars are {interval_words(results)}s. Filled marks have q below 0.05, corrected over "
            "the targets. A dotted line is what brightness, contrast, colour and edges of the pictures reach (figure "
            "1)."
        ),
        finding=_finding(results),
        limits=(
            "The objects are those that the detector knows and finds. How many there are, how large, where and in "
            "which state is left out, so a rest beyond them may be about objects, too. Where little is left, the "
            "model need not use objects: it may use what goes with them. The detector sees the whole picture, the "
            "network what its crop leaves. An open mark does not say that nothing is left: with few stimuli only a "
            "strong rest shows."
        ),
        origin="The figure is ours; the targets, the models and Spearman’s rho are the paper’s (section 2.2.2).",
    )


def _finding(results: Results) -> str:
    """Say how well the objects predict the corpus and the targets, and what every model adds."""
    held_out, table = results.table(SEMANTIC_HELD_OUT), semantic(results)
    rho = held_out["rho"].mean()
    with_ratings = "undefined" if np.isnan(rho) else number(rho)
    said = f"On held-out corpus pictures the objects reach R² {number(held_out['r2'].mean())} and rho {with_ratings} "
    said += "with the ratings (mean over splits)."
    known = table.dropna(subset=["semantic_rho"])
    if known.empty:
        return f"{said} {NOTHING}"
    alone = known.drop_duplicates("target")
    beyond = int(((alone["semantic_q"] < P_SIGNIFICANT) & (alone["semantic_rho"] > 0)).sum())
    return (
        f"{said} Alone they agree with {beyond} of {len(alone)} targets (q < {P_SIGNIFICANT}). Beyond them, "
        f"{'; '.join(beyond_presence(known))}."
    )


def presence_table(results: Results) -> ShownTable:
    """Show every full model beside the semantic control, and what is left beyond it."""
    table = semantic(results)
    shown = {
        "rho": "mean rho", "semantic_rho": "objects alone", "partial_rho": "rho beyond objects", "ci_low": "lowest",
        "ci_high": "highest", "partial_rho_both": "rho beyond objects and low-level",
    }  # fmt: skip
    tested = {
        "semantic_q": "q objects alone", "q_partial": "q beyond objects",
        "q_partial_both": "q beyond objects and low-level",
    }  # fmt: skip
    frame = pd.DataFrame(
        {
            "model": table["architecture"], "weights": table["weights"], "target": table["target"],
            **{heading: table[column].map(lambda v: number(v, 3)) for column, heading in shown.items()},
            **{heading: table[column].map(p_value) for column, heading in tested.items()},
        }
    )  # fmt: skip
    exact = {heading: table[column] for column, heading in (shown | tested).items()}
    what = (
        "mean over runs beside the prediction from the classes of objects in a picture; rho beyond it has its "
        f"{interval_words(results)} over stimuli and runs"
    )
    return make_table("Models and objects alone", frame, set(exact), SEMANTIC_CONTROL.file, what, exact=exact)


def held_out_table(results: Results) -> ShownTable:
    """Show how well the objects predict corpus pictures that were not learned from."""
    table = results.table(SEMANTIC_HELD_OUT)
    frame = pd.DataFrame(
        {
            "run": table["run"].map(lambda v: f"{v:.0f}"), "pictures learned from": table["n_train"],
            "held out": table["n_test"], "R²": table["r2"].map(lambda v: number(v, 3)),
            "rho with ratings": table["rho"].map(lambda v: number(v, 3)),
        }
    )  # fmt: skip
    exact = {"R²": table["r2"], "rho with ratings": table["rho"]}
    what = "splits of the corpus, those of the models’ runs"
    return make_table(
        "Objects alone on held-out pictures", frame, set(frame), SEMANTIC_HELD_OUT.file, what, exact=exact
    )


FIGURE = Figure(8, "presence_of_objects", draw=figure_8, caption=caption, tables=(presence_table, held_out_table))
