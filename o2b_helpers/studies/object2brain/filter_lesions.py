"""Notebook 07: what happens to the alignment without a filter? (METHODS 4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.device import pick_device
from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import InProcess, Shard, memory
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.files.labelled import filter_dataset, label_variables, write_dataset
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.keys import made_from
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.lesions.screening import screened_predictions
from o2b_helpers.kernels.lesions.single_filters import lesion_predictions
from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout, readout_digest
from o2b_helpers.studies.common.networks import loaded, model_part, target_layers
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.common.targets import target_matrix
from o2b_helpers.studies.object2brain.lesion_blocks import lesion_block_bytes
from o2b_helpers.studies.object2brain.tables import LESION_EFFECTS, LESION_PREDICTIONS

KIND = "lesions"
METHODS = {"exact": "exact lesions", "first_order": "first-order screening, an approximation of lesions"}
SAMPLE = 16  # filters of each layer that are lesioned exactly to see how good the approximation is


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the method and the models."""
    models = {m.label: model_part(params, m, store) for m in params.analysis.object2brain_models}
    return {"lesions": params.analysis.lesions.model_dump(), "models": models}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Lesion every filter of every target layer; the effect is base rho minus lesioned rho."""
    stimuli = inputs.load(params, needs["inputs"]).stimuli
    targets = TARGETS.read(needs["human_targets"] / "results")
    values, described = target_matrix(targets, stimuli["stimulus"])
    facts: dict[str, Any] = {"device": pick_device(params.execution.device)}
    facts["method"] = METHODS[params.analysis.lesions.method]
    of_models: dict[str, Any] = {}
    origin = made_from(params, "filter_lesions")
    for model in params.analysis.object2brain_models:
        readout = load_readout(params, needs["valence_models"], model)
        base, lesioned, layer, channel, agreement = _predictions(params, model, readout, stimuli)
        rho = rank_correlation(base, values)
        delta = rho[:, None, :] - rank_correlation(lesioned, values)
        undefined = np.isnan(rho)  # of the whole network: no lesion is to blame
        left_out = (np.isnan(delta) & ~undefined[:, None]).sum(axis=2)  # targets, (run, filter)
        constant = int((left_out > 0).any(axis=0).sum())
        known = np.abs(delta[~np.isnan(delta)])
        dataset = filter_dataset(
            {
                "delta": (("run", "filter", "target"), delta),
                "rho": (("run", "target"), rho),
                "left_out": (("run", "filter"), left_out),
            },
            layer,
            channel,
            {"run": list(range(len(rho))), "target": list(described["target"])},
            {
                "architecture": model.label,
                "weights": model.weights_label,
                "gain": 0.0,
                "method": METHODS[params.analysis.lesions.method],
                **origin,
                "note": "delta = rho of the whole network - rho without the filter; positive where the filter supports "
                "the alignment (sign: ours); missing where the lesioned network predicts the same for every stimulus: "
                "the filter is left out of the class weights there",
            },
        )
        write_dataset(label_variables(dataset, LESION_EFFECTS), folder / "results" / LESION_EFFECTS.file(model.label))
        kept = filter_dataset(
            {"base": (("run", "stimulus"), base), "prediction": (("run", "filter", "stimulus"), lesioned)},
            layer,
            channel,
            {"run": list(range(len(rho))), "stimulus": list(stimuli["stimulus"])},
            {
                "architecture": model.label,
                "weights": model.weights_label,
                "method": METHODS[params.analysis.lesions.method],
                **origin,
                "note": "what the whole network predicts, and what it predicts without each filter",
            },
        )
        write_dataset(
            label_variables(kept, LESION_PREDICTIONS), folder / "results" / LESION_PREDICTIONS.file(model.label)
        )
        of_models[model.label] = {
            "filters": len(layer),
            "largest_effect": float(known.max()) if known.size else None,
            "filters_without_any_effect": int((delta == 0).all(axis=(0, 2)).sum()),
            "filters_whose_lesion_leaves_constant_predictions": constant,
            "filters_left_out_by_layer_and_run": _by_layer(left_out > 0, layer),
            **({"undefined_without_a_lesion": [int(undefined.sum()), undefined.size]} if undefined.any() else {}),
            **({"spearman_of_approximate_with_exact_changes": agreement} if agreement else {}),
        }
    write_facts(folder, carried_on(beside(facts, of_models), needs["valence_models"]))


def _by_layer(left_out: np.ndarray, layer: list[str]) -> dict[str, list[int]]:
    """Count the filters (run, filter) that are left out in each run, for the layers where there are any."""
    counts = {name: left_out[:, np.array(layer) == name].sum(axis=1).tolist() for name in dict.fromkeys(layer)}
    return {name: of_runs for name, of_runs in counts.items() if any(of_runs)}


def layer_parts(
    params: Params, store: Store, model: Model, readout: Readout, stimuli: pd.DataFrame
) -> dict[str | None, dict[str, Any]]:
    """Return what the predictions without each filter of a layer depend on; those of the whole network under None."""
    common: dict[str, Any] = {
        "model": model_part(params, model, store),
        "readout": readout_digest(readout),
        "stimuli": digest_of(stimuli[["stimulus", "sha256"]].values.tolist()),
    }
    common["model"].pop("layers")
    lesions = {**common, "lesions": params.analysis.lesions.model_dump()}
    return {None: {**common, "layer": None}} | {
        layer: {**lesions, "layer": layer} for layer in target_layers(params, model)
    }


def list_shards(params: Params, store: Store, model: Model, readout: Readout, stimuli: pd.DataFrame) -> list[Shard]:
    """Return what predicts with the whole network, then without each filter of each layer."""
    shards = []
    for layer, own in layer_parts(params, store, model, readout, stimuli).items():
        label = f"{params.name} {model.label} {layer or 'none'}"
        shards.append(Shard(KIND, label, own, _predict, (params, model, readout, stimuli, layer)))
    return shards


def _predictions(
    params: Params, model: Model, readout: Readout, stimuli: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, list[str], list[int], dict[str, float]]:
    """Return base (run, stimulus) and lesioned (run, filter, stimulus) predictions, layers, channels and agreement."""
    store = Store(params.store)
    whole, *folders = InProcess().run(list_shards(params, store, model, readout, stimuli), store)
    layers: list[str] = []
    channels: list[int] = []
    agreement: dict[str, float] = {}
    base, lesioned = np.load(whole / "predictions.npy"), []
    for layer, folder in zip(target_layers(params, model), folders, strict=True):
        lesioned.append(np.load(folder / "predictions.npy"))
        if (folder / "agreement.npy").exists():
            agreement[layer] = float(np.load(folder / "agreement.npy"))
        layers += [layer] * lesioned[-1].shape[1]
        channels += range(lesioned[-1].shape[1])
    return base, np.concatenate(lesioned, axis=1), layers, channels, agreement


def _predict(
    params: Params, model: Model, readout: Readout, stimuli: pd.DataFrame, layer: str | None, folder: Path
) -> None:
    """Predict with the whole network, or, where a layer is named, without each of its filters."""
    known = _Network.of(params, model, readout, stimuli)
    if layer is None:
        predictions = known.whole()
    elif params.analysis.lesions.method == "exact":
        predictions = known.exact(layer)
    else:
        predictions = known.screened()[layer].numpy()
        some = np.unique(np.linspace(0, predictions.shape[1] - 1, SAMPLE).round().astype(int))
        base = known.whole()[:, None]
        np.save(
            folder / "agreement.npy",
            agreement_of(predictions[:, some] - base, known.exact(layer, some.tolist()) - base),
        )
    np.save(folder / "predictions.npy", predictions)


class _Network:
    """A network, its stimuli and its readout, kept for all layers: pictures and features are computed once."""

    def __init__(self, params: Params, model: Model, readout: Readout, stimuli: pd.DataFrame) -> None:
        self.params, self.model, self.readout, self.stimuli = params, model, readout, stimuli
        self.backbone = loaded(params, model)

    @classmethod
    def of(cls, params: Params, model: Model, readout: Readout, stimuli: pd.DataFrame) -> _Network:
        """Return the one that the shard before has left, if it is the same."""
        key = (
            model.model_dump_json(),
            params.execution.model_dump_json(),
            params.analysis.seed,
            readout_digest(readout),
            digest_of(stimuli[["stimulus", "sha256"]].values.tolist()),
        )
        return memory.keep("lesioned network", key, lambda: cls(params, model, readout, stimuli))

    @cached_property
    def images(self) -> torch.Tensor:
        shown = pictures(self.params, Store(self.params.store), self.model, self.stimuli, "stimuli")
        return shown.batch(0, len(shown)).to(self.backbone.device)

    @cached_property
    def features(self) -> torch.Tensor:
        with torch.no_grad():
            batches = self.images.split(self.params.execution.batch_size)
            return torch.cat([self.backbone.features(batch) for batch in batches])

    def whole(self) -> np.ndarray:
        return self.readout.outputs(self.features).numpy()

    def exact(self, layer: str, channels: list[int] | None = None) -> np.ndarray:
        return lesion_predictions(
            self.backbone,
            self.images,
            self.readout,
            layer,
            channels=channels,
            features=self.features,
            block_bytes=lesion_block_bytes(self.params),
        ).numpy()

    def screened(self) -> dict[str, torch.Tensor]:
        return self._screened

    @cached_property
    def _screened(self) -> dict[str, torch.Tensor]:
        return screened_predictions(
            self.backbone,
            self.images,
            self.readout,
            target_layers(self.params, self.model),
            batch_size=self.params.execution.batch_size,
        )


def agreement_of(approximate: np.ndarray, exact: np.ndarray) -> float:
    """Spearman of approximate with exact changes of predictions (run, filter, stimulus), mean over runs."""
    runs = zip(approximate.reshape(len(exact), -1), exact.reshape(len(exact), -1), strict=True)
    return float(np.mean([rank_correlation(approximated, lesioned[None])[0] for approximated, lesioned in runs]))
