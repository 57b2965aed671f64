"""The study's part of the report: what it asks, its answer in words, its methods and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from o2b_helpers.core.facts import counted
from o2b_helpers.core.study import Section
from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.report.provenance import value_in_words
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated, number
from o2b_helpers.report.tables import ShownTable, make_table, p_value
from o2b_helpers.studies.alignment.departures import DEPARTURES
from o2b_helpers.studies.alignment.figures.contrasts import contrasts_in_words
from o2b_helpers.studies.alignment.figures.kept_heads import OPTIMISM, best_alignment
from o2b_helpers.studies.alignment.measures.decoding import decoding_table
from o2b_helpers.studies.alignment.tables import ALIGNMENT, ALIGNMENT_SUMMARY, CEILINGS
from o2b_helpers.studies.common.beyond_chance import corrected
from o2b_helpers.studies.common.names import ordered
from o2b_helpers.studies.common.options import FULL_RULES, FULL_UNDER_LAYER_RULES, Significance
from o2b_helpers.studies.common.people import (
    LABELS,
    NOT_DECLARED,
    asked_in_words,
    is_measured,
    people_of,
    source_in_words,
)
from o2b_helpers.studies.common.select import P_SIGNIFICANT, models, named
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.common.target_order import first_targets, ordered_sources, target_parts
from o2b_helpers.studies.common.uncertainty import interval_words

MODELS = "10 networks with ImageNet weights, 4 of them also with Places365 weights"
MOST_MODELS = 6  # that are named
# The paper's numbers (sections 2.1, 2.2), and where this run's stand in provenance.json.
SIZES = (
    ("rated pictures in the training corpus", "25,869", "inputs", "images_in_corpus"),
    ("of them unpleasant (label 0)", "8,469", "inputs", "unpleasant"),
    ("of them pleasant (label 1)", "13,997", "inputs", "pleasant"),
    ("of them neutral (dropped)", "3,403", "inputs", "neutral"),
    ("stimuli", "48", "inputs", "stimuli"),
    ("annotators of the stimuli", "50", "human_targets", "annotators"),
    ("subjects in the scanner", "22", "human_targets", "subjects"),
    ("targets", "24", "human_targets", "targets"),
)
# What the paper reads from the brain (section 2.1): condition, region group, finding.
DECODED = (
    ("congruent", "LLR", "small, positive"),
    ("congruent", "MLR", "small, positive"),
    ("congruent", "HLR", "small, positive"),
    ("incongruent", "LLR", "none (follows the scene only)"),
    ("incongruent", "MLR", "positive"),
    ("incongruent", "HLR", "positive"),
)
GLOSSARY = {
    "Alignment, agreement": "How similarly a model and people (or their brain signals) order the same pictures, from "
    "unpleasant to pleasant. Measured by rho.",
    "Ceiling": "How high rho could get for a perfect model: people do not agree fully with each other, and a target "
    "that knows only two values cannot be ordered better. Unknown where only ready-made targets were given.",
    "Condition": "A group of stimuli that are analysed together. In the paper a stimulus is congruent where people and "
    "scene are both pleasant or both unpleasant, and incongruent where they disagree.",
    "Full model, layer model": "A full model judges valence from the last layer of a network; a layer model from an "
    "earlier one.",
    "Region group": "Brain areas taken together: LLR are low-level visual areas (V1 to V4), MLR association areas, HLR "
    "areas of control, mostly in front.",
    "Stimulus": "A picture that people judged (and, in the paper, saw in the scanner).",
    "Target": "What the models are compared with, named valence type / source / condition, for example "
    "IV/true/incongruent.",
    "Valence": "How pleasant or unpleasant something is: of the whole image (IV), of the people in it (PV), or of the "
    "scene around them (SV).",
}


def described(results: Results) -> str:
    """Say what was compared with what, and whether people and brains are measured or simulated."""
    parts, sizes = target_parts(results), []
    for kind, column in (("valence type", "valence_type"), ("source", "source"), ("condition", "condition")):
        names = ordered_sources(results) if column == "source" else ordered(parts[column], column)
        sizes.append(f"{kind}{'s' * (len(names) > 1)} {', '.join(map(isolated, names))}")
    count = len(results.table(ALIGNMENT)[["architecture", "weights"]].drop_duplicates())
    stimuli = results.table(TARGETS)["stimulus"].nunique()
    sentence = f"{stimuli} stimuli, {len(parts)} targets ({'; '.join(sizes)}) and {count} model{'s' * (count > 1)}."
    return f"{sentence} {_human_source(results)}".strip()


def _human_source(results: Results) -> str:
    analysis = results.provenance.get("analysis")
    human = analysis.get("human") if isinstance(analysis, Mapping) else None
    simulated = isinstance(human, Mapping) and human.get("kind") == "toyworld"
    return (
        "The people and brain signals of this run are simulated by the built-in toy world: its numbers show how the "
        "method works and say nothing about real people."
        if simulated
        else ""
    )


def agreement(results: Results) -> Answer:
    """Answer how far the models agree with people, per condition, with interval, q and ceiling.

    Where the profile does not say which source is people's own, every source is asked for by its own name instead.
    """
    people, statements = people_of(results), []
    if people:
        targets = list(first_targets(results, people).items())
        conditions = ordered(target_parts(results)["condition"], "condition")
        for condition in [name for name in conditions if name not in dict(targets)]:
            where = f"In the condition {isolated(condition)}"
            statements.append(Statement(text=f"{where} there is no target of people’s own, so nothing is said of it."))
    else:
        statements.append(Statement(text=f"{NOT_DECLARED} Until then, each source is asked for by its own name."))
        targets = [pair for name in ordered_sources(results) for pair in first_targets(results, [name]).items()]
    best, rows, answered = best_alignment(results), [], []
    summary = named(results.table(ALIGNMENT_SUMMARY), results.table(ALIGNMENT)).set_index(["architecture", "target"])
    ceilings = results.table(CEILINGS).set_index("target")["ceiling"]
    for condition, target in targets:
        own = best[best["target"] == target]
        for row in own.itertuples():
            over_runs = summary.loc[(row.architecture, target)]
            interval = f"{number(over_runs['ci_low'])} to {number(over_runs['ci_high'])}"
            ceiling = ceilings.get(target, float("nan"))
            rows.append(
                (target if not people else condition, row.architecture, row.rho, row.q, over_runs["rho"],
                 "not known" if pd.isna(over_runs["ci_low"]) else interval,
                 "not known" if pd.isna(ceiling) else number(ceiling))
            )  # fmt: skip
        answered.append(Statement(text=_agreement_in_words(results, condition, target, own)))
    differences = contrasts_in_words(results, isolated)
    if differences:
        answered.append(Statement(text=differences))
    whom = "people" if people else "each source"
    table = _agreement_table(results, rows, whom, [target for _, target in targets] if people else [])
    question = "Do the models agree with people?" if people else "Do the models agree with the targets?"
    return Answer(question, [*answered, *statements] if people else [*statements, *answered], table)


def _agreement_table(results: Results, rows: list[tuple], whom: str, targets: list[str]) -> ShownTable:
    """Show the numbers behind the answer; `targets` are those of people's own, empty where none is declared."""
    columns = [
        "condition" if targets else "target",
        "model",
        "rho, best run",
        "q",
        "mean over runs",
        "interval",
        "ceiling",
    ]
    numbers = pd.DataFrame(rows, columns=columns)
    written = {"rho, best run": number, "q": p_value, "mean over runs": number}
    frame = numbers.assign(**{name: numbers[name].map(write) for name, write in written.items()})
    asked = [asked_in_words(name) for name in dict.fromkeys(target_parts(results).loc[targets, "valence_type"])]
    what = (
        f"agreement with {' and '.join(asked) or 'the first target of each source'}; q is corrected for the number of "
        f"tests in the file; the {interval_words(results)} of the mean is over runs and stimuli"
    )
    title, exact = f"Agreement with {whom}, by condition", {name: numbers[name] for name in written}
    return make_table(title, frame, set(written), ALIGNMENT.file, what, exact=exact)


