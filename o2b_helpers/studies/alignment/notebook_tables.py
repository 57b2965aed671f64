"""The small tables that the notebooks of the study show: a few rows that answer the notebook's question."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.kept_heads import kept_heads
from o2b_helpers.studies.alignment.tables import HEADS
from o2b_helpers.studies.common.select import FULL


def kept_full_heads(results: Results) -> pd.DataFrame:
    """Return the kept head of every full model and run: learning_rate, epoch, mae, loss, rho on held-out pictures."""
    kept = kept_heads(results.table(HEADS))
    return kept[kept["layer"] == FULL].drop(columns=["layer", "split"]).reset_index(drop=True)
