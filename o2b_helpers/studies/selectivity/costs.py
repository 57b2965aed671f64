"""What the steps of ``selectivity`` take, from the numbers of pictures and filters; nothing is loaded for it."""

from __future__ import annotations

from o2b_helpers.core.cost import Need
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.selectivity.selectivity_index import AT_ONCE
from o2b_helpers.models.backbones.meta import pass_bytes
from o2b_helpers.studies.common.costs import (
    DOUBLE,
    FLOAT,
    Folders,
    counted_once,
    decoding_needs,
    network_shapes,
    reading_bytes,
    with_network,
)
from o2b_helpers.studies.selectivity import image_sets
from o2b_helpers.studies.selectivity.responses import response_shards, shown_pictures, studied_layers, twins

SAMPLES_COPIES = 8  # arrays of the size of one block of d'


def selectivity_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what responses, exchanges and samples take, for every model; a network that is stored takes no pass."""
    sets, needs = image_sets.load(params, folders), []
    pictures, largest = sum(map(len, sets.both)), max(map(len, sets.both))
    many, significance = min(params.execution.batch_size, largest), params.analysis.significance
    for model in params.analysis.selectivity_models:
        backbone, layers = network_shapes(params, model), studied_layers(params, model)
        filters = sum(layers.filters.values())
        networks = [(params, model), *((own, drawn) for _, own, drawn in twins(params, model))]
        missing = [
            shard
            for own, network in networks
            for shard in response_shards(own, store, network, sets)
            if not shard.is_stored(store)
        ]
        seen = DOUBLE * pictures * filters  # of one network; those with drawn weights are kept beside it
        rows = DOUBLE * (significance.permutations + significance.bootstrap) * 4 * len(layers.names)
        working = 2 * len(networks) * seen + SAMPLES_COPIES * DOUBLE * AT_ONCE + rows
        working += DOUBLE * significance.bootstrap * largest
        if missing:
            working += pass_bytes(backbone, many, until=layers.names[-1]) + reading_bytes(backbone, 2 * many)
        disk = FLOAT * filters * (pictures + len(missing) * largest)
        needs.append(with_network(params, backbone, f"selectivity of {model.label}", working, disk=disk))
        shown = [shown_pictures(params, store, model, sets, number) for number in (0, 1)]
        for images, table in zip(shown, sets.both, strict=True):
            needs += decoding_needs(backbone, [images], table)
    return counted_once(needs)
