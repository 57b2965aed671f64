"""Question and answer in words, each with how sure it is: what a reader gets who reads nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, number, ordered, significant_figures
from o2b_helpers.report.tables import Table, make_table, p_value
from o2b_helpers.studies.common.known_tables import known
from o2b_helpers.studies.common.select import (
    P_SIGNIFICANT,
    best_alignment,
    last_layer,
    mean_weights,
    models,
    named,
    target_parts,
)
from o2b_helpers.studies.common.uncertainty import interval_words
from o2b_helpers.studies.object2brain.second_opinion import WHY, hidden, second_opinion

NAMED_CLASSES = 4
LONG_SOURCES = {"true": "people’s own judgements", "rating": "people’s ratings"}
NOT_TESTED = (
    "These results hold no test of the class weights against chance, because an older version of the software made "
    "them: run the series again (o2b run) to get it. Until then the only measure of how sure a weight is, is how much "
    "it differs between training runs, and that says nothing of other pictures or other people."
)


@dataclass(frozen=True)
class Statement:
    """One part of an answer: what it is about, a sentence, and points below it; each may be empty."""

    lead: str = ""
    text: str = ""
    points: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """All of it as one line."""
        return " ".join(part for part in (self.lead, self.text, *self.points) if part)


@dataclass(frozen=True)
class Answer:
    """One question, its answer in statements, and the table that holds the numbers."""

    question: str
    statements: list[Statement]
    table: Table | None = None


def main_targets(results: Results) -> dict[str, str]:
    """Name, for every condition, the target that stands first: what people themselves say of the whole picture.

    Of the paper's targets that is IV/true/<condition>; of others, the first in the figures' order [ours].
    """
    parts = target_parts(results)
    chosen = {}
    for condition in ordered(parts["condition"], "condition"):
        here = parts[parts["condition"] == condition]
        types = ordered(here["valence_type"], "valence_type")
        sources = ordered(here["source"], "source")
        rank = here["valence_type"].map(types.index) * len(sources) + here["source"].map(sources.index)
        chosen[condition] = str(rank.idxmin())
    return chosen


def agreement(results: Results) -> Answer:
    """Answer how far the models agree with people, per condition, with interval, q and ceiling."""
    rows, statements = [], []
    best = best_alignment(results)
    everyone = named(results.alignment, results.alignment)
    summary = known(results, "alignment_summary.csv")
    summary = None if summary is None else named(summary, results.alignment).set_index(["architecture", "target"])
    ceilings = known(results, "ceilings.csv")
    ceilings = None if ceilings is None else ceilings.set_index("target")
    for condition, target in main_targets(results).items():
        mine = best[best["target"] == target]
        sure = [row.architecture for row in mine.itertuples() if row.q < P_SIGNIFICANT and row.rho > 0]
        opposite = [row.architecture for row in mine.itertuples() if row.q < P_SIGNIFICANT and row.rho < 0]
        for row in mine.itertuples():
            runs = everyone.loc[(everyone["architecture"] == row.architecture) & (everyone["target"] == target), "rho"]
            interval, mean, ceiling = "not known", runs.mean(), "not known"
            if summary is not None and (row.architecture, target) in summary.index:
                found = summary.loc[(row.architecture, target)]
                interval, mean = f"{number(found['ci_low'])} to {number(found['ci_high'])}", found["rho"]
            if ceilings is not None and target in ceilings.index:
                found = ceilings.loc[target, "ceiling"]
                ceiling = number(found) if found == found else "not known"
            rows.append((condition, row.architecture, row.rho, row.q, mean, interval, ceiling))
        statements.append(Statement(text=_agreement_in_words(results, condition, target, mine, sure, opposite)))
    columns = ["condition", "model", "rho, best run", "q", "mean over runs", "interval", "ceiling"]
    raw = pd.DataFrame(rows, columns=columns)
    frame = raw.assign(
        **{"rho, best run": raw["rho, best run"].map(number), "q": raw["q"].map(p_value)},
        **{"mean over runs": raw["mean over runs"].map(number)},
    )
    numeric = {"rho, best run", "q", "mean over runs"}
    what = "agreement with what people say of the whole picture; q is corrected for the number of tests"
    if summary is not None:
        what += f"; the {interval_words(results)} of the mean is over runs and stimuli"
    if summary is None:
        what += "; these results hold no intervals (an older version made them)"
    title = "Agreement with people, by condition"
    table = make_table(title, frame, numeric, "alignment.csv", what, exact={c: raw[c] for c in numeric})
    return Answer("Do the models agree with people?", statements, table)


def _agreement_in_words(
    results: Results, condition: str, target: str, mine: pd.DataFrame, sure: list[str], opposite: list[str]
) -> str:
    whom = _whom(results, target)
    count = len(mine)
    if mine["rho"].isna().all():
        return f"In the condition {isolated(condition)} no model has a defined correlation with {whom}."
    top = mine.loc[mine["rho"].idxmax()]
    highest = f"the highest rho is {number(top['rho'])} ({isolated(top['architecture'])}, q {_q(top['q'])})"
    if not sure and not opposite:
        held = "no model agrees" if count > 1 else f"{isolated(mine['architecture'].iloc[0])} does not agree"
        return f"In the condition {isolated(condition)} {held} with {whom} beyond chance (q < 0.05); {highest}."
    agreeing = f"{len(sure)} of {count} models agree" if count > 1 else f"{isolated(top['architecture'])} agrees"
    if not sure:
        agreeing = "no model agrees" if count > 1 else f"{isolated(top['architecture'])} does not agree"
    against = f" {len(opposite)} judge{'s' * (len(opposite) == 1)} the other way round." if opposite else ""
    return (
        f"In the condition {isolated(condition)} {agreeing} with {whom} beyond chance (q < 0.05); {highest}.{against}"
    )


def objects(results: Results) -> Answer:
    """Answer which objects push a model towards or away from people, and how sure that is."""
    tested = known(results, "object_weights_mean.csv")
    table = mean_weights(results.object_weights).rename(columns={"mean": "weight"}) if tested is None else tested
    signs = _same_sign(results)
    shown = ", ".join(f"{isolated(model)} {isolated(last_layer(table, model))}" for model in models(table))
    targets = ", ".join(map(isolated, main_targets(results).values()))
    statements = [
        Statement(
            text=f"Named are the classes with the largest weights in the last target layer ({shown}), for what people "
            f"say of the whole picture ({targets}); the tables below figure 4 hold all classes and targets."
        )
    ]
    for condition, target in main_targets(results).items():
        for model in models(table):
            last = last_layer(table, model)
            here = table[(table["architecture"] == model) & (table["layer"] == last) & (table["target"] == target)]
            here = here.dropna(subset=["weight"]).sort_values(["weight", "class"], ascending=[False, True])
            lead = f"Condition {isolated(condition)}, model {isolated(model)}"
            if here.empty:
                statements.append(Statement(lead, "No class has a defined weight."))
                continue
            high = here[here["weight"] > 0].head(NAMED_CLASSES)
            low = here[here["weight"] < 0].iloc[::-1].head(NAMED_CLASSES)
            sure = _sure(here, pd.concat([high, low]), signs.get((model, last, target), {}), tested is not None)
            ends = (f"Towards people: {_classes(high)}.", f"Away from people: {_classes(low)}.")
            more = (f"How sure: {sure}" if sure else "", second_opinion(results, model, target))
            statements.append(Statement(lead, points=(*ends, *filter(None, more))))
    if tested is None:
        statements.append(Statement(text=NOT_TESTED))
    else:
        statements += [_everywhere(tested, model) for model in models(tested)]
        statements.append(
            Statement(
                text=f"In brackets: the weight, its {interval_words(results)}, and q. A small q says that chance "
                "rarely gives so large a weight; it does not say that the object itself is the cause, because objects "
                "that stand close together share their weight (figure 5)."
            )
        )
    if hidden(results) is not None:
        statements.append(Statement(text=WHY))
    question = "Which objects push a model towards or away from how people feel, and how sure is that?"
    return Answer(question, statements)


def _everywhere(tested: pd.DataFrame, model: str) -> Statement:
    """Say how many of a model's weights, over all its layers and targets, are beyond chance, and name the largest."""
    mine = tested[tested["architecture"] == model]
    beyond = mine[mine["q"] < P_SIGNIFICANT].sort_values(
        "weight", key=lambda w: w.abs(), ascending=False, kind="stable"
    )
    lead = f"All layers and targets, model {isolated(model)}"
    text = f": {len(beyond):,} of {len(mine):,} weights are beyond chance (q < 0.05)."
    points = tuple(
        f"{isolated(row['class'])}, {'towards' if row['weight'] > 0 else 'away from'} {isolated(row['target'])}, in "
        f"{isolated(row['layer'])}: {significant_figures(row['weight'])}, {significant_figures(row['ci_low'])} to "
        f"{significant_figures(row['ci_high'])}, q {_q(row['q'])}."
        for _, row in beyond.head(NAMED_CLASSES).iterrows()
    )
    return Statement(lead, text, points)


