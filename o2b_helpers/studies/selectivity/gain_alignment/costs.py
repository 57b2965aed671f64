"""What the step ``gains_and_alignment`` takes, from the numbers of stimuli, runs, sets and targets."""

from __future__ import annotations

from o2b_helpers.core.cost import Need
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.lesions.set_changes import BLOCK_BYTES
from o2b_helpers.kernels.lesions.set_gains import VALUES_BYTES
from o2b_helpers.models.backbones.meta import pass_bytes
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
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
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.selectivity.gain_alignment.predictions import strengths
from o2b_helpers.studies.selectivity.gain_alignment.step import HUMAN_TARGETS, VALENCE_MODELS, models_with_heads
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import studied_layers

COPIES = 3  # of the predictions of a layer: as they are made, read, and ranked
CONTROLS = 2  # kinds of draws
HEADERS = 512  # of the files of a layer


def gain_alignment_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what the sets of every layer take, for every model; nothing where the study `alignment` does not run."""
    if VALENCE_MODELS not in folders:
        return []
    stimuli, needs = inputs.load(params, folders["inputs"]).stimuli, []
    targets = TARGETS.read(folders[HUMAN_TARGETS] / "results")["target"].nunique()
    sets, samples = len(EMOTIONS) * (1 + CONTROLS * params.analysis.emotion_gains.draws), 2
    for model in models_with_heads(params):
        backbone, layers = network_shapes(params, model), studied_layers(params, model)
        runs, many = load_readout(params, folders[VALENCE_MODELS], model).n_runs, len(stimuli)
        predictions = DOUBLE * sets * runs * len(strengths(params)) * many
        working = COPIES * predictions + BLOCK_BYTES + VALUES_BYTES + FLOAT * many * backbone.n_features
        working += samples * DOUBLE * params.analysis.significance.bootstrap * runs * (targets + many)
        working += pass_bytes(backbone, min(params.execution.batch_size, many)) + reading_bytes(backbone, many)
        disk = (predictions + DOUBLE * runs * many + HEADERS) * len(layers.names)
        what = f"lesions, gains and alignment of {model.label}"
        needs.append(with_network(params, backbone, what, working, disk=disk))
        needs += decoding_needs(backbone, [pictures(params, store, model, stimuli, "stimuli")], stimuli)
    return counted_once(needs)
