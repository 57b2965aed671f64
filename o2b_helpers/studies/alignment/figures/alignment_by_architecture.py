"""Figure 1: how far every model agrees with every target; with its caption and the tables below it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from o2b_helpers.core.facts import counted
from o2b_helpers.core.study import Figure
from o2b_helpers.report.caption import Caption
from o2b_helpers.report.panels import PanelGrid, legend_entry
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import (
    MODEL_COLOURS,
    SIZE_HEADING,
    SYMBOLS,
    cycle,
    number,
    offsets,
    safe,
)
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.alignment.figures.ceiling_bands import (
    ceiling_bands,
    ceiling_legend,
    ceiling_table,
    ceilings_in_words,
    known_ceilings,
)
from o2b_helpers.studies.alignment.figures.contrasts import contrasts_in_words, contrasts_table
from o2b_helpers.studies.alignment.figures.controls import (
    controls,
    controls_in_words,
    controls_legend,
    controls_table,
    low_level_lines,
    ranked,
    untrained_ranges,
)
from o2b_helpers.studies.alignment.figures.heads import heads_table
from o2b_helpers.studies.alignment.figures.kept_heads import best_alignment, chosen_on
from o2b_helpers.studies.alignment.figures.over_runs import full_intervals, over_runs_table
from o2b_helpers.studies.alignment.tables import ALIGNMENT, ALIGNMENT_SUMMARY, HEADS
from o2b_helpers.studies.common.beyond_chance import beyond_chance
from o2b_helpers.studies.common.names import long_name, ordered
from o2b_helpers.studies.common.select import P_SIGNIFICANT, models, named
from o2b_helpers.studies.common.target_order import ordered_sources, target_parts
from o2b_helpers.studies.common.uncertainty import interval_words, mark_words

BAND_WIDTH = 0.92
TITLE = "Figure 1. Do the models agree with people and their brains?"
HOVER = (
    "<b>%{customdata[0]}</b> (%{customdata[1]}), run %{customdata[2]}%{customdata[3]}<br>%{customdata[4]}<br>"
    "rho %{customdata[5]}, n = %{customdata[6]}<br>p %{customdata[7]}, by permutation %{customdata[8]}<br>"
    "q %{customdata[9]}, family-wise p %{customdata[10]}<extra></extra>"
)


def figure_1(results: Results, mark: str = "q") -> go.Figure:
    """Draw Spearman's rho of all full models on all targets.

    Rows are valence types, columns conditions (congruent left, incongruent right), and within a panel the sources
    of the target stand side by side (the paper, section 2.2.2 and figure 1). A large mark is the model's best run
    (lowest kept test error); small ones are its other runs [ours]. A thin bar is the interval of the mean over runs
    and stimuli, a grey band the noise ceiling where it is known [ours].

    Parameters
    ----------
    results : Results
        Needs targets.csv, ceilings.csv, heads.csv, alignment.csv, alignment_summary.csv and alignment_controls.csv.
    mark : {"q", "p"}
        Filled marks have q < 0.05 (permutations, Benjamini-Hochberg over the table; ours) or, as in the paper,
        p < 0.05, not corrected for the number of tests.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    InputError
        Results that are not there, or another mark.
    """
    filled = mark_words(mark)
    table, ceilings = named(results.table(ALIGNMENT), results.table(ALIGNMENT)), known_ceilings(results)
    bars, what, held_against = full_intervals(results), interval_words(results), controls(results)
    drawn = ranked(held_against)
    best = {row.architecture: row.run for row in best_alignment(results).itertuples()}
    parts = target_parts(results)
    names = models(table)
    types, conditions = (ordered(parts[column], column) for column in ("valence_type", "condition"))
    sources = ordered_sources(results)
    width = int(np.clip(len(sources) * (30 + 11 * len(names)), 300, 620))
    grid = PanelGrid(len(types), len(conditions), width=width, height=190, column_gap=24, top=150, row_gap=46)
    places = dict(zip(names, offsets(len(names), min(0.74, 0.16 * len(names))), strict=True))
    ends = [ceilings["ceiling_high"], bars["ci_low"], bars["ci_high"], held_against["low_level_rho"]]
    ends += [drawn["untrained_low"], drawn["untrained_high"]]
    low, high = rho_limits(pd.concat([part.astype(float) for part in (table["rho"], *ends) if len(part)]))
    for column, condition in enumerate(conditions):
        of_condition = parts["condition"] == condition
        grid.column_heading(column, f"<b>{safe(condition, 40)}</b>{_sizes(table, condition)}", 32, SIZE_HEADING)
        for row, valence_type in enumerate(types):
            x = {
                "tickvals": list(range(len(sources))),
                "ticktext": [safe(source, 16) for source in sources],
                "range": [-0.5, len(sources) - 0.5],
                "showgrid": False,
                "zeroline": False,
            }
            if row == len(types) - 1:
                x["title"] = "source of the target"
            y = {"range": [low, high], "showticklabels": column == 0, "dtick": 0.2}
            if column == 0:
                y["title"] = "Spearman’s rho"
            grid.axes(row, column, x, y)
            chosen = parts[of_condition & (parts["valence_type"] == valence_type)]
            grid.separate(row, column, len(sources), "x")
            known = ceilings[ceilings.index.isin(chosen.index)]
            ceiling_bands(grid, row, column, known, [sources.index(s) for s in known["source"]], BAND_WIDTH)
            grid.add(low_level_lines(_of(held_against, chosen), sources, BAND_WIDTH), row, column)
            for position, model in enumerate(names):
                control = _of(drawn[drawn["architecture"] == model], chosen)
                if len(control):
                    colour, group = cycle(MODEL_COLOURS, position), f"model {position}"
                    grid.add(untrained_ranges(control, sources, places[model], colour, group), row, column)
                rows = table[(table["architecture"] == model) & table["target"].isin(chosen.index)]
                own = bars[(bars["architecture"] == model) & bars["target"].isin(chosen.index)]
                grid.add(_interval(own, sources, places[model], position, what), row, column)
                for part in _marks(rows, best.get(model), mark, sources, places[model], position):
                    grid.add(part, row, column)
    for row, valence_type in enumerate(types):
        grid.row_heading(row, long_name(valence_type))
    _legend(grid, names)
    lines = f"Large mark: the model’s best run. Small marks: its other runs. Filled: {filled}."
    lines += f"<br>Thin bar: mean over runs and its {what} over runs and stimuli."
    if len(ceilings):
        lines += " Grey: noise ceiling, the most that people’s agreement allows."
        ceiling_legend(grid)
    lines += f"<br>{'Pale bar: networks with drawn weights. ' * (len(drawn) > 0)}Dotted: low-level picture features."
    controls_legend(grid, held_against)
    grid.title(TITLE, lines)
    return grid.finish(barmode="overlay")


def _of(table: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of some targets; `targets` is indexed by their names."""
    return table[table["target"].isin(targets.index)]


