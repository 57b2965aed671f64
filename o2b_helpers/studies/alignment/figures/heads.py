"""How well the models learned valence: the table below figure 1."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number, significant_figures
from o2b_helpers.report.tables import ShownTable, make_table
from o2b_helpers.studies.alignment.kept_heads import kept_heads
from o2b_helpers.studies.alignment.tables import ALIGNMENT, HEADS
from o2b_helpers.studies.common.select import FULL, named


def heads_table(results: Results) -> ShownTable:
    """Show the kept head of every full model and run."""
    kept = named(kept_heads(results.table(HEADS)), results.table(ALIGNMENT))
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
    return make_table("How well the models learned valence", frame, numeric, HEADS.file, what)
