"""From predictions to the rows of tables: scores, tests over folds, contributions of groups, ceilings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from o2b_helpers.kernels.contributions.shapley import Contributions, all_subsets, shapley_values
from o2b_helpers.kernels.cross_validation.paired_t import fold_test, paired_t
from o2b_helpers.kernels.cross_validation.prediction_scores import prediction_scores
from o2b_helpers.kernels.cross_validation.rating_ceiling import rating_ceiling
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.models.feed_forward.corpus_folds import CorpusFolds
from o2b_helpers.studies.deep_affect.affect_models import Predictions, joined
from o2b_helpers.studies.deep_affect.options import TARGETS
from o2b_helpers.studies.deep_affect.tables import (
    ALL_CORPORA,
    HELD_OUT,
    INTERACTION,
    MEAN,
    NETWORK,
    NO_FEATURES,
    RIDGE,
    SHAPLEY,
    SHARED,
    SINGLE,
    SPLIT,
    TEST,
    TRAIN,
)

MEASURES = ("mse", "r2", "rho", "mae", "accuracy")
KEYS = ["model", "outputs", "features"]
LEARNERS = ((NETWORK, SHARED), (NETWORK, SPLIT), (RIDGE, SINGLE))
Key = tuple[str, str, str]


def fold_rows(predicted: Sequence[Predictions], pictures: pd.DataFrame, folds: CorpusFolds) -> pd.DataFrame:
    """Score every model in every fold: on all corpora together, and on each by itself.

    Parameters
    ----------
    predicted : sequence of Predictions
        Of every picture.
    pictures : DataFrame
        corpus, valence, arousal (1..9).
    folds : CorpusFolds
        Pictures that were learnt from (with those that drove rate and stop), tested on, held out.

    Returns
    -------
    DataFrame
        The columns of affect_folds.parquet; no row where a part has no picture of a corpus.
    """
    actual = pictures[list(TARGETS)].to_numpy(np.float64).T
    corpus = pictures["corpus"].to_numpy(str)
    parts = {TRAIN: folds.train | folds.validation, TEST: folds.test}
    if folds.held_out.any():
        parts[HELD_OUT] = np.broadcast_to(folds.held_out, folds.test.shape)
    frames: list[pd.DataFrame] = []
    for each in predicted:
        for part, chosen in parts.items():
            for name in [ALL_CORPORA, *dict.fromkeys(corpus)]:
                own = chosen if name == ALL_CORPORA else chosen & (corpus == name)
                if own.any():
                    frames += [frame.assign(part=part, corpus=name) for frame in _scored(each, actual, own)]
    return pd.concat(frames, ignore_index=True)


def _scored(each: Predictions, actual: np.ndarray, own: np.ndarray) -> Iterator[pd.DataFrame]:
    for seed, values in enumerate(each.values):
        scores = prediction_scores(values, actual, own)
        fold, target = (place.ravel() for place in np.indices(scores.mse.shape))
        frame = pd.DataFrame({"fold": fold, "rating": np.array(TARGETS, dtype=object)[target]})
        for measure in MEASURES:
            frame[measure] = getattr(scores, measure).ravel()
        frame["pictures"] = scores.count.ravel()
        yield frame.assign(model=each.model, outputs=each.outputs, features=each.features, seed=seed)


def score_rows(of_folds: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds, then over folds; the deviation is that over folds (003, tables 2, 3 and 5)."""
    keys = [*KEYS, "part", "corpus", "rating"]
    fold = of_folds.groupby([*keys, "fold"], sort=False)[[*MEASURES, "pictures"]].mean().reset_index()
    grouped = fold.groupby(keys, sort=False)
    table = grouped[list(MEASURES)].mean()
    for measure in MEASURES:
        table[f"{measure}_sd"] = grouped[measure].std()
    table["folds"] = grouped["fold"].nunique()
    # every test picture tests one fold; training pictures learn in all folds but one, held-out ones are judged by all
    counts = grouped["pictures"].agg(["sum", "max"])
    table = table.join(counts).reset_index()
    once = np.where(table["part"] == TRAIN, table["sum"] / (table["folds"] - 1), table["max"])
    table["pictures"] = np.rint(np.where(table["part"] == TEST, table["sum"], once)).astype(int)
    return table


