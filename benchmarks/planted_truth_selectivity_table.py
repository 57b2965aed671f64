"""The tables of the benchmark of selective filters, from its rows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from planted_truth_selectivity_scores import ALL_TESTS, CONTROLS, EVERY, LIMIT, OVERLAPS
from planted_truth_selectivity_world import ANEW, EMPTY, PLANTED, WORLDS

from o2b_helpers.studies.selectivity.gains.tables import CHOSEN, LESIONED, MEASURES
from o2b_helpers.studies.selectivity.options import EMOTIONS

NAMES = {LESIONED: "Lesions", CHOSEN: "Strengthened filters"}
SAID = {
    "random": "random filters",
    "matched": "filters that respond as strongly",
    "others": "filters selective for nothing",
}


def markdown(rows: pd.DataFrame) -> str:
    """Every table of the page."""
    every = rows[rows["emotion"] == EVERY]
    parts = ["### How well emotions are told", _readouts(rows)]
    for manipulation, name in NAMES.items():
        parts += [f"### {name}: share of tests with p < {LIMIT}, filters drawn alike in every split"]
        parts += [_tests(every, manipulation), "By how much the measure changes:", _changes(every, manipulation)]
        parts += ["Each emotion, and how many of its tests:", _single(rows, manipulation)]
        parts += ["The same tests with filters drawn anew in every split:", _tests(every, manipulation, f" {ANEW}")]
    parts += ["### F1 in the paper's way and in the honest way", _optimism(every)]
    parts += [f"### Overlap of both sets' filters: share with p < {LIMIT}", _overlaps(rows)]
    parts += ["### Are the filters called selective those that truly answer to the emotion?", _filters(every)]
    return "\n\n".join(parts)


def _readouts(rows: pd.DataFrame) -> str:
    own = rows[rows["section"] == "readouts"]
    lines = [[world, emotion, *(_said(own, world=world, emotion=emotion, measure=name)
                                for name in ("auroc", "f1", "f1_always"))]
             for world in (PLANTED, EMPTY) for emotion in (*EMOTIONS, EVERY)]  # fmt: skip
    return _table(["worlds", "emotion", "AUROC", "F1", "F1 of always saying yes"], lines)


def _tests(every: pd.DataFrame, manipulation: str, suffix: str = "") -> str:
    own = every[every["section"] == "tests"]
    lines = [[layer, world, f"`{measure}`", *(_said(own, layer=layer, world=world, measure=measure,
                                                    statistic=f"{manipulation}: p_{control}{suffix}")
                                              for control in CONTROLS)]
             for layer in _layers(own) for measure in MEASURES for world in WORLDS]  # fmt: skip
    return _table(["layer", "worlds", "measure", *(f"against {SAID[control]}" for control in CONTROLS)], lines)


def _changes(every: pd.DataFrame, manipulation: str) -> str:
    own = every[every["section"] == "changes"]
    names = ("change", *(f"beyond {control}" for control in CONTROLS))
    lines = [[layer, world, f"`{measure}`", *(_said(own, layer=layer, world=world, measure=measure, form="+.3f",
                                                    statistic=f"{manipulation}: {name}") for name in names)]
             for layer in _layers(own) for measure in ("f1", "auroc") for world in WORLDS]  # fmt: skip
    head = ["layer", "worlds", "measure", "change", *(f"less that of {SAID[control]}" for control in CONTROLS)]
    return _table(head, lines)


def _single(rows: pd.DataFrame, manipulation: str) -> str:
    own = rows[rows["section"] == "tests"]
    columns = [(measure, control) for control in ("matched", "random") for measure in ("f1", "auroc")]
    lines = [[layer, world, emotion, *(_counted(own, layer=layer, world=world, emotion=emotion, measure=measure,
                                                statistic=f"{manipulation}: p_{control}")
                                       for measure, control in columns)]
             for layer in _layers(own) for world in WORLDS for emotion in (*EMOTIONS, ALL_TESTS)]  # fmt: skip
    return _table(["layer", "worlds", "emotion", *(f"`{m}` against {SAID[c]}" for m, c in columns)], lines)


def _optimism(every: pd.DataFrame) -> str:
    own = every[every["section"] == "optimism"]
    names = list(dict.fromkeys(own["statistic"]))
    lines = [[name, *(_said(own, world=world, statistic=name, form="+.3f") for world in (PLANTED, EMPTY))]
             for name in names]  # fmt: skip
    return _table(["F1", PLANTED, EMPTY], lines)


def _overlaps(rows: pd.DataFrame) -> str:
    own = rows[rows["section"] == "overlap"]
    lines = [[layer, world, emotion, *(_said(own, layer=layer, world=world, emotion=emotion, statistic=p)
                                       for p in OVERLAPS)]
             for layer in _layers(own) for world in (PLANTED, EMPTY)
             for emotion in ((*EMOTIONS, EVERY) if layer == "all layers" else (EVERY,))]  # fmt: skip
    return _table(["layer", "worlds", "emotion", *(f"`{p}`" for p in OVERLAPS)], lines)


def _filters(every: pd.DataFrame) -> str:
    own = every[every["section"] == "filters"]
    names = list(dict.fromkeys(own["statistic"]))
    lines = [[layer, world, *(_said(own, layer=layer, world=world, statistic=name) for name in names)]
             for layer in _layers(own) for world in (PLANTED, EMPTY)]  # fmt: skip
    return _table(["layer", "worlds", *names], lines)


def _layers(rows: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(rows["layer"]))


def _picked(rows: pd.DataFrame, where: dict[str, str]) -> pd.DataFrame:
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return rows


def _said(rows: pd.DataFrame, form: str = ".2f", **where: str) -> str:
    own = _picked(rows, where)
    if own.empty:
        return ""
    (row,) = own.itertuples()
    return f"{row.mean:{form}} ({row.low:{form}} to {row.high:{form}})"


def _counted(rows: pd.DataFrame, **where: str) -> str:
    own = _picked(rows, where)
    if own.empty:
        return ""
    (row,) = own.itertuples()
    return f"{row.below:.0f} of {row.values:.0f} = {row.mean:.2f} ({row.low:.2f} to {row.high:.2f})"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines))
