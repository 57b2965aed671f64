"""The answer of notebook 13, in words."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.facts import counted
from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.report.provenance import facts_of
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, number
from o2b_helpers.studies.common.select import P_SIGNIFICANT, models, named
from o2b_helpers.studies.selectivity.gains.tables import (
    CHOSEN,
    GAIN_EFFECTS,
    HELD_OUT,
    HIGHEST,
    LESION_SPECIFICITY,
    LESIONED,
    NAME,
)
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.tables import LAYER_SELECTIVITY

MOST_MODELS = 3


def effects_of(results: Results) -> pd.DataFrame:
    """Return gain_effects.csv under unique names of models."""
    return named(results.table(GAIN_EFFECTS), results.table(LAYER_SELECTIVITY))


def sure_layers(table: pd.DataFrame, manipulation: str, measure: str, against: str = "random") -> str:
    """Say for each emotion in how many layers of both sets a manipulation does more than other filters'."""
    own = table[(table["selection"] == HELD_OUT) & (table["manipulation"] == manipulation)]
    own = own[(own["measure"] == measure) & own[f"q_{against}"].notna()]
    parts = []
    for emotion in EMOTIONS:
        q = own.loc[own["emotion"] == emotion, f"q_{against}"]
        parts.append(f"{emotion} {int((q < P_SIGNIFICANT).sum())} of {len(q)}")
    return ", ".join(parts) + "."


def needed_filters(results: Results) -> Answer:
    """Answer whether the network needs its emotion-selective filters, and whether strengthening helps."""
    question = "Does the network need its emotion-selective filters to recognise emotions?"
    table, statements = effects_of(results), []
    if table.empty:
        return Answer(question, [Statement(text="No filter is emotion-selective, or no network was studied.")])
    for model in models(table)[:MOST_MODELS]:
        own = table[table["architecture"] == model]
        statements.append(
            Statement(
                f"Model {isolated(model)}",
                points=(
                    *_verdict(own, facts_of(results.provenance, NAME).get("draws")),
                    "Lesions lower AUROC more than filters that respond as strongly do, in so many layers of both "
                    f"image sets (q < {P_SIGNIFICANT}): {sure_layers(own, LESIONED, 'auroc', 'matched')} Than random "
                    f"filters: {sure_layers(own, LESIONED, 'auroc')}",
                    "The same for F1, which falls also where only the threshold has moved: "
                    f"{sure_layers(own, LESIONED, 'f1', 'matched')}",
                    "Strengthening them raises AUROC more than filters that respond as strongly do: "
                    f"{sure_layers(own, CHOSEN, 'auroc', 'matched')} F1, which rises also where only the threshold has "
                    f"moved: {sure_layers(own, CHOSEN, 'f1', 'matched')} {_optimism(own)}",
                    _specific(results, model),
                ),
            )
        )
    return Answer(question, statements)


def _verdict(own: pd.DataFrame, draws: int | None) -> tuple[str, ...]:
    """Say it in one sentence, with how well emotions are told at all, and whether so few draws could have shown it."""
    rows = own[(own["selection"] == HELD_OUT) & (own["manipulation"] == LESIONED) & (own["measure"] == "auroc")]
    rows = rows[rows["p_matched"].notna()]
    if rows.empty:
        return ()
    sure, total = int((rows["q_matched"] < P_SIGNIFICANT).sum()), len(rows)
    lead = f"Yes, in {sure} of {total} cases" if sure else f"It is not shown, in none of {total} cases"
    layers = int(rows.groupby(["image_set", "emotion"])["layer"].nunique().max())
    limit = ""
    if draws is not None and layers / (1 + draws) >= P_SIGNIFICANT:  # the smallest p, corrected over the layers
        limit = f" With {counted(draws, 'draw')}, one layer alone among {layers} cannot be beyond chance."
    told = ", ".join(f"{name} {number(rows['original'].mean())}" for name, rows in rows.groupby("emotion", sort=False))
    return (
        f"{lead} (a layer, an image set and an emotion): without its filters an emotion is told apart worse than "
        "without filters that respond as strongly. On average a lesion changes AUROC by "
        f"{number((rows['value'] - rows['original']).mean(), 3)}, one of such filters by "
        f"{number((rows['matched'] - rows['original']).mean(), 3)}. AUROC without a lesion: {told} (0.5 is guessing; "
        f"where an emotion is hardly recognised, a lesion cannot show much).{limit}",
    )


def _optimism(own: pd.DataFrame) -> str:
    f1 = own[own["measure"] == "f1"]
    gains = [
        (rows["value"] - rows["original"]).mean()
        for selection, manipulation in ((HELD_OUT, CHOSEN), ("all pictures", HIGHEST))
        for rows in [f1[(f1["selection"] == selection) & (f1["manipulation"] == manipulation)]]
    ]
    return (
        f"Over layers, sets and emotions F1 changes by {number(gains[0])} on average; the paper’s way, which selects "
        f"filters on all pictures and takes the best strength on the test pictures, would say {number(gains[1])}."
    )


def _specific(results: Results, model: str) -> str:
    table = named(results.table(LESION_SPECIFICITY), results.table(LAYER_SELECTIVITY))
    own = table[(table["architecture"] == model) & (table["measure"] == "auroc")]
    change = own["value"] - own["original"]
    same = own["lesioned"] == own["tested"]
    return (
        f"A lesion changes AUROC of the filters’ own emotion by {number(change[same].mean(), 3)}, that of the other "
        f"two by {number(change[~same].mean(), 3)}, on average over layers and sets."
    )
