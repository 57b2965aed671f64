"""How well the models learned valence: the table below figures 1 and 2."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number, significant_figures
from o2b_helpers.report.tables import ShownTable, make_table
from o2b_helpers.studies.alignment.figures.kept_heads import choice_in_words, kept_heads
from o2b_helpers.studies.alignment.tables import ALIGNMENT, HEADS
from o2b_helpers.studies.common.options import FULL_RULES
from o2b_helpers.studies.common.select import FULL, named


def heads_table(results: Results) -> ShownTable:
    """Show the kept head of every full model and run of this figure."""
    what = "the kept head of every full model and run, measured on its held-out pictures"
    return kept_heads_table(results, "How well the models learned valence", [FULL_RULES], what)


def kept_heads_table(results: Results, title: str, rules: Sequence[str], what: str) -> ShownTable:
    """Show the kept head of every run of the models that were trained by some sets of rules."""
    heads = results.table(HEADS)
    kept = named(kept_heads(heads), results.table(ALIGNMENT))
    kept = kept[kept["rules"].isin(rules)]
    frame = pd.DataFrame(
        {
            "model": kept["architecture"], "weights": kept["weights"], "layer": kept["layer"], "run": kept["run"],
            "learning rate": kept["learning_rate"].map(significant_figures),
            "epoch": kept["epoch"].map(lambda v: f"{v:.0f}"),
            "error (MAE)": kept["mae"].map(lambda v: number(v, 3)), "loss": kept["loss"].map(lambda v: number(v, 3)),
            "rho with ratings": kept["rho"].map(lambda v: number(v, 3)),
        }
    )  # fmt: skip
    if kept["layer"].eq(FULL).all():
        frame = frame.drop(columns="layer")
    numeric = set(frame.columns) - {"model", "weights", "layer"}
    return make_table(title, frame, numeric, HEADS.file, f"{what}; {choice_in_words(heads)}")
