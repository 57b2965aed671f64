"""The explorer as data for the report: what a reader without Python needs to look at every filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from o2b_helpers.core.errors import InputError
from o2b_helpers.report.downloads import pack
from o2b_helpers.report.embed import data_json
from o2b_helpers.report.results import Results
from o2b_helpers.studies.object2brain.explorer.filter_tables import FilterTables

MOST_CHARACTERS = 3_500_000
EFFECT, SCORE = 100_000, 10_000  # numbers travel as whole hundred-thousandths and ten-thousandths


@dataclass(frozen=True)
class ExplorerPage:
    """The explorer's data, packed, and what had to be left out.

    Attributes
    ----------
    packed : str
        Compressed JSON, see :func:`explorer_page`.
    models : list of str
        The models it holds.
    left_out : list of str
        Models whose filters would make the report too large.
    """

    packed: str
    models: list[str]
    left_out: list[str]


def explorer_page(results: Results, room: int = MOST_CHARACTERS) -> ExplorerPage:
    """Collect, for every model, its filters' lesion effects and class profiles.

    Parameters
    ----------
    results : Results
        Needs object_weights.csv, filter_scores_<model>.nc and lesion_effects_<model>.nc.
    room : int
        Characters that the packed data may take.

    Returns
    -------
    ExplorerPage
        Per model: layers; per filter its layer and channel; ``delta`` and ``sd`` (target, filter), in hundred-
        thousandths of rho, mean and standard deviation over runs; ``score`` (class, filter), the mean box score in
        ten-thousandths; null where undefined.

    Raises
    ------
    InputError
        When no model's filters were scored and lesioned.
    """
    names = results.filter_models
    if not names:
        raise InputError(
            "There are no filters to explore",
            value=results.folder.name,
            expected="filter scores and lesion effects of a model",
            remedy="run notebooks 06, 07 and 08 first: o2b run <profile>",
        )
    chosen: list[dict[str, Any]] = []
    left_out, packed = [], ""
    for name in names:
        more = [*chosen, _model(FilterTables(results, name))]
        text = pack(data_json(more).encode("utf-8"))
        if len(text) > room:
            left_out.append(name)
        else:
            chosen, packed = more, text
    return ExplorerPage(packed, [model["name"] for model in chosen], left_out)


def _model(tables: FilterTables) -> dict[str, Any]:
    layers = tables.layers
    shown = np.flatnonzero(tables.boxes > 0)
    sd = tables.delta.std(axis=0, ddof=1) if len(tables.delta) > 1 else np.full(tables.delta.shape[1:], np.nan)
    return {
        "name": tables.model,
        "layers": layers,
        "layer": [layers.index(name) for name in tables.layer.tolist()],
        "channel": tables.channel.tolist(),
        "targets": tables.targets,
        "runs": len(tables.delta),
        "rho": _whole(tables.rho.mean(axis=0), EFFECT),
        "delta": _whole(tables.delta.mean(axis=0).T, EFFECT),
        "sd": _whole(sd.T, EFFECT),
        "classes": [tables.classes[place] for place in shown],
        "boxes": [int(tables.boxes[place]) for place in shown],
        "score": _whole(tables.score[:, :, shown].mean(axis=0).T, SCORE),
    }


def _whole(values: np.ndarray, unit: int) -> list:
    """Round to whole parts of a unit; null where undefined."""
    if values.ndim > 1:
        return [_whole(row, unit) for row in values]
    return [None if np.isnan(value) else round(float(value) * unit) for value in values]
