"""Figure 10: in which share of the pictures an object changes the named emotion, by where it is pasted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import SIZE_SMALL, isolated, number, safe
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.common.select import chosen_models, models, models_left_out, named
from o2b_helpers.studies.emocam.paste.tables import (
    ANYWHERE,
    OBJECT_KIND,
    PASTE_BOXES,
    PASTE_CONTROLS,
    PASTE_OBJECTS,
    PASTE_POSITIONS,
    PASTE_SWITCHES,
)
from o2b_helpers.studies.emocam.tables import EMOTION_MODELS

TITLE = "Figure 10. Where does a pasted object change the emotion that is named?"
MOST_MODELS, MOST_OBJECTS, MOST_WITH_TEXT = 2, 6, 40
WIDTH, HEIGHT, DISC = 216, 190, 32  # of a small map of the picture, and of a position on it
LETTERS = 1  # of a label, over a position, as in the paper
LIGHT = 0.55  # of the scale: above, text on a disc is light
# by name, for a dark page puts other colours in place of the usual ones, while the discs stay as they are
ON_LIGHT, ON_DARK = "midnightblue", "snow"
KIND_NAMES = {OBJECT_KIND: "the object", "mean_colour": "its mean colour", "phase_scrambled": "its scrambled pixels"}


def figure_10(results: Results) -> go.Figure:
    """Draw a small map of the picture for each network and object, with the share of changed labels at each position.

    Parameters
    ----------
    results : Results
        Needs paste_positions.csv, paste_objects.csv and emotion_models.csv.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table = _table(results, PASTE_POSITIONS)
    table = table[table["kind"] == OBJECT_KIND]
    shown = chosen_models(table, None, MOST_MODELS, "pasted objects")
    names = list(dict.fromkeys(table["object"]))
    objects, whole = names[:MOST_OBJECTS], _table(results, PASTE_OBJECTS)
    grid = PanelGrid(len(shown), len(objects), width=WIDTH, height=HEIGHT, column_gap=26, row_gap=96, left=60,
                     right=150, top=176, bottom=60)  # fmt: skip
    highest = max(float(table.loc[table["object"].isin(objects), "share"].max()), 0.01)
    keys = _keys(table)
    for row, model in enumerate(shown):
        grid.text(f"<b>{safe(model, 40)}</b>", 0, grid._y(row) - 44)
        for column, name in enumerate(objects):
            of = whole[(whole["architecture"] == model) & (whole["object"] == name) & (whole["kind"] == OBJECT_KIND)]
            own = table[(table["architecture"] == model) & (table["object"] == name)]
            heading = f"<b>{safe(name, 24)}</b><br>changes {_percent(of['share'].iloc[0])} (mean)"
            grid.text(heading, grid._x(column), grid._y(row) - 4, size=SIZE_SMALL)
            _draw(grid, row, column, own, keys, highest, last=(row, column) == (0, len(objects) - 1))
    left = f" Not drawn: {len(names) - len(objects)} objects." if len(names) > len(objects) else ""
    letters = ", ".join(f"{key} {safe(label, 18)}" for label, key in keys.items())
    grid.title(
        TITLE,
        "Each frame is a picture. Number: % of the pictures whose named emotion changes with the object there.<br>"
        f"Letter: the emotion most often switched to ({letters or 'none'})."
        + models_left_out(table, shown) + left,
    )  # fmt: skip
    return grid.finish()


def _table(results: Results, declared) -> pd.DataFrame:
    return named(results.table(declared), results.table(EMOTION_MODELS))


def _keys(table: pd.DataFrame) -> dict[str, str]:
    """Give each label that is switched to a short key: its first letters, as many as tell it from the others."""
    labels = sorted(label for label in table["most_often"].dropna().unique() if label)
    keys = {}
    for label in labels:
        others = [other for other in labels if other != label]
        sizes = range(LETTERS, len(label) + 1)
        size = next((n for n in sizes if not any(o[:n].lower() == label[:n].lower() for o in others)), len(label))
        keys[label] = safe(label[:size].capitalize(), 12)
    return keys


