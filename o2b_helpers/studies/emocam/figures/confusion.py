"""Figure 7: which emotion is named for pictures of each emotion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import SIZE_SMALL, isolated, number, safe
from o2b_helpers.report.tables import ShownTable, make_table
from o2b_helpers.studies.common.select import chosen_models, models_left_out, named
from o2b_helpers.studies.emocam.tables import EMOTION_CONFUSION, EMOTION_MODELS

TITLE = "Figure 7. Which emotion does a network name for pictures of each emotion?"
MOST_MODELS, MOST_LABELS_WITH_TEXT = 3, 14


def figure_7(results: Results) -> go.Figure:
    """Draw the confusion matrix of each network, rows adding up to 100 %.

    Parameters
    ----------
    results : Results
        Needs emotion_confusion.csv and emotion_models.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table = _table(results)
    shown = chosen_models(table, None, MOST_MODELS, "emotion heads")
    of_model = {model: list(dict.fromkeys(table.loc[table["architecture"] == model, "emotion"])) for model in shown}
    most = max(map(len, of_model.values()))
    side = max(48 if most <= 8 else max(18, 420 // most), 18) * most
    same = len({tuple(names) for names in of_model.values()}) == 1  # ready networks have labels of their own
    grid = PanelGrid(1, len(shown), width=side, height=side, column_gap=40 if same else 150, left=150, right=120,
                     top=140, bottom=110)  # fmt: skip
    for column, (model, labels) in enumerate(of_model.items()):
        rows = table[table["architecture"] == model]
        share = rows.pivot(index="emotion", columns="predicted", values="share").reindex(index=labels, columns=labels)
        counts = rows.groupby("emotion")["pictures"].sum()
        ticks = {"tickvals": list(range(len(labels))), "showgrid": False, "zeroline": False}
        x = ticks | {"ticktext": [safe(name, 18) for name in labels], "tickangle": -40, "title": "named",
                     "range": [-0.5, len(labels) - 0.5]}  # fmt: skip
        rows_named = [f"{safe(name, 18)} ({counts[name]:.0f})" if column == 0 or not same else ""
                      for name in labels]  # fmt: skip
        y = ticks | {"range": [len(labels) - 0.5, -0.5], "ticktext": rows_named}
        grid.axes(0, column, x, y)
        grid.column_heading(column, f"<b>{safe(model, 28)}</b>", above=12)
        percent = 100 * share.to_numpy(float)
        ends = {(r["emotion"], r["predicted"]): (100 * r["low"], 100 * r["high"]) for _, r in rows.iterrows()}
        hover = [
            [
                f"{safe(a)}: no picture has this label"
                if np.isnan(value)
                else f"{safe(a)}: {value:.0f} % are named {safe(b)}<br>{ends[a, b][0]:.0f} to {ends[a, b][1]:.0f} %"
                for b, value in zip(labels, line, strict=True)
            ]
            for a, line in zip(labels, percent, strict=True)
        ]
        small = {"size": SIZE_SMALL}
        bar = {"title": {"text": "% of the emotion’s pictures", "side": "right", "font": small}, "tickfont": small,
               "thickness": 12}  # fmt: skip
        grid.add(
            go.Heatmap(
                x=list(range(len(labels))), y=list(range(len(labels))), z=percent.tolist(), zmin=0, zmax=100,
                colorscale="Blues", xgap=1, ygap=1, customdata=hover, hovertemplate="%{customdata}<extra></extra>",
                text=[[f"{value:.0f}" if not np.isnan(value) else "" for value in line] for line in percent]
                if len(labels) <= MOST_LABELS_WITH_TEXT else None,
                texttemplate="%{text}", textfont=small, showscale=column == len(shown) - 1, colorbar=bar,
            ),
            0, column,
        )  # fmt: skip
    grid.title(TITLE, "In percent of the pictures of each emotion (their number in brackets). No picture is judged by "
               "a head that learned from it." + models_left_out(table, shown))  # fmt: skip
    return grid.finish()


def _table(results: Results) -> pd.DataFrame:
    return named(results.table(EMOTION_CONFUSION), results.table(EMOTION_MODELS))


def caption(results: Results) -> Caption:
    """Say what figure 7 asks and shows."""
    scores, table, said = named(results.table(EMOTION_MODELS), results.table(EMOTION_MODELS)), _table(results), []
    for row in scores.itertuples():
        if not row.pictures:
            said.append(f"{isolated(row.architecture)} has labels of its own, which no picture of the corpus has.")
            continue
        own = table[(table["architecture"] == row.architecture) & (table["emotion"] != table["predicted"])]
        worst = own.loc[own["share"].idxmax()] if own["share"].notna().any() else None
        mistake = (
            f" Its most frequent mistake: {100 * worst['share']:.0f} % of {isolated(worst['emotion'])} are named "
            f"{isolated(worst['predicted'])}."
            if worst is not None
            else ""
        )
        said.append(
            f"{isolated(row.architecture)}: balanced accuracy {number(row.balanced_accuracy)} (guessing: "
            f"{number(row.chance_balanced)}).{mistake}"
        )
    return Caption(
        title="Which emotion does a network name for pictures of each emotion?",
        question="How often is the right emotion named, and which ones are taken for each other?",
        how_to_read=(
            "Rows are the emotions that pictures are labelled with, columns those that the network names. A cell is "
            "the share of the row’s pictures, in percent; the diagonal is right. Rows add up to 100."
        ),
        finding=" ".join(said) or "No network was studied.",
        limits=(
            "The held-out pictures choose epoch and rate of the head that judges them, so accuracy is a little too "
            "high. A label of a picture is one opinion: people would not agree fully either."
        ),
        origin="Ours. The paper takes a network as it is (EmoNet) and does not test it.",
    )


def score_table(results: Results) -> ShownTable | None:
    """Show accuracy and balanced accuracy of all networks."""
    scores = results.table(EMOTION_MODELS)
    if scores.empty:
        return None
    scores = named(scores, scores)
    texts, exact = {"model": scores["architecture"]}, {}
    for heading, name in (("accuracy", "accuracy"), ("balanced accuracy", "balanced_accuracy")):
        texts[heading], exact[heading] = scores[name].map(number), scores[name]
        ends = zip(scores[f"{name}_low"], scores[f"{name}_high"], strict=True)
        texts[f"interval of {heading}"] = [f"{number(low)} to {number(high)}" for low, high in ends]
    for heading, name in (("most frequent label", "chance_accuracy"), ("guessing", "chance_balanced")):
        texts[heading], exact[heading] = scores[name].map(number), scores[name]
    what = "networks; the last two columns are what accuracy and balanced accuracy are without looking"
    title = "How often the right emotion is named"
    return make_table(title, pd.DataFrame(texts), set(exact), EMOTION_MODELS.file, what, exact=exact)


FIGURE = Figure(7, "emotion_confusion", draw=figure_7, caption=caption, tables=(score_table,))
