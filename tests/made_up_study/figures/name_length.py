"""Figure 20: mean length of names by label."""

from __future__ import annotations

import plotly.graph_objects as go
from o2b_helpers.studies.made_up_study.tables import NAME_LENGTH_BY_LABEL

from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.results import Results
from o2b_helpers.report.tables import ShownTable, make_table


def draw(results: Results) -> go.Figure:
    """Draw a bar for every label."""
    table = results.table(NAME_LENGTH_BY_LABEL)
    bars = go.Bar(x=table["label"], y=table["letters"])
    return go.Figure(bars, {"width": 500, "height": 320, "title": {"text": "Figure 20", "subtitle": {"text": "bars"}}})


def caption(results: Results) -> Caption:
    """Write the words below the figure."""
    table = results.table(NAME_LENGTH_BY_LABEL)
    return Caption(
        title="Do pleasant pictures have longer names?",
        question="Is the length of a name related to valence?",
        how_to_read="A bar is the mean length of the names of pictures with one label.",
        finding=f"The longest mean is {table['letters'].max():.1f} letters.",
        limits="It says nothing about pictures.",
        origin="The figure is made up.",
    )


def lengths(results: Results) -> ShownTable:
    """Show the table behind the figure."""
    table = results.table(NAME_LENGTH_BY_LABEL)
    return make_table(
        "Length of names", table, {"pictures", "letters"}, NAME_LENGTH_BY_LABEL.file, "one for each label"
    )


FIGURE = Figure(20, "name_length", draw=draw, caption=caption, tables=(lengths,))
