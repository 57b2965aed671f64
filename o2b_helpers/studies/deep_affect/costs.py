"""What the steps of ``deep_affect`` take, from the numbers of pictures, features and units; nothing is loaded."""

from __future__ import annotations

import math

import numpy as np
import torch

from o2b_helpers.core.cost import Need
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.contributions.shapley import all_subsets
from o2b_helpers.models.backbones.loading import build_module
from o2b_helpers.models.extractors.loading import definition_of
from o2b_helpers.models.feed_forward.networks import padded
from o2b_helpers.models.feed_forward.training import BYTES_AT_ONCE
from o2b_helpers.studies.common.costs import DOUBLE, FLOAT, Folders, placed
from o2b_helpers.studies.deep_affect import affect_features, affect_inputs
from o2b_helpers.studies.deep_affect.affect_features import PICTURES_IN_A_SHARD

MAPS = 64  # times the input: VGG16, the widest, has maps of 21 times the input in two layers, and a copy
FEWER_UNITS = "lower analysis.affect.networks.hidden, or execution.threads"


def features_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what a pass through each extractor takes; the maps are an estimate from the size of the input."""
    pictures, needs = len(affect_inputs.load(params, folders["affect_inputs"]).pictures), []
    for extractor in params.analysis.affect.extractors:
        definition = definition_of(extractor.architecture)
        with torch.device("meta"):
            module = build_module(definition, seed=0)
        weights = sum(values.nbytes for values in module.state_dict().values())
        side = definition.preprocessing.crop
        batch = min(params.execution.batch_size, PICTURES_IN_A_SHARD, pictures)
        working = weights + batch * 3 * side**2 * FLOAT * (1 + MAPS)
        needs.append(placed(params, f"features of {extractor.name}", 2 * weights, working, 0))
    return needs


def models_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what the networks and ridge regressions of the largest set of features take.

    A network holds weights and momentum; threads train batches side by side (see `train_networks`).
    """
    prepared = affect_inputs.load(params, folders["affect_inputs"])
    affect, pictures = params.analysis.affect, len(prepared.pictures)
    features = affect_features.load(params, folders["affect_features"]).of(affect.groups).shape[1]
    hidden = affect.networks.hidden
    widths = [features, *hidden, 2]
    network = 2 * FLOAT * sum(padded(n) * units for n, units in zip(widths[:-1], widths[1:], strict=True))
    threads = params.execution.threads or torch.get_num_threads()
    sets = affect.folds if affect.networks.standardise else 1
    tables = (sets * 2 + 1) * FLOAT * pictures * features + 2 * DOUBLE * pictures * features
    networks = threads * max(2 * network, BYTES_AT_ONCE)  # the kept epoch beside the present one
    ridge = DOUBLE * (3 * pictures * features + min(pictures, features) ** 2)
    sets_of_features = len(all_subsets(affect.groups)) - 1
    predicted = sets_of_features * (2 * affect.networks.seeds + 1) * affect.folds * 2 * pictures
    text = 9 * DOUBLE * predicted  # the long table of predictions
    kept = math.ceil(FLOAT * 3 * predicted)
    return [
        placed(params, "feed-forward networks", tables, tables + networks, 0),
        Need("ridge regression", ridge, less="take fewer features (analysis.affect.extractors[].keep)"),
        Need(
            "predictions of all models", int(np.ceil(text)), disk=kept, less="take fewer analysis.affect.networks.seeds"
        ),
    ]