def comparison_rows(
    of_folds: pd.DataFrame, groups: Sequence[str], test_to_train: float, confidence: float
) -> pd.DataFrame:
    """Compare models over folds by their test error (003, tables 4 and 6; corrected tests are ours).

    Compared are shared and split networks of every set of features, the shared networks of every two sets of features,
    shared networks and ridge regression, and both of all features with the mean.

    Parameters
    ----------
    of_folds : DataFrame
        From `fold_rows`.
    groups : sequence of str
        The groups of features.
    test_to_train, confidence : float
        As for `paired_t`.

    Returns
    -------
    DataFrame
        The columns of affect_tests.csv.
    """
    sets = [joined(subset) for subset in all_subsets(groups)[1:]]
    shared: dict[str, Key] = {name: (NETWORK, SHARED, name) for name in sets}
    ridge: dict[str, Key] = {name: (RIDGE, SINGLE, name) for name in sets}
    mean: Key = (MEAN, SINGLE, NO_FEATURES)
    pairs: list[tuple[Key, Key]] = [(shared[name], (NETWORK, SPLIT, name)) for name in sets]
    pairs += [(shared[one], shared[other]) for one, other in combinations(sets, 2)]
    pairs += [(shared[name], ridge[name]) for name in sets]
    pairs += [(shared[sets[-1]], mean), (ridge[sets[-1]], mean)]
    errors = _by_fold(of_folds, "mse")
    first, second = (np.stack([errors[pair[side]] for pair in pairs], axis=1) for side in (0, 1))
    test = paired_t(first, second, test_to_train, confidence)  # over folds: (pair, target)
    table = pd.DataFrame(
        [(target, ", ".join(one), ", ".join(other)) for one, other in pairs for target in TARGETS],
        columns=["rating", "first", "second"],
    )
    values = {
        "difference": test.mean, "low": test.low, "high": test.high, "t": test.t, "p": test.p,
        "corrected_t": test.corrected_t, "corrected_p": test.corrected_p, "folds": test.folds,
    }  # fmt: skip
    for name, own in values.items():
        table[name] = own.ravel()
    table["q"], table["corrected_q"] = (benjamini_hochberg(table[p].to_numpy()) for p in ("p", "corrected_p"))
    return table


def contribution_rows(
    of_folds: pd.DataFrame, groups: Sequence[str], test_to_train: float, confidence: float
) -> pd.DataFrame:
    """Share R2 on test pictures among the groups, fold by fold, with intervals over folds (ours).

    Parameters
    ----------
    of_folds : DataFrame
        From `fold_rows`.
    groups : sequence of str
        The groups of features.
    test_to_train, confidence : float
        As for `fold_test`.

    Returns
    -------
    DataFrame
        The columns of affect_contributions.csv.
    """
    r2, subsets, frames = _by_fold(of_folds, "r2"), all_subsets(groups), []
    for model, outputs in LEARNERS:
        keys = [(model, outputs, joined(subset)) if subset else (MEAN, SINGLE, NO_FEATURES) for subset in subsets]
        values = np.stack([r2[key] for key in keys])  # (subset, fold, target)
        whole = (values[-1] - values[0]).mean(0)
        for kind, names, parts in _parts(shapley_values(values, subsets, groups)):
            test = fold_test(np.moveaxis(parts, 1, 0), test_to_train, confidence)  # over folds: (group, target)
            place, target = (index.ravel() for index in np.indices(test.mean.shape))
            frame = pd.DataFrame({"group": np.array(names, dtype=object)[place]})
            frame["rating"] = np.array(TARGETS, dtype=object)[target]
            frame["value"], frame["low"], frame["high"] = test.mean.ravel(), test.low.ravel(), test.high.ravel()
            frame["corrected_p"], frame["whole"] = test.corrected_p.ravel(), whole[target]
            frames.append(frame.assign(model=model, outputs=outputs, kind=kind))
    table = pd.concat(frames, ignore_index=True)
    tested = table.groupby(["model", "outputs", "kind"])["corrected_p"]
    table["corrected_q"] = tested.transform(lambda p: benjamini_hochberg(p.to_numpy()))
    return table


def _parts(shared: Contributions) -> Iterator[tuple[str, list[str], np.ndarray]]:
    yield SHAPLEY, list(shared.groups), shared.shapley
    if shared.pairs:
        yield INTERACTION, [joined(pair) for pair in shared.pairs], shared.interaction


def _by_fold(of_folds: pd.DataFrame, measure: str) -> dict[Key, np.ndarray]:
    """Return a measure on the test pictures of all corpora, (fold, target), by model; the mean over seeds."""
    own = of_folds[(of_folds["part"] == TEST) & (of_folds["corpus"] == ALL_CORPORA)]
    result = {}
    for (model, outputs, features), rows in own.groupby(KEYS, sort=False):
        table = rows.pivot_table(index="fold", columns="rating", values=measure, aggfunc="mean", dropna=False)
        result[(str(model), str(outputs), str(features))] = table.reindex(columns=list(TARGETS)).to_numpy()
    return result


def ceiling_rows(pictures: pd.DataFrame) -> pd.DataFrame:
    """Work out the noise ceiling of every corpus; NaN where its table has no SD or number of ratings.

    Parameters
    ----------
    pictures : DataFrame
        corpus; valence and arousal (1..9), and of each the SD (``_sd``) and the number of ratings (``_n``).

    Returns
    -------
    DataFrame
        The columns of affect_ceilings.csv.
    """
    corpus, frames = pictures["corpus"].to_numpy(str), []
    mean, deviation, raters = (
        pictures[[f"{target}{what}" for target in TARGETS]].to_numpy(np.float64).T for what in ("", "_sd", "_n")
    )
    for name in [ALL_CORPORA, *dict.fromkeys(corpus)]:
        own = np.ones(len(corpus), dtype=bool) if name == ALL_CORPORA else corpus == name
        ceiling = rating_ceiling(mean, deviation, raters, own)
        values = {name: getattr(ceiling, name) for name in ("least_mse", "r2", "correlation")}
        frames.append(pd.DataFrame({"corpus": name, "rating": TARGETS, "pictures": ceiling.count, **values}))
    return pd.concat(frames, ignore_index=True)
