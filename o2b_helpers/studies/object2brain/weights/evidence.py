"""What class weights are made of, read from the results of earlier steps, for every estimator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from o2b_helpers.core.contract import Arrays
from o2b_helpers.core.errors import StoreError
from o2b_helpers.core.files.labelled import read_dataset
from o2b_helpers.kernels.statistics.sensitivity import ESTIMATORS, sensitivity
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.object2brain.tables import (
    FILTER_SCORES,
    LESION_PREDICTIONS,
    MEDIATION,
    OCCLUDED_PREDICTIONS,
    SHAM_PREDICTIONS,
)
from o2b_helpers.studies.object2brain.weights.inference import Evidence, Shams

OCCLUSION, MAP_OCCLUSION = "occlusion", "map_occlusion"  # estimators without filters: classes are hidden instead
MEDIATION_ESTIMATOR = "mediation"  # classes are hidden, and what that changes is shared out among filters
WHOLE = "full"  # hidden in the picture itself, a class has no layer
ASSUMPTIONS = ESTIMATORS | {
    MAP_OCCLUSION: "No filters: the layer's maps are set to 0 in the class's boxes in the stimuli; assumes that a "
    "box holds its object and little else.",
    OCCLUSION: "No filters: the class's boxes in the stimuli are filled from their surroundings; assumes as well that "
    "the network takes the filling for an ordinary picture.",
    MEDIATION_ESTIMATOR: "What hiding the class's boxes changes, shared out among the filters of the layer by the "
    "gradient along the way; ranks are soft. Assumes what occlusion assumes; the sum over a layer's filters is the "
    "same in every layer.",
}
# no score is negative, so that all classes of a layer get the same push; what is tested is what is left without it
WITH_OFFSET = ("sum", "confidence", "overlap_adjusted", "ungated", "ungated_overlap_adjusted")


@dataclass(frozen=True)
class Sources:
    """A model's results of earlier steps, each read once, when it is first asked for.

    Attributes
    ----------
    needs : mapping of str to Path
        Folders in which ``results/`` of filter_sensitivity, filter_lesions and occlusion lie.
    model : Model
        Whose.
    """

    needs: Mapping[str, Path]
    model: Model

    @cached_property
    def scores(self) -> xr.Dataset:
        """Sums of box scores."""
        return self._read("filter_sensitivity", FILTER_SCORES)

    @cached_property
    def lesions(self) -> xr.Dataset:
        """Predictions without each filter."""
        return self._read("filter_lesions", LESION_PREDICTIONS)

    @cached_property
    def hidden(self) -> xr.Dataset:
        """Predictions with each class hidden."""
        return self._read("occlusion", OCCLUDED_PREDICTIONS)

    @cached_property
    def shams(self) -> xr.Dataset:
        """Predictions with sham boxes hidden."""
        return self._read("shams", SHAM_PREDICTIONS)

    @cached_property
    def mediated(self) -> xr.Dataset:
        """Shares of filters in what hiding a class changes."""
        return self._read("mediation", MEDIATION)

    def shams_of(self, classes: list[str], stimuli: list[str]) -> Shams | None:
        """Return the shams of some classes, in the order of the targets' stimuli."""
        shams, label = self.shams, {name: row for row, name in enumerate(classes)}
        place = {name: row for row, name in enumerate(stimuli)}
        names = shams["pair_class"].to_numpy().astype(str), shams["pair_stimulus"].to_numpy().astype(str)
        own = np.array([a in label and b in place for a, b in zip(*names, strict=True)], dtype=bool)
        rows = np.array([label[a] for a in names[0][own]], dtype=int)
        columns = np.array([place[b] for b in names[1][own]], dtype=int)
        hidden = self.hidden
        shown = hidden["shown"].sel({"class": classes, "stimulus": stimuli}).to_numpy() > 0
        lent = np.ones(len(classes), dtype=bool)
        drawn = np.zeros(shown.shape, dtype=bool)
        drawn[rows, columns] = True
        lent[(shown & ~drawn).any(1)] = False
        return Shams(shams["prediction"].to_numpy()[:, :, own], rows, columns, lent)

    def _read(self, step: str, arrays: Arrays) -> xr.Dataset:
        return read_dataset(self.needs[step] / "results" / arrays.file(self.model.label))


