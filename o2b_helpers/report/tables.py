"""The report's tables: what a reader wants first, cut to a length that can be read, with the file that holds all."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number, significant_figures
from o2b_helpers.studies.common.select import (
    FULL,
    best_alignment,
    kept_heads,
    last_layer,
    mean_weights,
    models,
    named,
    target_parts,
)

MOST_ROWS = 400
CLASSES_AT_EITHER_END = 5


@dataclass(frozen=True)
class Table:
    """A table as shown: texts, which columns are numbers, and where the rest is.

    Attributes
    ----------
    title : str
        What it holds.
    columns : list of (str, bool)
        Heading, and whether the column holds numbers.
    rows : list of list of str
        The cells, plain text.
    note : str
        How many rows there are in all and which file holds them.
    file : str
        The file of the results folder that holds all rows and columns; empty where there is none.
    values : list of list of (float or None)
        The numbers that the number columns are sorted by, in full precision; None for text and for what is missing.
    """

    title: str
    columns: list[tuple[str, bool]]
    rows: list[list[str]]
    note: str
    file: str = ""
    values: list[list[float | None]] = field(default_factory=list)

    def value(self, row: int, column: int) -> str:
        """Return the number that a cell is sorted by, as the page carries it; empty where there is none."""
        value = self.values[row][column] if self.values else None
        return "" if value is None else repr(value)


def make_table(
    title: str,
    frame: pd.DataFrame,
    numeric: set[str],
    file: str,
    what: str,
    most: int = MOST_ROWS,
    exact: dict[str, pd.Series] | None = None,
) -> Table:
    """Make a table of texts from a frame.

    Parameters
    ----------
    title, file, what : str
        Its title, the file that holds all of it, and what the rows are.
    frame : DataFrame
        Texts, or values to be written as they are.
    numeric : set of str
        The columns that hold numbers.
    most : int
        Rows shown; the note says how many were cut.
    exact : dict of str to Series, optional
        For a number column, the numbers behind the texts, row by row; read from the texts where not given.
    """
    shown = frame.head(most)
    cut = f"The first {most} of {len(frame)} rows" if len(frame) > most else f"{len(frame)} rows"
    sorts = " Sorting orders the rows shown." if len(frame) > most else ""
    numbers = {}
    for column in numeric:
        source = frame[column] if exact is None or column not in exact else exact[column]
        numbers[column] = [_number(value) for value in list(source)[:most]]
    return Table(
        title=title,
        columns=[(column, column in numeric) for column in frame.columns],
        rows=[[str(value) for value in row] for row in shown.itertuples(index=False)],
        note=f"{cut}; {what}. The file results/{file} holds all rows and columns in full precision.{sorts}",
        file=file,
        values=[[numbers[c][row] if c in numeric else None for c in frame.columns] for row in range(len(shown))],
    )


def _number(value: object) -> float | None:
    """Read a number, also from a text with a true minus sign; None where there is none."""
    try:
        read = float(str(value).replace("−", "-"))
    except ValueError:
        return None
    return read if math.isfinite(read) else None


def alignment_table(results: Results) -> Table:
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
    return make_table("Agreement with every target", frame, numeric, "alignment.csv", what, exact=exact)


def heads_table(results: Results) -> Table:
    """Show the kept head of every full model and run."""
    kept = named(kept_heads(results.heads), results.alignment)
    kept = kept[kept["layer"] == FULL]
    frame = pd.DataFrame(
        {
            "model": kept["architecture"], "weights": kept["weights"], "run": kept["run"],
            "learning rate": kept["learning_rate"].map(significant_figures),
            "epoch": kept["epoch"].map(lambda v: f"{v:.0f}"),
            "error (MAE)": kept["mae"].map(lambda v: number(v, 3)), "loss": kept["loss"].map(lambda v: number(v, 3)),
            "rho with ratings": kept["rho"].map(lambda v: number(v, 3)),
        }
    )  # fmt: skip
    numeric = set(frame.columns) - {"model", "weights"}
    what = "the kept head of every full model and run, measured on its held-out pictures"
    return make_table("How well the models learned valence", frame, numeric, "heads.csv", what)


def category_table(results: Results) -> Table:
    """Show the largest category weights of every model's last target layer."""
    table = results.category_weights
    names = models(table)
    ends = {model: last_layer(table, model) for model in names}
    table = table[table["layer"] == table["architecture"].map(ends)]
    table = table.sort_values("weight", key=lambda weight: weight.abs(), ascending=False, kind="stable")
    share = max(1, MOST_ROWS // max(1, len(names)))
    shown = pd.concat([table[table["architecture"] == name].head(share) for name in names])
    rest = pd.concat([table[table["architecture"] == name].iloc[share:] for name in names])
    table = pd.concat([shown, rest])  # every model has its part of the rows shown
    what = "the last target layer of each model, largest weights first"
    return categories_as_table("Category weights", table, what, share * len(names))


def categories_as_table(title: str, table: pd.DataFrame, what: str, most: int = MOST_ROWS) -> Table:
    """Show rows of category_weights.csv, in their order."""
    frame = pd.DataFrame(
        {
            "model": table["architecture"], "layer": table["layer"], "target": table["target"],
            "category": table["category"], "sign": table["sign"],
            "classes": table["n_classes"].map(lambda v: f"{v:.0f}"),
            "weight": table["weight"].map(lambda v: significant_figures(v, 3)),
        }
    )  # fmt: skip
    numeric, exact = {"weight", "classes"}, {"weight": table["weight"]}
    return make_table(title, frame, numeric, "category_weights.csv", what, most, exact=exact)


def class_table(results: Results) -> Table:
    """Show, for every target, the classes with the highest and the lowest weight in the last target layer."""
    mean, rows = mean_weights(results.object_weights), []
    for model in models(mean):
        last = last_layer(mean, model)
        mine = mean[(mean["architecture"] == model) & (mean["layer"] == last)]
        for target in target_parts(results).index:
            here = mine[mine["target"] == target].sort_values(["mean", "class"], ascending=[False, True])
            count = max(1, min(CLASSES_AT_EITHER_END, len(here) // 2))  # no class stands at both ends
            high, low = here.head(count), here.tail(count).iloc[::-1]
            rows.append((model, last, target, _classes(high), _classes(low)))
    columns = ["model", "layer", "target", "highest weights", "lowest weights"]
    frame = pd.DataFrame(rows, columns=columns)
    what = (
        f"the last target layer, up to {CLASSES_AT_EITHER_END} classes at either end, weight as mean ± sd over runs; "
        "above zero a class supports the agreement, below zero it weakens it"
    )
    return make_table("Classes with the largest weights", frame, set(), "object_weights.csv", what)


def _classes(part: pd.DataFrame) -> str:
    return ", ".join(
        f"{row['class']} ({significant_figures(row['mean'])} ± {significant_figures(row['sd'])})"
        for _, row in part.iterrows()
    )


def p_value(value: float) -> str:
    """Write a probability: three digits, small ones as a bound."""
    return "< 0.001" if value < 0.001 else number(value, 3)
