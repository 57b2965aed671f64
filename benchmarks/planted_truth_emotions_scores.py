"""What the readings of emotion_associations.csv find in toy worlds, for one world and over worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import pandas as pd
from planted_truth_emotions_world import AS_IT_IS, BOXES_EXCHANGED, LABELS_EXCHANGED, METHODS, MOST
from planted_truth_scores import auc
from scipy.stats import binomtest, t

from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.studies.emocam.answers.reading import beyond_both, lifted, more_than_others

LIMIT, BOTH = 0.05, "q and q_lift"
WORLD = ["seed", "labels", "null", "method"]
READINGS = ("importance", "conditional", "lift", "importance_contrast", "p", "p_conditional", "p_lift")
TESTS = {"p": "q", "p_conditional": "q_conditional", "p_lift": "q_lift"}
NULLS = (("noise", AS_IT_IS), ("planted", LABELS_EXCHANGED), ("planted", BOXES_EXCHANGED))
CALLS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "q": more_than_others,
    "q_conditional": lambda rows: (rows["q_conditional"] < LIMIT) & (rows["conditional_contrast"] > 0),
    "q_lift": lifted,
    BOTH: beyond_both,
    "q_conditional and q_lift": lambda rows: CALLS["q_conditional"](rows) & lifted(rows),
}
YES_OR_NO = ("any", "p_below")  # measures that are 0 or 1 in a world
Score = tuple[str, str, str, float]  # section, statistic, measure, value


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each world, method and measure, from the rows of all worlds."""
    scores = []
    for key, own in _with_contrasts(rows).groupby(WORLD):
        _, labels, null, method = key
        parts = [_order(own), _single_pairs(own)] if (labels, null) == ("planted", AS_IT_IS) else []
        parts += [_where_nothing_is(own)] if (labels, null) in NULLS else []
        parts += [_heads(own)] if (null, method) == (AS_IT_IS, METHODS[0]) else []
        scores += [(*key, *score) for score in chain(*parts)]
    scores += _large_matrix(rows)
    return pd.DataFrame(scores, columns=[*WORLD, "section", "statistic", "measure", "value"])


def over_worlds(scores: pd.DataFrame) -> list[dict]:
    """Return means over worlds with intervals, 99 % where nothing is there, else 95 %.

    Student's t, and Clopper and Pearson's for what is true of a world or not.
    """
    summary = []
    keys = ["section", "labels", "null", "method", "statistic", "measure"]
    for key, own in scores.groupby(keys, sort=False):
        values, level = own["value"].dropna().to_numpy(dtype=np.float64), 0.99 if key[0] == "null" else 0.95
        mean, many = values.mean(), len(values)
        if key[-1] in YES_OR_NO:
            low, high = binomtest(int(values.sum()), many).proportion_ci(level)
        else:
            low, high = mean + np.array([-1, 1]) * t.ppf((1 + level) / 2, many - 1) * values.std(ddof=1) / many**0.5
        found = {"worlds": many, "mean": mean, "low": low, "high": high}
        rounded = {name: round(float(value), 5) for name, value in found.items()}
        summary.append(dict(zip(keys, key, strict=True)) | rounded | {"worlds": many})
    return summary


def _with_contrasts(rows: pd.DataFrame) -> pd.DataFrame:
    """Add how far a value lies above that of all pictures of the world, whatever they are named."""
    cells = rows.groupby([*WORLD, "class"])
    count, shown, pictures = (cells[name].transform("sum") for name in ("count", "shown", "pictures"))
    return rows.assign(
        presence_contrast=rows["presence"] - 100 * shown / pictures,
        importance_contrast=rows["importance"] - 100 * count / pictures,
        conditional_contrast=rows["conditional"] - count / shown,
    )


def _order(own: pd.DataFrame) -> Iterator[Score]:
    """How well planted pairs come first, by every reading, and how much better than by presence."""
    presence = _auc(own["presence"], own["planted"])
    yield "order", "presence", "auc", presence
    yield "order", "presence_contrast", "auc", _auc(own["presence_contrast"], own["planted"])
    for name in READINGS:
        value = _auc(_reading(own, name), own["planted"])
        yield "order", name, "auc", value
        yield "order", name, "beyond_presence", value - presence


def _reading(rows: pd.DataFrame, name: str) -> pd.Series:
    """What a reader sorts by: the column, or, of a p, how surely the value is above what it is held against."""
    if name not in TESTS:
        return rows[name]
    against = {"p": "importance_contrast", "p_conditional": "conditional_contrast", "p_lift": "lift"}[name]
    return np.sign(rows[against]) * -np.log(rows[name])


def _auc(values: pd.Series, planted: pd.Series) -> float:
    """AUC of planted pairs; undefined values come last."""
    return auc(values.fillna(-np.inf).to_numpy(dtype=np.float64), planted.to_numpy(dtype=bool))


def _single_pairs(own: pd.DataFrame) -> Iterator[Score]:
    for name, call in CALLS.items():
        for measure, value in _called(call(own), own["planted"]).items():
            yield "pairs", name, measure, value


def _called(called: pd.Series, planted: pd.Series) -> dict[str, float]:
    """Share of planted pairs that are called, of the others, and share of what is called that is not planted."""
    false = float((called & ~planted).sum() / called.sum()) if called.any() else 0.0
    return {"found": float(called[planted].mean()), "called": float(called[~planted].mean()), "false": false}


def _where_nothing_is(own: pd.DataFrame) -> Iterator[Score]:
    for p, q in TESTS.items():
        tested = own.dropna(subset=p)
        yield "null", p, "p", float((tested[p] < LIMIT).mean())
        yield "null", p, "q", float((tested[q] < LIMIT).mean())
        yield "null", p, "any", float((tested[q] < LIMIT).any())
    both = beyond_both(own)
    yield "null", BOTH, "q", float(both.mean())
    yield "null", BOTH, "any", float(both.any())


def _heads(own: pd.DataFrame) -> Iterator[Score]:
    yield "heads", "heads", "accuracy", float(own["accuracy"].iloc[0])
    yield "heads", "heads", "p_below", float(own["p_model"].iloc[0] < LIMIT)


def _large_matrix(rows: pd.DataFrame) -> Iterator[tuple]:
    """Put the pairs of each world among those of all other worlds with exchanged boxes, and correct over all."""
    planted = rows[rows["labels"] == "planted"]
    empty = planted[planted["null"] == BOXES_EXCHANGED]
    for (method, seed), world in planted[planted["null"] == AS_IT_IS].groupby(["method", "seed"]):
        others = empty[(empty["method"] == method) & (empty["seed"] != seed)]
        key = (seed, "planted", AS_IT_IS, method, "large")
        yield *key, "pairs", "pairs", float(len(world) + len(others))
        for name in MOST:
            p = np.concatenate([world[name], others[name]]).astype(np.float64)
            below = benjamini_hochberg(p) < LIMIT
            for measure, value in _called(pd.Series(below[: len(world)], world.index), world["planted"]).items():
                yield *key, name, measure, value
            yield *key, name, "empty", float(below[len(world) :].sum())
