"""The answers of the study, in words, and how sure they are."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.contract import Table
from o2b_helpers.core.facts import counted
from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, number
from o2b_helpers.report.tables import p_value
from o2b_helpers.studies.common.select import P_SIGNIFICANT, layers, models, named
from o2b_helpers.studies.common.uncertainty import interval_words
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.tables import (
    ALL_LAYERS,
    LAYER_SELECTIVITY,
    SELECTIVE_OVERLAP,
    SETS,
    TRAINED,
    UNTRAINED,
)

MOST_MODELS = 3
NO_MODEL = (
    "No network was studied: no trained model has `object2brain: true`, and `analysis.selectivity.models` names none."
)


def of_networks(results: Results, table: Table, network: str = TRAINED) -> pd.DataFrame:
    """Return the rows of the trained networks, or of those with drawn weights, under unique names of models."""
    own = named(results.table(table), results.table(LAYER_SELECTIVITY))
    return own[own["network"] == network]


def seeds(results: Results, model: str) -> int:
    """Count the networks with drawn weights that a model is held against."""
    drawn = of_networks(results, LAYER_SELECTIVITY, UNTRAINED)
    return int(drawn.loc[drawn["architecture"] == model, "seed"].nunique())


def filters_for_emotions(results: Results) -> Answer:
    """Answer whether there are filters for each emotion, and whether they are more than chance."""
    question = "Are there filters for unpleasant, neutral and pleasant pictures, and is that more than chance?"
    table = of_networks(results, SELECTIVE_OVERLAP)
    if table.empty:
        return Answer(question, [Statement(text=NO_MODEL)])
    statements = []
    for model in models(table)[:MOST_MODELS]:
        own = table[(table["architecture"] == model) & (table["layer"] == ALL_LAYERS)].set_index("emotion")
        statements += [_emotion(model, emotion, own.loc[emotion], seeds(results, model)) for emotion in EMOTIONS]
    left = models(table)[MOST_MODELS:]
    if left:
        statements.append(Statement(text=f"Not told here, but in the files: {', '.join(map(isolated, left))}."))
    statements.append(
        Statement(
            text="A filter counts where it is selective for the same emotion in both image sets. In brackets: the "
            f"{interval_words(results)} of what chance gives, and q, corrected over the three emotions of the network. "
            "Read the exchanged emotions first: random sets take filters for independent, and filters of a layer "
            "respond alike. That a filter answers to unpleasant pictures does not say that it answers to their being "
            "unpleasant: such pictures also share objects, light and contrast."
        )
    )
    return Answer(question, statements)


def verdict(row: pd.Series) -> str:
    """Say in words whether an overlap is more than chance: yes, unsure or no.

    Examples
    --------
    >>> verdict(pd.Series({"q_exchanged": 0.01, "q": 0.001}))
    'Yes, more than chance'
    """
    if row["q_exchanged"] < P_SIGNIFICANT:
        return "Yes, more than chance"
    if row["q"] < P_SIGNIFICANT:
        return "Not sure: more than two random sets share, but not more than with exchanged emotions"
    return "No, not more than chance"


def against_untrained(row: pd.Series, drawn: int) -> str:
    """Say how a number of filters compares with networks with drawn weights."""
    ends = f"{row['untrained_low']:,.0f} to {row['untrained_high']:,.0f}"
    of = counted(drawn, "network") + " with drawn weights"
    if row["both"] > row["untrained_high"]:
        return f"It is also more than in each of {of} ({ends})."
    return (
        f"But {of} have {ends} such filters: learning objects is not needed for "
        f"{'so many' if row['both'] >= row['untrained_low'] else 'them, and left fewer of them'}."
    )


def _emotion(model: str, emotion: str, row: pd.Series, drawn: int) -> Statement:
    lead = f"{emotion.capitalize()} pictures, model {isolated(model)}"
    found = f"{row['both']:,.0f} of {row['filters']:,.0f} filters are selective for them in both image sets."
    if not row["both"]:
        return Statement(lead, points=("No filter is selective for them in both image sets.",))
    chance = (
        f"With exchanged emotions there are {number(row['exchanged'], 1)} ({row['exchanged_low']:,.0f} to "
        f"{row['exchanged_high']:,.0f}; q {p_value(row['q_exchanged'])}); two random sets of these sizes share "
        f"{number(row['expected'], 1)} ({row['expected_low']:,.0f} to {row['expected_high']:,.0f}; q "
        f"{p_value(row['q'])})."
    )
    return Statement(lead, points=(f"{verdict(row)}: {found} {chance}", against_untrained(row, drawn)))


def selectivity_by_layer(results: Results) -> Answer:
    """Answer whether selectivity rises with depth, and whether training makes it."""
    question = "Does selectivity rise with depth, and is it due to what the network learned?"
    table = of_networks(results, LAYER_SELECTIVITY)
    if table.empty:
        return Answer(question, [Statement(text=NO_MODEL)])
    statements = []
    for model in models(table)[:MOST_MODELS]:
        own, drawn = table[table["architecture"] == model], seeds(results, model)
        points = []
        for name in SETS:
            rows = own[own["image_set"] == name].set_index("layer")
            first, last = (rows.loc[layer] for layer in (layers(own, model)[0], layers(own, model)[-1]))
            above = int((rows["index"] > rows["untrained_high"]).sum())
            sure = int((rows["q"] < P_SIGNIFICANT).sum())
            points.append(
                f"{name.capitalize()} image set: the mean index goes from {_index(first)} in the first layer to "
                f"{_index(last)} in the last one. It is beyond exchanged emotions in {sure} of {len(rows)} layers (q < "
                f"{P_SIGNIFICANT}), and above each of {counted(drawn, 'network')} with drawn weights in {above}."
            )
        constant = int(own[own["image_set"] == SETS[0]]["constant"].sum())
        if constant:
            points.append(f"{counted(constant, 'filter')} of constant response left out.")
        statements.append(Statement(f"Model {isolated(model)}", points=tuple(points)))
    statements.append(
        Statement(
            text="The index is the largest of three differences (d’), so that it is above 0 without any selectivity: "
            "compare it with what exchanged emotions give."
        )
    )
    return Answer(question, statements)


def _index(row: pd.Series) -> str:
    ends = f"{number(row['index_low'])} to {number(row['index_high'])}"
    return f"{number(row['index'])} ({ends}; exchanged emotions: {number(row['exchanged'])})"