def _agreement_in_words(results: Results, condition: str, target: str, own: pd.DataFrame) -> str:
    """Say how many models agree with a condition's target; `own` holds the best run of every model."""
    source = source_in_words(results, target_parts(results).loc[target, "source"])
    whom, known = f"{source} ({isolated(target)})", corrected(own[own["rho"].notna()], "p_perm")
    count, where = len(known), f"In the condition {isolated(condition)}"
    if known.empty:
        return (
            f"{where} no model has a defined correlation with {whom}: "
            f"{'each' if len(own) > 1 else 'it'} predicts the same for every stimulus."
        )
    beyond = known[known["q"] < P_SIGNIFICANT]
    agreeing, opposite = int((beyond["rho"] > 0).sum()), int((beyond["rho"] < 0).sum())
    top = known.loc[known["rho"].idxmax()]
    q = "undefined" if pd.isna(top["q"]) else p_value(top["q"])
    highest = f"the highest rho is {number(top['rho'])} ({isolated(top['architecture'])}, q {q})"
    only = isolated(known["architecture"].iloc[0])
    if agreeing:
        said = f"{agreeing} of {count} models agree" if count > 1 else f"{only} agrees"
    else:
        said = "no model agrees" if count > 1 else f"{only} does not agree"
    against = f" {opposite} judge{'s' * (opposite == 1)} the other way round." if opposite else ""
    constant = len(own) - count
    left = f" {counted(constant, 'model predicts', 'models predict')} the same for every stimulus." if constant else ""
    over = f", corrected over these {count} models" if count > 1 else ""
    return f"{where} {said} with {whom} beyond chance (q < 0.05{over}); {highest}.{against}{left}"


