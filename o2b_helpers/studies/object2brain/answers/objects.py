"""Which objects push a model towards or away from people, in words, and how sure that is."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, significant_figures
from o2b_helpers.report.tables import p_value
from o2b_helpers.studies.common.beyond_chance import beyond_chance, corrected
from o2b_helpers.studies.common.people import NOT_DECLARED, asked_in_words, people_of
from o2b_helpers.studies.common.select import P_SIGNIFICANT, last_layer, models
from o2b_helpers.studies.common.target_order import main_targets, target_parts
from o2b_helpers.studies.common.uncertainty import interval_words
from o2b_helpers.studies.object2brain.answers.beyond_shams import WHY_SHAMS, beyond_shams, tested
from o2b_helpers.studies.object2brain.answers.nothing import nothing_weighed
from o2b_helpers.studies.object2brain.answers.presence import presence_sentence
from o2b_helpers.studies.object2brain.answers.second_opinion import WHY, hidden, second_opinion
from o2b_helpers.studies.object2brain.tables import OBJECT_WEIGHTS, OBJECT_WEIGHTS_MEAN

NAMED_CLASSES = 4
QUESTION = "Which objects push a model towards or away from how people feel, and how sure is that?"
QUESTION_OF_TARGETS = "Which objects push a model towards or away from a target, and how sure is that?"


def objects(results: Results) -> Answer:
    """Answer which objects push a model towards or away from people, and how sure that is."""
    table, targets, people = results.table(OBJECT_WEIGHTS_MEAN), main_targets(results), people_of(results)
    question, whom = (QUESTION, "people") if people else (QUESTION_OF_TARGETS, "the target")
    if table.empty:
        return Answer(question, [Statement(text=nothing_weighed(results, "class"))])
    signs = _same_sign(results)
    shown = ", ".join(f"{isolated(model)} {isolated(last_layer(table, model))}" for model in models(table))
    asked = _asked(results) if people else "the first target of each condition"
    named = ", ".join(map(isolated, targets.values()))
    estimator = results.provenance.get("analysis", {}).get("object2brain", {}).get("estimator", "sum")
    statements = [
        Statement(
            text=f"Named are the classes with the largest weights in the last target layer ({shown}), for {asked} "
            f"({named}); the tables below figure 4 hold all classes and targets."
        )
    ]
    if not people:
        statements.append(Statement(text=NOT_DECLARED))
    for condition, target in targets.items():
        for model in models(table):
            last = last_layer(table, model)
            weights = table[(table["architecture"] == model) & (table["layer"] == last) & (table["target"] == target)]
            weights = weights.dropna(subset=["weight"]).sort_values(["weight", "class"], ascending=[False, True])
            lead = f"Condition {isolated(condition)}, model {isolated(model)}"
            if weights.empty:
                statements.append(Statement(lead, ": no class has a defined weight."))
                continue
            high = weights[weights["weight"] > 0].head(NAMED_CLASSES)
            low = weights[weights["weight"] < 0].iloc[::-1].head(NAMED_CLASSES)
            sure = _sure(weights, pd.concat([high, low]), signs.get((model, last, target), {}))
            ends = (f"Towards {whom}: {_classes(high)}.", f"Away from {whom}: {_classes(low)}.")
            shams = beyond_shams(results, model, target, whom)
            if shams:
                by = f"By {isolated(estimator)}, the weights of the figures: "
                points = (*shams, by + ends[0][0].lower() + ends[0][1:], ends[1], f"How sure: {sure}")
            else:
                points = (*ends, f"How sure: {sure}", second_opinion(results, model, target, whom))
            statements.append(Statement(lead, points=tuple(filter(None, points))))
    statements += [_everywhere(table, model) for model in models(table)]
    statements.append(
        Statement(
            text=f"In brackets: the weight, its {interval_words(results)}, and q. A small q says that chance "
            "rarely gives so large a weight; it does not say that the object itself is the cause, because objects "
            "that stand close together share their weight (figure 5)."
        )
    )
    if len(hidden(results)):
        statements.append(Statement(text=WHY))
    if any(len(tested(results, model)) for model in models(table)):
        statements.append(Statement(text=WHY_SHAMS))
    statements.append(Statement(text=presence_sentence(results)))
    return Answer(question, statements)


def _asked(results: Results) -> str:
    """Say what people were asked for the targets that are named."""
    types = target_parts(results).loc[list(main_targets(results).values()), "valence_type"]
    return " and ".join(asked_in_words(name) for name in dict.fromkeys(types))


def _everywhere(table: pd.DataFrame, model: str) -> Statement:
    """Say how many of a model's weights, over all its layers and targets, are beyond chance, and name the largest."""
    own = corrected(table[table["architecture"] == model])
    count, total = beyond_chance(own["p"])
    beyond = own[own["q"] < P_SIGNIFICANT].sort_values("weight", key=lambda w: w.abs(), ascending=False, kind="stable")
    lead = f"All layers and targets, model {isolated(model)}"
    text = f": {count:,} of {total:,} weights are beyond chance (q < 0.05, corrected over all of them)."
    points = tuple(
        f"{isolated(row['class'])}, {'towards' if row['weight'] > 0 else 'away from'} {isolated(row['target'])}, in "
        f"{isolated(row['layer'])}: {significant_figures(row['weight'])}, {significant_figures(row['ci_low'])} to "
        f"{significant_figures(row['ci_high'])}, q {p_value(row['q'])}."
        for _, row in beyond.head(NAMED_CLASSES).iterrows()
    )
    return Statement(lead, text, points)


