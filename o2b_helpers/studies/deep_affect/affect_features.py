"""Notebook 14: what ready networks say of every picture, as features."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from o2b_helpers.core.device import pick_device, use_threads
from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.core.executor import InProcess, Shard, memory
from o2b_helpers.core.facts import carried_on, write_facts
from o2b_helpers.core.files.labelled import label_variables, write_dataset
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import progress
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.decoding import read_image
from o2b_helpers.models.backbones.registry import load_definition
from o2b_helpers.models.extractors.loading import OWN, PENULTIMATE, load_extractor
from o2b_helpers.models.extractors.loading import Extractor as Network
from o2b_helpers.studies.common.networks import model_part, weights_folder
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.deep_affect import affect_inputs
from o2b_helpers.studies.deep_affect.crops import box_pixels, whole_pixels
from o2b_helpers.studies.deep_affect.options import Extractor
from o2b_helpers.studies.deep_affect.tables import AFFECT_EXTRACTORS, AFFECT_FEATURES
from o2b_helpers.studies.object2brain import objects
from o2b_helpers.toyworld.truth import class_names

NAME = "affect_features"
OPTION = "analysis.affect.extractors"
PICTURES_IN_A_SHARD = 500
READERS = 2


@dataclass(frozen=True)
class FeatureGroups:
    """Features of all pictures by group.

    Attributes
    ----------
    values : dict of str to array (picture, feature), float32
        By group, in the order of the extractors.
    names : dict of str to list of str
        What the features of a group are, ``<extractor>: <output>``.
    """

    values: dict[str, np.ndarray]
    names: dict[str, list[str]]

    def of(self, groups: Sequence[str]) -> np.ndarray:
        """Return the features (picture, feature) of some groups side by side."""
        return np.concatenate([self.values[group] for group in groups], axis=1)


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return what identifies networks, their names, and what they see."""
    own: dict[str, Any] = {
        "extractors": [
            {
                **_seen(params, extractor, store),
                "name": extractor.name,
                "group": extractor.group,
                "names": class_list(params, extractor),
                "keep": extractor.keep,
            }
            for extractor in params.analysis.affect.extractors
        ]
    }
    if any(extractor.box_classes for extractor in params.analysis.affect.extractors):
        own["detector"] = objects.part(params, store)
    return own


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Pass all pictures through every extractor."""
    store, pictures = Store(params.store), affect_inputs.load(params, needs["affect_inputs"]).pictures
    boxes, rows = _boxes(params, store, pictures), []
    for extractor in params.analysis.affect.extractors:
        outputs, counts = extracted(params, store, extractor, pictures, boxes)
        values, names = _features(extractor, outputs, counts, class_list(params, extractor))
        np.save(folder / f"{extractor.name}.npy", values)
        (folder / f"{extractor.name}.json").write_text(json.dumps(names), encoding="utf-8")
        _write_arrays(folder / "results", extractor, pictures, values, names, counts)
        crop = extractor.crop if isinstance(extractor.crop, str) else ", ".join(extractor.crop)
        weights = Model(architecture=extractor.architecture, weights=extractor.weights).weights_label
        rows.append(
            (extractor.name, extractor.group, extractor.architecture, weights, extractor.output, crop,
             values.shape[1], len(pictures), int((counts == 0).sum()))
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=AFFECT_EXTRACTORS.names)
    AFFECT_EXTRACTORS.write(table, folder / "results")
    facts = {
        "features": dict(zip(table["extractor"], table["features"].tolist(), strict=True)),
        "without_a_box": {row.extractor: row.without for row in table.itertuples() if row.crop != "whole"},
    }
    write_facts(folder, carried_on(facts, needs["affect_inputs"]))


def load(params: Params, folder: Path) -> FeatureGroups:
    """Read what this step stored, extractors of a group side by side."""
    values: dict[str, list[np.ndarray]] = {}
    names: dict[str, list[str]] = {}
    for extractor in params.analysis.affect.extractors:
        values.setdefault(extractor.group, []).append(np.load(folder / f"{extractor.name}.npy"))
        own = json.loads((folder / f"{extractor.name}.json").read_text(encoding="utf-8"))
        names.setdefault(extractor.group, []).extend(f"{extractor.name}: {name}" for name in own)
    return FeatureGroups({group: np.concatenate(several, axis=1) for group, several in values.items()}, names)


def class_list(params: Params, extractor: Extractor) -> list[str] | None:
    """Read what an extractor's outputs are called; None where the profile does not say.

    Raises
    ------
    InputError
        The file is missing or no list of different names.
    """
    if extractor.classes is None:
        return None
    if extractor.classes == "toyworld":
        return list(class_names())
    path = params.path(extractor.classes)
    try:
        text = path.read_text(encoding="utf-8")
        names = json.loads(text) if path.suffix == ".json" else [line.strip() for line in text.splitlines() if line]
    except (OSError, ValueError) as error:
        names = str(error)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(
            f"The names of the outputs of {extractor.name} cannot be read",
            value=f"{path} ({names if isinstance(names, str) else 'no list of names'})",
            expected="a JSON list of names, or a text file with one name a line",
            remedy=f"correct {OPTION}[].classes",
        )
    return names


def extracted(
    params: Params, store: Store, extractor: Extractor, pictures: pd.DataFrame, boxes: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Return the outputs of one extractor for all pictures, some hundred at a time; what is stored takes no pass.

    Returns
    -------
    array (picture, output), float32
        Averaged over boxes by their area; 0 where there is none.
    array (picture,) of int
        Boxes; 1 for a whole picture.
    """
    seen, names = _seen(params, extractor, store), class_list(params, extractor)
    wanted = boxes[boxes["class"].isin(extractor.box_classes)]
    if extractor.box_classes and wanted.empty:
        raise InputError(
            f"There is no {' or '.join(extractor.box_classes)} in any picture, and {extractor.name} sees nothing else",
            value=f"0 boxes in {len(pictures):,} pictures",
            expected="at least one detected box",
            remedy="lower analysis.detector.confidence, take a detector that knows this class, or set "
            f"{OPTION}[].crop to whole",
        )
    shards = []
    for start in range(0, len(pictures), PICTURES_IN_A_SHARD):
        rows = pictures.iloc[start : start + PICTURES_IN_A_SHARD]
        own = rows[["corpus", "image", "path"]].reset_index(drop=True)
        cut = own.reset_index(names="row").merge(wanted, on=["corpus", "image"])[["row", "x0", "y0", "x1", "y1"]]
        piece = {**seen, "pictures": digest_of(rows["sha256"].tolist()), "boxes": digest_of(cut.values.tolist())}
        label = f"{params.name} {extractor.name}, pictures {start + 1} to {start + len(rows)}"
        arguments = params, extractor, len(names) if names else 0, own["path"].tolist(), cut
        shards.append(Shard("affect_outputs", label, piece, _extract, arguments))
    folders = InProcess().run(shards, store)
    outputs, counts = (
        np.concatenate([np.load(made / name) for made in folders]) for name in ("outputs.npy", "counts.npy")
    )
    return outputs, counts