def _interval(rows: pd.DataFrame, sources: list[str], offset: float, position: int, what: str) -> go.Scatter:
    """Build the thin bars of one model in one panel: the interval of its mean over runs."""
    colour, mean = cycle(MODEL_COLOURS, position), rows["rho"]
    return go.Scatter(
        x=[sources.index(source) + offset for source in rows["source"]], y=mean.tolist(), mode="markers",
        marker={"symbol": "line-ew-open", "size": 7, "color": colour, "line": {"width": 1.2}},
        error_y={
            "array": (rows["ci_high"] - mean).tolist(), "arrayminus": (mean - rows["ci_low"]).tolist(),
            "thickness": 1, "width": 0, "color": colour,
        },
        opacity=0.6,
        hovertext=[
            f"<b>{safe(r.architecture)}</b>, mean over {int(r.runs)} runs<br>{safe(r.target)}<br>"
            f"rho {number(r.rho, 3)}, {what} {number(r.ci_low)} to {number(r.ci_high)}<br>over runs and stimuli"
            for r in rows.itertuples()
        ],
        hovertemplate="%{hovertext}<extra></extra>", showlegend=False, legendgroup=f"model {position}",
    )  # fmt: skip


def _marks(
    rows: pd.DataFrame, best: int | None, mark: str, sources: list[str], offset: float, position: int
) -> list[go.Scatter]:
    """Build the other runs' small marks and, on top, the best run's large ones of one model in one panel."""
    colour, symbol = cycle(MODEL_COLOURS, position), cycle(SYMBOLS, position)
    traces = []
    for is_best in (False, True):
        part = rows[(rows["run"] == best) == is_best]
        filled = (part[mark] < P_SIGNIFICANT).to_numpy()
        marker = {
            "symbol": [symbol if yes else f"{symbol}-open" for yes in filled],
            "color": colour,
            "size": 11 if is_best else 5,
            "opacity": 1.0 if is_best else 0.55,
            "line": {"width": 1.6 if is_best else 0.9, "color": colour},
        }
        text = [
            [safe(r.architecture), safe(r.weights), r.run, " (best)" if is_best else "", safe(r.target),
             number(r.rho, 3), int(r.n), _small(r.p), _small(r.p_perm), _small(r.q), _small(r.p_fwer)]
            for r in part.itertuples()
        ]  # fmt: skip
        traces.append(
            go.Scatter(
                x=[sources.index(source) + offset for source in part["source"]], y=part["rho"].tolist(),
                mode="markers", marker=marker, customdata=text, hovertemplate=HOVER, showlegend=False,
                legendgroup=f"model {position}",
            )
        )  # fmt: skip
    return traces


