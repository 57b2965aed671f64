"""Paste objects onto some pictures and ask the network what it names then; long work in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import progress
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.decoding import read_image
from o2b_helpers.kernels.cams.class_cams import ClassCams, grad_cam, joined, predicted_outputs
from o2b_helpers.kernels.paste.canvas import Canvas
from o2b_helpers.kernels.paste.objects import control, resized_object
from o2b_helpers.kernels.regions.region import Regions
from o2b_helpers.kernels.regions.region_importance import total_share
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment.valence_models import readout_digest
from o2b_helpers.studies.common.networks import loaded, model_part
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.emocam.maps import cam_layer, of_run
from o2b_helpers.studies.emocam.paste.plan import Frame, kinds, object_digest, places, positions
from o2b_helpers.studies.emocam.paste.tables import OBJECT_KIND

IMAGES_IN_A_SHARD, FILE = 50, "pasted.npz"
NOT_PASTED, SAVED = -1, 6  # numbers that are kept of each copy: label, centre, what is seen, and two shares


@dataclass(frozen=True)
class Pasted:
    """What a network names before and after.

    A place is a position, or for each class of boxes the box and its random place, in this order.

    Attributes
    ----------
    before : array (picture,)
        Number of the label that is named for the picture as it is.
    after : array (object, kind, place, picture)
        Number of the label that is named then; -1 where nothing is pasted.
    centre : array (object, place, picture, 2)
        x and y relative to the picture's sides; NaN where nothing is pasted.
    seen : array (object, place, picture)
        Share of what is pasted that lies in the network's input; NaN where nothing is pasted.
    cam_before, cam_after : array (object, place, picture)
        Share of the map of the named label that lies in the pasted box; NaN where the network sees nothing of it.
    """

    before: np.ndarray
    after: np.ndarray
    centre: np.ndarray
    seen: np.ndarray
    cam_before: np.ndarray
    cam_after: np.ndarray

    @classmethod
    def nothing(cls, objects: int, kinds: int, places: int, pictures: int) -> Pasted:
        """Return arrays of these sizes in which nothing is pasted yet."""
        shape = (objects, places, pictures)
        unknown = [np.full(shape, np.nan) for _ in range(3)]
        return cls(np.zeros(pictures, np.int64), np.full((objects, kinds, places, pictures), NOT_PASTED, np.int64),
                   np.full((*shape, 2), np.nan), *unknown)  # fmt: skip

    @classmethod
    def read(cls, folders: list[Path]) -> Pasted:
        """Put together what the shards stored."""
        parts = [dict(np.load(folder / FILE)) for folder in folders]
        axis = {"before": 0, "centre": 2}
        return cls(*(np.concatenate([part[f.name] for part in parts], axis.get(f.name, -1)) for f in fields(cls)))


def paste_shards(
    params: Params,
    store: Store,
    model: Model,
    readout: Readout,
    read: Mapping[str, np.ndarray],
    table: pd.DataFrame,
    boxes: pd.DataFrame,
) -> list[Shard]:
    """Return what pastes onto the pictures, some at a time.

    Parameters
    ----------
    params, store, model, readout
        The profile, the store, and whose heads judge.
    read : mapping of str to array
        The objects.
    table, boxes : DataFrame
        See `plan.chosen_pictures` and `plan.surest_boxes`.
    """
    options = params.analysis.paste
    identity = model_part(params, model, store)
    identity["layers"] = [cam_layer(params, model)] if options.cam else []
    same = options.model_dump(include={"height_share", "frame", "seed", "controls", "box_classes", "cam"})
    common = {
        "model": identity,
        "readout": readout_digest(readout),
        "paste": {**same, "positions": positions(params).tolist()},
        "objects": [object_digest(pixels) for pixels in read.values()],
    }
    shards = []
    for start in range(0, len(table), IMAGES_IN_A_SHARD):
        images = table.iloc[start : start + IMAGES_IN_A_SHARD]
        own = boxes[boxes["row"].between(start, start + len(images) - 1)]
        piece = {"images": digest_of(images[["sha256", "fold"]].values.tolist()),
                 "boxes": digest_of(own.assign(row=own["row"] - start).values.tolist())}  # fmt: skip
        label = f"{params.name} {model.label} images {start + 1} to {start + len(images)}"
        centres = [dict(zip(part["class"], zip(part["x"], part["y"], strict=True), strict=True))
                   for part in (own[own["row"] == row] for row in range(start, start + len(images)))]  # fmt: skip
        arguments = (params, model, readout, dict(read), images, centres)
        shards.append(Shard("pasted_objects", label, {**common, **piece}, _paste, arguments))
    return shards


def _paste(
    params: Params,
    model: Model,
    readout: Readout,
    read: Mapping[str, np.ndarray],
    images: pd.DataFrame,
    centres: list[dict[str, Any]],
    folder: Path,
) -> None:
    backbone, asked = loaded(params, model), len(positions(params)) + 2 * len(params.analysis.paste.box_classes)
    result = Pasted.nothing(len(read), len(kinds(params)), asked, len(images))
    rows = list(zip(images.to_dict("records"), centres, strict=True))
    for number, (row, boxes) in enumerate(progress(rows, f"pasting objects, {model.label}")):
        head = of_run(readout, row["fold"])
        _paste_onto(params, model, backbone, head, read, row, boxes, result, number)
    np.savez(folder / FILE, **{part.name: getattr(result, part.name) for part in fields(result)})


def _paste_onto(
    params: Params,
    model: Model,
    backbone: Backbone,
    head: Readout,
    read: Mapping[str, np.ndarray],
    row: Mapping[str, Any],
    boxes: Mapping[str, Any],
    result: Pasted,
    number: int,
) -> None:
    """Paste every object, and every control of it, at every place of one picture, and write down what is named."""
    options, geometry = params.analysis.paste, backbone.preprocessing
    canvas = Canvas(np.asarray(read_image(row["path"], params.analysis.corpus.max_pixels)), geometry)
    height, width = canvas.picture.shape[:2]
    frame = Frame.of(params, geometry, width, height)
    own = _cams(params, model, backbone, head, canvas.input[None])
    result.before[number] = int(own.predicted[0, 0])
    for thing, pixels in enumerate(read.values()):
        size = frame.object_size(pixels, options.height_share)
        small = resized_object(pixels, size)
        asked = places(params, frame, row, size, boxes)
        pasted = np.flatnonzero(~np.isnan(asked).any(1))
        result.centre[thing, :, number] = asked
        for kind, name in enumerate(kinds(params)):
            look = small if name == OBJECT_KIND else control(name, small, options.seed)
            inputs, corners = canvas.inputs(look, asked[pasted])
            if name != OBJECT_KIND:
                result.after[thing, kind, pasted, number] = _labels(params, backbone, head, inputs)
                continue
            whole = np.prod(size) * (geometry.resize / min(height, width)) ** 2
            area = (corners[:, 2:] - corners[:, :2]).prod(1)
            result.seen[thing, pasted, number] = np.minimum(area / whole, 1.0)
            if not options.cam:
                result.after[thing, kind, pasted, number] = _labels(params, backbone, head, inputs)
                continue
            cams = _cams(params, model, backbone, head, inputs)
            result.after[thing, kind, pasted, number] = cams.predicted[0].numpy()
            covered, before = Regions(corners, np.arange(len(pasted))), own.maps[0].expand(len(pasted), -1, -1)
            for shares, maps in ((result.cam_before, before), (result.cam_after, cams.maps[0])):
                share = total_share(covered, maps, (geometry.crop, geometry.crop))
                kept = np.isfinite(share)
                shares[thing, pasted[kept], number] = share[kept]


def _cams(params: Params, model: Model, backbone: Backbone, head: Readout, inputs: torch.Tensor) -> ClassCams:
    layer = cam_layer(params, model)
    return joined([grad_cam(backbone, part, head, layer) for part in inputs.split(params.execution.batch_size)])


@torch.no_grad()
def _labels(params: Params, backbone: Backbone, head: Readout, inputs: torch.Tensor) -> np.ndarray:
    parts = [
        predicted_outputs(head, backbone.features(part.to(backbone.device)))[0].cpu()
        for part in inputs.split(params.execution.batch_size)
    ]
    return torch.cat(parts).numpy()
