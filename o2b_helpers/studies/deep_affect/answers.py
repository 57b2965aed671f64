"""The answers of the study, in words."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, number
from o2b_helpers.report.tables import p_value
from o2b_helpers.studies.common.select import P_SIGNIFICANT
from o2b_helpers.studies.deep_affect.options import TARGETS
from o2b_helpers.studies.deep_affect.tables import (
    AFFECT_CEILINGS,
    AFFECT_CONTRIBUTIONS,
    AFFECT_SCORES,
    AFFECT_TESTS,
    ALL_CORPORA,
    HELD_OUT,
    INTERACTION,
    MEAN,
    NETWORK,
    RIDGE,
    SHAPLEY,
    SHARED,
    SINGLE,
    SPLIT,
    TEST,
)

LEARNERS = {
    (NETWORK, SHARED): "shared network",
    (NETWORK, SPLIT): "split networks",
    (RIDGE, SINGLE): "ridge regression",
}


def shown_learner(table: pd.DataFrame, model: str, outputs: str) -> pd.DataFrame:
    """Return the rows of one kind of model."""
    return table[(table["model"] == model) & (table["outputs"] == outputs)]


def all_features(results: Results) -> str:
    """Name the set of all groups of features."""
    groups = results.table(AFFECT_CONTRIBUTIONS).query("kind == @SHAPLEY")["group"]
    return " + ".join(dict.fromkeys(groups))


def what_groups_contribute(results: Results) -> Answer:
    """Answer how much of arousal and valence is in each group of features."""
    table = results.table(AFFECT_CONTRIBUTIONS)
    statements = []
    for target in TARGETS:
        points = []
        for (model, outputs), name in LEARNERS.items():
            own = shown_learner(table, model, outputs)
            own = own[(own["rating"] == target) & (own["kind"] == SHAPLEY)]
            shares = ", ".join(
                f"{isolated(row.group)} {number(row.value)} ({number(row.low)} to {number(row.high)})"
                for row in own.sort_values("value", ascending=False).itertuples()
            )
            sure = own.loc[own["corrected_q"] < P_SIGNIFICANT, "group"].map(isolated)
            said = f"above 0 beyond chance: {', '.join(sure)}" if len(sure) else "none is above 0 beyond chance"
            points.append(
                f"{name[0].upper() + name[1:]}: {shares}; R2 gained by all {number(own['whole'].iloc[0])}; {said}."
            )
        statements.append(
            Statement(target.capitalize(), " (share of R2 on test pictures, with its interval):", tuple(points))
        )
    pairs = shown_learner(table, RIDGE, SINGLE)
    pairs = pairs[(pairs["kind"] == INTERACTION) & (pairs["corrected_q"] < P_SIGNIFICANT)]
    if len(pairs):
        words = ", ".join(f"{isolated(row.group)} for {row.rating} ({number(row.value)})" for row in pairs.itertuples())
        statements.append(Statement("Pairs of groups", f" (ridge regression; below 0: they hold the same): {words}."))
    return Answer("How much of arousal and valence is in objects, scenes and faces?", statements)


def how_well_predicted(results: Results) -> Answer:
    """Answer how well ratings are predicted at all, beside the mean and the noise ceiling."""
    scores, ceilings = results.table(AFFECT_SCORES), results.table(AFFECT_CEILINGS)
    whole, statements = all_features(results), []
    everything = scores[scores["corpus"] == ALL_CORPORA]
    for target in TARGETS:
        own = everything[everything["rating"] == target]
        test = own[own["part"] == TEST]
        rows = {
            name: shown_learner(test[test["features"] == whole], *key).iloc[0] for key, name in LEARNERS.items()
        } | {"mean of the training pictures": test[test["model"] == MEAN].iloc[0]}
        points = [
            f"{name[0].upper() + name[1:]}: R2 {number(row['r2'])}, rho {number(row['rho'])}, mean squared error "
            f"{number(row['mse'])} (SD over folds {number(row['mse_sd'])}), accuracy {number(row['accuracy'], 1)} %."
            for name, row in rows.items()
        ]
        ceiling = ceilings[(ceilings["corpus"] == ALL_CORPORA) & (ceilings["rating"] == target)].iloc[0]
        points.append(
            f"Noise ceiling of R2: {number(ceiling['r2'])}, from the raters of {ceiling['pictures']:.0f} pictures."
            if ceiling["pictures"] > 1
            else "The noise ceiling is not known: the corpus does not say SD and number of ratings."
        )
        apart = own[(own["part"] == HELD_OUT) & (own["features"] == whole)]
        if len(apart):
            said = ", ".join(
                f"{name} {number(shown_learner(apart, *key)['r2'].iloc[0])}" for key, name in LEARNERS.items()
            )
            points.append(f"R2 on the corpus that was never learnt from: {said}.")
        statements.append(Statement(target.capitalize(), " (test pictures, all features):", tuple(points)))
    return Answer("How well are arousal and valence predicted?", statements)


def shared_or_split(results: Results) -> Answer:
    """Answer whether arousal and valence are learnt better together."""
    tests, whole, points = results.table(AFFECT_TESTS), all_features(results), []
    first, second = (", ".join((NETWORK, outputs, whole)) for outputs in (SHARED, SPLIT))
    for target in TARGETS:
        own = tests[(tests["first"] == first) & (tests["second"] == second) & (tests["rating"] == target)].iloc[0]
        points.append(
            f"{target.capitalize()}: the shared network’s mean squared error less that of the split one is "
            f"{number(own['difference'])} ({number(own['low'])} to {number(own['high'])}); p {p_value(own['p'])} as if "
            f"folds were independent, {p_value(own['corrected_p'])} corrected for shared training pictures (q "
            f"{p_value(own['corrected_q'])})."
        )
    points.append("Shared and split networks differ in the number of weights for each rating, and in when they stop.")
    return Answer("Are arousal and valence learnt better together?", [Statement(points=tuple(points))])
