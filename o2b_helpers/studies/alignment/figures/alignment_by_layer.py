"""Figure 2: how the agreement changes from early to late layers; with its caption and the table below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.facts import counted
from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import DASHES, SOURCE_COLOURS, SYMBOLS, cycle, faint, number, offsets, safe
from o2b_helpers.report.tables import ShownTable
from o2b_helpers.studies.alignment.figures.alignment_by_architecture import rho_limits
from o2b_helpers.studies.alignment.figures.ceiling_bands import (
    ceiling_bands,
    ceiling_legend,
    ceilings_in_words,
    known_ceilings,
)
from o2b_helpers.studies.alignment.figures.heads import kept_heads_table
from o2b_helpers.studies.alignment.figures.over_runs import over_runs_table, summary_over_runs
from o2b_helpers.studies.alignment.tables import ALIGNMENT, LAYER_ALIGNMENT, LAYER_ALIGNMENT_SUMMARY
from o2b_helpers.studies.common.names import long_name, ordered
from o2b_helpers.studies.common.options import FULL_UNDER_LAYER_RULES, LAYER_RULES
from o2b_helpers.studies.common.select import FULL, chosen_models, last_layer, layers, models, models_left_out, named
from o2b_helpers.studies.common.sources import SOURCE_LEGEND, source_lines
from o2b_helpers.studies.common.target_order import ordered_sources, target_parts
from o2b_helpers.studies.common.uncertainty import interval_words

TITLE = "Figure 2. Where in the network does the agreement arise?"
MOST_MODELS = 4
SPREAD = 0.36  # of the marks of the sources in one layer
BANDS = 0.7  # of the place behind the full model, shared by the sources
HOVER = (
    "<b>%{customdata[0]}</b>, %{customdata[1]}<br>%{customdata[2]}<br>mean rho %{customdata[3]}, "
    "sd %{customdata[4]} over %{customdata[5]} runs%{customdata[6]}<extra></extra>"
)


def figure_2(results: Results, architectures: Sequence[str] | None = None) -> go.Figure:
    """Draw Spearman's rho of the layer models from the first to the last layer.

    One panel per valence type (rows), condition and model (columns; congruent left, incongruent right); one line
    per source; mean over runs (the paper, section 2.2.3 and figure 2) with its interval over runs and stimuli (ours;
    the paper draws the standard deviation over runs). Behind the last layer stands the full model, trained as the
    layer models are; it has no cut and is not joined to the line. Behind it stands the noise ceiling of every source
    where it is known (ours).

    Parameters
    ----------
    results : Results
        Needs targets.csv, ceilings.csv, layer_alignment.csv, alignment.csv and layer_alignment_summary.csv.
    architectures : sequence of str, optional
        The models to draw; at most the first four of the results where nothing is given.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    table, ceilings = _with_layer_models(results), known_ceilings(results)
    names = chosen_models(table, architectures, MOST_MODELS, "layer models")
    parts = target_parts(results)
    types, conditions = (ordered(parts[c], c) for c in ("valence_type", "condition"))
    sources = ordered_sources(results)
    summary = summary_over_runs(results)
    summary = summary.drop_duplicates(["architecture", "layer", "valence_type", "source", "condition"])
    shown = summary[summary["architecture"].isin(names)]
    ends = [shown["low"], shown["high"], shown["mean"], ceilings["ceiling_high"]]
    low, high = rho_limits(pd.concat([part.astype(float) for part in ends if len(part)]))
    what = interval_words(results)
    grid = PanelGrid(
        len(types), len(names) * len(conditions), width=max(210, 400 // len(names)), height=170, group=len(names),
        top=165, row_gap=46, bottom=90, right=150,
    )  # fmt: skip
    for column in range(grid.columns):
        condition, model = conditions[column // len(names)], names[column % len(names)]
        steps = [*layers(table, model), FULL]
        ticks = [*steps, *(["<i>ceiling</i>"] if len(ceilings) else [])]
        for row, valence_type in enumerate(types):
            last = row == len(types) - 1
            x = {
                "tickvals": list(range(len(ticks))),
                "ticktext": [safe(step, 18) for step in steps] + ticks[len(steps) :],
                "tickangle": -40,
                "range": [-0.4, len(ticks) - 0.6],
                "showgrid": False,
                "zeroline": False,
                "showticklabels": last,
            }
            y = {"range": [low, high], "showticklabels": column == 0, "dtick": 0.2}
            if column == 0:
                y["title"] = "Spearman’s rho"
            grid.axes(row, column, x, y)
            panel = shown[
                (shown["architecture"] == model) & (shown["condition"] == condition)
                & (shown["valence_type"] == valence_type)
            ]  # fmt: skip
            known = ceilings[(ceilings["condition"] == condition) & (ceilings["valence_type"] == valence_type)]
            ranks = [sources.index(source) for source in known["source"]]
            places = [len(steps) + offsets(len(sources), BANDS * (1 - 1 / len(sources)))[rank] for rank in ranks]
            colours = [cycle(SOURCE_COLOURS, rank) for rank in ranks]
            ceiling_bands(grid, row, column, known, places, 0.86 * BANDS / len(sources), colours)
            for position, source in enumerate(sources):
                line = panel[panel["source"] == source].set_index("layer").reindex(steps)
                shift = offsets(len(sources), SPREAD)[position]
                for part in _line(line, model, position, shift, what):
                    grid.add(part, row, column)
    grid.headings([safe(condition, 40) for condition in conditions], [safe(name, 26) for name in names])
    for row, valence_type in enumerate(types):
        grid.row_heading(row, long_name(valence_type))
    source_lines(grid, sources)
    runs = " or ".join(str(int(n)) for n in sorted(shown["runs"].unique()))
    bars = f"bars: its {what} over runs and stimuli"
    lines = f"Mean over {runs} runs; {bars}. Layers from input (left) to output (right); “full” is the full model, "
    lines += "trained by the same rules."
    if len(ceilings):
        lines += "<br>“ceiling”: noise ceiling of each source, the most that people’s agreement allows."
        ceiling_legend(grid)
    grid.title(TITLE, lines + models_left_out(table, names))
    return grid.finish(legend=grid.layout["legend"] | SOURCE_LEGEND, barmode="overlay")


def _line(line: pd.DataFrame, model: str, position: int, shift: float, interval: str) -> list[go.Scatter]:
    """Build one source's line over the layers and its single mark for the full model."""
    colour = cycle(SOURCE_COLOURS, position)
    text = [
        [safe(model), safe(layer), safe(r.target), number(r.mean, 3), number(r.sd, 3), int(r.runs),
         f"<br>{interval} {number(r.low)} to {number(r.high)}<br>over runs and stimuli"]
        if isinstance(r.target, str) else [""] * 7
        for layer, r in zip(line.index, line.itertuples(), strict=True)
    ]  # fmt: skip
    places = np.arange(len(line)) + shift
    up, down = (line["high"] - line["mean"]).fillna(0), (line["mean"] - line["low"]).fillna(0)
    error = {"thickness": 1, "width": 0, "color": faint(colour)}
    traces = []
    for part, mode in ((slice(0, -1), "lines+markers"), (slice(-1, None), "markers")):
        traces.append(
            go.Scatter(
                x=places[part].tolist(), y=line["mean"].iloc[part].tolist(), mode=mode,
                error_y=error | {"array": up.iloc[part].tolist(), "arrayminus": down.iloc[part].tolist()},
                line={"color": colour, "width": 1.6, "dash": cycle(DASHES, position)},
                marker={"symbol": cycle(SYMBOLS, position), "size": 7, "color": colour},
                customdata=text[part], hovertemplate=HOVER, showlegend=False, legendgroup=f"source {position}",
            )
        )  # fmt: skip
    return traces


def caption(results: Results) -> Caption:
    """Say what figure 2 asks and shows."""
    table = _with_layer_models(results)
    mean = table.groupby(["architecture", "layer", "target"], sort=False)["rho"].agg(["mean", "std", "count"])
    mean, whole = mean.drop(FULL, level="layer", errors="ignore"), table[table["layer"] == FULL]
    whole = whole.groupby("architecture")["rho"].mean()
    spread = summary_over_runs(results).set_index(["architecture", "layer", "target"])
    sentences = []
    for model in models(table):
        mine = mean.loc[model].dropna(subset=["mean"])
        if mine.empty:
            sentences.append(f"{model}: no layer has a defined rho.")
            continue
        layer, target = mine["mean"].idxmax()
        top = mine.loc[(layer, target)]
        first, last = layers(table, model)[0], last_layer(table, model)
        by_layer = mine["mean"].groupby("layer").mean()
        start, end = (number(by_layer.get(name, float("nan"))) for name in (first, last))
        sentences.append(
            f"{model}: averaged over all targets, rho goes from {start} in the first layer ({first}) to {end} in the "
            f"last ({last}), and is {number(whole.get(model, float('nan')))} in the full model. Highest layer: "
            f"{target} in {layer}, mean {number(top['mean'])}, "
            f"sd {number(top['std'])} over {counted(int(top['count']), 'run')}, "
            f"interval {_ends(spread.loc[(model, layer, target)])}."
        )
    return Caption(
        title="Where in the network does the agreement arise?",
        question="Do early and late layers of a network agree with early and late stages of the brain?",
        how_to_read=(
            "Each panel is one valence type (rows), one condition and one model (columns). From left to right the "
            "layers go from input to output. A line is one source of the target; a mark is the mean rho of the models "
            f"trained on that layer, a bar its {interval_words(results)} over runs and stimuli. The mark at “full” is "
            "the whole network, trained by the rules of the layer models; figures 3 and 4 look into this model, and "
            "figure 1 shows another, trained by rules of its own. At “ceiling” stands each source’s noise ceiling with "
            "its interval: where a model would come out that knew the order of the stimuli without any error."
        ),
        finding=" ".join([*sentences, ceilings_in_words(results)]).strip(),
        limits=(
            "Two layers share their stimuli, so bars that overlap do not rule out a difference, and the highest of "
            "many marks is high partly by luck. Learning rates and output unit of “full” may differ "
            "from those of the layers. No significance is marked here; p and q of every run are in layer_alignment.csv."
        ),
        origin=(
            "Layers, “full”, training rules, mean and sd over runs are the paper’s (section 2.2.3). Intervals over "
            "runs and stimuli, and noise ceilings are ours."
        ),
    )


def _with_layer_models(results: Results) -> pd.DataFrame:
    """Return layer_alignment.csv of the models that have layer models; names are unique."""
    table = named(results.table(LAYER_ALIGNMENT), results.table(ALIGNMENT))
    return table[table["architecture"].isin(table.loc[table["layer"] != FULL, "architecture"])]


def _ends(row: pd.Series) -> str:
    return f"{number(row['low'])} to {number(row['high'])}"


def layer_table(results: Results) -> ShownTable | None:
    """Show rho of the layer models, mean over runs with its interval; None where there is no layer model."""
    return over_runs_table(results, "Agreement by layer", LAYER_ALIGNMENT_SUMMARY, "layer")


def layer_heads_table(results: Results) -> ShownTable | None:
    """Show the kept head of every run of layer models and full models under their rules; None where there is none."""
    if results.table(LAYER_ALIGNMENT).empty:
        return None
    what = "the kept head of every run, measured on its held-out pictures; “full” is trained as layer models are"
    rules = [LAYER_RULES, FULL_UNDER_LAYER_RULES]
    return kept_heads_table(results, "How well the layer models learned valence", rules, what)


FIGURE = Figure(2, "alignment_by_layer", draw=figure_2, caption=caption, tables=(layer_table, layer_heads_table))