def _sure(weights: pd.DataFrame, shown: pd.DataFrame, same: dict[str, tuple[int, int]]) -> str:
    """Say how sure the named classes are: how many survive the test, and how many keep their sign in all runs."""
    weights = corrected(weights)
    count, total = beyond_chance(weights["p"])
    beyond = weights[weights["q"] < P_SIGNIFICANT]
    names = ", ".join(isolated(name) for name in beyond["class"].head(2 * NAMED_CLASSES))
    more = count - 2 * NAMED_CLASSES
    if beyond.empty:
        words = (
            f"none of {total} classes is beyond chance (q < 0.05), so the order may be chance; the "
            f"smallest q is {p_value(weights['q'].min())}."
        )
    else:
        words = (
            f"{count} of {total} classes {'is' if count == 1 else 'are'} beyond chance "
            f"(q < 0.05): {names}{f' and {more} more' if more > 0 else ''}."
        )
    runs = max((count for _, count in same.values()), default=0)
    if runs > 1:
        kept = sum(same.get(name, (0, 1))[0] == same.get(name, (0, 1))[1] for name in shown["class"])
        verb = "has" if kept == 1 else "have"
        words += f" {kept} of the {len(shown)} classes named {verb} the same sign in all {runs} runs."
    return words


def _same_sign(results: Results) -> dict[tuple[str, str, str], dict[str, tuple[int, int]]]:
    """Count, for every (model, layer, target) and class, the runs whose weight has the mean's sign, and all runs."""
    weights = results.table(OBJECT_WEIGHTS)
    weights = weights[weights["target"].isin(main_targets(results).values())]
    keys = ["architecture", "layer", "target", "class"]
    mean = weights.groupby(keys, sort=False)["weight"].transform("mean")
    agree = weights.assign(agree=(weights["weight"] * mean > 0))
    runs_by_class = agree.groupby(keys, sort=False)["agree"].agg(["sum", "size"])
    counts: dict[tuple[str, str, str], dict[str, tuple[int, int]]] = {}
    for (model, layer, target, name), row in runs_by_class.iterrows():
        counts.setdefault((model, layer, target), {})[name] = (int(row["sum"]), int(row["size"]))
    return counts


def _classes(part: pd.DataFrame) -> str:
    """Name classes with their weight, its interval and q."""
    words = []
    for name, weight, low, high, q in part[["class", "weight", "ci_low", "ci_high", "q"]].itertuples(index=False):
        ends = f"{significant_figures(low)} to {significant_figures(high)}"
        words.append(f"{isolated(name)} ({significant_figures(weight)}, {ends}, q {p_value(q)})")
    return ", ".join(words) or "none"
