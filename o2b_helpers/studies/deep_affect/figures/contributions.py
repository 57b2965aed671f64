"""Figure 15: what each group of features contributes to the prediction of valence and of arousal."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import MODEL_COLOURS, isolated, number, offsets, safe
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.common.select import P_SIGNIFICANT
from o2b_helpers.studies.common.uncertainty import interval_words
from o2b_helpers.studies.deep_affect.answers import LEARNERS, shown_learner
from o2b_helpers.studies.deep_affect.options import TARGETS
from o2b_helpers.studies.deep_affect.tables import AFFECT_CONTRIBUTIONS, AFFECT_SCORES, ALL_CORPORA, SHAPLEY, TEST

TITLE = "Figure 15. What do objects, scenes and faces contribute to valence and arousal?"
SYMBOLS = ("circle", "square", "diamond")


def figure_15(results: Results) -> go.Figure:
    """Draw the Shapley value of each group of features, with its interval, for networks and ridge regression (ours).

    Parameters
    ----------
    results : Results
        Needs affect_contributions.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table = results.table(AFFECT_CONTRIBUTIONS)
    shares = table[table["kind"] == SHAPLEY]
    groups = list(dict.fromkeys(shares["group"]))
    ends = shares[["low", "high", "value"]].to_numpy(float)
    known = ends[ends == ends]
    low, high = (min(0.0, known.min()), max(0.0, known.max())) if len(known) else (0.0, 1.0)
    room = 0.08 * (high - low or 1.0)
    grid = PanelGrid(1, len(TARGETS), width=max(260, 90 * len(groups)), height=280, column_gap=30, top=150, bottom=80)
    for column, target in enumerate(TARGETS):
        x = {"tickvals": list(range(len(groups))), "ticktext": [safe(name, 18) for name in groups],
             "range": [-0.5, len(groups) - 0.5], "showgrid": False, "zeroline": False}  # fmt: skip
        y: dict = {"range": [low - room, high + room], "showticklabels": column == 0}
        grid.axes(0, column, x, y | ({"title": "share of R2 on test pictures"} if column == 0 else {}))
        grid.column_heading(column, f"<b>{target}</b>", above=8)
        for place, (key, name) in enumerate(LEARNERS.items()):
            own = shown_learner(shares[shares["rating"] == target], *key).set_index("group").reindex(groups)
            grid.add(_points(own, name, place), 0, column)
    for place, name in enumerate(LEARNERS.values()):
        marker = {"color": MODEL_COLOURS[place], "size": 9, "symbol": SYMBOLS[place]}
        grid.traces.append(legend_entry(name, marker, name))
    grid.title(
        TITLE,
        f"Shapley value of each group of features, with its {interval_words(results)} over folds (corrected: folds "
        f"share training pictures).<br>Filled: differs from 0 (q &lt; {P_SIGNIFICANT}). The values of a model add up "
        "to its R2 beyond the mean.",
    )
    return grid.finish()


def _points(own: pd.DataFrame, name: str, place: int) -> go.Scatter:
    colour, shift = MODEL_COLOURS[place], offsets(len(LEARNERS), 0.5)[place]
    hover = [
        f"<b>{safe(group)}</b>, {name}<br>{number(row['value'], 3)} ({number(row['low'], 3)} to "
        f"{number(row['high'], 3)}), q {p_value(row['corrected_q'])}<br>all groups {number(row['whole'], 3)}"
        for group, row in own.iterrows()
    ]
    filled = (own["corrected_q"] < P_SIGNIFICANT).tolist()
    bars = {"type": "data", "symmetric": False, "array": (own["high"] - own["value"]).tolist(),
            "arrayminus": (own["value"] - own["low"]).tolist(), "thickness": 1.2, "width": 4}  # fmt: skip
    marker = {"color": [colour if full else "white" for full in filled], "size": 9, "symbol": SYMBOLS[place],
              "line": {"color": colour, "width": 1.6}}  # fmt: skip
    return go.Scatter(
        x=[position + shift for position in range(len(own))], y=own["value"].tolist(), mode="markers", marker=marker,
        error_y=bars | {"color": colour}, customdata=hover, hovertemplate="%{customdata}<extra></extra>",
        showlegend=False, legendgroup=name,
    )  # fmt: skip


def caption(results: Results) -> Caption:
    """Say what figure 15 asks and shows."""
    table = results.table(AFFECT_CONTRIBUTIONS)
    said = []
    for target in TARGETS:
        for key, name in LEARNERS.items():
            own = shown_learner(table[(table["kind"] == SHAPLEY) & (table["rating"] == target)], *key)
            if own["value"].notna().any():
                best = own.loc[own["value"].idxmax()]
                said.append(
                    f"{target.capitalize()}, {name}: most in {isolated(best['group'])} ({number(best['value'])} of "
                    f"{number(best['whole'])})."
                )
    return Caption(
        title="What do objects, scenes and faces contribute to valence and arousal?",
        question="How much of what can be predicted of valence and arousal is in each group of features?",
        how_to_read=(
            "Left valence, right arousal; a place for each group of features. A point is the Shapley value of the "
            "group: its gain in R2 on test pictures, averaged over all orders in which groups can be added. Circles "
            "are networks that learn both ratings, squares one network for each rating, diamonds ridge regression."
        ),
        finding=" ".join(said) or "No model could be scored.",
        limits=(
            "It is about what these extractors say of a picture, not about what is in it: a network that names faces "
            "badly makes faces look unimportant. Groups that hold the same information share it."
        ),
        origin="Ours. The paper compares some sets of features by their test error (003, table 5).",
    )


def scores_table(results: Results) -> ShownTable | None:
    """Show the test scores of every model and set of features."""
    scores = results.table(AFFECT_SCORES)
    own = scores[(scores["part"] == TEST) & (scores["corpus"] == ALL_CORPORA)].reset_index(drop=True)
    if own.empty:
        return None
    texts = {name: own[name] for name in ("rating", "model", "outputs", "features")}
    exact: dict[str, pd.Series] = {}
    headings = {
        "mse": "MSE",
        "mse_sd": "SD over folds",
        "r2": "R2",
        "rho": "rho",
        "mae": "MAE",
        "accuracy": "accuracy %",
    }
    for name, heading in headings.items():
        texts[heading], exact[heading] = own[name].map(number), own[name]
    what = "test pictures of all corpora; training and held-out pictures and each corpus are in the file"
    return make_table("Scores on test pictures", pd.DataFrame(texts), set(exact), AFFECT_SCORES.file, what, exact=exact)


FIGURE = Figure(15, "affect_contributions", draw=figure_15, caption=caption, tables=(scores_table,))