def _legend(grid: PanelGrid, names: list[str]) -> None:
    for position, model in enumerate(names):
        marker = {"symbol": cycle(SYMBOLS, position), "color": cycle(MODEL_COLOURS, position), "size": 10}
        grid.traces.append(legend_entry(safe(model, 26), marker, f"model {position}"))


def rho_limits(rho: pd.Series) -> tuple[float, float]:
    """Round the range of rho out to tenths, zero always inside."""
    low, high = min(rho.min(), 0), max(rho.max(), 0)
    if np.isnan(low) or np.isnan(high):
        return -1.0, 1.0
    return max(np.floor((low - 0.06) * 10) / 10, -1.08), min(np.ceil((high + 0.06) * 10) / 10, 1.08)


def _sizes(table: pd.DataFrame, condition: str) -> str:
    sizes = table.loc[table["condition"] == condition, "n"].dropna().astype(int)
    if sizes.empty:
        return ""
    low, high = sizes.min(), sizes.max()
    return f" (n = {low} stimuli)" if low == high else f" (n = {low} to {high} stimuli)"


def _small(value: float) -> str:
    return "&lt; 0.001" if value < 0.001 else number(value, 3)


def caption(results: Results) -> Caption:
    """Say what figure 1 asks and shows."""
    chosen = chosen_on(results.table(HEADS))
    pictures = "held-out pictures" if chosen == "test" else "the pictures that chose its epoch and rate"
    bars = f" The thin bar is the mean over runs with its {interval_words(results)} over runs and stimuli."
    return Caption(
        title="Do the models agree with people and their brains?",
        question="If a model finds one picture more pleasant than another, do people and their brain signals agree?",
        how_to_read=(
            "Each panel is one valence type (rows) and one condition (columns). Within a panel, targets stand side by "
            "side by their source. Height is Spearman’s rho between a model’s predictions and the target over the "
            "stimuli of that condition: 1 is the same order, 0 no relation, −1 the opposite order. The large mark is "
            f"the model’s best run, the one with the lowest error on {pictures}; small marks are its other "
            f"runs.{bars} Filled marks have q below 0.05, corrected over all runs, models and targets: if "
            "all of them are called real, at most one in twenty of "
            "those calls is expected to be wrong. A grey band is the noise ceiling: where a model would come out that "
            "knew the order of the stimuli without any error; people do not agree well enough for more. A pale bar "
            "goes from the smallest to the largest rho of networks whose weights were drawn at random; a dotted line "
            "is what brightness, contrast, colour and edges of the pictures reach by a ridge regression on the same "
            "labels."
        ),
        finding=" ".join(
            filter(
                None,
                [
                    *alignment_in_words(results),
                    contrasts_in_words(results),
                    controls_in_words(results),
                    ceilings_in_words(results),
                ],
            )
        ),
        limits=(
            "An open mark does not say that there is no agreement: with few stimuli a moderate correlation is easily "
            "missed. The uncorrected p of the paper appears when you point at a mark; by it alone one test in twenty "
            "comes out below 0.05 by chance. The small marks show how much the training run matters, not how much the "
            "choice of stimuli matters, and nothing here shows what other people would have said. A ceiling for brain "
            "regions counts as signal whatever all subjects share, noise too. A correlation does not say that model "
            "and brain work alike."
        ),
        origin=(
            "Targets, models and Spearman’s rho are the paper’s (section 2.2.2), which marks p < 0.05 uncorrected. "
            "The models are the full models of that section; figures 2 to 4 use full models that are trained as layer "
            "models are (section 2.2.3). The other runs, permutations and q, intervals, noise ceilings, tests of "
            "differences and controls are ours."
        ),
    )