def _extract(
    params: Params, extractor: Extractor, named: int, paths: list[str], boxes: pd.DataFrame, folder: Path
) -> None:
    network = _network(params, extractor)
    by_row = {row: own[["x0", "y0", "x1", "y1"]].to_numpy() for row, own in boxes.groupby("row")}

    def seen(row: int) -> tuple[torch.Tensor, np.ndarray]:
        image = read_image(paths[row])
        if not extractor.box_classes:
            return whole_pixels(image, network.preprocessing, extractor.fit)[None], np.ones(1)
        return box_pixels(image, by_row.get(row, np.empty((0, 4))), network.preprocessing, extractor.margin)

    sums, counts = [], []
    with ThreadPoolExecutor(READERS) as readers:
        batches = progress(list(_batches(len(paths), params.execution.batch_size)), f"features of {extractor.name}")
        for rows in batches:
            pixels, areas = zip(*readers.map(seen, rows), strict=True)
            several = torch.cat(pixels)
            if not len(several):
                outputs = np.zeros((0, 0), np.float32)
            else:
                outputs = network.outputs(network.preprocessing.normalise(several), extractor.output).numpy()
                _check_names(extractor, named, outputs.shape[1])
            owner = np.repeat(np.arange(len(rows)), [len(area) for area in areas])
            shares = np.concatenate([area / area.sum() for area in areas]) if len(owner) else np.empty(0)
            pooled = np.zeros((len(rows), outputs.shape[1]), np.float64)
            np.add.at(pooled, owner, outputs * shares[:, None])
            sums.append(pooled.astype(np.float32))
            counts += [len(area) for area in areas]
    width = max(pooled.shape[1] for pooled in sums)
    sums = [pooled if pooled.shape[1] else np.zeros((len(pooled), width), np.float32) for pooled in sums]
    if not width:  # no picture of this piece has a box: the number of outputs is asked of a black picture
        crop = network.preprocessing.crop
        width = network.outputs(torch.zeros(1, 3, crop, crop), extractor.output).shape[1]
        _check_names(extractor, named, width)
        sums = [np.zeros((len(pooled), width), np.float32) for pooled in sums]
    np.save(folder / "outputs.npy", np.concatenate(sums))
    np.save(folder / "counts.npy", np.array(counts, np.int64))


