"""What the tables of the study find in toy worlds of which the truth is known, over worlds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from planted_truth_scores import auc
from planted_truth_selectivity_world import ANEW
from scipy.stats import binomtest, t

from o2b_helpers.studies.selectivity.gains.tables import ALL_PICTURES, CHOSEN, HELD_OUT, HIGHEST, LESIONED
from o2b_helpers.studies.selectivity.tables import TEST

LIMIT, EVERY, ALL_TESTS = 0.05, "all", "all tests"
CONTROLS = ("random", "matched", "others")
TESTS = (*(f"p_{name}" for name in CONTROLS), *(f"p_{name} {ANEW}" for name in CONTROLS))
SINGLE = tuple(f"{manipulation}: p_{name}" for manipulation in (LESIONED, CHOSEN) for name in CONTROLS)
OVERLAPS = ("p", "p_exchanged", "p_strength")
KEYS = ["section", "world", "layer", "emotion", "statistic", "measure"]
Tables = dict[str, pd.DataFrame]


def over_worlds(tables: Tables) -> list[dict]:
    """Return what was found over worlds, one row for each statistic.

    Shares of one emotion, and of all tests: Clopper and Pearson's interval over the tests (both image sets of each
    world), as if they were independent. What is said of all emotions: the mean over worlds of each world's mean, with
    Student's interval, because the tests of a world depend on each other. Both are 95 % intervals.
    """
    parts = [
        _tests(tables["effects"]), _changes(tables["effects"]), _optimism(tables["effects"]),
        _overlaps(tables["overlap"]), _filters(tables["filters"]), _readouts(tables["readouts"]),
    ]  # fmt: skip
    scores = pd.concat(parts, ignore_index=True).dropna(subset="value")
    rows = []
    single = scores["section"].isin(["overlap", "readouts"]) | scores["statistic"].isin(SINGLE)
    for key, own in scores[single].groupby(KEYS, sort=False):
        rows.append(_row(key, own, _student(own) if key[0] == "readouts" else _clopper_pearson(own)))
    together = [name for name in KEYS if name != "emotion"]
    for key, own in scores[scores["statistic"].isin(SINGLE)].groupby(together, sort=False):
        rows.append(_row((*key[:3], ALL_TESTS, *key[3:]), own, _clopper_pearson(own)))
    for key, own in scores.groupby(together, sort=False):
        rows.append(_row((*key[:3], EVERY, *key[3:]), own, _student(own)))
    return rows


def _row(key: tuple, own: pd.DataFrame, found: dict[str, float]) -> dict:
    rounded = {name: round(value, 5) for name, value in found.items()}
    return dict(zip(KEYS, key, strict=True)) | {"worlds": own["seed"].nunique(), "values": len(own)} | rounded


def _clopper_pearson(own: pd.DataFrame) -> dict[str, float]:
    count, many = int(own["value"].sum()), len(own)
    ends = binomtest(count, many).proportion_ci(0.95)
    return {"below": count, "mean": count / many, "low": float(ends.low), "high": float(ends.high)}


def _student(own: pd.DataFrame) -> dict[str, float]:
    values = own.groupby("seed")["value"].mean().to_numpy()
    mean, many = values.mean(), len(values)
    wide = t.ppf(0.975, many - 1) * values.std(ddof=1) / many**0.5 if many > 1 else np.nan
    return {name: float(value) for name, value in (("mean", mean), ("low", mean - wide), ("high", mean + wide))}


def _tests(effects: pd.DataFrame) -> pd.DataFrame:
    """Say of each p whether it is below 0.05; filters were selected without the test pictures."""
    own = effects[(effects["selection"] == HELD_OUT) & effects["manipulation"].isin([LESIONED, CHOSEN])]
    frames = []
    for p in TESTS:
        known = own.dropna(subset=p)
        frames.append(_scores("tests", known, known["manipulation"] + ": " + p, (known[p] < LIMIT).astype(float)))
    return pd.concat(frames)


def _changes(effects: pd.DataFrame) -> pd.DataFrame:
    """By how much lesions and gains change each measure, and by how much more than the controls do."""
    own = effects[(effects["selection"] == HELD_OUT) & effects["manipulation"].isin([LESIONED, CHOSEN])]
    name = own["manipulation"] + ": "
    frames = [_scores("changes", own, name + "change", own["value"] - own["original"])]
    frames += [_scores("changes", own, name + f"beyond {each}", own["compared"] - own[each]) for each in CONTROLS]
    return pd.concat(frames)


def _optimism(effects: pd.DataFrame) -> pd.DataFrame:
    """How much more F1 the paper's way says than the honest way, and what each of its two steps adds."""
    own = effects[effects["measure"] == "f1"]
    wide = own.pivot(
        index=["seed", "world", "image_set", "layer", "emotion"], columns=["selection", "manipulation"],
        values=["value", "original"],
    )  # fmt: skip
    wide = wide.dropna()  # an emotion without filters in one of both ways has no difference
    honest, paper = (HELD_OUT, CHOSEN), (ALL_PICTURES, HIGHEST)
    value, original = wide["value"], wide["original"]
    said = {
        "honest gain": value[honest] - original[honest],
        "gain in the paper's way": value[paper] - original[paper],
        "overstated": value[paper] - value[honest],
        "overstated by the alpha": value[HELD_OUT, HIGHEST] - value[honest],
        "overstated by the selection": value[ALL_PICTURES, CHOSEN] - value[honest],
    }
    return pd.concat(
        _scores("optimism", column.index.to_frame(index=False).assign(measure="f1"), name, column.to_numpy())
        for name, column in said.items()
    )


