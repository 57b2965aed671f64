"""The controls of the full models: marks in figure 1, a sentence, and the table below the figure."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.facts import counted
from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import MUTED, number, safe
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.alignment.controls.untrained import UNTRAINED
from o2b_helpers.studies.alignment.tables import ALIGNMENT, ALIGNMENT_CONTROLS
from o2b_helpers.studies.common.select import P_SIGNIFICANT, models, named
from o2b_helpers.studies.common.uncertainty import interval_words

RANGE_WIDTH = 9  # of the bar of untrained networks, in pixels
RANGE_OPACITY = 0.22


def controls(results: Results) -> pd.DataFrame:
    """Return alignment_controls.csv with unique names of models."""
    return named(results.table(ALIGNMENT_CONTROLS), results.table(ALIGNMENT))


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the targets of trained models for which there are untrained networks."""
    return table[table["p_untrained"].notna() & (table["weights"] != UNTRAINED)]


def untrained_ranges(rows: pd.DataFrame, sources: Sequence[str], offset: float, colour: str, group: str) -> go.Scatter:
    """Build the pale bars from the smallest to the largest rho of untrained networks, of one model in one panel."""
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for row in rows.itertuples():
        place = sources.index(row.source) + offset
        said = (
            f"<b>{counted(int(row.untrained_seeds), 'untrained network')}</b>, {safe(row.target)}<br>"
            f"rho {number(row.untrained_low)} to {number(row.untrained_high)}, mean {number(row.untrained_mean)}<br>"
            f"{safe(row.architecture)}: rank p {p_value(row.p_untrained)}"
        )
        x, y, text = (
            [*x, place, place, None],
            [*y, row.untrained_low, row.untrained_high, None],
            [*text, said, said, ""],
        )
    return go.Scatter(
        x=x, y=y, mode="lines", line={"color": colour, "width": RANGE_WIDTH}, opacity=RANGE_OPACITY, hovertext=text,
        hovertemplate="%{hovertext}<extra></extra>", showlegend=False, legendgroup=group,
    )  # fmt: skip


def low_level_lines(rows: pd.DataFrame, sources: Sequence[str], width: float) -> go.Scatter:
    """Build the dotted lines at the rho of the low-level control in one panel."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row in rows.drop_duplicates("target").dropna(subset=["low_level_rho"]).itertuples():
        place = sources.index(row.source)
        x, y = [*x, place - width / 2, place + width / 2, None], [*y, row.low_level_rho, row.low_level_rho, None]
    return go.Scatter(
        x=x, y=y, mode="lines", line={"color": MUTED, "width": 1.2, "dash": "dot"}, hoverinfo="skip", showlegend=False,
        legendgroup="low level",
    )  # fmt: skip


def controls_legend(grid: PanelGrid, table: pd.DataFrame) -> None:
    """Add the controls that are drawn to the legend."""
    if len(ranked(table)):
        marker = {"symbol": "square", "color": MUTED, "size": 12, "opacity": 2 * RANGE_OPACITY}
        grid.traces.append(legend_entry("untrained networks", marker, "untrained"))
    marker = {"symbol": "line-ew-open", "color": MUTED, "size": 12, "line": {"color": MUTED, "width": 1.2}}
    grid.traces.append(legend_entry("low-level features", marker, "low level"))


def controls_in_words(results: Results) -> str:
    """Say how the models stand against untrained networks and low-level features."""
    table, said = controls(results), []
    among = ranked(table)
    for model in models(among):
        mine = among[among["architecture"] == model]
        above = int((mine["rho"] > mine["untrained_high"]).sum())
        networks = counted(int(mine["untrained_seeds"].max()), "network")
        said.append(f"{model} is above all of {networks} with drawn weights on {above} of {len(mine)} targets.")
    tested = table[table["p_partial"].notna()]
    for model in models(tested):
        mine = tested[tested["architecture"] == model]
        beyond = int(((mine["q_partial"] < P_SIGNIFICANT) & (mine["partial_rho"] > 0)).sum())
        said.append(
            f"Beyond low-level features of the pictures, {model} agrees with {beyond} of {len(mine)} targets "
            f"(q < {P_SIGNIFICANT})."
        )
    return " ".join(said)


def controls_table(results: Results) -> ShownTable | None:
    """Show every full model beside its controls."""
    table = controls(results)
    if table.empty:
        return None
    shown = {
        "rho": "mean rho", "untrained_mean": "untrained, mean", "untrained_low": "untrained, lowest",
        "untrained_high": "untrained, highest", "low_level_rho": "low-level rho", "partial_rho": "rho beyond low-level",
        "ci_low": "lowest", "ci_high": "highest",
    }  # fmt: skip
    tested = {"p_untrained": "rank p", "q_partial": "q beyond low-level"}
    frame = pd.DataFrame(
        {
            "model": table["architecture"], "weights": table["weights"], "target": table["target"],
            "seeds": table["untrained_seeds"].map(lambda v: f"{v:.0f}"),
            **{heading: table[column].map(lambda v: number(v, 3)) for column, heading in shown.items()},
            **{heading: table[column].map(p_value) for column, heading in tested.items()},
        }
    )  # fmt: skip
    exact = {heading: table[column] for column, heading in (shown | tested).items()}
    what = (
        "mean over runs beside networks with drawn weights and beside low-level features; rho beyond them has its "
        f"{interval_words(results)} over stimuli and runs"
    )
    return make_table("Models and controls", frame, {"seeds", *exact}, ALIGNMENT_CONTROLS.file, what, exact=exact)