def _sure(here: pd.DataFrame, shown: pd.DataFrame, same: dict[str, tuple[int, int]], tested: bool) -> str:
    """Say how sure the named classes are: q where it is known, and how many keep their sign in all runs."""
    words = ""
    if tested:
        beyond = here[here["q"] < P_SIGNIFICANT]
        names = ", ".join(isolated(name) for name in beyond["class"].head(2 * NAMED_CLASSES))
        more = len(beyond) - 2 * NAMED_CLASSES
        if beyond.empty:
            words = (
                f"none of {len(here)} classes is beyond chance (q < 0.05), so the order may be chance; the "
                f"smallest q is {_q(here['q'].min())}."
            )
        else:
            words = (
                f"{len(beyond)} of {len(here)} classes {'is' if len(beyond) == 1 else 'are'} beyond chance "
                f"(q < 0.05): {names}{f' and {more} more' if more > 0 else ''}."
            )
    runs = max((count for _, count in same.values()), default=0)
    if runs > 1:
        kept = sum(same.get(name, (0, 1))[0] == same.get(name, (0, 1))[1] for name in shown["class"])
        verb = "has" if kept == 1 else "have"
        words += f" {kept} of the {len(shown)} classes named {verb} the same sign in all {runs} runs."
    return words.strip()


