"""Which kinds of objects support or weaken the agreement, in words."""

from __future__ import annotations

from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import significant_figures
from o2b_helpers.studies.common.names import ordered
from o2b_helpers.studies.common.select import last_layer, models
from o2b_helpers.studies.common.target_order import target_parts
from o2b_helpers.studies.object2brain.answers.nothing import nothing_weighed
from o2b_helpers.studies.object2brain.tables import CATEGORY_WEIGHTS, OBJECT_WEIGHTS_MEAN


def kinds(results: Results) -> Answer:
    """Answer which categories of objects have the largest weight in the last target layer."""
    sentences = category_in_words(results, last_only=True) or [nothing_weighed(results, "category")]
    return Answer("Which kinds of objects?", [Statement(text=sentence) for sentence in sentences])


def category_in_words(results: Results, *, last_only: bool) -> list[str]:
    """Name, for each model and condition, the category with the largest supporting and weakening weight."""
    table, parts = results.table(CATEGORY_WEIGHTS), target_parts(results)
    sentences = []
    for model in models(table):
        own = table[table["architecture"] == model]
        where = "over all layers"
        if last_only:
            last = last_layer(table, model)
            own, where = own[own["layer"] == last], f"in {last}"
        phrases = []
        for condition in ordered(parts["condition"], "condition"):
            of_condition = own[own["target"].isin(parts.index[parts["condition"] == condition])]
            total = of_condition.groupby(["sign", "category"])["weight"].sum()
            named_ends = []
            for end, direction, word in (("positive", 1, "most support"), ("negative", -1, "most weakening")):
                side = total[(total.index.get_level_values("sign") == end) & (direction * total > 0)]
                if len(side):  # an end may hold weights of the other sign only
                    _, name = side.abs().idxmax()
                    named_ends.append(f"{word} from {name} ({significant_figures(side[end, name])})")
            phrases.append(f"{condition}: {', '.join(named_ends) or 'no category has any weight'}")
        sentences.append(f"{model} {where}, added up over targets – {'; '.join(phrases)}.")
    weighed = models(results.table(OBJECT_WEIGHTS_MEAN)) if sentences else []
    left = [f"{model}: no category has a defined weight." for model in weighed if model not in models(table)]
    return [*sentences, *left]