def _draw(
    grid: PanelGrid, row: int, column: int, own: pd.DataFrame, keys: dict[str, str], highest: float, *, last: bool
) -> None:
    """Draw one map; the upper left corner of the picture is at 0, 0."""
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "mirror": True, "showline": True}
    grid.axes(row, column, bare | {"range": [0, 1]}, bare | {"range": [1, 0]})
    share = own["share"].to_numpy(float)
    with_text = len(own) <= MOST_WITH_TEXT
    small = {"size": SIZE_SMALL}
    texts = [f"{100 * value:.0f}{_letter(label, keys)}" for value, label in zip(share, own["most_often"], strict=True)]
    grid.add(
        go.Scatter(
            x=own["x"].tolist(), y=own["y"].tolist(), mode="markers+text" if with_text else "markers",
            text=texts if with_text else None, cliponaxis=False, showlegend=False,
            textfont={"size": SIZE_SMALL, "color": [ON_DARK if v > LIGHT * highest else ON_LIGHT for v in share]},
            marker={"size": DISC if with_text else DISC / 3, "color": (100 * share).tolist(), "cmin": 0,
                    "cmax": 100 * highest, "colorscale": "Blues", "line": {"color": "#8a94a0", "width": 1},
                    "showscale": last,
                    "colorbar": {"title": {"text": "% changed", "side": "right", "font": small}, "tickfont": small,
                                 "thickness": 12, "x": 1 + 16 / grid.plot_width, "len": 1 / grid.rows, "y": 1,
                                 "yanchor": "top"}},
            customdata=[_hover(line) for line in own.to_dict("records")],
            hovertemplate="%{customdata}<extra></extra>",
        ),
        row, column,
    )  # fmt: skip


def _letter(label: object, keys: dict[str, str]) -> str:
    return f"<br>{keys[str(label)]}" if str(label) in keys else ""