def alignment_in_words(results: Results) -> list[str]:
    """Say for every model how its best run agrees with the targets of each condition."""
    best, everyone = best_alignment(results), named(results.table(ALIGNMENT), results.table(ALIGNMENT))
    sentences = []
    for model in models(best):
        mine = best[best["architecture"] == model]
        parts = []
        for condition in ordered(mine["condition"], "condition"):
            rho = mine.loc[mine["condition"] == condition, "rho"].dropna()
            over = everyone[(everyone["architecture"] == model) & (everyone["condition"] == condition)]
            runs = over.groupby("run")["rho"].mean()
            defined = runs.dropna()
            some = f"{len(defined)} of " if len(defined) < len(runs) else ""
            if defined.empty:
                parts.append(f"{condition} targets no defined rho, as the predictions are all the same")
                continue
            parts.append(
                f"{condition} targets mean rho {number(rho.mean())} ({_range(rho)}; "
                f"mean over {some}{counted(len(runs), 'run')} {number(runs.mean())}, sd {number(runs.std())})"
            )
        significant, tested = int((mine["p"] < P_SIGNIFICANT).sum()), int(mine["rho"].notna().sum())
        corrected, _ = beyond_chance(mine["p_perm"])
        sentences.append(
            f"{model}, best run {mine['run'].iloc[0]}: {'; '.join(parts)}. {significant} of {tested} targets "
            f"{'with a defined rho ' * (tested < len(mine))}have p < 0.05 uncorrected, {corrected} have "
            "q < 0.05 corrected over these targets."
        )
    return sentences


def _range(values: pd.Series) -> str:
    if values.empty:
        return "none defined"
    return f"{number(values.min())} to {number(values.max())} over {len(values)}" if len(values) > 1 else "one target"


def alignment_table(results: Results) -> ShownTable:
    """Show rho of every model's best run on every target, in the order of figure 1."""
    best, parts = best_alignment(results), target_parts(results)
    rank = {model: i for i, model in enumerate(models(best))}
    order = {target: i for i, target in enumerate(parts.index)}
    best = best.assign(a=best["architecture"].map(rank), b=best["target"].map(order)).sort_values(["a", "b"])
    frame = pd.DataFrame(
        {
            "model": best["architecture"], "weights": best["weights"], "run": best["run"], "target": best["target"],
            "n": best["n"].astype("Int64"), "rho": best["rho"].map(lambda v: number(v, 3)), "p": best["p"].map(p_value),
            "q": best["q"].map(p_value),
        }
    )  # fmt: skip
    what = "the best run of each model; p is not corrected, q is"
    exact = {column: best[column] for column in ("rho", "p", "q")}
    numeric = {"run", "n", "rho", "p", "q"}
    return make_table("Agreement with every target", frame, numeric, ALIGNMENT.file, what, exact=exact)


def mean_table(results: Results) -> ShownTable | None:
    """Show rho of every full model as mean over runs, with its interval."""
    return over_runs_table(results, "Agreement, mean over runs", ALIGNMENT_SUMMARY)


FIGURE = Figure(
    1,
    "alignment_by_architecture",
    draw=figure_1,
    caption=caption,
    tables=(alignment_table, mean_table, contrasts_table, controls_table, ceiling_table, heads_table),
)
