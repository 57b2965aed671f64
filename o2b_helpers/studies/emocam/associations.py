"""Notebook 10: which objects are important where a network names an emotion, beyond what is simply there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.files.labelled import label_variables, write_dataset
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import progress, say
from o2b_helpers.core.running.keys import made_from
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.counts.associations import Associations
from o2b_helpers.kernels.counts.exchange_p import exchange_p
from o2b_helpers.kernels.regions.class_exchanges import class_exchanges
from o2b_helpers.kernels.regions.region import Regions
from o2b_helpers.kernels.regions.region_importance import region_importance, scaled_at_input
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.networks import model_part, target_layers
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.emocam.emotion_models import EmotionModel, load_emotion_model
from o2b_helpers.studies.emocam.maps import cam_layer, class_maps
from o2b_helpers.studies.emocam.planted import is_planted, planted_pairs
from o2b_helpers.studies.emocam.tables import EMOTION_ASSOCIATIONS, EMOTION_BOXES, EMOTION_CAMS, PLANTED_EMOTIONS
from o2b_helpers.studies.object2brain.box_scores.carried_boxes import carried_boxes

EXCHANGES_PER_PAIR = 20  # 1 / (1 + 20 m) is below 0.05 / m, the smallest limit of Benjamini and Hochberg


@dataclass(frozen=True)
class Boxes:
    """The boxes, or masks, of the labelled pictures in a network's input; those without a pixel there are left out.

    Attributes
    ----------
    regions : Regions
        Their images are rows of the labelled pictures.
    label : array (box,) of int
        Number of each box's class.
    row : array (box,) of int
        Row of each box in detections.parquet.
    outside : int
        Boxes that are left out.
    """

    regions: Regions
    label: np.ndarray
    row: np.ndarray
    outside: int


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the options of the associations and the models."""
    options, models = params.analysis.associations, params.analysis.emocam_models
    return {
        "associations": {**options.model_dump(), "threshold": options.important_above},
        "significance": params.analysis.significance.model_dump(),
        "models": {m.label: {**model_part(params, m, store), "layer": cam_layer(params, m)} for m in models},
        "planted": is_planted(params),
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Map what speaks for the named label in every picture, and look which boxes lie there."""
    corpus = inputs.load(params, needs["inputs"]).corpus
    detections = pd.read_parquet(needs["objects"] / "results" / "detections.parquet")
    options, results = params.analysis.associations, folder / "results"
    origin, facts, boxes, rows = made_from(params, "associations"), {}, [], []
    categories = detections.drop_duplicates("class").set_index("class")["category"].sort_index()
    for model in params.analysis.emocam_models:
        emotion_model = load_emotion_model(needs["emotion_models"], model)
        table = emotion_model.table[["image"]].merge(corpus, on="image", how="left", validate="one_to_one")
        cams, named = class_maps(params, model, emotion_model, corpus, table, options.cam)
        regions = boxes_in_input(params, model, table, detections, list(categories.index))
        size = (architecture(model.architecture).preprocessing.crop,) * 2
        maps = scaled_at_input(torch.from_numpy(cams), size)
        importance = region_importance(regions.regions, maps, size, options.importance)
        identity = {"architecture": model.label, "weights": model.weights_label}
        boxes.append(_box_rows(regions, importance, table, named, emotion_model, detections, params).assign(**identity))
        important, labels = importance > options.important_above, len(emotion_model.names)
        associations = counted_pictures(regions, important, named, labels, len(categories))
        rows.append(
            association_rows(params, associations, regions, maps, size, emotion_model, categories).assign(**identity)
        )
        write_dataset(_labelled(cams, named, table, emotion_model, {**identity, **origin}),
                      results / EMOTION_CAMS.file(model.label))  # fmt: skip
        facts[model.label] = _told(associations, regions, cams, rows[-1], emotion_model, detections, table)
        say(f"    {model.label}: {len(regions.label)} boxes in {len(table)} pictures")
    EMOTION_BOXES.write(pd.concat(boxes) if boxes else EMOTION_BOXES.empty(), results)
    EMOTION_ASSOCIATIONS.write(pd.concat(rows) if rows else EMOTION_ASSOCIATIONS.empty(), results)
    PLANTED_EMOTIONS.write(planted_pairs() if is_planted(params) else PLANTED_EMOTIONS.empty(), results)
    common = {"importance": options.importance, "important_above": options.important_above, "cam": options.cam}
    common |= {"judged_by": options.judged_by, "exchanges": options.exchanges}
    never = [
        f"{name}: no picture is named {', '.join(own['labels_never_named'])}; nothing can be said of such pictures."
        for name, own in facts.items()
        if own["labels_never_named"]
    ]
    common |= {"warnings": never} if never else {}
    write_facts(folder, carried_on(beside(common, facts), needs["emotion_models"]))


def boxes_in_input(
    params: Params, model: Model, table: pd.DataFrame, detections: pd.DataFrame, classes: list[str]
) -> Boxes:
    """Carry the boxes of the labelled pictures (`table`) to a network's input.

    Raises
    ------
    InputError
        No box lies in what the network sees of these pictures.
    """
    target_layers(params, model)  # reads the file that defines the architecture, where there is one
    place = detections["image"].map({name: row for row, name in enumerate(table["image"])})
    order = place.dropna().sort_values(kind="stable").index.to_numpy()
    preprocessing = architecture(model.architecture).preprocessing
    carried = carried_boxes(preprocessing, table, detections.loc[order], classes, params.analysis.seed)
    kept = np.flatnonzero((carried.corners[:, 2] > carried.corners[:, 0]) & (
        carried.corners[:, 3] > carried.corners[:, 1]))  # fmt: skip
    if not len(kept):
        raise InputError(
            "No object was detected in what the network sees of the labelled pictures",
            value=f"{len(detections)} boxes in all, none in {len(table)} pictures with an emotion",
            expected="at least one box",
            remedy="lower analysis.detector.confidence, or use a detector that knows the objects of these pictures",
        )
    masks = None if carried.masks is None else [carried.masks[number] for number in kept]
    regions = Regions(carried.corners[kept], carried.image[kept], masks)
    return Boxes(regions, carried.label[kept], order[kept], len(order) - len(kept))


def counted_pictures(boxes: Boxes, important: np.ndarray, named: np.ndarray, labels: int, classes: int) -> Associations:
    """Say which pictures show which class, and in which a box of it is important."""
    present = np.zeros((len(named), classes), dtype=bool)
    hits = present.copy()
    image = np.asarray(boxes.regions.image)
    present[image, boxes.label] = True
    hits[image[important], boxes.label[important]] = True
    return Associations(named, present, hits, labels)


def association_rows(
    params: Params,
    associations: Associations,
    boxes: Boxes,
    maps: torch.Tensor,
    size: tuple[int, int],
    emotion_model: EmotionModel,
    categories: pd.Series,
) -> pd.DataFrame:
    """Return the rows of emotion_associations.csv, for all labels and classes that are seen at least once.

    Parameters
    ----------
    params : Params
        Of the profile, the options of associations and significance.
    associations : Associations
        From :func:`counted_pictures`.
    boxes : Boxes
        From :func:`boxes_in_input`.
    maps : tensor (picture, height, width)
        From :func:`~o2b_helpers.kernels.regions.region_importance.scaled_at_input`.
    size : (int, int)
        Height and width of the network's input.
    emotion_model : EmotionModel
        Whose labels the counts are of.
    categories : Series
        The category of each class, in the order of the classes' numbers.
    """
    options, significance = params.analysis.associations, params.analysis.significance
    chance, count = np.zeros(associations.present.shape), associations.count
    p_lift, member = np.full(count.shape, np.nan), associations.member
    most = options.most_exchanges or EXCHANGES_PER_PAIR * len(count) * int(associations.present.any(0).sum())
    exchanges = class_exchanges(
        boxes.regions, boxes.label, maps, size, options.important_above, options.importance, significance.seed
    )
    for own in progress(exchanges, "exchanging boxes of classes", len(np.unique(boxes.label))):
        name, of_hosts = own.label, member[:, own.hosts]
        hits = own.draw(options.exchanges)
        chance[own.hosts, name] = hits.mean(0)
        first, more = hits.astype(np.float64) @ of_hosts.T, partial(own.counts, of_hosts)
        p_lift[:, name] = exchange_p(count[:, name], first, more, most)
    alone = associations.present.sum(0) < 2  # what one picture shows can be exchanged with none
    p_lift[(associations.shown == 0) | alone] = np.nan
    expected, p = associations.expected(chance), associations.p_values()
    p_conditional = associations.conditional_p_values()
    ends = associations.intervals(chance, significance.bootstrap, significance.seed, significance.confidence)
    for edge in ends["lift"]:
        edge[:, alone] = np.nan
    expected[:, alone] = np.nan
    columns = {
        "pictures": np.broadcast_to(associations.pictures, count.shape).astype(np.int64),
        "shown": associations.shown.astype(np.int64),
        "count": count.astype(np.int64),
        "importance": associations.importance,
        "presence": associations.presence,
        "conditional": associations.conditional,
        "exchanged": expected,
        "lift": associations.conditional - expected,
        "p": p,
        "p_conditional": p_conditional,
        "p_lift": p_lift,
    }
    for column, (low, high) in ends.items():
        columns |= {f"{column}_low": low, f"{column}_high": high}
    index = pd.MultiIndex.from_product([emotion_model.names, categories.index], names=["predicted", "class"])
    table = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index).reset_index()
    seen = categories.index[np.any(associations.present, axis=0)]
    table = table[table["class"].isin(seen)].reset_index(drop=True)
    for test in ("", "_conditional", "_lift"):
        table[f"q{test}"] = benjamini_hochberg(table[f"p{test}"].to_numpy(dtype=np.float64))
    return table.assign(category=table["class"].map(categories))


def _box_rows(
    boxes: Boxes,
    importance: np.ndarray,
    table: pd.DataFrame,
    named: np.ndarray,
    emotion_model: EmotionModel,
    detections: pd.DataFrame,
    params: Params,
) -> pd.DataFrame:
    image = np.asarray(boxes.regions.image)
    return pd.DataFrame(
        {
            "image": table["image"].to_numpy()[image],
            "predicted": np.array(emotion_model.names, dtype=object)[named[image]],
            "box": boxes.row,
            "class": detections["class"].to_numpy()[boxes.row],
            "importance": importance,
            "important": (importance > params.analysis.associations.important_above).astype(np.int64),
        }
    )


def _labelled(
    cams: np.ndarray, named: np.ndarray, table: pd.DataFrame, emotion_model: EmotionModel, attributes: dict[str, str]
) -> xr.Dataset:
    variables = {
        "cam": (("picture", "y", "x"), cams),
        "predicted": (("picture",), named),
    }
    coordinates = {
        "picture": ("picture", table["image"].to_numpy(dtype=object)),
        "emotion": ("emotion", np.array(emotion_model.names, dtype=object)),
    }
    return label_variables(xr.Dataset(variables, coords=coordinates, attrs=attributes), EMOTION_CAMS)


def _told(
    associations: Associations,
    boxes: Boxes,
    cams: np.ndarray,
    rows: pd.DataFrame,
    emotion_model: EmotionModel,
    detections: pd.DataFrame,
    table: pd.DataFrame,
) -> dict[str, Any]:
    never = [name for name, many in zip(emotion_model.names, associations.pictures[:, 0], strict=True) if not many]
    return {
        "boxes": len(boxes.label),
        "boxes_outside_the_input": boxes.outside,
        "important_boxes_in_pictures": int(associations.important.any(1).sum()),
        "pictures": len(table),
        "pictures_without_a_box": len(table) - int(associations.present.any(1).sum()),
        "empty_maps": int((cams.reshape(len(cams), -1).max(1) == 0).sum()),
        "classes": int(rows["class"].nunique()),
        "labels_never_named": never,
        "tested": int(rows["p"].notna().sum()),
        "q_below_0.05": int((rows["q"] < 0.05).sum()),
        "q_conditional_below_0.05": int((rows["q_conditional"] < 0.05).sum()),
        "q_lift_below_0.05": int((rows["q_lift"] < 0.05).sum()),
    }