def evidence_of(sources: Sources, estimator: str, stimuli: list[str]) -> Iterator[tuple[str, list[str], Evidence]]:
    """Yield every layer, its classes with a weight, and what their weights are made of.

    Parameters
    ----------
    sources : Sources
        The model's results.
    estimator : str
        As in ``analysis.object2brain.estimator``.
    stimuli : list of str
        In the order of the targets.
    """
    if estimator == MEDIATION_ESTIMATOR:
        yield from _mediated(sources, stimuli)
        return
    if estimator in (OCCLUSION, MAP_OCCLUSION):
        hidden = sources.hidden
        classes = hidden["class"].to_numpy().astype(str)
        places = _order(hidden, stimuli)
        base = hidden["base"].to_numpy()[:, places]
        if estimator == OCCLUSION:
            shams, without = sources.shams_of(list(classes), stimuli), hidden["prediction"].to_numpy()[:, :, places]
            yield WHOLE, list(classes), Evidence.of_hidden(base, without, shams=shams)
            return
        for name, without in zip(
            hidden["layer"].to_numpy().astype(str), hidden["map_prediction"].to_numpy(), strict=True
        ):
            yield name, list(classes), Evidence.of_hidden(base, without[:, :, places])
        return
    scores, lesions = sources.scores, sources.lesions
    _same_filters(scores, lesions, sources.model.label)
    places = _order(lesions, stimuli)
    base, without = lesions["base"].to_numpy()[:, places], lesions["prediction"].to_numpy()[:, :, places]
    sensitivities = sensitivity(estimator, {name: scores[name].to_numpy() for name in map(str, scores.data_vars)})
    shown = ~np.isnan(sensitivities).all(axis=(0, 1))
    sensitivities = sensitivities[:, :, shown]
    layer, classes = scores["layer"].to_numpy().astype(str), scores["class"].to_numpy().astype(str)[shown]
    for name in dict.fromkeys(layer.tolist()):
        filters = layer == name
        offset = estimator in WITH_OFFSET
        yield name, list(classes), Evidence(sensitivities[:, filters], base, without[:, filters], offset=offset)


def _mediated(sources: Sources, stimuli: list[str]) -> Iterator[tuple[str, list[str], Evidence]]:
    """Yield what mediation's weights are made of: a pair whose shares do not add up counts as not shown."""
    mediated, hidden = sources.mediated, sources.hidden
    classes = hidden["class"].to_numpy().astype(str).tolist()
    base = mediated["base"].to_numpy()[:, _order(mediated, stimuli)]
    place = {name: row for row, name in enumerate(stimuli)}
    label = np.array([classes.index(name) for name in mediated["pair_class"].to_numpy().astype(str)], dtype=int)
    column = np.array([place.get(name, -1) for name in mediated["pair_stimulus"].to_numpy().astype(str)], dtype=int)
    shams = sources.shams_of(classes, stimuli)
    for name, kept in zip(
        mediated["target_layer"].to_numpy().astype(str), mediated["kept"].to_numpy().astype(bool), strict=True
    ):
        without, own = np.repeat(base[:, None], len(classes), axis=1), kept & (column >= 0)
        without[:, label[own], column[own]] = mediated["hidden"].to_numpy()[:, own]
        yield name, classes, Evidence.of_hidden(base, without, soft=True, shams=shams)


def _order(dataset: xr.Dataset, stimuli: list[str]) -> np.ndarray:
    """Find the stimuli of the targets among those of the predictions."""
    place = {name: row for row, name in enumerate(dataset["stimulus"].to_numpy().astype(str))}
    missing = [name for name in stimuli if name not in place]
    if missing:
        raise StoreError(
            "stimuli with a target but without a prediction",
            value=f"{len(missing)}: {', '.join(missing[:5])}",
            expected="a prediction for every stimulus that has a target",
            remedy="run notebooks 01 and 07 again with the same profile",
        )
    return np.array([place[name] for name in stimuli])


def _same_filters(scores: xr.Dataset, lesions: xr.Dataset, label: str) -> None:
    """Refuse to multiply the scores of some filters with the lesion effects of others."""
    for name in ("layer", "channel", "run"):
        if not np.array_equal(scores[name].to_numpy(), lesions[name].to_numpy()):
            raise StoreError(
                f"filter scores and lesion effects of {label} are not of the same filters and runs",
                value=f"{name} differs",
                expected="the same layers, channels and runs in the same order",
                remedy="run notebooks 06 and 07 again with the same profile",
            )
