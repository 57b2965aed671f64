"""What figures 3 and 4 share: which categories they show, how a weight reads when pointed at, and their table."""

from __future__ import annotations

import math

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number, safe, significant_figures
from o2b_helpers.report.tables import MOST_ROWS, ShownTable, make_table
from o2b_helpers.studies.object2brain.answers.category_weight import short_words
from o2b_helpers.studies.object2brain.tables import CATEGORY_WEIGHTS

Q_SURVIVES, FADED = 0.05, 0.3  # what may come from chance is drawn paler
FADING = "Pale: q of the category’s weight is not below 0.05."


def strongest_categories(weights: pd.DataFrame, count: int) -> list[str]:
    """Order the categories by the size of their weights and keep the first `count`.

    The size is the sum of absolute weights over targets, layers and signs, each model scaled to a sum of one first,
    so that a model with large effects does not choose alone [ours].
    """
    size = weights.assign(size=weights["weight"].abs()).groupby(["architecture", "category"])["size"].sum()
    total = size.groupby("architecture").transform("sum")
    share = (size / total.where(total > 0, 1)).groupby("category").sum()
    order = sorted(share.index, key=lambda name: (-share[name], name))
    return order[:count]


def hover(results: Results) -> str:
    """Return Plotly's template of what is shown when a weight is pointed at; `hover_text` fills it."""
    return (
        "<b>%{customdata[0]}</b>, %{customdata[1]}<br>%{customdata[2]}<br>%{customdata[3]}: %{customdata[4]} classes, "
        f"{short_words(results)} %{{customdata[5]}}%{{customdata[6]}}<extra></extra>"
    )


def hover_text(row, target: str) -> list[str | int]:
    """Build what is shown when a weight is pointed at."""
    weight = significant_figures(row.weight, 3)
    ends = f" [{significant_figures(row.ci_low)} to {significant_figures(row.ci_high)}], q {number(row.q, 3)}"
    return [safe(row.architecture), safe(row.layer), safe(target), f"{safe(row.category)} ({row.sign})",
            int(row.n_classes), weight, ends]  # fmt: skip


def strength(q: float) -> float:
    """Return the opacity of a weight: full where it survives correction for the number of tests."""
    return 1.0 if q < Q_SURVIVES else FADED


def weight_axis(weights: pd.Series) -> dict:
    """Build a symmetric axis with three round ticks that stay clear of the neighbouring panel's."""
    reach = weights.abs().max()
    if not reach > 0:
        return {"range": [-1, 1], "tickvals": [0], "ticktext": ["0"]}
    power = 10 ** math.floor(math.log10(reach))
    step = max(s * power for s in (0.5, 1, 2, 3, 4, 5) if s * power <= 0.8 * reach)
    labels = [significant_figures(-step), "0", significant_figures(step)]
    return {"range": [-1.08 * reach, 1.08 * reach], "tickvals": [-step, 0, step], "ticktext": labels}


def complete(weights: pd.DataFrame) -> pd.DataFrame:
    """Keep the columns needed; there is one row per (model, layer, target, category, sign), absent ones mean zero."""
    keys = ["architecture", "layer", "target", "category", "sign"]
    return weights[[*keys, "weight", "n_classes", "q", "ci_low", "ci_high"]]


def categories_as_table(title: str, table: pd.DataFrame, what: str, most: int = MOST_ROWS) -> ShownTable:
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
    return make_table(title, frame, numeric, CATEGORY_WEIGHTS.file, what, most, exact=exact)