def _hover(row: dict) -> str:
    to = f"<br>most often to {safe(row['most_often'])} ({row['most_often_pictures']})" if row["most_often"] else ""
    cam = ""
    if not np.isnan(row["cam_after"]):
        cam = f"<br>share of the map in the box: {number(row['cam_before'])} before, {number(row['cam_after'])} after"
    return (
        f"<b>{safe(row['object'])}, position {row['position']}</b><br>{row['changed']} of {row['pictures']} pictures "
        f"change: {_percent(row['share'])} ({_percent(row['share_low'])} to {_percent(row['share_high'])}){to}"
        f"<br>the network sees {_percent(row['seen'])} of it{cam}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def caption(results: Results) -> Caption:
    """Say what figure 10 asks and shows."""
    table, whole = _table(results, PASTE_POSITIONS), _table(results, PASTE_OBJECTS)
    controls, said = _table(results, PASTE_CONTROLS), []
    for model in models(table):
        for row in whole[(whole["architecture"] == model) & (whole["kind"] == OBJECT_KIND)].to_dict("records"):
            own = table[(table["architecture"] == model) & (table["object"] == row["object"])]
            own = own[own["kind"] == OBJECT_KIND]
            ends = f"{_percent(own['share'].min())} to {_percent(own['share'].max())}" if len(own) else "nothing"
            against = controls[(controls["architecture"] == model) & (controls["object"] == row["object"])]
            against = against[against["position"] == ANYWHERE]
            words = "; ".join(
                f"{_more(test['difference'])} than with {KIND_NAMES.get(test['control'], test['control'])} (q "
                f"{p_value(test['q'])})"
                for test in against.to_dict("records")
            )
            q = f"Cochran’s Q {_known(row['cochran_q'], 1)}, q {p_value(row['q'])}"
            q = "untested" if np.isnan(row["p"]) else q
            said.append(
                f"{isolated(model)}, {isolated(row['object'])}: {ends} by position ({q}), most often to "
                f"{isolated(row['most_often']) if row['most_often'] else 'nothing'}"
                + (f"; at some position, {words}." if words else ".")
            )
    return Caption(
        title="Where does a pasted object change the emotion that is named?",
        question="If an object is pasted onto a picture, does the network name another emotion, which one, and does it "
        "matter where?",
        how_to_read=(
            "A frame is a picture, or what the network’s crop leaves of it; a disc stands where the centre of the "
            "object is. Its number and shade are the percentage of pictures whose named emotion changes; the letter "
            "below is the emotion most often switched to. The tables below say whether the object does more than a "
            "control of the same outline, and more at boxes of the classes that were chosen than at random places."
        ),
        finding=" ".join(said) or "Nothing was pasted.",
        limits=(
            "A picture with a pasted object is like none that the network has seen: any patch may change what is "
            "named. Read an object against its controls. What is named before need not be right."
        ),
        origin="The paper’s figure 7 (EmoCAM, appendix A.3). Intervals, controls, tests and boxes are ours.",
    )


def object_table(results: Results) -> ShownTable | None:
    """Show objects and controls over all positions."""
    table = _table(results, PASTE_OBJECTS)
    if table.empty:
        return None
    texts = {"model": table["architecture"], "pasted": table["object"], "as": table["kind"].map(_kind),
             "% changed": _percents(table["share"]), "interval": _interval(table, "share"),
             "% at some position": _percents(table["anywhere"]), "most often to": table["most_often"].fillna(""),
             "Cochran’s Q": table["cochran_q"].map(lambda value: _known(value, 1)), "q of Q": _q(table["q"]),
             "map in box before": table["cam_before"].map(_known), "after": table["cam_after"].map(_known),
             "change": table["cam_change"].map(_known),
             "interval of change": _interval(table, "cam_change", 1)}  # fmt: skip
    exact = {"% changed": 100 * table["share"], "% at some position": 100 * table["anywhere"],
             "Cochran’s Q": table["cochran_q"], "q of Q": table["q"], "map in box before": table["cam_before"],
             "after": table["cam_after"], "change": table["cam_change"]}  # fmt: skip
    what = "what is pasted, over all positions; the map is the class activation map of the label that is named"
    return make_table("Pasted objects and their controls", pd.DataFrame(texts), set(exact), PASTE_OBJECTS.file, what,
                      exact=exact)  # fmt: skip


def control_table(results: Results) -> ShownTable | None:
    """Show each object against each of its controls."""
    table = _table(results, PASTE_CONTROLS)
    table = table[table["position"] == ANYWHERE]
    if table.empty:
        return None
    texts = {"model": table["architecture"], "object": table["object"], "control": table["control"].map(_kind),
             "pictures": table["pictures"], "only object": table["only_object"], "only control": table["only_control"],
             "difference": table["difference"].map(number), "interval": _interval(table, "difference", 1),
             "p": _q(table["p"]), "q": _q(table["q"])}  # fmt: skip
    numeric = ("pictures", "only_object", "only_control", "difference", "p", "q")
    exact = {name.replace("_", " "): table[name] for name in numeric}
    what = "objects against a control; pictures whose label changes at one position at least (McNemar)"
    return make_table("Is it the object?", pd.DataFrame(texts), set(exact), PASTE_CONTROLS.file, what, exact=exact)


def box_table(results: Results) -> ShownTable | None:
    """Show what changes at boxes of the named classes, against random places."""
    table = _table(results, PASTE_BOXES)
    if table.empty:
        return None
    texts = {"model": table["architecture"], "object": table["object"], "as": table["kind"].map(_kind),
             "at boxes of": table["class"], "pictures": table["pictures"], "% at boxes": _percents(table["box"]),
             "% at random places": _percents(table["random"]), "difference": table["difference"].map(_known),
             "interval": _interval(table, "difference", 1), "q": _q(table["q"]),
             "most often to": table["most_often"].fillna("")}  # fmt: skip
    exact = {"pictures": table["pictures"], "% at boxes": 100 * table["box"],
             "% at random places": 100 * table["random"], "difference": table["difference"],
             "q": table["q"]}  # fmt: skip
    what = "objects pasted at the centre of the surest box of a class and at one random place of the same picture"
    return make_table("Does it matter what is covered?", pd.DataFrame(texts), set(exact), PASTE_BOXES.file, what,
                      exact=exact)  # fmt: skip


def switch_table(results: Results) -> ShownTable | None:
    """Show what is switched to: objects by label."""
    table = _table(results, PASTE_SWITCHES)
    if table.empty:
        return None
    wide = table.pivot_table(index=["architecture", "object", "kind"], columns="after", values="switches",
                             aggfunc="sum", sort=False).reset_index()  # fmt: skip
    labels = [name for name in wide.columns if name not in ("architecture", "object", "kind")]
    texts = {"model": wide["architecture"], "object": wide["object"], "as": wide["kind"].map(_kind)}
    exact = {f"to {label}": wide[label] for label in labels}
    texts |= {heading: values.map(lambda n: f"{n:.0f}") for heading, values in exact.items()}
    what = "how often a picture switches to each label, all positions together"
    return make_table("What is switched to", pd.DataFrame(texts), set(exact), PASTE_SWITCHES.file, what, exact=exact)


def _kind(kind: str) -> str:
    return KIND_NAMES.get(kind, kind)


def _more(difference: float) -> str:
    points = abs(100 * difference)
    return f"{points:.0f} percentage points {'more' if difference >= 0 else 'fewer'} pictures change"


def _known(value: float, digits: int = 2) -> str:
    return "" if np.isnan(value) else number(round(value, digits) + 0.0, digits)  # no minus zero


def _q(values: pd.Series) -> pd.Series:
    return values.map(lambda value: "untested" if np.isnan(value) else p_value(value))


def _percents(values: pd.Series) -> pd.Series:
    return values.map(lambda value: "" if np.isnan(value) else f"{100 * value:.1f}")


def _interval(table: pd.DataFrame, name: str, scale: int = 100) -> list[str]:
    digits = 1 if scale == 100 else 2
    ends = zip(scale * table[f"{name}_low"], scale * table[f"{name}_high"], strict=True)
    return ["" if np.isnan(low) else f"{_known(low, digits)} to {_known(high, digits)}" for low, high in ends]


FIGURE = Figure(
    10,
    "pasted_objects",
    draw=figure_10,
    caption=caption,
    tables=(object_table, control_table, box_table, switch_table),
)
