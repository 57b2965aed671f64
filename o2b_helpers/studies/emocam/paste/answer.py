"""What pasted objects do to the named emotion, in words, and how sure that is."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, number
from o2b_helpers.report.tables import p_value
from o2b_helpers.studies.common.select import P_SIGNIFICANT, models, named
from o2b_helpers.studies.common.uncertainty import interval_words
from o2b_helpers.studies.emocam.paste.tables import (
    ANYWHERE,
    OBJECT_KIND,
    PASTE_BOXES,
    PASTE_CONTROLS,
    PASTE_OBJECTS,
    PASTE_POSITIONS,
)
from o2b_helpers.studies.emocam.tables import EMOTION_MODELS

MOST_MODELS, MOST_OBJECTS = 3, 3  # that are told one by one
CONTROLS = {"mean_colour": "a patch of its mean colour", "phase_scrambled": "its scrambled pixels"}


def after_pasting(results: Results) -> Answer:
    """Answer whether a pasted object changes what is named, and whether it is the object or what it covers."""
    question = "Does the network name another emotion when an object is pasted in, and is that due to the object?"
    scores = results.table(EMOTION_MODELS)
    read = {table: results.table(table) for table in (PASTE_OBJECTS, PASTE_POSITIONS, PASTE_CONTROLS, PASTE_BOXES)}
    if scores.empty or read[PASTE_OBJECTS].empty:
        return Answer(question, [Statement(text="No network was studied, so nothing was pasted.")])
    tables = {table: named(frame, scores) for table, frame in read.items()}
    whole, statements = tables[PASTE_OBJECTS], list[Statement]()
    for model in models(whole)[:MOST_MODELS]:
        rows = whole[(whole["architecture"] == model) & (whole["kind"] == OBJECT_KIND)].to_dict("records")
        for row in rows[:MOST_OBJECTS]:
            own = {table: _of(frame, model, row["object"]) for table, frame in tables.items()}
            points = (*_controls(own[PASTE_CONTROLS]), *_boxes(own[PASTE_BOXES]), *_map(row))
            said = _changes(row, own[PASTE_POSITIONS])
            statements.append(Statement(f"{isolated(row['object'])}, model {isolated(model)}", said, points))
        if len(rows) > MOST_OBJECTS:
            left = ", ".join(isolated(row["object"]) for row in rows[MOST_OBJECTS:])
            statements.append(Statement(text=f"Not told here, but in the files: {left}."))
    statements.append(
        Statement(
            text=f"In brackets: the {interval_words(results)} over pictures, or q, corrected over all objects and "
            "controls of the network, so that an interval without 0 may have a q above 0.05. Read an object against "
            "its controls: any patch may change what is named. What a control does as well is due to what is covered, "
            "or to colour, and not to the object."
        )
    )
    return Answer(question, statements)


def _of(table: pd.DataFrame, model: str, name: str) -> pd.DataFrame:
    return table[(table["architecture"] == model) & (table["object"] == name)]


def _changes(row: dict, positions: pd.DataFrame) -> str:
    """Tell how many labels change, to what, and whether the place matters."""
    text = (
        f" changes what is named in {_percent(row['share'])} of {row['pictures']:,} pictures, mean over "
        f"{row['positions']} positions ({_percent(row['share_low'])} to {_percent(row['share_high'])})"
    )
    if row["most_often"]:
        own = positions[positions["kind"] == OBJECT_KIND]
        many = int((own["most_often"] == row["most_often"]).sum())
        text += f"; most often to {isolated(row['most_often'])}, which comes first at {many} of them"
    if pd.isna(row["p"]):
        return text + "."
    sure = "differ" if row["q"] < P_SIGNIFICANT else "do not differ beyond chance"
    return text + f". Positions {sure} (Cochran’s Q, q {p_value(row['q'])})."


def _controls(tests: pd.DataFrame) -> tuple[str, ...]:
    rows = tests[tests["position"] == ANYWHERE].to_dict("records")
    if not rows:
        return ()
    against = [
        f"{_points(row['difference'])} percentage points ({_points(row['difference_low'])} to "
        f"{_points(row['difference_high'])}) against {CONTROLS.get(row['control'], row['control'])} (q "
        f"{p_value(row['q'])})"
        for row in rows
    ]
    more = [row["difference"] > 0 and row["q"] < P_SIGNIFICANT for row in rows]
    if all(more):
        verdict = "It is the object: more labels change than with each control"
    elif any(more):
        verdict = "It is in part the object: more labels change than with one control, but not with each"
    elif any(row["difference"] > 0 for row in rows):
        verdict = "It is not known whether it is the object: the difference from the controls may be chance"
    else:
        verdict = "It is not shown to be the object: no more labels change than with controls"
    many = int(rows[0]["pictures"])
    return (f"{verdict}. Pictures of {many:,} that change at some position: {', '.join(against)}.",)


def _boxes(boxes: pd.DataFrame) -> tuple[str, ...]:
    said = []
    for row in boxes[(boxes["kind"] == OBJECT_KIND) & boxes["p"].notna()].to_dict("records"):
        verdict = "it matters what is covered" if row["q"] < P_SIGNIFICANT else "the difference may be chance"
        said.append(
            f"At boxes of {isolated(row['class'])} it changes {_percent(row['box'])} of {row['pictures']:,} pictures, "
            f"at random places {_percent(row['random'])}: {verdict} (difference {_points(row['difference_low'])} to "
            f"{_points(row['difference_high'])} percentage points, q {p_value(row['q'])})."
        )
    return tuple(said)


def _map(row: dict) -> tuple[str, ...]:
    if pd.isna(row["cam_change"]):
        return ()
    return (
        f"The share of the class activation map in the pasted box goes from {number(row['cam_before'])} to "
        f"{number(row['cam_after'])} (change {number(row['cam_change'])}, {number(row['cam_change_low'])} to "
        f"{number(row['cam_change_high'])}).",
    )


def _points(difference: float) -> str:
    return f"{100 * difference:+.0f}".replace("-", "−")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
