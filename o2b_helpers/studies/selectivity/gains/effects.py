"""What lesions and gains do to recognition, held against control sets: the tables of notebook 13."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from o2b_helpers.kernels.selectivity.control_sets import share_as_extreme
from o2b_helpers.kernels.statistics.bootstrap import interval
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.studies.selectivity.gains.filter_sets import MATCHED, OTHERS, RANDOM, SELECTIVE
from o2b_helpers.studies.selectivity.gains.tables import (
    CHOSEN,
    HELD_OUT,
    LESION,
    LESIONED,
    MANIPULATIONS,
    MEASURES,
)
from o2b_helpers.studies.selectivity.tables import TEST, VALIDATION

COLUMN_OF = {RANDOM: "random", MATCHED: "matched", OTHERS: "others"}
ENDS = ("", "_low", "_high")


def effect_rows(judged: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return gain_effects.csv of one network and image set, without their names.

    Parameters
    ----------
    judged : DataFrame
        layer and the columns of `recognition_rows`, selection and split.
    confidence : float
        Of the intervals over draws.
    """
    own = judged[judged["tested"] == judged["emotion"]]
    rows = []
    for (layer, emotion, selection), group in own.groupby(["layer", "emotion", "selection"], sort=False):
        arrays = {kind: _arrays(part) for kind, part in group.groupby("kind", sort=False)}
        filters = group[group["kind"] == SELECTIVE].groupby("split")["filters"].first().mean()
        for manipulation in MANIPULATIONS:
            rows += [
                {"layer": layer, "emotion": emotion, "selection": selection, "manipulation": manipulation,
                 "measure": measure, "filters": filters, **_effect(arrays, manipulation, place, confidence)}
                for place, measure in enumerate(MEASURES)
            ]  # fmt: skip
    table = pd.DataFrame(rows)
    over_layers = ["emotion", "selection", "manipulation", "measure"]
    for name in COLUMN_OF.values() if len(table) else ():
        table[f"q_{name}"] = table.groupby(over_layers, sort=False)[f"p_{name}"].transform(
            lambda p: benjamini_hochberg(p.to_numpy(dtype=np.float64))
        )
    return table


def curve_rows(judged: pd.DataFrame) -> pd.DataFrame:
    """Return gain_curves.csv of one network and image set, without their names."""
    own = judged[(judged["tested"] == judged["emotion"]) & (judged["part"] == TEST)]
    keys, measures = ["layer", "emotion", "selection", "alpha"], list(MEASURES)
    means = own.groupby(["kind", *keys], sort=False)[measures].mean()
    if SELECTIVE not in means.index.get_level_values(0):
        return pd.DataFrame()
    selective = means.loc[SELECTIVE]
    random = means.loc[RANDOM].add_suffix("_random")
    return selective.join(random).reset_index()


def specificity_rows(judged: pd.DataFrame) -> pd.DataFrame:
    """Return lesion_specificity.csv of one network and image set, without their names."""
    own = judged[(judged["kind"] == SELECTIVE) & (judged["selection"] == HELD_OUT) & (judged["part"] == TEST)]
    keys = ["layer", "emotion", "tested", "measure"]
    long = own.melt(["layer", "emotion", "tested", "split", "alpha"], list(MEASURES), "measure", "value")
    before = long[long["alpha"] == 0].groupby(keys, sort=False)["value"].mean().rename("original")
    after = long[long["alpha"] == LESION].groupby(keys, sort=False)["value"].agg(["mean", "min", "max"])
    after = after.set_axis([f"value{end}" for end in ENDS], axis=1)
    return after.join(before).reset_index().rename(columns={"emotion": "lesioned"})


class _Arrays:
    """Validation and test measures of sets of one kind, (measure, split, draw, alpha) each."""

    def __init__(self, alphas: np.ndarray, validation: np.ndarray, test: np.ndarray) -> None:
        self.alphas, self.validation, self.test = alphas, validation, test

    def of(self, alphas: np.ndarray) -> _Arrays:
        """Keep some of the alphas."""
        kept = np.isclose(self.alphas[:, None], alphas).any(1)
        return _Arrays(self.alphas[kept], self.validation[..., kept], self.test[..., kept])

    def values(self, manipulation: str, measure: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the measure on test pictures, (split, draw), and the alphas that gave it."""
        test = self.test[measure]
        if manipulation == LESIONED:
            place = np.full(test.shape[:2], int(np.flatnonzero(self.alphas == LESION)[0]))
        else:
            # the smallest of equally good alphas; the network as it is is one of them
            judged = (self.validation if manipulation == CHOSEN else self.test)[measure]
            place = np.where(self.alphas == LESION, -np.inf, judged).argmax(-1)
        return np.take_along_axis(test, place[..., None], -1)[..., 0], self.alphas[place]


def _arrays(group: pd.DataFrame) -> _Arrays:
    ordered = group.sort_values(["split", "draw", "alpha"], kind="stable")
    shape = tuple(ordered[name].nunique() for name in ("split", "draw", "alpha"))
    validation, test = (
        ordered[ordered["part"] == name][list(MEASURES)].to_numpy().T.reshape(len(MEASURES), *shape)
        for name in (VALIDATION, TEST)
    )
    return _Arrays(np.sort(group["alpha"].unique()), validation, test)


def _effect(arrays: dict[str, _Arrays], manipulation: str, measure: int, confidence: float) -> dict[str, float]:
    own = arrays[SELECTIVE]
    values, alpha = own.values(manipulation, measure)
    original = own.test[measure][..., own.alphas == 0]
    row = {
        "alpha": alpha.mean(), "original": original.mean(), "value": values.mean(),
        "value_low": values.min(), "value_high": values.max(),
    }  # fmt: skip
    compared = own.of(arrays[RANDOM].alphas).values(manipulation, measure)[0].mean()
    row["compared"] = compared
    for kind, name in COLUMN_OF.items():
        row |= dict.fromkeys([*(f"{name}{end}" for end in ENDS), f"p_{name}"], float("nan"))
        if kind in arrays and arrays[kind].test.shape[1] == own.test.shape[1]:
            draws = arrays[kind].values(manipulation, measure)[0].mean(0)  # over splits
            low, high = interval(draws[:, None], confidence)
            ends = draws.mean(), float(low[0]), float(high[0])
            row |= {f"{name}{end}": value for end, value in zip(ENDS, ends, strict=True)}
            side: Literal["low", "high"] = "low" if manipulation == LESIONED else "high"
            row[f"p_{name}"] = float(share_as_extreme(np.array(compared), draws, side))
    return row
