"""Do the filters that mediation names carry a class's effect? Tested on stimuli that had no part in choosing them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import InProcess, Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.mediation.patching import carrying_filters, patched_predictions, restored_share
from o2b_helpers.kernels.regions.occlusion import fill_from_surroundings
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.common.networks import loaded
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.object2brain.hidden.occlusion import Hidden, hidden_digest, predicted_part

KIND = "patches"
SHARE = 0.1  # of a layer's filters that are put back
RANDOM_DRAWS = 8
COLUMNS = ["layer", "class", "n_stimuli", "n_filters", "restored", "restored_random"]


def patch_test(
    params: Params, model: Model, readout: Readout, stimuli: pd.DataFrame, hidden: list[Hidden], dataset: xr.Dataset
) -> pd.DataFrame:
    """Put back the strongest tenth of a layer's filters for each class, chosen on the other half of its stimuli.

    Parameters
    ----------
    params, model, readout, stimuli, hidden
        What was hidden from which model.
    dataset : Dataset
        `tables.MEDIATION`, its pairs in the order of `hidden`.

    Returns
    -------
    DataFrame
        Columns layer, class, n_stimuli, n_filters, restored, restored_random; a row for each layer and class that at
        least two stimuli show.
    """
    label = dataset["pair_class"].to_numpy().astype(str)
    many = {name: np.flatnonzero(label == name) for name in dict.fromkeys(sorted(label))}
    tested = {name: pairs for name, pairs in many.items() if len(pairs) > 1}
    if not tested:
        return pd.DataFrame(columns=COLUMNS)
    place = np.concatenate(list(tested.values()))
    names = dataset["stimulus"].to_numpy().astype(str).tolist()
    own = [names.index(name) for name in dataset["pair_stimulus"].to_numpy().astype(str)]
    base, without = dataset["base"].to_numpy()[:, own], dataset["hidden"].to_numpy()
    generator = np.random.default_rng(params.analysis.significance.seed)
    sets, shards = {}, []
    for layer in dataset["target_layer"].to_numpy().astype(str):
        mediated = dataset["mediated"].to_numpy()[:, dataset["layer"].to_numpy().astype(str) == layer]
        sets[layer] = _chosen(mediated, base - without, tested, generator)
        shards.append(_shard(params, model, readout, stimuli, [hidden[p] for p in place], layer, sets[layer][:, place]))
    folders = InProcess().run(shards, Store(params.store), f"putting back filters of {model.label}")
    rows = []
    for (layer, filters), folder in zip(sets.items(), folders, strict=True):
        patched = np.load(folder / "predictions.npy")
        start = 0
        for name, pairs in tested.items():
            stop = start + len(pairs)
            shares = [restored_share(base[:, pairs], without[:, pairs], of_set[:, start:stop]) for of_set in patched]
            count = int(filters[0, pairs[0]].sum())
            rows.append((layer, name, len(pairs), count, shares[0], float(np.mean(shares[1:]))))
            start = stop
    return pd.DataFrame(rows, columns=COLUMNS)


def _chosen(
    mediated: np.ndarray, change: np.ndarray, tested: dict[str, np.ndarray], generator: np.random.Generator
) -> np.ndarray:
    """Choose the filters to put back: (set, pair, filter) bool; the strongest ones first, then random ones."""
    filters = mediated.shape[1]
    count = max(1, round(SHARE * filters))
    chosen = np.zeros((1 + RANDOM_DRAWS, mediated.shape[2], filters), dtype=bool)
    for pairs in tested.values():
        for half, other in ((pairs[::2], pairs[1::2]), (pairs[1::2], pairs[::2])):
            strongest = carrying_filters(mediated[:, :, other], change[:, other], count)
            chosen[0][np.ix_(half, strongest)] = True
        for number in range(RANDOM_DRAWS):
            chosen[1 + number][np.ix_(pairs, generator.choice(filters, count, replace=False))] = True
    return chosen


def _shard(
    params: Params,
    model: Model,
    readout: Readout,
    stimuli: pd.DataFrame,
    pairs: list[Hidden],
    layer: str,
    filters: np.ndarray,
) -> Shard:
    piece = {
        **predicted_part(params, model, readout, stimuli),
        "hidden": hidden_digest(pairs),
        "layer": layer,
        "filters": digest_of(np.packbits(filters).tobytes().hex()),
    }
    arguments = (params, model, readout, stimuli, pairs, layer, filters)
    return Shard(KIND, f"{params.name} {model.label} {layer}", piece, _predict, arguments)


def _predict(
    params: Params,
    model: Model,
    readout: Readout,
    stimuli: pd.DataFrame,
    pairs: list[Hidden],
    layer: str,
    filters: np.ndarray,
    folder: Path,
) -> None:
    """Predict with the filters of each set put back, some pairs at a time."""
    shown, backbone = pictures(params, Store(params.store), model, stimuli, "stimuli"), loaded(params, model)
    size, blocks = params.execution.batch_size, []
    for start in range(0, len(pairs), size):
        some = pairs[start : start + size]
        images = torch.cat([shown.batch(pair.stimulus, pair.stimulus + 1) for pair in some])
        filled = fill_from_surroundings(images, torch.stack([pair.mask for pair in some]))
        sets = list(filters[:, start : start + size])
        blocks.append(patched_predictions(backbone, images, filled, readout, layer, sets, batch_size=size))
    np.save(folder / "predictions.npy", np.concatenate(blocks, axis=2))
