"""What every figure asks, shows, and does not show: plain text, its numbers read from the results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number, ordered, significant_figures
from o2b_helpers.studies.common.select import (
    P_SIGNIFICANT,
    best_alignment,
    last_layer,
    layers,
    models,
    named,
    target_parts,
)
from o2b_helpers.studies.common.uncertainty import ceilings_in_words, full_intervals, interval_words, summary_over_runs


@dataclass(frozen=True)
class Caption:
    """The words under a figure; plain text, to be escaped by whoever shows it."""

    title: str
    question: str
    how_to_read: str
    finding: str
    limits: str
    origin: str

    def text(self) -> str:
        """Return what a reader who cannot see the figure needs: what is drawn and what it shows."""
        return f"{self.title} {self.how_to_read} {self.finding}"


def caption(results: Results, figure: int) -> Caption:
    """Write the caption of one of figures 1 to 5."""
    return _CAPTIONS[figure](results)


def _figure_1(results: Results) -> Caption:
    bars = ""
    if full_intervals(results) is not None:
        bars = f" The thin bar is the mean over runs with its {interval_words(results)} over runs and stimuli."
    return Caption(
        title="Do the models agree with people and their brains?",
        question="If a model finds one picture more pleasant than another, do people and their brain signals agree?",
        how_to_read=(
            "Each panel is one valence type (rows) and one condition (columns). Within a panel, targets stand side by "
            "side by their source. Height is Spearman’s rho between a model’s predictions and the target over the "
            "stimuli of that condition: 1 is the same order, 0 no relation, −1 the opposite order. The large mark is "
            "the model’s best run, the one with the lowest error on held-out pictures; small marks are its other "
            f"runs.{bars} Filled marks have q below 0.05: if all of them are called real, at most one in twenty of "
            "those calls is expected to be wrong. A grey band is the noise ceiling: where a model would come out that "
            "knew the order of the stimuli without any error; people do not agree well enough for more."
        ),
        finding=" ".join([*alignment_in_words(results), ceilings_in_words(results)]).strip(),
        limits=(
            "An open mark does not say that there is no agreement: with few stimuli a moderate correlation is easily "
            "missed. The uncorrected p of the paper appears when you point at a mark; by it alone one test in twenty "
            "comes out below 0.05 by chance. The small marks show how much the training run matters, not how much the "
            "choice of stimuli matters, and nothing here shows what other people would have said. A ceiling for brain "
            "regions counts as signal whatever all subjects share, noise too. A correlation does not say that model "
            "and brain work alike."
        ),
        origin=(
            "Targets, models and Spearman’s rho are the paper’s (section 2.2.2), which marks p < 0.05 uncorrected. The "
            "other runs, permutations and q, intervals and noise ceilings are ours."
        ),
    )


def alignment_in_words(results: Results) -> list[str]:
    """Say for every model how its best run agrees with the targets of each condition."""
    best, everyone = best_alignment(results), named(results.alignment, results.alignment)
    sentences = []
    for model in models(best):
        mine = best[best["architecture"] == model]
        parts = []
        for condition in ordered(mine["condition"], "condition"):
            rho = mine.loc[mine["condition"] == condition, "rho"].dropna()
            over = everyone[(everyone["architecture"] == model) & (everyone["condition"] == condition)]
            runs = over.groupby("run")["rho"].mean()
            parts.append(
                f"{condition} targets mean rho {number(rho.mean())} ({_range(rho)}; "
                f"mean over {len(runs)} runs {number(runs.mean())}, sd {number(runs.std())})"
            )
        significant = int((mine["p"] < P_SIGNIFICANT).sum())
        corrected = int((mine["q"] < P_SIGNIFICANT).sum())
        sentences.append(
            f"{model}, best run {mine['run'].iloc[0]}: {'; '.join(parts)}. {significant} of {len(mine)} targets have "
            f"p < 0.05 uncorrected, {corrected} have q < 0.05."
        )
    return sentences


def _figure_2(results: Results) -> Caption:
    table = named(results.layer_alignment, results.alignment)
    mean = table.groupby(["architecture", "layer", "target"], sort=False)["rho"].agg(["mean", "std", "count"])
    spread, intervals = summary_over_runs(results)
    spread = spread.set_index(["architecture", "layer", "target"])
    bar = f"its {interval_words(results)} over runs and stimuli" if intervals else "its standard deviation over runs"
    sentences = []
    for model in models(table):
        mine = mean.loc[model].dropna(subset=["mean"])
        if mine.empty:
            sentences.append(f"{model}: no layer has a defined rho.")
            continue
        layer, target = mine["mean"].idxmax()
        top = mine.loc[(layer, target)]
        first, last = layers(table, model)[0], last_layer(table, model)
        by_layer = mine["mean"].groupby("layer").mean()
        start, end = (number(by_layer.get(name, float("nan"))) for name in (first, last))
        sentences.append(
            f"{model}: averaged over all targets, rho goes from {start} in the first layer ({first}) to {end} in the "
            f"last ({last}). Highest: {target} in {layer}, mean {number(top['mean'])}, "
            f"sd {number(top['std'])} over {int(top['count'])} runs"
            + (f", interval {_ends(spread.loc[(model, layer, target)])}." if intervals else ".")
        )
    return Caption(
        title="Where in the network does the agreement arise?",
        question="Do early and late layers of a network agree with early and late stages of the brain?",
        how_to_read=(
            "Each panel is one valence type (rows), one condition and one model (columns). From left to right the "
            "layers go from input to output. A line is one source of the target; a mark is the mean rho of the models "
            f"trained on that layer, a bar {bar}. The mark at “full” is the whole network. At “ceiling” stands each "
            "source’s noise ceiling with its interval: where a model would come out that knew the order of the stimuli "
            "without any error."
        ),
        finding=" ".join([*sentences, ceilings_in_words(results)]).strip(),
        limits=(
            ""
            if intervals
            else "The bars show how much the training run matters, not how much the choice of stimuli matters. "
        )
        + (
            "Two layers share their stimuli, so bars that overlap do not rule out a difference, and the highest of "
            "many marks is high partly by luck. Full models and layer models are trained by different rules, so the "
            "step to “full” is not only one of depth. No significance is marked here; p and q of every run are in "
            "layer_alignment.csv."
        ),
        origin=(
            "Layers, training rules, mean and sd over runs are the paper’s (section 2.2.3). “full”, intervals over "
            "runs and stimuli, and noise ceilings are ours."
        ),
    )


def _figure_3(results: Results) -> Caption:
    return Caption(
        title="Which kinds of objects support or weaken the agreement, layer by layer?",
        question="Through which kinds of objects does each layer gain or lose agreement with people?",
        how_to_read=(
            "Each row of panels is one category of objects and one model, each column one condition and valence type. "
            "Above zero: switching off filters that answer to these objects lowers rho, so the objects support the "
            "agreement. Below zero: it raises rho, so they weaken it. A category can do both, through different "
            "classes. Where no class of a category is among the highest or lowest, its sum is zero."
        ),
        finding=" ".join(category_in_words(results, last_only=False)),
        limits=(
            "Weights have no unit: compare them within a model, not between models. Only the classes at either end "
            "enter, so a category with many middling classes shows nothing. Boxes of different classes overlap "
            "(figure 5), so part of a category’s weight may belong to its neighbour. Bright marks have q < 0.05: by "
            "chance alone, with people’s answers exchanged between stimuli, so large a sum is rare. That a mark is "
            "pale does not show that the category plays no part; nor does a bright one show that it does so directly."
        ),
        origin=(
            "The weights, and summing the highest and lowest classes (a tenth at either end) by category, are the "
            "paper’s (section 3.2). The score of a box, a lesion’s sign, most categories, p and q are ours. The "
            "categories drawn are those with the largest weights."
        ),
    )


def _figure_4(results: Results) -> Caption:
    return Caption(
        title="Do the models lean on the same kinds of objects?",
        question="Do networks that agree with people equally well lean on the same kinds of objects?",
        how_to_read=(
            "Each row of panels is one model at its last target layer, each column one condition and valence type. "
            "Bars to the right: the category’s objects support the agreement; to the left: they weaken it. Colours are "
            "the sources of the target, in the order of the legend from top to bottom."
        ),
        finding=" ".join(category_in_words(results, last_only=True)),
        limits=(
            "Every model has its own scale, printed below its panels: look at the pattern, not at the length across "
            "models. Weights have no unit. Boxes of different classes overlap (figure 5). A category that is missing "
            "here may matter in an earlier layer. Pale bars may come from chance (q not below 0.05)."
        ),
        origin="As figure 3. Which nine categories to draw is ours: those with the largest weights in the last layers.",
    )


def category_in_words(results: Results, *, last_only: bool) -> list[str]:
    """Name, for each model and condition, the category with the largest supporting and weakening weight."""
    table, parts = results.category_weights, target_parts(results)
    sentences = []
    for model in models(table):
        mine = table[table["architecture"] == model]
        where = "over all layers"
        if last_only:
            last = last_layer(table, model)
            mine, where = mine[mine["layer"] == last], f"in {last}"
        phrases = []
        for condition in ordered(parts["condition"], "condition"):
            here = mine[mine["target"].isin(parts.index[parts["condition"] == condition])]
            total = here.groupby(["sign", "category"])["weight"].sum()
            named_ends = []
            for sign, word in (("positive", "most support"), ("negative", "most weakening")):
                if sign in total.index.get_level_values("sign"):
                    side = total.loc[sign]
                    name = side.abs().idxmax()
                    named_ends.append(f"{word} from {name} ({significant_figures(side[name])})")
            phrases.append(f"{condition}: {', '.join(named_ends) or 'no category has any weight'}")
        sentences.append(f"{model} {where}, summed over targets – {'; '.join(phrases)}.")
    return sentences


def _figure_5(results: Results) -> Caption:
    table = results.category_overlap
    different = table[(table["category_a"] != table["category_b"]) & table["overlap"].notna()]
    if different.empty:
        finding = "No two categories were found in one image."
    else:
        top = different.nlargest(3, "overlap")
        pairs = [f"{r.category_b} cover {100 * r.overlap:.0f} % of {r.category_a}" for r in top.itertuples()]
        median = 100 * different["overlap"].median()
        finding = f"The largest overlaps: boxes of {'; of '.join(pairs)}. Median over pairs: {median:.0f} %."
    return Caption(
        title="How far do the boxes of two categories overlap?",
        question="Could the weight of one category be borrowed from another whose boxes lie in the same place?",
        how_to_read=(
            "A cell is the share of the row category’s area that boxes of the column category cover, in percent, "
            "averaged over the images that show both. The table is not symmetric: people may cover little of a house "
            "while the house covers all of the people. Grey: never in one image."
        ),
        finding=finding,
        limits=(
            "Boxes are larger than the objects in them, so the overlap of the objects is smaller. A large overlap "
            "makes mixing possible; it does not prove it. How many images a cell rests on is not shown."
        ),
        origin=(
            "The figure is the paper’s (section 3.2, figure 5). Reading each cell as a share of the row’s area is ours."
        ),
    )


_CAPTIONS: dict[int, Callable[[Results], Caption]] = {
    1: _figure_1,
    2: _figure_2,
    3: _figure_3,
    4: _figure_4,
    5: _figure_5,
}


def classes_in_words(results: Results, count: int = 3) -> list[str]:
    """Name, for each model's last target layer and condition, the classes with the highest and lowest weights.

    Weights are averaged over runs and then over the condition's targets; the spread given is the standard deviation
    over runs of that average.
    """
    parts = target_parts(results)
    sentences = []
    for model in models(results.object_weights):
        last = last_layer(results.object_weights, model)
        mine = results.object_weights
        mine = mine[(mine["architecture"] == model) & (mine["layer"] == last)]
        for condition in ordered(parts["condition"], "condition"):
            here = mine[mine["target"].isin(parts.index[parts["condition"] == condition])]
            by_run = here.groupby(["class", "run"])["weight"].mean().groupby("class").agg(["mean", "std"])
            by_run = by_run.sort_values("mean", ascending=False, kind="stable")
            high = by_run[by_run["mean"] > 0].head(count)
            low = by_run[by_run["mean"] < 0].iloc[::-1].head(count)
            sentences.append(
                f"{model}, {last}, {condition} targets: towards people – {_classes(high)}; "
                f"away from people – {_classes(low)}."
            )
    return sentences


def _classes(part: pd.DataFrame) -> str:
    if part.empty:
        return "none"
    return ", ".join(
        f"{name} ({significant_figures(row['mean'])} ± {significant_figures(row['std'])})"
        for name, row in part.iterrows()
    )


def _ends(row: pd.Series) -> str:
    return f"{number(row['low'])} to {number(row['high'])}"


def _range(values: pd.Series) -> str:
    if values.empty:
        return "none defined"
    return f"{number(values.min())} to {number(values.max())} over {len(values)}" if len(values) > 1 else "one target"
