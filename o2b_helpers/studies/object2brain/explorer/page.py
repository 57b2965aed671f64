"""The explorer as data for the report: what a reader without Python needs to look at every filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from o2b_helpers.report.downloads import pack
from o2b_helpers.report.embed import data_json
from o2b_helpers.report.parts import Part, PartContent
from o2b_helpers.report.results import Results
from o2b_helpers.studies.object2brain.explorer.filter_tables import FilterTables, filter_models, spread

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
        Needs object_weights_mean.csv, filter_scores_<model>.nc and lesion_effects_<model>.nc.
    room : int
        Characters that the packed data may take.

    Returns
    -------
    ExplorerPage
        Per model: layers; per filter its layer and channel; ``delta`` and ``sd`` (target, filter), in hundred-
        thousandths of rho, mean and standard deviation over runs; ``score`` (class, filter), the mean box score in
        ten-thousandths; null where undefined; ``facts`` per filter, what other studies know of it.

    Raises
    ------
    InputError
        When no model's filters were scored and lesioned.
    """
    names = filter_models(results)
    chosen: list[dict[str, Any]] = []
    left_out, packed = [], ""
    for name in names:
        more = [*chosen, _model(FilterTables(results, name, results.studies))]
        text = pack(data_json(more).encode("utf-8"))
        if len(text) > room:
            left_out.append(name)
        else:
            chosen, packed = more, text
    return ExplorerPage(packed, [model["name"] for model in chosen], left_out)


def _model(tables: FilterTables) -> dict[str, Any]:
    layers = tables.layers
    shown = np.flatnonzero(tables.boxes > 0)
    return {
        "name": tables.model,
        "layers": layers,
        "layer": [layers.index(name) for name in tables.layer.tolist()],
        "channel": tables.channel.tolist(),
        "targets": tables.targets,
        "runs": len(tables.delta),
        "rho": _whole(tables.rho.mean(axis=0), EFFECT),
        "delta": _whole(tables.delta.mean(axis=0).T, EFFECT),
        "sd": _whole(spread(tables.delta).T, EFFECT),
        "classes": [tables.classes[place] for place in shown],
        "boxes": [int(tables.boxes[place]) for place in shown],
        "score": _whole(tables.score[:, :, shown].mean(axis=0).T, SCORE),
        "facts": [tables.facts(position) for position in range(len(tables.layer))],
    }


def _whole(values: np.ndarray, unit: int) -> list:
    """Round to whole parts of a unit; null where undefined."""
    if values.ndim > 1:
        return [_whole(row, unit) for row in values]
    return [None if np.isnan(value) else round(float(value) * unit) for value in values]


def explorer_content(results: Results, room: int) -> PartContent:
    """Make the explorer's part of the page."""
    page = explorer_page(results, min(room, MOST_CHARACTERS))
    values = {"left_out": page.left_out}
    return PartContent(values, {"explorer-data": page.packed})


EXPLORER_PART = Part(
    "explore",
    heading="Look at single filters",
    package=__package__,
    template="explorer.html.jinja",
    scripts=("explorer.js",),
    make=explorer_content,
)
