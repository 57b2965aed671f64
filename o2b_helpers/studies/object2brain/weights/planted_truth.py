"""How well do the class weights find what really drives the alignment? Only the toy world knows (notebook 08)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.facts import write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import progress
from o2b_helpers.core.running.keys import find_step
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.common.networks import load_model, model_part
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.common.targets import target_matrix
from o2b_helpers.studies.object2brain.tables import PLANTED_TRUTH
from o2b_helpers.studies.object2brain.weights.evidence import WHOLE
from o2b_helpers.toyworld.scenes import render
from o2b_helpers.toyworld.truth import truth
from o2b_helpers.toyworld.world import stimulus_scene

NOT_TOY = "Only the toy world's pictures can be drawn again without a class: there is no truth to compare with here."


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the models, and whether there is a truth: only the toy world's pictures can be drawn again."""
    toy = params.analysis.stimuli.kind == "toyworld"
    seed = params.analysis.corpus.world_seed if toy else None
    models = {m.label: model_part(params, m, store) for m in params.analysis.object2brain_models}
    return {"toyworld": toy, "world_seed": seed, "models": models}


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Write down what is planted and what is true of each network; an empty table where nobody knows."""
    parts = []
    if params.analysis.stimuli.kind == "toyworld":
        planted, stimuli = truth().set_index("class"), inputs.load(params, needs["inputs"]).stimuli
        values, described = target_matrix(TARGETS.read(needs["human_targets"] / "results"), stimuli["stimulus"])
        for model in params.analysis.object2brain_models:
            readout = load_readout(params, needs["valence_models"], model)
            change = _influence(params, model, readout, stimuli, values).set_axis(described["target"], axis=1)
            table = change.rename_axis(index="class").reset_index()
            table = table.melt("class", var_name="target", value_name="true_change").merge(described, on="target")
            people, scene = (table["class"].map(planted[f"{name}_effect"]) for name in ("people", "scene"))
            effects = {"PV": people, "SV": scene, "IV": (people + scene) / 2}
            table["planted"] = sum(effect.where(table["valence_type"] == kind, 0.0) for kind, effect in effects.items())
            parts.append(table.assign(category=table["class"].map(planted["category"]), architecture=model.label))
    PLANTED_TRUTH.write(pd.concat(parts) if parts else PLANTED_TRUTH.empty(), folder / "results")
    write_facts(folder, {"known": bool(parts)})


def true_influence(params: Params, model: Model) -> pd.DataFrame:
    """Return the change of rho when every stimulus is drawn again without each class: the truth about this network.

    Parameters
    ----------
    params : Params
        A profile with the toy world's stimuli, whose step planted_truth has run.
    model : Model
        One of its models.

    Returns
    -------
    DataFrame (class, target)
        rho of the whole stimuli minus rho with the class left out of all of them, all other pixels the same; mean over
        runs. Positive: the class supports the alignment.
    """
    folder = find_step(params, params.step("planted_truth"), Store(params.store), params.step("object2brain"))
    table = PLANTED_TRUTH.read(folder / "results")
    own = table[table["architecture"] == model.label]
    return own.pivot(index="class", columns="target", values="true_change")


def _influence(
    params: Params, model: Model, readout: Readout, stimuli: pd.DataFrame, values: np.ndarray
) -> pd.DataFrame:
    """Draw every stimulus again without each class: (class, target), the targets in the order of `values`."""
    store, backbone = Store(params.store), load_model(params, model)

    def predict(images: torch.Tensor) -> np.ndarray:
        with torch.no_grad():
            some = images.to(backbone.device).split(params.execution.batch_size)
            features = torch.cat([backbone.features(batch) for batch in some])
        return readout.outputs(features).numpy()

    shown = pictures(params, store, model, stimuli, "stimuli")
    base = predict(shown.batch(0, len(shown)))
    scenes = [stimulus_scene(params.analysis.corpus.world_seed, number) for number in _numbers(stimuli["stimulus"])]
    influence = {}
    for name in progress(sorted({name for scene in scenes for name in scene.classes}), "drawing without a class"):
        places = [place for place, scene in enumerate(scenes) if name in scene.classes]
        again = torch.stack([backbone.preprocessing(render(scenes[place], without=name)) for place in places])
        without = base.copy()
        without[:, places] = predict(again)
        influence[name] = (rank_correlation(base, values) - rank_correlation(without, values)).mean(0)
    return pd.DataFrame.from_dict(influence, orient="index")


def recovery(params: Params, weights: pd.DataFrame, model: Model) -> pd.DataFrame | str:
    """Compare every estimator's weights with the true influence of the classes.

    Parameters
    ----------
    params : Params
        The profile.
    weights : DataFrame
        ``object_weights_by_estimator.csv``.
    model : Model
        Whose weights.

    Returns
    -------
    DataFrame, or str
        Columns estimator, layer (the last target layer, or the whole network), agreement (Spearman of weight with true
        influence over the classes, mean over targets), found (how often a class whose influence is above the median
        has the larger weight, signs aside, than one whose is below: 0.5 is guessing). A sentence where the stimuli
        are not the toy world's.
    """
    if params.analysis.stimuli.kind != "toyworld":
        return NOT_TOY
    influence, rows = true_influence(params, model), []
    mine = weights[weights["architecture"] == model.label]
    last = [name for name in mine["layer"].unique() if name != WHOLE][-1:]
    mine = mine[mine["layer"].isin([*last, WHOLE])]
    for (estimator, layer), part in mine.groupby(["estimator", "layer"], sort=False):
        wide = part.pivot(index="class", columns="target", values="weight")
        both = wide.index.intersection(influence.index)
        weight, true = wide.loc[both], influence.loc[both, wide.columns]
        agreement = weight.rank().corrwith(true.rank()).mean()
        hits = [_found(weight[target].abs().to_numpy(), true[target].abs().to_numpy()) for target in wide]
        rows.append((estimator, layer, agreement, float(np.nanmean(hits)) if np.isfinite(hits).any() else np.nan))
    return pd.DataFrame(rows, columns=["estimator", "layer", "agreement", "found"])


def _found(size: np.ndarray, truth: np.ndarray) -> float:
    """Return the area under the curve: a class that matters against one that does not, ties half."""
    matters = truth > np.median(truth)
    above = size[matters][:, None] - size[~matters][None]
    return float(((above > 0) + 0.5 * (above == 0)).mean()) if matters.any() and not matters.all() else np.nan


def _numbers(stimuli: pd.Series) -> list[int]:
    """Return the toy world's numbers of its stimuli, from their names."""
    return [int(name.rpartition("_")[2]) for name in stimuli]
