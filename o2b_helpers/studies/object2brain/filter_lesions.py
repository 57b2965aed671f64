"""Notebook 07: what happens to the alignment without a filter? (METHODS 4)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.device import pick_device
from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.keys import made_from
from o2b_helpers.core.labelled import filter_dataset, write_dataset
from o2b_helpers.core.params import Model, Params
from o2b_helpers.core.preflight import lesion_block_bytes
from o2b_helpers.core.run import Result, run_step
from o2b_helpers.core.store import Store
from o2b_helpers.core.tables import read_table, write_facts
from o2b_helpers.kernels.lesions.screening import screened_predictions
from o2b_helpers.kernels.lesions.single_filters import lesion_predictions
from o2b_helpers.kernels.outputs import head_outputs
from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.correlations import target_matrix
from o2b_helpers.studies.alignment.valence_models import FullHeads, load_full_heads
from o2b_helpers.studies.common.networks import lazily, model_part, target_layers
from o2b_helpers.studies.common.pictures import pictures

NEEDS = ("inputs", "human_targets", "valence_models")
MODULE = "o2b_helpers.studies.object2brain.filter_lesions"
KIND = "lesions"
METHODS = {"exact": "exact lesions", "first_order": "first-order screening, an approximation of lesions"}
SAMPLE = 16  # filters of each layer that are lesioned exactly to see how good the approximation is


def run(params: Params) -> Result:
    """Make ``lesion_effects_<A>.nc`` and ``lesion_predictions_<A>.nc`` for every model with ``object2brain: true``."""
    return run_step(params, "filter_lesions")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the method and the models."""
    models = {m.label: model_part(params, m, store) for m in params.analysis.models if m.object2brain}
    return {"lesions": params.analysis.lesions.model_dump(), "models": models}


def compute(params: Params, needs: dict[str, Path], folder: Path) -> None:
    """Lesion every filter of every target layer; the effect is base rho minus lesioned rho."""
    stimuli = inputs.load(params, needs["inputs"]).stimuli
    targets = read_table(needs["human_targets"] / "results" / "targets.csv")
    values, described = target_matrix(targets, stimuli["stimulus"])
    facts: dict[str, Any] = {"device": pick_device(params.execution.device)}
    facts["method"] = METHODS[params.analysis.lesions.method]
    origin = made_from(params, "filter_lesions")
    for model in (m for m in params.analysis.models if m.object2brain):
        heads = load_full_heads(needs["valence_models"], model)
        base, lesioned, layer, channel, agreement = _predictions(params, model, heads, stimuli)
        rho = rank_correlation(base, values)
        delta = rho[:, None, :] - rank_correlation(lesioned, values)
        constant = int(np.isnan(delta).any(axis=(0, 2)).sum())
        dataset = filter_dataset(
            {"delta": (("run", "filter", "target"), delta), "rho": (("run", "target"), rho)},
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
                "the alignment (sign: ours); missing where the lesioned network predicts the same for every stimulus",
            },
        )
        write_dataset(dataset, folder / "results" / f"lesion_effects_{model.label}.nc")
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
        write_dataset(kept, folder / "results" / f"lesion_predictions_{model.label}.nc")
        facts[model.label] = {
            "filters": len(layer),
            "largest_effect": float(np.nanmax(np.abs(delta))),
            "filters_without_any_effect": int((np.nan_to_num(delta) == 0).all(axis=(0, 2)).sum()),
            "filters_whose_lesion_leaves_constant_predictions": constant,
            **({"spearman_of_approximate_with_exact_changes": agreement} if agreement else {}),
        }
    write_facts(folder, facts)


def layer_parts(
    params: Params, store: Store, model: Model, heads: FullHeads, stimuli: pd.DataFrame
) -> dict[str | None, dict[str, Any]]:
    """Return what the predictions without each filter of a layer depend on; those of the whole network under None."""
    common = {
        "model": model_part(params, model, store),
        "heads": digest_of([heads.weight.tolist(), heads.bias.tolist()]),
        "output": params.analysis.heads.full.output,
        "stimuli": digest_of(stimuli[["stimulus", "sha256"]].values.tolist()),
    }
    common["model"].pop("layers")
    lesions = {**common, "lesions": params.analysis.lesions.model_dump()}
    return {None: {**common, "layer": None}} | {
        layer: {**lesions, "layer": layer} for layer in target_layers(params, model)
    }


def _predictions(
    params: Params, model: Model, heads: FullHeads, stimuli: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, list[str], list[int], dict[str, float]]:
    """Return base (run, stimulus) and lesioned (run, filter, stimulus) predictions, layers, channels and agreement."""
    store, backbone = Store(params.store), lazily(params, model)
    parts = layer_parts(params, store, model, heads, stimuli)
    output = params.analysis.heads.full.output

    @cache
    def images() -> torch.Tensor:
        shown = pictures(params, store, model, stimuli, "stimuli")
        return shown.batch(0, len(shown)).to(backbone().device)

    @cache
    def features() -> torch.Tensor:
        with torch.no_grad():
            return torch.cat([backbone().features(some) for some in images().split(params.execution.batch_size)])

    def exact(layer: str, channels: list[int] | None = None) -> np.ndarray:
        return lesion_predictions(
            backbone(),
            images(),
            *heads.tensors(backbone().device),
            layer,
            channels=channels,
            output=output,
            features=features(),
            block_bytes=lesion_block_bytes(params),
        ).numpy()

    @cache
    def screened() -> dict[str, torch.Tensor]:
        common = {"output": output, "batch_size": params.execution.batch_size}
        tensors = heads.tensors(backbone().device)
        return screened_predictions(backbone(), images(), *tensors, target_layers(params, model), **common)

    def whole(place: Path) -> None:
        predictions = head_outputs(features(), *heads.tensors(backbone().device), output)
        np.save(place / "predictions.npy", predictions.numpy())

    folder = store.result(KIND, f"{params.name} {model.label} none", parts[None], MODULE, whole).folder
    base, lesioned, layers, channels, agreement = np.load(folder / "predictions.npy"), [], [], [], {}
    for layer in target_layers(params, model):

        def lesion(place: Path, layer: str = layer) -> None:
            if params.analysis.lesions.method == "exact":
                predictions = exact(layer)
            else:
                predictions = screened()[layer].numpy()
                some = np.unique(np.linspace(0, predictions.shape[1] - 1, SAMPLE).round().astype(int))
                found = agreement_of(predictions[:, some] - base[:, None], exact(layer, some.tolist()) - base[:, None])
                np.save(place / "agreement.npy", found)
            np.save(place / "predictions.npy", predictions)

        label = f"{params.name} {model.label} {layer}"
        folder = store.result(KIND, label, parts[layer], MODULE, lesion).folder
        lesioned.append(np.load(folder / "predictions.npy"))
        if (folder / "agreement.npy").exists():
            agreement[layer] = float(np.load(folder / "agreement.npy"))
        layers += [layer] * lesioned[-1].shape[1]
        channels += range(lesioned[-1].shape[1])
    return base, np.concatenate(lesioned, axis=1), layers, channels, agreement


def agreement_of(approximate: np.ndarray, exact: np.ndarray) -> float:
    """Spearman of approximate with exact changes of predictions (run, filter, stimulus), mean over runs."""
    runs = zip(approximate.reshape(len(exact), -1), exact.reshape(len(exact), -1), strict=True)
    return float(np.mean([rank_correlation(one, other[None])[0] for one, other in runs]))
