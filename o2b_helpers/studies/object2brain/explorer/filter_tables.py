"""What the explorer shows of filters and classes, as tables: no widgets, no figures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.study import Study
from o2b_helpers.report.results import Results
from o2b_helpers.studies.common.select import NothingToShow, models
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.object2brain.carrying import carrying_filters, filter_weights
from o2b_helpers.studies.object2brain.chance import largest_effect_by_chance
from o2b_helpers.studies.object2brain.tables import (
    FILTER_SCORES,
    LESION_EFFECTS,
    LESION_PREDICTIONS,
    OBJECT_WEIGHTS_MEAN,
)


def filter_models(results: Results) -> list[str]:
    """Name the models whose filters were scored and lesioned, in the order of the results.

    Raises
    ------
    NothingToShow
        When no model was studied.
    InputError
        When the files of those that were are missing.
    """
    studied = models(results.table(OBJECT_WEIGHTS_MEAN))
    names = [name for name in studied if results.has(FILTER_SCORES, name) and results.has(LESION_EFFECTS, name)]
    if not studied:
        raise NothingToShow(
            "No model was studied, so there are no filters to explore",
            expected="filter scores and lesion effects of a model",
            remedy="ask for it in the profile (analysis.models: object2brain), then run notebooks 06, 07 and 08",
        )
    if not names:
        raise InputError(
            "There are no filters to explore",
            value=results.folder.name,
            expected="filter scores and lesion effects of a model",
            remedy="run notebooks 06, 07 and 08 first: o2b run <profile>",
        )
    return names


class FilterTables:
    """One model's filters: scores and lesion effects, read once.

    Parameters
    ----------
    results : Results
        Needs filter_scores_<model>.nc, lesion_effects_<model>.nc and object_weights_mean.csv.
    model : str
        A name of column ``architecture`` in object_weights_mean.csv.
    studies : sequence of Study
        Those that may know more of single filters (`Study.filter_facts`).
    """

    def __init__(self, results: Results, model: str, studies: Sequence[Study] = ()) -> None:
        self.model = model
        scores, lesions = results.arrays(FILTER_SCORES, model), results.arrays(LESION_EFFECTS, model)
        self.layer = np.array([str(name) for name in scores["layer"].values])
        self.channel = scores["channel"].values.astype(int)
        self.classes = [str(name) for name in scores["class"].values]
        self.targets = [str(name) for name in lesions["target"].values]
        self.delta = lesions["delta"].transpose("run", "filter", "target").values
        self.rho = lesions["rho"].transpose("run", "target").values
        self.boxes = scores["box_count"].values
        count = np.where(self.boxes > 0, self.boxes, np.nan)
        self.score = scores["score_sum"].transpose("run", "filter", "class").values / count
        self._results = results
        self._facts = [study.filter_facts(results, model) for study in studies if study.filter_facts is not None]
        weights = results.table(OBJECT_WEIGHTS_MEAN)
        self.weights = weights[weights["architecture"] == model]

    def facts(self, position: int) -> str:
        """Say what the studies know of a filter besides; empty where none does, or has not run."""
        key = self.layer[position], int(self.channel[position])
        return " ".join(known[key] for known in self._facts if key in known)

    @property
    def layers(self) -> list[str]:
        """Target layers in the order of the filters."""
        return list(dict.fromkeys(self.layer.tolist()))

    def ranked_filters(self, layer: str, target: str) -> pd.DataFrame:
        """Rank a layer's filters by their mean lesion effect on a target, largest first.

        Returns
        -------
        pandas.DataFrame
            Columns filter (position on the long filter axis), channel, delta (mean over runs), sd.
        """
        filters = np.flatnonzero(self.layer == layer)
        effect = self.delta[:, filters, self.targets.index(target)]
        table = pd.DataFrame(
            {"filter": filters, "channel": self.channel[filters], "delta": effect.mean(axis=0), "sd": spread(effect)}
        )
        return table.sort_values("delta", ascending=False, kind="stable", ignore_index=True)

    def chance_level(self, layer: str, target: str) -> float | None:
        """Return how large the largest lesion effect of a layer is by chance.

        Returns
        -------
        float or None
            See :func:`~o2b_helpers.studies.object2brain.chance.largest_effect_by_chance`; None also where the results
            do not hold the predictions without each filter.
        """
        if self._predictions is None:
            return None
        values = self._results.table(TARGETS)
        values = values[(values["target"] == target) & values["value"].notna()].set_index("stimulus")["value"]
        return largest_effect_by_chance(self._predictions, self.layer == layer, values)

    @cached_property
    def _predictions(self) -> xr.Dataset | None:
        there = self._results.has(LESION_PREDICTIONS, self.model)
        return self._results.arrays(LESION_PREDICTIONS, self.model) if there else None

    def class_profile(self, position: int) -> pd.DataFrame:
        """Compare a filter's mean box score of every detected class with the mean of its layer.

        Returns
        -------
        pandas.DataFrame
            Columns class, boxes, score, layer_mean, difference; most different first.
        """
        layer = self.layer == self.layer[position]
        table = pd.DataFrame(
            {
                "class": self.classes,
                "boxes": self.boxes,
                "score": self.score[:, position].mean(axis=0),
                "layer_mean": self.score[:, layer].mean(axis=(0, 1)),
            }
        )
        table = table[table["boxes"] > 0].assign(difference=lambda part: part["score"] - part["layer_mean"])
        return table.sort_values("difference", key=np.abs, ascending=False, kind="stable", ignore_index=True)

    @cached_property
    def mediated(self) -> xr.DataArray | None:
        """Weights of classes by filter; None where the results do not hold them."""
        return filter_weights(self._results, self.model)

    @property
    def hidden_classes(self) -> list[str]:
        """Classes that a stimulus shows, so that they were hidden."""
        return [] if self.mediated is None else [str(name) for name in self.mediated["class"].values]

    def through(self, layer: str, target: str, name: str) -> pd.DataFrame:
        """Rank a layer's filters by how much of a hidden class's weight passes through them."""
        assert self.mediated is not None  # asked for hidden classes only
        return carrying_filters(self.mediated, layer, target, name)

    def class_weights(self, layer: str, target: str) -> pd.DataFrame:
        """Return the class weights of a layer and target, highest first: class, category, mean and sd over runs."""
        table = self.weights[(self.weights["layer"] == layer) & (self.weights["target"] == target)]
        table = table.rename(columns={"weight": "mean"})[["class", "category", "mean", "sd"]]
        return table.sort_values("mean", ascending=False, kind="stable", ignore_index=True)


def spread(values: np.ndarray) -> np.ndarray:
    """Compute the standard deviation over runs, the first axis; NaN where there is only one."""
    return values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)
