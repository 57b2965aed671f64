"""The result file of the step ``gains_and_alignment``."""

from __future__ import annotations

from o2b_helpers.core.contract import Column, Table
from o2b_helpers.studies.common.tables import MODEL, TARGET
from o2b_helpers.studies.selectivity.tables import EMOTION, LAYER


def _against(name: str, what: str) -> tuple[Column, ...]:
    return (
        Column(name, "number", f"mean change over draws of {what}", "rho"),
        Column(f"{name}_low", "number", "lower end of the interval over draws", "rho"),
        Column(f"{name}_high", "number", "its upper end", "rho"),
        Column(f"p_{name}", "number", "two-sided p: share of draws whose change is at least as far from the mean of "
               "all, (1 + count) / (1 + draws)", "0..1"),
        Column(f"q_{name}", "number", "q after Benjamini-Hochberg of p over the layers and emotions of the network, "
               "for this alpha and target", "0..1"),
    )  # fmt: skip


GAIN_ALIGNMENT = Table(
    "gain_alignment.csv",
    "a network, a layer, an emotion, an alpha and a target; filters selected on all pictures of both image sets",
    (
        *MODEL,
        LAYER,
        EMOTION,
        Column("alpha", "number", "-1: lesion; above 0: strengthened"),
        *TARGET,
        Column("n", "integer", "stimuli of the target"),
        Column("runs", "integer", "runs in which rho is defined with the change and without; where there is none, the "
               "rest is empty"),
        Column("filters", "integer", "filters in the set"),
        Column("original", "number", "rho of the network as it is, mean over these runs", "rho"),
        Column("value", "number", "rho with the emotion's filters lesioned or strengthened, mean over these runs",
               "rho"),
        Column("change", "number", "value - original: below 0 where the agreement falls", "rho"),
        Column("change_low", "number", "lower end of the interval of the change, runs and stimuli drawn anew "
               "(bootstrap)", "rho"),
        Column("change_high", "number", "its upper end", "rho"),
        *_against("random", "random filters of the layer, as many"),
        *_against("matched", "filters that respond as strongly to the stimuli on average (by deciles)"),
    ),
)  # fmt: skip
