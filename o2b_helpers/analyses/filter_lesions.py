"""Notebook 07: what happens to the alignment without a filter? (METHODS 4)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from o2b_helpers.analyses import inputs
from o2b_helpers.analyses.alignment import target_matrix
from o2b_helpers.analyses.keys import made_from
from o2b_helpers.analyses.labelled import filter_dataset, write_dataset
from o2b_helpers.analyses.networks import lazily, model_part, target_layers
from o2b_helpers.analyses.step import Result, run_step
from o2b_helpers.analyses.tables import read_table, write_facts
from o2b_helpers.analyses.valence_models import FullHeads, load_full_heads
from o2b_helpers.digests import digest_of
from o2b_helpers.inputs.preprocessing import load_images
from o2b_helpers.kernels.lesions import lesion_predictions
from o2b_helpers.kernels.outputs import head_outputs
from o2b_helpers.kernels.rank_correlation import rank_correlation
from o2b_helpers.models.device import pick_device
from o2b_helpers.params import Model, Params
from o2b_helpers.store import Store

NEEDS = ("inputs", "human_targets", "valence_models")
MODULE = "o2b_helpers.analyses.filter_lesions"


def run(params: Params) -> Result:
    """Make ``lesion_effects_<architecture>.nc`` for every model with ``object2brain: true``."""
    return run_step(params, "filter_lesions")


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the models."""
    return {"models": {m.label: model_part(params, m, store) for m in params.analysis.models if m.object2brain}}


def compute(params: Params, needs: dict[str, Path], folder: Path) -> None:
    """Lesion every filter of every target layer; the effect is base rho minus lesioned rho."""
    stimuli = inputs.load(params, needs["inputs"]).stimuli
    targets = read_table(needs["human_targets"] / "results" / "targets.csv")
    values, described = target_matrix(targets, stimuli["stimulus"])
    facts: dict[str, Any] = {"device": pick_device(params.execution.device)}
    origin = made_from(params, "filter_lesions")
    for model in (m for m in params.analysis.models if m.object2brain):
        heads = load_full_heads(needs["valence_models"], model)
        base, lesioned, layer, channel = _predictions(params, model, heads, stimuli)
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
                **origin,
                "note": "delta = rho of the whole network - rho without the filter; positive where the filter supports "
                "the alignment (sign: ours); missing where the lesioned network predicts the same for every stimulus",
            },
        )
        write_dataset(dataset, folder / "results" / f"lesion_effects_{model.label}.nc")
        facts[model.label] = {
            "filters": len(layer),
            "largest_effect": float(np.nanmax(np.abs(delta))),
            "filters_without_any_effect": int((np.nan_to_num(delta) == 0).all(axis=(0, 2)).sum()),
            "filters_whose_lesion_leaves_constant_predictions": constant,
        }
    write_facts(folder, facts)


def _predictions(
    params: Params, model: Model, heads: FullHeads, stimuli: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, list[str], list[int]]:
    """Return base (run, stimulus) and lesioned (run, filter, stimulus) predictions, with layers and channels."""
    store, backbone = Store(params.store), lazily(params, model)
    common = {
        "model": model_part(params, model, store),
        "heads": digest_of([heads.weight.tolist(), heads.bias.tolist()]),
        "output": params.analysis.heads.full.output,
        "stimuli": digest_of(stimuli[["stimulus", "sha256"]].values.tolist()),
    }
    common["model"].pop("layers")
    output = params.analysis.heads.full.output

    @cache
    def images() -> torch.Tensor:
        paths = [Path(p) for p in stimuli["path"]]
        return load_images(paths, backbone().preprocessing).to(backbone().device)

    def whole(place: Path) -> None:
        with torch.no_grad():
            features = backbone().features(images())
        predictions = head_outputs(features, *_tensors(heads, backbone().device), output)
        np.save(place / "predictions.npy", predictions.cpu().numpy().astype(np.float64))

    folder = store.result(
        "lesions", f"{params.name} {model.label} none", {**common, "layer": None}, MODULE, whole
    ).folder
    base, lesioned, layers, channels = np.load(folder / "predictions.npy"), [], [], []
    for layer in target_layers(params, model):

        def lesion(place: Path, layer: str = layer) -> None:
            predictions = lesion_predictions(
                backbone(),
                images(),
                *_tensors(heads, backbone().device),
                layer,
                output=output,
                block_bytes=int(params.execution.memory_gib * 2**30),
            )
            np.save(place / "predictions.npy", predictions.cpu().numpy().astype(np.float64))

        label = f"{params.name} {model.label} {layer}"
        folder = store.result("lesions", label, {**common, "layer": layer}, MODULE, lesion).folder
        lesioned.append(np.load(folder / "predictions.npy"))
        layers += [layer] * lesioned[-1].shape[1]
        channels += range(lesioned[-1].shape[1])
    return base, np.concatenate(lesioned, axis=1), layers, channels


def _tensors(heads: FullHeads, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        torch.as_tensor(heads.weight, dtype=torch.float32, device=device),
        torch.as_tensor(heads.bias, dtype=torch.float32, device=device),
    )