def methods(values: Mapping[str, Any]) -> list[str]:
    """Describe the methods, with the values of this run where they are known."""
    runs = value_in_words(values, "analysis.heads.runs", ", in {} training runs")
    held_out = value_in_words(values, "analysis.heads.test_share", ", each holding out a share of {} of the pictures")
    rates = value_in_words(values, "analysis.heads.learning_rates", " ({})")
    validated = values.get("analysis.heads.select") == "validation"
    choosing = "validation pictures, a part of the training pictures (ours)" if validated else "held-out pictures"
    trust = "Nothing was chosen on the held-out pictures." if validated else OPTIMISM[:1].upper() + OPTIMISM[1:] + "."
    first, second = (_rules_in_words(values, rules) for rules in (FULL_RULES, FULL_UNDER_LAYER_RULES))
    seeds = value_in_words(values, "analysis.controls.untrained_seeds", " ({} networks)")
    return [
        "Targets. Each stimulus got a true label, below or above the median rating of its valence type (a stimulus "
        "exactly at the median has none; ours), and for each brain region group a label predicted from its signals by "
        "nested ridge regression (the folds and the choice of the penalty are ours; the paper, section 2.1). Studies "
        "without brain signals use their own targets, such as mean ratings.",
        "Models. A network trained for another task stays as it is; only its last layer is replaced by one output that "
        f"learns to judge valence from rated pictures{runs}{held_out}. Of the learning rates tried{rates}, the head "
        f"with the lowest error on the {choosing} is kept (the paper, section 2.2). {trust}",
        f"Two sets of full models. The first is that of section 2.2.2{first}. It gives figure 1 and the answers on "
        f"agreement. The second is trained by the rules of the layer models (section 2.2.3){second}. It is “full” in "
        "figure 2, and the model that Object2Brain looks into (figures 3 and 4). For it the paper tries a wider range "
        "of learning rates, which its text does not give.",
        "Agreement. Spearman’s rho between a model’s predictions for the stimuli and a target, within the target’s "
        "condition. p is two-sided and not corrected, as in the paper; q is corrected for the number of tests (ours).",
        "Differences (ours). Two agreements over the same stimuli, with two targets or of two models, are compared by "
        "swapping the ranks of the two at random at each stimulus; those of two conditions by dealing the conditions’ "
        "labels out anew. Both agreements are means over runs.",
        f"Controls (ours). Networks of the same architecture whose weights were drawn from seeds{seeds} got a head "
        "by the same rules, in one run each. Low-level features (mean luminance, RMS contrast, saturation, colour and "
        "gabor energies) were related to the corpus’ labels by ridge regression; the rho of a model beyond them is the "
        "partial rank correlation with the control’s predictions taken out.",
    ]


def _rules_in_words(values: Mapping[str, Any], rules: str) -> str:
    """Put a set of rules into words, as far as its values are known."""
    name = f"analysis.heads.{rules}"
    weighted = values.get(f"{name}.class_weighted")
    loss = "" if weighted is None else f"a squared error {'weighted by class' if weighted else 'without weights'}"
    epochs = value_in_words(values, f"{name}.epochs", "at most {} epochs")
    patience = value_in_words(values, f"{name}.patience", "an end after {} epochs without a gain")
    known = [part for part in (epochs, loss, patience) if part]
    return f": {', '.join(known)}" if known else ""


def compared_models(results: Results) -> ShownTable:
    """Set the paper's networks beside those of this run."""
    names = models(results.table(ALIGNMENT))
    few = names if len(names) <= MOST_MODELS else [*names[:MOST_MODELS], f"and {len(names) - MOST_MODELS} more"]
    columns = [(c, False) for c in ("what", "the paper", "this run")]
    rows = [["models", MODELS, ", ".join(few)]]
    return ShownTable("Models: the paper’s and this run’s", columns, rows, "The paper’s section 2.2.")


def decoded(results: Results) -> ShownTable | None:
    """Set what the paper reads from the brain beside what these targets give; None without its region groups."""
    targets = results.table(TARGETS)
    groups = {group for _, group, _ in DECODED}
    if not is_measured(results) or not groups <= set(targets["source"]):
        return None
    # Only rho is shown, and it does not depend on the number of permutations.
    table, rows = decoding_table(targets, Significance(permutations=99), LABELS), []
    table = table[table["predicted"] == table["true"]]
    for condition, group, finding in DECODED:
        own = table[(table["condition"] == condition) & ~table["all_stimuli"] & (table["source"] == group)].sort_values(
            "predicted"
        )
        if len(own):
            rho = ", ".join(f"{row.predicted} {number(row.rho)}" for row in own.itertuples())
            rows.append([condition, group, finding, rho])
    columns = [(c, False) for c in ("condition", "region group", "the paper finds", "this run: rho by valence type")]
    note = "Correlation of the labels predicted from a region group with the true labels (the paper, section 2.1)."
    return ShownTable("Findings: what can be read from the brain", columns, rows, note) if rows else None


SECTION = Section(
    question="How far does a network that judges how pleasant a picture is agree with people and their brains?",
    answers=(agreement,),
    methods=methods,
    glossary=GLOSSARY,
    comparisons=(compared_models, decoded),
    sizes=SIZES,
    described=described,
    departures=DEPARTURES,
)
