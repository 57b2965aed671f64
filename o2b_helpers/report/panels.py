"""A grid of small panels laid out in pixels, so that labels keep their room whatever the number of panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from o2b_helpers.report.style import (
    FONT,
    MUTED,
    RULE,
    SIZE_HEADING,
    SIZE_SMALL,
    SIZE_TEXT,
    SIZE_TITLE,
    TEXT,
    ZERO,
)

LEGEND_WIDTH = 215


@dataclass
class PanelGrid:
    """Panels in rows and columns, all measures in pixels.

    Attributes
    ----------
    rows, columns : int
        Number of panels each way.
    width, height : int
        Size of one panel.
    column_gap, row_gap : int
        Room between panels.
    group : int
        Columns per group; groups stand ``group_gap`` further apart (0: no groups).
    row_group : int
        Rows per group; groups stand ``row_group_gap`` further apart (0: no groups).
    left, right, top, bottom : int
        Margins; ``top`` holds title and headings.
    """

    rows: int
    columns: int
    width: int = 240
    height: int = 170
    column_gap: int = 14
    row_gap: int = 40
    group: int = 0
    group_gap: int = 34
    row_group: int = 0
    row_group_gap: int = 0
    left: int = 80
    right: int = LEGEND_WIDTH
    top: int = 120
    bottom: int = 70
    traces: list[Any] = field(default_factory=list)
    layout: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plot_width = self._x(self.columns - 1) + self.width
        self.plot_height = self._y(self.rows - 1) + self.height
        # Kept as plain lists until the end: Plotly checks a whole figure much faster than piece by piece.
        self.layout |= {
            "width": self.left + self.plot_width + self.right,
            "height": self.top + self.plot_height + self.bottom,
            "margin": {"l": self.left, "r": self.right, "t": self.top, "b": self.bottom, "autoexpand": False},
            "font": {"family": FONT, "size": SIZE_TEXT, "color": TEXT},
            "paper_bgcolor": "white",
            "plot_bgcolor": "white",
            "hoverlabel": {"font": {"family": FONT, "size": SIZE_TEXT}, "align": "left", "namelength": -1},
            "legend": {
                "x": 1 + 16 / self.plot_width, "y": 1, "xanchor": "left", "yanchor": "top", "tracegroupgap": 6,
                "title": {"font": {"size": SIZE_TEXT}},
            },
            "shapes": [],
            "annotations": [],
        }  # fmt: skip

    def finish(self, **layout: Any) -> go.Figure:
        """Build the figure; `layout` is added to its layout."""
        for place, trace in enumerate(self.traces):
            trace.uid = f"t{place}"  # else Plotly draws one by lot, and no SVG is the same twice
        return go.Figure(self.traces, self.layout | layout)

    def _x(self, column: int) -> float:
        groups = column // self.group if self.group else 0
        return column * (self.width + self.column_gap) + groups * self.group_gap

    def _y(self, row: int) -> float:
        groups = row // self.row_group if self.row_group else 0
        return row * (self.height + self.row_gap) + groups * self.row_group_gap

    def number(self, row: int, column: int) -> str:
        """Return the suffix of the panel's axes ("" for the first, then "2", "3", ...)."""
        index = row * self.columns + column + 1
        return "" if index == 1 else str(index)

    def axes(self, row: int, column: int, x: dict, y: dict) -> None:
        """Place one panel; `x` and `y` are added to the axes' looks."""
        suffix = self.number(row, column)
        left, top = self._x(column) / self.plot_width, 1 - self._y(row) / self.plot_height
        looks = {"gridcolor": RULE, "zerolinecolor": ZERO, "zerolinewidth": 1, "linecolor": ZERO, "ticks": ""}
        looks["tickfont"] = {"size": SIZE_SMALL}
        right, bottom = left + self.width / self.plot_width, top - self.height / self.plot_height
        x_place = {"domain": [left, min(right, 1)], "anchor": f"y{suffix}"}
        y_place = {"domain": [max(bottom, 0), top], "anchor": f"x{suffix}"}
        for letter, place, own in (("x", x_place, x), ("y", y_place, y)):
            if "title" in own:
                own = own | {"title": {"text": own["title"], "standoff": 6, "font": {"size": SIZE_SMALL}}}
            self.layout[f"{letter}axis{suffix}"] = looks | place | own

    def add(self, trace: Any, row: int, column: int) -> None:
        """Put a trace into a panel."""
        suffix = self.number(row, column)
        self.traces.append(trace.update(xaxis=f"x{suffix}", yaxis=f"y{suffix}"))

    def separate(self, row: int, column: int, count: int, direction: str) -> None:
        """Draw hairlines between the `count` places of a panel's ``x`` or ``y`` axis."""
        suffix, other = self.number(row, column), "y" if direction == "x" else "x"
        line = {"type": "line", "line": {"color": RULE, "width": 1}, "layer": "below", f"{other}0": 0, f"{other}1": 1}
        line |= {f"{direction}ref": f"{direction}{suffix}", f"{other}ref": f"{other}{suffix} domain"}
        for place in range(1, count):
            self.layout["shapes"].append(line | {f"{direction}0": place - 0.5, f"{direction}1": place - 0.5})

    def text(self, text: str, x: float, y: float, *, size: int = SIZE_TEXT, anchor: str = "left", **looks) -> None:
        """Write text at `x`, `y` pixels right of and below the top left corner of the panels."""
        self.layout["annotations"].append(
            {
                "text": text, "x": x / self.plot_width, "y": 1 - y / self.plot_height, "xref": "paper", "yref": "paper",
                "xanchor": anchor, "yanchor": "bottom", "showarrow": False, "align": anchor,
                "font": {"size": size} | looks,
            }
        )  # fmt: skip

    def title(self, title: str, subtitle: str) -> None:
        """Write the title and, below it, how the marks are to be read (one line per ``<br>``)."""
        self.layout["title"] = {
            "text": f"<b>{title}</b>", "x": 0, "xref": "container", "xanchor": "left", "y": 1, "yref": "container",
            "yanchor": "top", "pad": {"t": 16, "l": 16}, "font": {"size": SIZE_TITLE},
            "subtitle": {"text": subtitle, "font": {"size": SIZE_TEXT, "color": MUTED}},
        }  # fmt: skip

    def group_heading(self, group: int, text: str, above: int) -> None:
        """Write a heading over one group of columns, `above` pixels above the panels."""
        first, last = group * self.group, (group + 1) * self.group - 1
        middle = (self._x(first) + self._x(last) + self.width) / 2
        self.text(f"<b>{text}</b>", middle, -above, size=SIZE_HEADING, anchor="center")

    def column_heading(self, column: int, text: str, above: int, size: int = SIZE_TEXT) -> None:
        """Write a heading over one column of panels, `above` pixels above them."""
        self.text(text, self._x(column) + self.width / 2, -above, size=size, anchor="center")

    def headings(self, groups: Sequence[str], columns: Sequence[str]) -> None:
        """Write headings in two lines: one over each group of columns, below it one over each column of a group."""
        for group, text in enumerate(groups):
            self.group_heading(group, text, above=54)
        for column in range(self.columns):
            self.column_heading(column, columns[column % len(columns)], above=28)

    def row_heading(self, row: int, text: str) -> None:
        """Write a heading over the left end of one row of panels."""
        self.text(f"<b>{text}</b>", 0, self._y(row) - 4)


def legend_entry(name: str, marker: dict[str, Any], group: str) -> go.Scatter:
    """Make a trace that shows in the legend only and switches the traces of its group; the name is escaped already."""
    return go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=name, hoverinfo="skip", legendgroup=group)
