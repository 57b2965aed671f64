"""The tables behind every figure of the report."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number, significant_figures
from o2b_helpers.report.tables import (
    Table,
    alignment_table,
    categories_as_table,
    category_table,
    class_table,
    heads_table,
    make_table,
    p_value,
)
from o2b_helpers.studies.common.known_tables import known
from o2b_helpers.studies.common.select import last_layer, mean_weights, models, named, target_parts
from o2b_helpers.studies.common.uncertainty import interval_words


def summary_table(results: Results) -> Table | None:
    """Show rho of every full model as mean over runs, with its interval; None where a run has no intervals."""
    table = known(results, "alignment_summary.csv")
    if table is None:
        return None
    table = named(table, results.alignment)
    what = f"mean over runs, with its {interval_words(results)} over runs and stimuli"
    return _summary("Agreement, mean over runs", table, [], "alignment_summary.csv", what)


def ceiling_table(results: Results) -> Table | None:
    """Show how high rho could be for each target; None where a run has no ceilings."""
    table = known(results, "ceilings.csv")
    if table is None:
        return None
    columns = ["ceiling", "ceiling_low", "ceiling_high"]
    shown = {"ceiling": "ceiling", "ceiling_low": "lowest", "ceiling_high": "highest"}
    frame = pd.DataFrame({"target": table["target"], **{shown[c]: table[c].map(number) for c in columns}})
    exact = {shown[c]: table[c] for c in columns}
    what = f"the highest rho that a perfect model could reach, and its {interval_words(results)}; undefined: unknown"
    title = "How high could the agreement be?"
    return make_table(title, frame, set(shown.values()), "ceilings.csv", what, exact=exact)


def layer_table(results: Results) -> Table:
    """Show rho of the layer models: mean over runs with interval, or with the sd where a run has no intervals."""
    table, name = known(results, "layer_alignment_summary.csv"), "layer_alignment_summary.csv"
    what = f"mean over runs, with its {interval_words(results)} over runs and stimuli"
    if table is None:
        name, what = "layer_alignment.csv", "mean and standard deviation over runs"
        table = results.layer_alignment
        keys = ["architecture", "weights", "layer", "target", "n"]
        table = table.groupby(keys, sort=False)["rho"].agg(rho="mean", sd="std", runs="count").reset_index()
    return _summary("Agreement by layer", named(table, results.alignment), ["layer"], name, what)


def _summary(title: str, table: pd.DataFrame, more: list[str], file: str, what: str) -> Table:
    intervals = [column for column in ("ci_low", "ci_high") if column in table]
    shown = {"rho": "mean rho", "sd": "sd", "ci_low": "lowest", "ci_high": "highest"}
    numbers = ["rho", "sd", *intervals]
    texts = {"model": table["architecture"], "weights": table["weights"], **{c: table[c] for c in more}}
    frame = pd.DataFrame(
        {
            **texts, "target": table["target"], "n": table["n"].map(lambda v: f"{v:.0f}"),
            "runs": table["runs"].map(lambda v: f"{v:.0f}"),
            **{shown[c]: table[c].map(lambda v: number(v, 3)) for c in numbers},
        }
    )  # fmt: skip
    numeric = {"n", "runs", *(shown[c] for c in numbers)}
    return make_table(title, frame, numeric, file, what, exact={shown[c]: table[c] for c in numbers})


def all_categories_table(results: Results) -> Table:
    """Show the category weights of all target layers, in the order of the file."""
    what = "all target layers, in the order of the file"
    return categories_as_table("Category weights in all layers", results.category_weights, what)


def weight_table(results: Results) -> Table:
    """Show every class' weight in the last target layer, with q and interval where a run has them."""
    table, name = known(results, "object_weights_mean.csv"), "object_weights_mean.csv"
    if table is None:
        name, table = "object_weights.csv", mean_weights(results.object_weights).rename(columns={"mean": "weight"})
    last = {model: last_layer(table, model) for model in models(table)}
    rank = {target: place for place, target in enumerate(target_parts(results).index)}
    table = table[table["layer"] == table["architecture"].map(last)]
    table = table.assign(place=table["target"].map(rank)).sort_values(
        ["place", "architecture", "weight"], ascending=[True, True, False], kind="stable"
    )
    tested = [c for c in ("ci_low", "ci_high", "q") if c in table]
    shown = {"weight": "weight", "sd": "sd over runs", "ci_low": "lowest", "ci_high": "highest", "q": "q"}
    numbers = ["weight", "sd", *tested]
    texts = {
        c: table[c].map(p_value if c == "q" else lambda v: significant_figures(v, 3)) for c in numbers
    }  # fmt: skip
    frame = pd.DataFrame(
        {"model": table["architecture"], "layer": table["layer"], "target": table["target"], "class": table["class"],
         "category": table["category"], **{shown[c]: texts[c] for c in numbers}}
    )  # fmt: skip
    what = "the last target layer of each model; mean over runs" + (
        f", its {interval_words(results)}, and q against chance"
        if tested
        else "; these results hold no test against chance"
    )
    numeric, exact = {shown[c] for c in numbers}, {shown[c]: table[c] for c in numbers}
    return make_table("Weights of all classes", frame, numeric, name, what, exact=exact)


def overlap_table(results: Results) -> Table:
    """Show how far the boxes of two categories overlap, largest first."""
    table = results.category_overlap
    table = table[table["category_a"] != table["category_b"]].sort_values("overlap", ascending=False, kind="stable")
    frame = pd.DataFrame(
        {"area of": table["category_a"], "covered by boxes of": table["category_b"],
         "share covered": table["overlap"].map(lambda v: number(v, 3))}
    )  # fmt: skip
    what = "pairs of different categories; undefined: never in one picture"
    exact = {"share covered": table["overlap"]}
    return make_table("Overlap of boxes", frame, {"share covered"}, "category_overlap.csv", what, exact=exact)


FIGURE_TABLES: dict[int, tuple[Callable[[Results], Table | None], ...]] = {
    1: (alignment_table, summary_table, ceiling_table, heads_table),
    2: (layer_table,),
    3: (all_categories_table,),
    4: (category_table, class_table, weight_table),
    5: (overlap_table,),
}
