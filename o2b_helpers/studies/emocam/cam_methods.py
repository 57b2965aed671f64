"""Notebook 10: whether other ways to make class activation maps say the same of objects and emotions (METHODS 5)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import InProcess, Shard
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import progress, say
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.cam_methods.by_name import cam_method
from o2b_helpers.kernels.cam_methods.lime import LimeSettings
from o2b_helpers.kernels.counts.associations import Associations
from o2b_helpers.kernels.faithfulness import faithfulness, probability_of
from o2b_helpers.kernels.regions.class_exchanges import class_exchanges
from o2b_helpers.kernels.regions.region_importance import region_importance, scaled_at_input
from o2b_helpers.kernels.statistics.bootstrap import draw_counts, interval
from o2b_helpers.kernels.statistics.matrix_agreement import matrix_agreement
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.networks import loaded, model_part
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.emocam.associations import Boxes, boxes_in_input, counted_pictures
from o2b_helpers.studies.emocam.emotion_models import EmotionModel, load_emotion_model
from o2b_helpers.studies.emocam.maps import cam_layer, class_maps, drawn_rows, fold_batches, of_run
from o2b_helpers.studies.emocam.planted import is_planted, planted_auc, planted_pairs
from o2b_helpers.studies.emocam.tables import (
    CAM_METHOD_AGREEMENT,
    CAM_METHOD_ASSOCIATIONS,
    CAM_METHOD_PICTURES,
    CAM_METHODS,
)

AREAS, STATISTICS = "areas.npy", ("count", "conditional", "lift")


@dataclass(frozen=True)
class MethodCounts:
    """What one method says of labels and classes, all matrices (class, label).

    Attributes
    ----------
    values : dict of str to array
        ``count``, ``conditional`` and ``lift``.
    nulls : dict of str to array (exchange, class, label)
        The same with the boxes of each class exchanged between pictures.
    associations : Associations
        Which pictures show which class, and in which it is important.
    exchanged : array
        Conditional importance with exchanged boxes, mean over the exchanges.
    """

    values: dict[str, np.ndarray]
    nulls: dict[str, np.ndarray]
    associations: Associations
    exchanged: np.ndarray


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the options of the comparison, those of the associations that it shares, and the models."""
    options, shared = params.analysis.cam_methods, params.analysis.associations
    models = params.analysis.emocam_models
    return {
        "cam_methods": options.model_dump(),
        "associations": {"importance": shared.importance, "threshold": shared.important_above, "by": shared.judged_by},
        "significance": params.analysis.significance.model_dump(exclude={"permutations"}),
        "models": {m.label: {**model_part(params, m, store), "layer": cam_layer(params, m)} for m in models},
        "planted": is_planted(params),
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Map the same pictures by every method, count important objects, and change pictures where the maps are high."""
    corpus = inputs.load(params, needs["inputs"]).corpus
    detections = pd.read_parquet(needs["objects"] / "results" / "detections.parquet")
    options, results = params.analysis.cam_methods, folder / "results"
    categories = detections.drop_duplicates("class").set_index("class")["category"].sort_index()
    rows: dict[str, list[pd.DataFrame]] = {"methods": [], "associations": [], "agreement": [], "pictures": []}
    facts: dict[str, Any] = {}
    for name in options.methods:
        cam_method(name)  # a missing library is named before the first map is made
    for model in params.analysis.emocam_models:
        emotion_model = load_emotion_model(needs["emotion_models"], model)
        table = emotion_model.table[["image"]].merge(corpus, on="image", how="left", validate="one_to_one")
        drawn = drawn_rows(len(table), options.pictures, options.seed)
        own = table.iloc[drawn].reset_index(drop=True)
        boxes = boxes_in_input(params, model, own, detections, list(categories.index))
        made, counts = _of_model(params, model, emotion_model, corpus, table, drawn, boxes, categories)
        agreement = agreement_rows(counts, boxes)
        identity = {"architecture": model.label, "weights": model.weights_label}
        for name, frame in {**made, "agreement": agreement}.items():
            rows[name].append(frame.assign(**identity))
        facts[model.label] = _told(made["methods"], agreement, boxes)
    for declared, name in (
        (CAM_METHODS, "methods"),
        (CAM_METHOD_ASSOCIATIONS, "associations"),
        (CAM_METHOD_AGREEMENT, "agreement"),
        (CAM_METHOD_PICTURES, "pictures"),
    ):
        declared.write(pd.concat(rows[name]) if rows[name] else declared.empty(), results)
    common = {"methods": list(options.methods), "exchanges": options.exchanges}
    write_facts(folder, carried_on(beside(common, facts), needs["emotion_models"]))


def lime_settings(params: Params) -> LimeSettings:
    """Return how LIME masks and fits in this profile."""
    options = params.analysis.cam_methods
    return LimeSettings(samples=options.lime_samples, seed=options.seed)


def _of_model(
    params: Params,
    model: Model,
    emotion_model: EmotionModel,
    corpus: pd.DataFrame,
    table: pd.DataFrame,
    drawn: np.ndarray,
    boxes: Boxes,
    categories: pd.Series,
) -> tuple[dict[str, pd.DataFrame], dict[str, MethodCounts]]:
    """Return the rows of one network for every method, and what each method counts."""
    options, significance = params.analysis.cam_methods, params.analysis.significance
    size = (architecture(model.architecture).preprocessing.crop,) * 2
    changed = drawn[drawn_rows(len(drawn), options.faithful_pictures, options.seed + 1)]
    counts: dict[str, MethodCounts] = {}
    methods: list[dict[str, Any]] = []
    associations, images = list[pd.DataFrame](), list[pd.DataFrame]()
    for method in options.methods:
        started = time.monotonic()
        maps, named = class_maps(
            params, model, emotion_model, corpus, table, method, rows=drawn, lime=lime_settings(params)
        )
        seconds = time.monotonic() - started
        counts[method] = method_counts(params, boxes, maps, named, size, emotion_model, categories)
        own = _association_rows(counts[method], emotion_model, categories).assign(method=method)
        areas = _areas(params, model, emotion_model, corpus, table, changed, maps[np.isin(drawn, changed)], method)
        taken = draw_counts(np.zeros(len(changed), dtype=np.int64), significance.bootstrap, significance.seed)
        row: dict[str, Any] = {"method": method, "pictures": len(drawn), "changed": len(changed)}
        row["empty_maps"] = int((maps.reshape(len(maps), -1).max(1) <= 0).sum())
        for name, values in zip(("deletion", "insertion"), areas, strict=True):
            low, high = interval(taken @ values / len(changed), significance.confidence)
            row |= {name: values.mean(), f"{name}_low": float(low), f"{name}_high": float(high)}
        auc = planted_auc(own, planted_pairs()) if is_planted(params) else {}
        row |= {f"auc_{name}": auc.get(name, np.nan) for name in ("importance", "conditional", "lift")}
        methods.append(row)
        associations.append(own)
        labels = np.array(emotion_model.names, dtype=object)[named[np.isin(drawn, changed)]]
        seen = {"image": table["image"].to_numpy()[changed], "predicted": labels, "method": method}
        images.append(pd.DataFrame({**seen, "deletion": areas[0], "insertion": areas[1]}))
        say(f"    {model.label}, {method}: maps of {len(drawn)} pictures in {seconds:.1f} s")
    frames = {"methods": pd.DataFrame(methods), "associations": pd.concat(associations), "pictures": pd.concat(images)}
    return frames, counts


def method_counts(
    params: Params,
    boxes: Boxes,
    maps: np.ndarray,
    named: np.ndarray,
    size: tuple[int, int],
    emotion_model: EmotionModel,
    categories: pd.Series,
) -> MethodCounts:
    """Count in which pictures each class is important, as they are and with exchanged boxes."""
    options, shared = params.analysis.cam_methods, params.analysis.associations
    scaled, above = scaled_at_input(torch.from_numpy(maps), size), shared.important_above
    important = region_importance(boxes.regions, scaled, size, shared.importance) > above
    associations = counted_pictures(boxes, important, named, len(emotion_model.names), len(categories))
    member, shown = associations.member, associations.shown
    null = np.zeros((options.exchanges, *shown.shape))
    chance = np.zeros(associations.present.shape)
    for own in class_exchanges(boxes.regions, boxes.label, scaled, size, above, shared.importance, options.seed):
        hits = own.draw(options.exchanges)
        chance[own.hosts, own.label] = hits.mean(0)
        null[:, :, own.label] = hits.astype(np.float64) @ member[:, own.hosts].T
    exchanged = associations.expected(chance)
    exchanged[:, associations.present.sum(0) < 2] = np.nan  # what one picture shows can be exchanged with none
    with np.errstate(invalid="ignore", divide="ignore"):
        conditional = np.where(shown > 0, null / shown, np.nan)
    values = {
        "count": associations.count,
        "conditional": associations.conditional,
        "lift": associations.conditional - exchanged,
    }
    nulls = {"count": null, "conditional": conditional, "lift": conditional - exchanged}
    return MethodCounts(
        {name: matrix.T for name, matrix in values.items()},
        {name: matrix.transpose(0, 2, 1) for name, matrix in nulls.items()},
        associations,
        exchanged.T,
    )


def agreement_rows(counts: Mapping[str, MethodCounts], boxes: Boxes) -> pd.DataFrame:
    """Correlate what the methods say, for every pair and statistic (the paper's figure 6)."""
    methods, rows = list(counts), []
    shown = np.unique(boxes.label)
    for statistic in STATISTICS:
        matrices = np.stack([counts[method].values[statistic] for method in methods]).astype(np.float64)
        nulls = np.stack([counts[method].nulls[statistic] for method in methods], 1)
        if statistic != "count":
            matrices, nulls = matrices[:, shown], nulls[:, :, shown]
        agreement = matrix_agreement(matrices, nulls)
        for a, b in combinations(range(len(methods)), 2):
            cells = int((np.isfinite(matrices[a]) & np.isfinite(matrices[b])).sum())
            rows.append((statistic, methods[a], methods[b], cells, agreement.rho[a, b], agreement.expected[a, b],
                         agreement.p[a, b]))  # fmt: skip
    names = ["statistic", "method_a", "method_b", "cells", "rho", "expected", "p"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(q=benjamini_hochberg(table["p"].to_numpy(dtype=np.float64)))


def _association_rows(counts: MethodCounts, emotion_model: EmotionModel, categories: pd.Series) -> pd.DataFrame:
    own = counts.associations
    columns = {
        "pictures": np.broadcast_to(own.pictures, own.count.shape).astype(np.int64),
        "shown": own.shown.astype(np.int64),
        "count": own.count.astype(np.int64),
        "importance": own.importance,
        "presence": own.presence,
        "conditional": own.conditional,
        "exchanged": counts.exchanged.T,
        "lift": counts.values["lift"].T,
    }
    index = pd.MultiIndex.from_product([emotion_model.names, categories.index], names=["predicted", "class"])
    table = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index).reset_index()
    return table.assign(category=table["class"].map(categories))


def _areas(
    params: Params,
    model: Model,
    emotion_model: EmotionModel,
    corpus: pd.DataFrame,
    table: pd.DataFrame,
    rows: np.ndarray,
    maps: np.ndarray,
    method: str,
) -> np.ndarray:
    """Return the areas of deletion and insertion (2, picture) of some rows of the pictures with a label."""
    options, store = params.analysis.cam_methods, Store(params.store)
    fold, named = (numbers[rows] for numbers in emotion_model.judged(params.analysis.associations.judged_by))
    images = table.iloc[rows]
    identity = {
        "model": model_part(params, model, store),
        "steps": options.faithful_steps,
        "images": digest_of(images[["image", "sha256"]].values.tolist()),
        "asked": digest_of([fold.tolist(), named.tolist()]),
        "maps": sha256(np.ascontiguousarray(maps).tobytes()).hexdigest(),
    }
    label = f"{params.name} {model.label} {method} deletion and insertion"
    arguments = (params, model, corpus, images, emotion_model, fold, named, maps)
    (place,) = InProcess().run([Shard("cam_faithfulness", label, identity, _change, arguments)], store)
    return np.load(place / AREAS)


def _change(
    params: Params,
    model: Model,
    corpus: pd.DataFrame,
    images: pd.DataFrame,
    emotion_model: EmotionModel,
    fold: np.ndarray,
    named: np.ndarray,
    maps: np.ndarray,
    folder: Path,
) -> None:
    backbone, options = loaded(params, model), params.analysis.cam_methods
    shown = pictures(params, Store(params.store), model, corpus, "corpus").of(images["sha256"])
    areas = np.zeros((2, len(images)))
    for rows in progress(fold_batches(fold, params.execution.batch_size), f"changing pictures of {model.label}"):
        readout = of_run(emotion_model.readout, int(fold[rows[0]]))
        predict = probability_of(backbone, readout, torch.from_numpy(named[rows]))
        curves = faithfulness(
            predict, shown.pick(rows), torch.from_numpy(maps[rows]), steps=options.faithful_steps, seed=options.seed
        )
        areas[0, rows], areas[1, rows] = curves.deletion_area, curves.insertion_area
    np.save(folder / AREAS, areas)


def _told(methods: pd.DataFrame, agreement: pd.DataFrame, boxes: Boxes) -> dict[str, Any]:
    told: dict[str, Any] = {"compared_pictures": int(methods["pictures"].iloc[0]), "boxes": len(boxes.label)}
    for statistic, own in agreement.groupby("statistic"):
        told[f"rho_{statistic}_lowest"], told[f"rho_{statistic}_highest"] = own["rho"].min(), own["rho"].max()
    told["empty_maps"] = {row.method: int(row.empty_maps) for row in methods.itertuples() if row.empty_maps}
    told["lowest_deletion"] = str(methods.loc[methods["deletion"].idxmin(), "method"])
    told["highest_insertion"] = str(methods.loc[methods["insertion"].idxmax(), "method"])
    return told
