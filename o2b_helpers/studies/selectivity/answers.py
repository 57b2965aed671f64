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
    FILTER_CATEGORIES,
    FILTER_SELECTIVITY,
    LAYER_SELECTIVITY,
    LOW_LEVEL_EMOTIONS,
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
            "respond alike. Filters that respond alike agree in three emotions by luck quite often, so that their "
            "number says less than how selective they are in both sets. That a filter answers to unpleasant pictures "
            "does not say that it answers to their being unpleasant: such pictures also share objects, light and "
            "contrast."
        )
    )
    return Answer(question, statements)


def verdict(row: pd.Series) -> str:
    """Say in words whether filters that are selective in both sets are more than chance.

    Examples
    --------
    >>> verdict(pd.Series({"q_strength": 0.01, "q_exchanged": 0.2}))
    'Yes, by how selective they are, though not by their number'
    """
    strong, many = row["q_strength"] < P_SIGNIFICANT, row["q_exchanged"] < P_SIGNIFICANT
    if strong:
        return "Yes, more than chance" if many else "Yes, by how selective they are, though not by their number"
    return "Not sure: more in number than chance gives, but hardly selective" if many else "No, not more than chance"


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
        f"{row['exchanged_high']:,.0f}; q {p_value(row['q_exchanged'])}), and their indices add up to "
        f"{number(row['strength_exchanged'], 1)} in place of {number(row['strength'], 1)} (q "
        f"{p_value(row['q_strength'])}). Two random sets of these sizes share {number(row['expected'], 1)} "
        f"({row['expected_low']:,.0f} to {row['expected_high']:,.0f}; q {p_value(row['q'])})."
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


def emotion_or_looks(results: Results) -> Answer:
    """Answer whether it is the emotion that filters answer to, or plain properties and objects of the pictures."""
    question = "Is it the emotion that filters answer to, or how the pictures look and what they show?"
    statements = [_low_level(results.table(LOW_LEVEL_EMOTIONS))]
    anova = named(results.table(FILTER_CATEGORIES), results.table(LAYER_SELECTIVITY))
    filters = named(results.table(FILTER_SELECTIVITY), results.table(LAYER_SELECTIVITY))
    for model in models(anova)[:MOST_MODELS]:
        keys = ["architecture", "image_set", "layer", "channel"]
        own = filters[filters["emotion_selective"] == 1][[*keys, "preferred"]]
        rows = anova[anova["architecture"] == model].merge(own, on=keys)
        statements += [_categories(model, str(name), of_set) for name, of_set in rows.groupby("image_set", sort=False)]
    if anova.empty:
        statements.append(
            Statement(
                text="What the pictures show was not taken into account: no categories of objects are known "
                "(`analysis.selectivity.categories_from`)."
            )
        )
    return Answer(question, statements)


def _low_level(table: pd.DataFrame) -> Statement:
    points = []
    for name, own in table.groupby("image_set", sort=False):
        parts = [
            f"{emotion} {number(rows['auroc'].mean())} ({number(rows['auroc'].min())} to {number(rows['auroc'].max())})"
            for emotion, rows in own.groupby("emotion", sort=False)
        ]
        points.append(f"{str(name).capitalize()} image set: {', '.join(parts)}.")
    lead = (
        "Light, contrast, colour and edges alone (AUROC of a linear classifier on test pictures; 0.5 is guessing; in "
    )
    lead += "brackets: the lowest and highest split). Where this is well above 0.5, filters may answer to these."
    return Statement(lead, points=tuple(points))


def _categories(model: str, name: str, rows: pd.DataFrame) -> Statement:
    points = []
    for emotion in EMOTIONS:
        own = rows[rows["preferred"] == emotion]
        if len(own):
            sure = int((own["q_emotion"] < P_SIGNIFICANT).sum())
            points.append(
                f"{emotion.capitalize()}: emotion adds to the category in {sure} of {counted(len(own), 'filter')} (q < "
                f"{P_SIGNIFICANT}); it explains {100 * own['eta_emotion'].median():.1f} % of what the category leaves, "
                f"the category {100 * own['eta_category'].median():.1f} % of what emotion leaves (medians)."
            )
    what = f"{rows['categories'].iloc[0]:.0f} categories of objects" if len(rows) else "categories of objects"
    lead = f"Emotion and {what}, {name} image set, model {isolated(model)}"
    return Statement(lead, points=tuple(points))
