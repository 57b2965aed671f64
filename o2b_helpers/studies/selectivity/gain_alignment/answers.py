"""What emotion-selective filters mean for the agreement with people and brains, in words."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.facts import counted
from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.report.provenance import facts_of
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, number
from o2b_helpers.report.tables import p_value
from o2b_helpers.studies.common.beyond_chance import beyond_chance, corrected
from o2b_helpers.studies.common.select import P_SIGNIFICANT, models, named
from o2b_helpers.studies.common.target_order import main_targets
from o2b_helpers.studies.common.uncertainty import interval_words
from o2b_helpers.studies.selectivity.gain_alignment.tables import GAIN_ALIGNMENT
from o2b_helpers.studies.selectivity.gains.tables import LESION
from o2b_helpers.studies.selectivity.tables import LAYER_SELECTIVITY

MOST_MODELS = 3
NOT_ASKED = (
    "Not asked: the profile does not run the study `alignment`, which trains the valence models and makes the targets. "
    "Add it to `studies`, and this is answered, too."
)


def filters_and_agreement(results: Results) -> Answer:
    """Answer whether the agreement with people changes without emotion-selective filters, or with them strengthened."""
    question = "Does the agreement with people and brains depend on emotion-selective filters?"
    facts = facts_of(results.provenance, "gains_and_alignment")
    if facts.get("alignment_is_run") is False:
        return Answer(question, [Statement(text=NOT_ASKED)])
    table = named(results.table(GAIN_ALIGNMENT), results.table(LAYER_SELECTIVITY))
    if table.empty:
        return Answer(question, [Statement(text="No filter is emotion-selective, or no network was studied.")])
    targets, statements = list(main_targets(results).values()), []
    own = table[table["target"].isin(targets)]
    for model in models(own)[:MOST_MODELS]:
        of_model = own[own["architecture"] == model]
        points = [_strength(results, of_model[of_model["alpha"] == alpha]) for alpha in _shown(of_model)]
        statements.append(Statement(f"Model {isolated(model)}", points=tuple(points)))
    statements.append(Statement(text=_limits(targets, facts.get("draws"))))
    return Answer(question, statements)


def _shown(table: pd.DataFrame) -> list[float]:
    """Return the lesion and the largest strength."""
    return [LESION, *([table["alpha"].max()] if table["alpha"].max() > 0 else [])]


def _strength(results: Results, own: pd.DataFrame) -> str:
    alpha = own["alpha"].iloc[0]
    what = "Without these filters (lesion)" if alpha == LESION else f"With them strengthened (alpha {alpha:g})"
    if own["change"].isna().all():
        return f"{what}, rho is undefined everywhere: the network predicts the same for all stimuli."
    random, tests = beyond_chance(own["p_random"])
    matched, _ = beyond_chance(own["p_matched"])
    rows = corrected(own, "p_random")
    largest = rows.loc[rows["change"].abs().idxmax()]
    compared = (
        f"{what}, rho changes by {number(own['change'].mean(), 3)} on average over layers, emotions and targets "
        f"(random filters: {number(own['random'].mean(), 3)}). The change is beyond that of random filters in {random} "
        f"of {counted(tests, 'case')} (q < {P_SIGNIFICANT}, corrected over all of them), and beyond that of filters "
        f"which respond as strongly in {matched}."
    )
    return (
        f"{compared} Largest: filters of {isolated(largest['layer'])} for {largest['emotion']} pictures, rho with "
        f"{isolated(largest['target'])} {number(largest['original'])} to {number(largest['value'])} (change "
        f"{number(largest['change'], 3)}, {interval_words(results)} {_ends(largest, 'change')}; random filters "
        f"{_ends(largest, 'random')}; q {p_value(largest['q'])})."
    )


def _ends(row: pd.Series, name: str) -> str:
    return f"{number(row[f'{name}_low'], 3)} to {number(row[f'{name}_high'], 3)}"


def _limits(targets: list[str], draws: int | None) -> str:
    said = (
        f"Counted here: {', '.join(map(isolated, targets))}; the file holds all targets. The networks see the stimuli "
        "in colour, as their valence models do, whatever the colours by which filters were selected."
    )
    if draws:
        said += f" With {counted(draws, 'draw')}, no p is below {number(1 / (1 + draws), 3)}."
    return said
