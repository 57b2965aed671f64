"""What notebook 13 takes, from the numbers of pictures, filters and sets; nothing is loaded for it."""

from __future__ import annotations

from o2b_helpers.core.cost import Need
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.lesions.set_changes import BLOCK_BYTES
from o2b_helpers.kernels.lesions.set_gains import VALUES_BYTES
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
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import shown_pictures, studied_layers

HEADS = 12  # arrays of the size of all heads: weights, their best, gradients, Adam's memory
ROWS_BYTES = 120  # of a row of recognition
DRAWN = 4  # draws of each emotion: three controls, and random sets for what all pictures select
COPIES = 2  # of values of all pictures while they are judged


def readouts_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what features and readouts of every model take."""
    sets, needs = image_sets.load(params, folders), []
    largest, size = max(map(len, sets.both)), params.execution.batch_size
    for model in params.analysis.selectivity_models:
        backbone = network_shapes(params, model)
        features = FLOAT * largest * backbone.n_features
        heads = FLOAT * 2 * len(EMOTIONS) * params.analysis.selectivity.splits * backbone.n_features
        working = 3 * features + HEADS * heads + pass_bytes(backbone, min(size, largest))
        working += reading_bytes(backbone, 2 * min(size, largest))
        disk = 2 * (features + heads)
        needs.append(with_network(params, backbone, f"emotion readouts of {model.label}", working, disk=disk))
        for number, table in enumerate(sets.both):
            needs += decoding_needs(backbone, [shown_pictures(params, store, model, sets, number)], table)
    return counted_once(needs)


def gains_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what the sets of every layer take, for every model."""
    sets, needs, options = image_sets.load(params, folders), [], params.analysis.emotion_gains
    largest, splits = max(map(len, sets.both)), params.analysis.selectivity.splits
    strengths = 2 + round(options.highest_alpha / (options.control_alpha_step or options.alpha_step))
    for model in params.analysis.selectivity_models:
        backbone, layers = network_shapes(params, model), studied_layers(params, model)
        values = DOUBLE * len(EMOTIONS) ** 2 * DRAWN * options.draws * strengths * largest
        twins = sum(parameter.nbytes for parameter in backbone.module.parameters())
        working = reading_bytes(backbone, 2 * largest) + FLOAT * largest * backbone.n_features
        working += BLOCK_BYTES + COPIES * (values + VALUES_BYTES) + twins
        rows = splits * len(EMOTIONS) * 4 * options.draws * strengths * 2 * ROWS_BYTES
        working += rows * len(layers.names)
        disk = rows * len(layers.names)  # of both sets; Parquet takes about half
        needs.append(with_network(params, backbone, f"lesions and gains of {model.label}", working, disk=disk))
    return counted_once(needs)