def _same_sign(results: Results) -> dict[tuple[str, str, str], dict[str, tuple[int, int]]]:
    """Count, for every (model, layer, target) and class, the runs whose weight has the mean's sign, and all runs."""
    weights = results.object_weights
    weights = weights[weights["target"].isin(main_targets(results).values())]
    keys = ["architecture", "layer", "target", "class"]
    mean = weights.groupby(keys, sort=False)["weight"].transform("mean")
    agree = weights.assign(agree=(weights["weight"] * mean > 0))
    counted = agree.groupby(keys, sort=False)["agree"].agg(["sum", "size"])
    found: dict[tuple[str, str, str], dict[str, tuple[int, int]]] = {}
    for (model, layer, target, name), same, runs in zip(counted.index, counted["sum"], counted["size"], strict=True):
        found.setdefault((model, layer, target), {})[name] = (int(same), int(runs))
    return found


def _classes(part: pd.DataFrame) -> str:
    """Name classes with their weight and what is known of its spread."""
    listed = []
    for row in part.itertuples():
        weight = significant_figures(row.weight)
        if hasattr(row, "ci_low"):
            spread = f"{weight}, {significant_figures(row.ci_low)} to {significant_figures(row.ci_high)}, q {_q(row.q)}"
        else:
            spread = f"{weight} ± {significant_figures(row.sd)}"
        listed.append(f"{isolated(part.loc[row.Index, 'class'])} ({spread})")
    return ", ".join(listed) or "none"


def _q(value: float) -> str:
    return p_value(value) if value == value else "undefined"


def _whom(results: Results, target: str) -> str:
    part = target_parts(results).loc[target]
    source = LONG_SOURCES.get(part["source"], f"the source “{isolated(part['source'])}”")
    return f"{source} ({isolated(target)})"
