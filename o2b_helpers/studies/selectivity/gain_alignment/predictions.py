"""Valence that is predicted for the stimuli with sets of filters lesioned and strengthened; a shard for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.lesions.set_gains import set_gains
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment.valence_models import readout_digest
from o2b_helpers.studies.common.networks import loaded
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.selectivity.gains.filter_sets import FilterSets
from o2b_helpers.studies.selectivity.gains.tables import LESION
from o2b_helpers.studies.selectivity.responses import Layers, network_part, responses_of

WHOLE, CHANGED = "whole.npy", "changed.npy"


def strengths(params: Params) -> list[float]:
    """Return the alphas: the lesion, then the profile's."""
    return [LESION, *params.analysis.emotion_gains.alignment_alphas]


def responses_to_stimuli(
    params: Params, store: Store, model: Model, layers: Layers, stimuli: pd.DataFrame
) -> np.ndarray:
    """Return each filter's mean response to the stimuli as the valence models see them, (filter,) of float64."""
    backbone, shown = loaded(params, model), pictures(params, store, model, stimuli, "stimuli")
    what = f"responses of {model.label} to the stimuli"
    seen = responses_of(backbone, shown, layers.names, params.execution.batch_size, what)
    return seen.astype(np.float64).mean(0)


def prediction_shards(
    params: Params, store: Store, model: Model, sets: dict[str, list[FilterSets]], readout: Readout,
    stimuli: pd.DataFrame,
) -> list[Shard]:  # fmt: skip
    """Return what predicts the stimuli's valence with the sets of each layer (a key of `sets`) changed.

    The folder of a shard holds ``whole.npy``, (run, stimulus), and ``changed.npy``, (set, run, alpha, stimulus), the
    sets in their order.
    """
    network, shards = network_part(params, model, store), []
    network.pop("layers")
    for layer, of_layer in sets.items():
        identity: dict[str, Any] = {
            "network": network,
            "layer": layer,
            "readout": readout_digest(readout),
            "stimuli": digest_of(stimuli[["stimulus", "sha256"]].values.tolist()),
            "sets": digest_of([own.members.tolist() for own in of_layer]),
            "alphas": strengths(params),
        }
        label = f"{params.name} {model.label} ({model.weights_label}), {layer}"
        arguments = params, model, readout, stimuli, layer, of_layer
        shards.append(Shard("gains_and_alignment", label, identity, _predict, arguments))
    return shards


@torch.no_grad()
def _predict(
    params: Params, model: Model, readout: Readout, stimuli: pd.DataFrame, layer: str, sets: Sequence[FilterSets],
    folder: Path,
) -> None:  # fmt: skip
    backbone, shown = loaded(params, model), pictures(params, Store(params.store), model, stimuli, "stimuli")
    images = shown.batch(0, len(shown)).to(backbone.device)
    features = torch.cat([backbone.features(batch) for batch in images.split(params.execution.batch_size)])
    members = np.concatenate([own.members for own in sets])
    changed = set_gains(backbone, images, None, features, readout, layer, members, strengths(params))
    np.save(folder / WHOLE, readout.outputs(features).numpy())
    np.save(folder / CHANGED, changed.transpose(0, 1).contiguous().numpy())
