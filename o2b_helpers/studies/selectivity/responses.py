"""What the filters of a network respond to the pictures of both sets; each network and set is computed once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.errors import ModelError
from o2b_helpers.core.executor import InProcess, Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import progress
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.pixel_cache import CachedImages
from o2b_helpers.kernels.selectivity.responses import mean_responses
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.relu_layers import check_relu_layers, relu_layers
from o2b_helpers.studies.common.costs import network_shapes
from o2b_helpers.studies.common.networks import loaded, model_part, target_layers
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.selectivity.image_sets import ImageSets
from o2b_helpers.studies.selectivity.tables import UNTRAINED

FILE = "responses.npy"


@dataclass(frozen=True)
class Layers:
    """The layers of a network that are studied.

    Attributes
    ----------
    filters : dict of str to int
        Number of filters of each layer, in the network's order.
    """

    filters: dict[str, int]

    @property
    def names(self) -> list[str]:
        """The layers."""
        return list(self.filters)

    @property
    def places(self) -> list[slice]:
        """Where the filters of each layer stand among all."""
        ends = np.cumsum([0, *self.filters.values()]).tolist()
        return [slice(start, stop) for start, stop in zip(ends, ends[1:], strict=False)]

    @property
    def layer(self) -> np.ndarray:
        """The layer of each filter, (filter,) of text."""
        return np.repeat(np.array(self.names, dtype=object), list(self.filters.values()))

    @property
    def channel(self) -> np.ndarray:
        """The number of each filter in its layer."""
        return np.concatenate([np.arange(many) for many in self.filters.values()])


def studied_layers(params: Params, model: Model) -> Layers:
    """Return the layers of a model that the profile asks for.

    Raises
    ------
    ModelError
        A layer is not there or does not come from a ReLU, or the network has no such layer.
    """
    wanted, shapes = params.analysis.selectivity.layers, network_shapes(params, model)
    if wanted == "relu":
        names = relu_layers(shapes)
    else:
        names = check_relu_layers(shapes, target_layers(params, model) if wanted == "target" else wanted)
    if not names:
        raise ModelError(
            f"{model.label} has no layer at which it can be cut behind a ReLU",
            value=", ".join(name for name, _ in shapes.stages),
            expected="a convolution with a ReLU behind it",
            remedy="leave the model out (analysis.selectivity.models), or list its stages where it is registered",
        )
    return Layers({name: shapes.shape(name)[0] for name in names})


def twins(params: Params, model: Model) -> list[tuple[int, Params, Model]]:
    """Return the same network with drawn weights: seed, a profile that draws from it, and the model.

    Seeds are those after ``analysis.seed``, which a profile's own untrained network uses.
    """
    drawn = Model(
        architecture=model.architecture, definition=model.definition, weights=UNTRAINED, name=model.label,
        layers=model.layers,
    )  # fmt: skip
    start = params.analysis.seed + 1
    seeds = range(start, start + params.analysis.selectivity.untrained_seeds)
    return [
        (seed, params.model_copy(update={"analysis": params.analysis.model_copy(update={"seed": seed})}), drawn)
        for seed in seeds
    ]


def network_part(params: Params, model: Model, store: Store) -> dict[str, Any]:
    """Return what identifies a network and the layers that are studied."""
    return {**model_part(params, model, store), "layers": studied_layers(params, model).filters}


def response_shards(params: Params, store: Store, model: Model, sets: ImageSets) -> list[Shard]:
    """Return what computes a network's responses to each of the two sets."""
    network, colours = network_part(params, model, store), params.analysis.selectivity.colours
    shards = []
    for number, table in enumerate(sets.both):
        own = {"network": network, "colours": colours, "pictures": digest_of(table["sha256"].tolist())}
        label = f"{params.name} {model.label} ({model.weights_label}, seed {params.analysis.seed}), set {number + 1}"
        shards.append(Shard("filter_responses", label, own, _respond, (params, model, sets, number)))
    return shards


def responses(params: Params, store: Store, model: Model, sets: ImageSets) -> tuple[np.ndarray, np.ndarray]:
    """Return a network's responses to both sets, each (picture, filter) of float64, computed where they are missing."""
    first, second = InProcess().run(response_shards(params, store, model, sets), store)
    return tuple(np.load(place / FILE).astype(np.float64) for place in (first, second))  # type: ignore[return-value]


def shown_pictures(params: Params, store: Store, model: Model, sets: ImageSets, number: int) -> CachedImages:
    """Return the pictures of the first (0) or second (1) set as inputs of a network."""
    grey, own = params.analysis.selectivity.colours == "grey", sets.both[number]
    whole: tuple[pd.DataFrame, str] = (own, "second corpus") if number and not sets.halves else (sets.corpus, "corpus")
    return pictures(params, store, model, *whole, grey=grey).of(own["sha256"])


def _respond(params: Params, model: Model, sets: ImageSets, number: int, folder: Path) -> None:
    backbone, layers = loaded(params, model), studied_layers(params, model).names
    shown = shown_pictures(params, Store(params.store), model, sets, number)
    rows = responses_of(backbone, shown, layers, params.execution.batch_size, f"responses of {model.label}")
    np.save(folder / FILE, rows.astype(np.float32))


def responses_of(backbone: Backbone, shown: CachedImages, layers: list[str], size: int, what: str) -> np.ndarray:
    """Return the responses of the layers' filters to pictures, (picture, filter), a batch of `size` at a time."""
    starts = progress(range(0, len(shown), size), what)
    batches = (shown.batch(start, start + size).to(backbone.device) for start in starts)
    return np.concatenate([mean_responses(backbone, batch, layers).cpu().numpy() for batch in batches])
