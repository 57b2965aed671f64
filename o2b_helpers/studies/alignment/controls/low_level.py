"""What simple properties of a picture say about its valence: light, contrast, colour and the energy of its edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.people.nested_ridge import fit_predict
from o2b_helpers.kernels.low_level import measured
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures


def low_level_shard(
    params: Params, store: Store, corpus: pd.DataFrame, training: pd.DataFrame, stimuli: pd.DataFrame
) -> Shard:
    """Return what learns valence from low-level features of the corpus and predicts the stimuli.

    The pictures are those that the profile's first model sees: its size and crop.
    """
    model = params.analysis.models[0]
    part = {
        "resize": architecture(model.architecture).preprocessing.resize,
        "crop": architecture(model.architecture).preprocessing.crop,
        "penalties": params.analysis.controls.penalties,
        "images": digest_of(training[["sha256", "target"]].values.tolist()),
        "stimuli": digest_of(stimuli[["stimulus", "sha256"]].values.tolist()),
    }
    arguments = params, model, corpus, training, stimuli
    return Shard("low_level", f"{params.name} low-level features", part, _predict, arguments)


def _predict(
    params: Params, model: Model, corpus: pd.DataFrame, training: pd.DataFrame, stimuli: pd.DataFrame, folder: Path
) -> None:
    store = Store(params.store)
    size = params.execution.batch_size
    known = measured(pictures(params, store, model, corpus, "corpus").of(training["sha256"]), size)
    shown = measured(pictures(params, store, model, stimuli, "stimuli"), size)
    labels = training["target"].to_numpy(dtype=np.float64)
    penalties = np.sort(np.asarray(params.analysis.controls.penalties, dtype=np.float64))
    np.save(folder / "predictions.npy", labels.mean() + fit_predict(known, labels, shown, penalties))