def _overlaps(overlap: pd.DataFrame) -> pd.DataFrame:
    """Say of each overlap of both sets' filters whether its p is below 0.05, for each way to work it out."""
    own = overlap.assign(measure="share")
    return pd.concat(_scores("overlap", own, p, (own[p] < LIMIT).astype(float)) for p in OVERLAPS)


def _filters(filters: pd.DataFrame) -> pd.DataFrame:
    """How well what is called selective, and the index, tell the filters that truly answer to an emotion."""
    rows = []
    for key, own in filters.groupby(["seed", "world", "layer", "emotion"]):
        rows += [(*key, *found) for found in _of_filters(own)]
    frame = pd.DataFrame(rows, columns=["seed", "world", "layer", "emotion", "statistic", "value"])
    return _scores("filters", frame.assign(measure="share"), frame["statistic"], frame["value"])


def _of_filters(own: pd.DataFrame) -> Iterator[tuple[str, float]]:
    called, truly = own["called"].to_numpy(bool), own["truly"].to_numpy(bool)
    yield "AUC of the true effect: called or not", auc(own["effect"].to_numpy(), called)
    yield "AUC of the index: truly so or not", auc(own["index"].to_numpy(), truly)
    yield "of the called, truly so", float(truly[called].mean()) if called.any() else np.nan
    yield "of all, truly so", float(truly.mean())
    yield "of those truly so, called", float(called[truly].mean()) if truly.any() else np.nan


def _readouts(readouts: pd.DataFrame) -> pd.DataFrame:
    """How well emotions are told without any lesion."""
    own = readouts[readouts["part"] == TEST].assign(layer="")
    return pd.concat(
        _scores("readouts", own.assign(measure=name), "test pictures", own[name])
        for name in ("auroc", "f1", "f1_always")
    )


def _scores(
    section: str, rows: pd.DataFrame, statistic: str | pd.Series, value: np.ndarray | pd.Series
) -> pd.DataFrame:
    frame = rows[["seed", "world", "layer", "emotion", "measure"]].copy()
    return frame.assign(section=section, statistic=statistic, value=np.asarray(value))