def _batches(count: int, size: int) -> Iterator[range]:
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


def _network(params: Params, extractor: Extractor) -> Network:
    use_threads(params.execution.threads)
    if extractor.definition is not None:
        load_definition(params.path(extractor.definition))
    model = Model(architecture=extractor.architecture, weights=extractor.weights)
    weights = str(params.path(extractor.weights)) if model.weights_is_a_file else extractor.weights
    key = (extractor.model_dump_json(), params.execution.model_dump_json(), str(params.project))
    return memory.keep(
        "extractor",
        key,
        lambda: load_extractor(
            extractor.architecture,
            weights,
            sha256=extractor.sha256,
            device=pick_device(params.execution.device),
            weights_folder=weights_folder(params),
        ),
    )


def _seen(params: Params, extractor: Extractor, store: Store) -> dict[str, Any]:
    """Return what the outputs of an extractor depend on: its network, and what it sees."""
    model = Model(**{name: getattr(extractor, name) for name in ("architecture", "weights", "definition", "sha256")})
    own: dict[str, Any] = {name: getattr(extractor, name) for name in ("output", "fit", "crop")}
    own["margin"] = extractor.margin if extractor.box_classes else None
    if extractor.architecture not in OWN:
        return own | {"network": model_part(params, model, store)}
    path = params.path(extractor.weights)
    if not model.weights_is_a_file or not path.is_file():
        raise InputError(
            f"the weights of {extractor.name} do not exist",
            value=str(path) if model.weights_is_a_file else extractor.weights,
            expected=f"a file with weights of {extractor.architecture}",
            remedy=f"correct {OPTION}[].weights, or put the file there",
        )
    named = {"architecture": extractor.architecture, "sha256": extractor.sha256}
    return own | {"network": {**named, **store.digests_of_files({"weights_file": path})}}


def _boxes(params: Params, store: Store, pictures: pd.DataFrame) -> pd.DataFrame:
    """Detect boxes in the pictures of every corpus, where an extractor asks for any."""
    columns = ["corpus", "image", "class", "x0", "y0", "x1", "y1"]
    if not any(extractor.box_classes for extractor in params.analysis.affect.extractors):
        return pd.DataFrame(columns=columns)
    tables = []
    for name, own in pictures.groupby("corpus", sort=False):
        found = objects.detect(params, store, own[["image", "path", "sha256"]], f"{name} images")
        tables.append(found.assign(corpus=name))
    return pd.concat(tables, ignore_index=True)[columns]


def _check_names(extractor: Extractor, named: int, outputs: int) -> None:
    if named and extractor.output != PENULTIMATE and named != outputs:
        raise InputError(
            f"The network of {extractor.name} has other classes than its names",
            value=f"{outputs} outputs, {named} names",
            expected="a name for every output",
            remedy=f"correct {OPTION}[].classes, or take the weights that they belong to",
        )


def _features(
    extractor: Extractor, outputs: np.ndarray, counts: np.ndarray, names: list[str] | None
) -> tuple[np.ndarray, list[str]]:
    """Choose outputs, name them, and say where there was no box."""
    if names is None or extractor.output == PENULTIMATE:
        names = [str(number) for number in range(outputs.shape[1])]
    if extractor.keep is not None:
        unknown = [name for name in extractor.keep if name not in names]
        if unknown:
            raise ParameterError(
                f"{OPTION}: {extractor.name} has no such output",
                value=", ".join(unknown),
                expected=f"some of {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}",
                remedy=f"correct {OPTION}[].keep",
            )
        outputs, names = outputs[:, [names.index(name) for name in extractor.keep]], list(extractor.keep)
    if extractor.box_classes:
        outputs = np.concatenate([outputs, (counts == 0)[:, None]], axis=1)
        names = [*names, extractor.nothing]
    return outputs.astype(np.float32), names


def _write_arrays(
    folder: Path, extractor: Extractor, pictures: pd.DataFrame, values: np.ndarray, names: list[str], counts: np.ndarray
) -> None:
    labels = {name: ("picture", pictures[name].to_numpy(object)) for name in ("corpus", "image")}
    dataset = xr.Dataset(
        {"features": (("picture", "feature"), values), "boxes": (("picture",), counts)},
        coords={**labels, "feature": np.array(names, dtype=object)},
        attrs={"extractor": extractor.name, "group": extractor.group, "output": extractor.output},
    )
    write_dataset(label_variables(dataset, AFFECT_FEATURES), folder / AFFECT_FEATURES.file(extractor.name))
