"""The answers of the study, in words, and how sure they are."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, number
from o2b_helpers.report.tables import p_value
from o2b_helpers.studies.common.beyond_chance import beyond_chance
from o2b_helpers.studies.common.select import P_SIGNIFICANT, models, named
from o2b_helpers.studies.common.uncertainty import interval_words
from o2b_helpers.studies.emocam.answers.reading import beyond_both, lifted
from o2b_helpers.studies.emocam.planted import STATISTICS, planted_auc
from o2b_helpers.studies.emocam.tables import (
    CAM_METHOD_AGREEMENT,
    CAM_METHODS,
    EMOTION_ASSOCIATIONS,
    EMOTION_HEADS,
    EMOTION_MODELS,
    PLANTED_EMOTIONS,
)

NAMED_CLASSES = 3
HARDLY = 5.0  # percent of the pictures: below, no object counts much
BEYOND = "Beyond what is simply there, and more than with the other emotions"
MOST_MODELS = 3  # that are told label by label
NO_MODEL = "No network was studied: no model has `object2brain: true`, and `analysis.emotion_heads.models` names none."


def looked_at(results: Results) -> Answer:
    """Answer what a network looks at when it names an emotion, and whether that is more than what is there."""
    question = "What does a network look at when it names an emotion, and is that more than what is simply there?"
    table = named(results.table(EMOTION_ASSOCIATIONS), results.table(EMOTION_MODELS))
    if table.empty:
        return Answer(question, [Statement(text=NO_MODEL)])
    statements = []
    scores = named(results.table(EMOTION_MODELS), results.table(EMOTION_MODELS))
    never_trained = set(scores.loc[scores["weights"] == "untrained", "architecture"])
    of_untrained = table[table["architecture"].isin(never_trained)]
    of_untrained = of_untrained[lifted(of_untrained)]
    untrained = {label: set(rows["class"]) for label, rows in of_untrained.groupby("predicted")}
    for model in models(table)[:MOST_MODELS]:
        rows = table[table["architecture"] == model]
        rows = rows.assign(beyond=beyond_both(rows))
        also = untrained if model not in never_trained else {}
        statements += _guessing(model, float(scores.loc[scores["architecture"] == model, "p"].iloc[0]))
        for label in dict.fromkeys(rows["predicted"]):
            statements.append(_label(model, str(label), rows[rows["predicted"] == label], also.get(label, set())))
        count, total = beyond_chance(rows["p_lift"])
        statements.append(
            Statement(
                f"All emotions and classes, model {isolated(model)}",
                f": {count:,} of {total:,} lifts are beyond chance (q < {P_SIGNIFICANT}, corrected over all of them); "
                f"in {int(rows['beyond'].sum()):,} of these pairs the class is also important more often with this "
                "emotion than with the others.",
            )
        )
    left = models(table)[MOST_MODELS:]
    if left:
        statements.append(Statement(text=f"Not told here, but in the files: {', '.join(map(isolated, left))}."))
    statements.append(
        Statement(
            text=f"In brackets: the value, its {interval_words(results)} over pictures, and q, corrected over all "
            "emotions and classes of the network. Read lift and importance together. A lift says that the map is "
            "higher where the object is than where such objects are in other pictures; it may be so with every "
            "emotion. Importance tells emotions apart, but it is high for whatever is often in such pictures, and for "
            "large objects in the middle. Neither says that the object itself is the cause."
        )
    )
    return Answer(question, [*statements, *planted(results)])


def _label(model: str, label: str, rows: pd.DataFrame, also: set[str]) -> Statement:
    """Tell one named emotion of one network, and which of its classes an untrained network looks at as well."""
    lead = f"{isolated(label)}, model {isolated(model)}"
    pictures = int(rows["pictures"].iloc[0])
    if not pictures:
        return Statement(lead, ": no picture is named so, so nothing can be said of it; its column is empty.")
    most = rows[rows["count"] > 0].sort_values(["importance", "class"], ascending=[False, True]).head(NAMED_CLASSES)
    if most.empty:
        return Statement(
            lead, f": in none of {pictures:,} pictures that are named so is any detected object important."
        )
    seen = [
        f"{isolated(row['class'])} (important in {row['importance']:.0f} %, {row['importance_low']:.0f} to "
        f"{row['importance_high']:.0f} %; there in {row['presence']:.0f} %)"
        for _, row in most.iterrows()
    ]
    beyond = rows[rows["beyond"]].sort_values(["lift", "class"], ascending=[False, True]).head(NAMED_CLASSES)
    if beyond.empty:
        best = rows.dropna(subset=["p_lift"]).sort_values(["p_lift", "lift"], ascending=[True, False]).head(1)
        near = "".join(f"; nearest is {_lift(row)}" for _, row in best.iterrows())
        more = f"{BEYOND}: nothing that is sure (no class with q < {P_SIGNIFICANT} for lift and importance{near})."
    else:
        more = f"{BEYOND}: {', '.join(_lift(row) for _, row in beyond.iterrows())}."
        shared = [isolated(name) for name in beyond["class"] if name in also]
        if shared:
            more += f" The map of an untrained network lies on {' and on '.join(shared)} as well: not all is learned."
    looks = "it looks most at" if most["importance"].iloc[0] >= HARDLY else "it hardly looks at any object; most at"
    return Statement(lead, points=(f"Of {pictures:,} pictures, {looks} {', '.join(seen)}.", more))


def _lift(row: pd.Series) -> str:
    return (
        f"{isolated(row['class'])} (lift {number(row['lift'])}, {number(row['lift_low'])} to "
        f"{number(row['lift_high'])}, q {p_value(row['q_lift'])}; q of importance {p_value(row['q'])}; where it is "
        f"there, important in {100 * row['conditional']:.0f} %)"
    )


def _guessing(model: str, p: float) -> list[Statement]:
    """Warn of a network that names emotions no better than by guessing; not where nobody knows what is right."""
    if not p >= P_SIGNIFICANT:
        return []
    text = (
        f" names emotions no better than by guessing (p {p_value(p)}), so what it looks at says nothing about emotions."
    )
    return [Statement(f"Model {isolated(model)}", text)]


def right_emotion(results: Results) -> Answer:
    """Answer how often the right emotion is named."""
    question = "How often does the network name the emotion that a picture is labelled with?"
    scores = results.table(EMOTION_MODELS)
    if scores.empty:
        return Answer(question, [Statement(text=NO_MODEL)])
    heads = results.table(EMOTION_HEADS)
    trained = set(zip(heads["architecture"], heads["weights"], strict=True))
    statements = []
    pairs = zip(scores["architecture"], scores["weights"], named(scores, scores).itertuples(), strict=True)
    for architecture, weights, row in pairs:
        learned = (architecture, weights) in trained
        if not row.pictures:
            statements.append(
                Statement(
                    text=f"{isolated(row.architecture)} names {row.labels:.0f} labels of its own; no picture of the "
                    "corpus is labelled with one of them, so how often it is right is not known."
                )
            )
            continue
        how = "Every picture is judged by a head that did not learn from it." if learned else (
            "It names its own labels and learned nothing here; pictures with other labels are not counted."
        )  # fmt: skip
        statements.append(
            Statement(
                text=f"{isolated(row.architecture)} names the label of {100 * row.accuracy:.0f} % of "
                f"{row.pictures:,.0f} pictures ({100 * row.accuracy_low:.0f} to {100 * row.accuracy_high:.0f} %; "
                f"always naming the most frequent label: {100 * row.chance_accuracy:.0f} %). Balanced over "
                f"{row.labels:.0f} labels it is {100 * row.balanced_accuracy:.0f} % "
                f"({100 * row.balanced_accuracy_low:.0f} to "
                f"{100 * row.balanced_accuracy_high:.0f} %; guessing: {100 * row.chance_balanced:.0f} %; p "
                f"{p_value(row.p)}). {how}"
            )
        )
    return Answer(question, statements)


def planted(results: Results) -> list[Statement]:
    """Say, in the toy world, how well each statistic finds the pairs that are planted; nothing where nobody knows."""
    truth, statements = results.table(PLANTED_EMOTIONS), list[Statement]()
    if truth.empty:
        return statements
    table = named(results.table(EMOTION_ASSOCIATIONS), results.table(EMOTION_MODELS))
    for model in models(table):
        auc = planted_auc(table[table["architecture"] == model], truth)
        words = ", ".join(f"{number(value)} by {STATISTICS[name]}" for name, value in auc.items())
        statements.append(Statement(text=f"{isolated(model)}: the planted pairs of an emotion and a class are found "
                                    f"with an AUC of {words} (1: all of them first; 0.5: guessing)."))  # fmt: skip
    return statements


def same_by_other_methods(results: Results) -> Answer:
    """Answer whether other CAM methods say the same."""
    question = "Do other ways to make the maps say the same?"
    agreement, methods = (
        named(results.table(table), results.table(EMOTION_MODELS)) for table in (CAM_METHOD_AGREEMENT, CAM_METHODS)
    )
    if methods.empty:
        return Answer(question, [Statement(text=NO_MODEL)])
    statements = []
    for model in models(methods):
        own, of_model = agreement[agreement["architecture"] == model], methods[methods["architecture"] == model]
        parts = []
        for statistic, words in (("count", "counts of important objects"), ("lift", "lifts")):
            rows = own[own["statistic"] == statistic].dropna(subset="rho")
            if rows.empty:
                parts.append(f"for {words} it is undefined")
                continue
            sure = int((rows["q"] < P_SIGNIFICANT).sum())
            parts.append(
                f"for {words} it is {number(rows['rho'].min())} to {number(rows['rho'].max())} (with exchanged boxes "
                f"{number(rows['expected'].mean())} on average; {sure} of {len(rows)} pairs beyond that, q < "
                f"{P_SIGNIFICANT})"
            )
        truth = ""
        if of_model["auc_lift"].notna().any():
            each = [f"{number(row.auc_lift)} ({isolated(row.method)})" for row in of_model.itertuples()]
            truth = f" The planted pairs are found by the lift with an AUC of {', '.join(each)}."
        statements.append(
            Statement(
                f"{len(of_model)} methods on {int(of_model['pictures'].iloc[0]):,} pictures, model {isolated(model)}",
                f": rho between two methods: {'; '.join(parts)}. The maps of {_best(of_model, 'deletion', 0)} show "
                f"best where blurring changes the answer (deletion), those of {_best(of_model, 'insertion', -1)} what "
                f"brings it back (insertion).{truth}",
            )
        )
    return Answer(question, statements)


def _best(methods: pd.DataFrame, name: str, place: int) -> str:
    row = methods.sort_values(name, kind="stable").iloc[place]
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    inside = methods[(methods["method"] != row["method"]) & methods[name].between(low, high)]
    near = ", ".join(isolated(method) for method in inside["method"])
    words = f"; within this interval: {near}" if near else ""
    return f"{isolated(row['method'])} ({number(row[name])}, {number(low)} to {number(high)}{words})"
