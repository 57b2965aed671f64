"""Class activation maps of the emotion that each picture is named, by any method, some hundred pictures at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import InProcess, Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import progress
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.cam_methods.by_name import class_cams
from o2b_helpers.kernels.cam_methods.lime import LimeSettings
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.heads.readout import OutputChoice, Readout
from o2b_helpers.studies.alignment.valence_models import readout_digest
from o2b_helpers.studies.common.networks import loaded, model_part, target_layers
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.emocam.emotion_models import EmotionModel

IMAGES_IN_A_SHARD, CAMS = 500, "cams.npy"


def cam_layer(params: Params, model: Model) -> str:
    """Return the layer whose maps are taken: the profile's, or the model's last target layer."""
    return params.analysis.associations.layer or target_layers(params, model)[-1]


def drawn_rows(count: int, most: int | None, seed: int) -> np.ndarray:
    """Return the rows that are looked at, in order: all, or `most` of them drawn by chance.

    Examples
    --------
    >>> drawn_rows(3, None, 0).tolist(), len(drawn_rows(10, 4, 0))
    ([0, 1, 2], 4)
    """
    if most is None or most >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def class_maps(
    params: Params,
    model: Model,
    emotion_model: EmotionModel,
    corpus: pd.DataFrame,
    table: pd.DataFrame,
    method: str,
    *,
    rows: np.ndarray | None = None,
    lime: LimeSettings | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a map of what each picture is named, and the number of that label.

    Parameters
    ----------
    params, model
        The profile, and one of its models.
    emotion_model : EmotionModel
        Its heads.
    corpus : DataFrame
        All pictures, as the step `inputs` returns them.
    table : DataFrame
        Those with a label, in the order of `emotion_model`.
    method : str
        Any that `kernels.cam_methods` knows.
    rows : array (picture,) of int, optional
        Rows of `table` that are mapped; all where left out.
    lime : LimeSettings, optional
        How LIME masks and fits.

    Returns
    -------
    maps : array (picture, height, width)
        float32, on the method's own grid: not scaled, not resized.
    named : array (picture,) of int
        The label that the head that judges the picture names.
    """
    store, rows = Store(params.store), np.arange(len(table)) if rows is None else rows
    shards = cam_shards(params, store, model, emotion_model, corpus, table.iloc[rows], method, rows=rows, lime=lime)
    maps = [np.load(place / CAMS) for place in InProcess().run(shards, store)]
    return np.concatenate(maps), emotion_model.judged(params.analysis.associations.judged_by)[1][rows]


def cam_shards(
    params: Params,
    store: Store,
    model: Model,
    emotion_model: EmotionModel,
    corpus: pd.DataFrame,
    table: pd.DataFrame,
    method: str,
    *,
    rows: np.ndarray,
    lime: LimeSettings | None = None,
) -> list[Shard]:
    """Return what makes the maps of pictures (`table`, at `rows` of those with a label), some hundred at a time."""
    fold, named = (numbers[rows] for numbers in emotion_model.judged(params.analysis.associations.judged_by))
    identity = model_part(params, model, store)
    identity["layers"] = [cam_layer(params, model)]
    common = {"model": identity, "readout": readout_digest(emotion_model.readout), "cam": method}
    if method == "lime":
        common["lime"] = vars(lime or LimeSettings())
    shards = []
    for start in range(0, len(table), IMAGES_IN_A_SHARD):
        own = slice(start, start + IMAGES_IN_A_SHARD)
        images, asked = table.iloc[own], (fold[own], named[own])
        piece = {"images": digest_of(images[["image", "sha256"]].values.tolist()), "asked": digest_of(
            [numbers.tolist() for numbers in asked])}  # fmt: skip
        label = f"{params.name} {model.label} {method} images {start + 1} to {start + len(images)}"
        arguments = (params, model, corpus, images, emotion_model.readout, *asked, method, lime)
        shards.append(Shard("emotion_cams", label, {**common, **piece}, _map, arguments))
    return shards


def _map(
    params: Params,
    model: Model,
    corpus: pd.DataFrame,
    images: pd.DataFrame,
    readout: Readout,
    fold: np.ndarray,
    named: np.ndarray,
    method: str,
    lime: LimeSettings | None,
    folder: Path,
) -> None:
    backbone, layer, size = loaded(params, model), cam_layer(params, model), params.execution.batch_size
    shown = pictures(params, Store(params.store), model, corpus, "corpus").of(images["sha256"])
    by_row: dict[int, np.ndarray] = {}
    for rows in progress(fold_batches(fold, size), f"mapping emotions with {model.label} ({method})"):
        of_batch = named_maps(
            method, backbone, shown.pick(rows), of_run(readout, int(fold[rows[0]])), named[rows], layer, lime
        )
        by_row |= zip(rows.tolist(), of_batch.cpu().numpy().astype(np.float32), strict=True)
    np.save(folder / CAMS, np.stack([by_row[row] for row in range(len(images))]))


def fold_batches(fold: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut pictures into batches of one fold each: only the head of that fold is asked, and no work is in vain.

    Examples
    --------
    >>> [rows.tolist() for rows in fold_batches(np.array([1, 0, 1, 1]), 2)]
    [[1], [0, 2], [3]]
    """
    batches = []
    for number in np.unique(fold):
        own = np.flatnonzero(fold == number)
        batches += [own[start : start + size] for start in range(0, len(own), size)]
    return batches


def of_run(readout: Readout, run: int) -> Readout:
    """Return the readout of one run alone."""
    return replace(readout, weight=readout.weight[run : run + 1], bias=readout.bias[run : run + 1])


def named_maps(
    method: str,
    backbone: Backbone,
    images: torch.Tensor,
    readout: Readout,
    named: np.ndarray,
    layer: str,
    lime: LimeSettings | None = None,
) -> torch.Tensor:
    """Return each picture's map (picture, height, width) of the label that it is named.

    Parameters
    ----------
    method, backbone, images, layer, lime
        As for :func:`~o2b_helpers.kernels.cam_methods.by_name.class_cams`; one batch.
    readout : Readout
        Of one run.
    named : array (picture,) of int
        The output that is looked at.
    """

    def mapped(some: torch.Tensor, output: OutputChoice) -> tuple[torch.Tensor, np.ndarray]:
        cams = class_cams(method, backbone, some, readout, layer, output, lime=lime, batch_size=len(some))
        return cams.maps[0], cams.predicted[0].numpy()

    maps, predicted = mapped(images, "predicted")
    # what is named is stored; where two outputs are as good as equal, rounding may turn them round in this pass
    for output in np.unique(named[predicted != named]):
        rows = torch.from_numpy(np.flatnonzero((predicted != named) & (named == output)))
        maps[rows] = mapped(images[rows], int(output))[0]
    return maps
