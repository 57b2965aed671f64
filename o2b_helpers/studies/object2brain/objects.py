"""Notebook 05: which objects does the corpus show, and how far do their boxes overlap? (METHODS 3 and 4, figure 5)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.device import pick_device, use_threads
from o2b_helpers.core.digests import digest_of, file_digest
from o2b_helpers.core.errors import InputError
from o2b_helpers.core.executor import InProcess, Shard, memory
from o2b_helpers.core.facts import write_facts
from o2b_helpers.core.files.table_file import file_and_sheet
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.open_images import categories
from o2b_helpers.kernels.regions.category_overlap import category_overlap
from o2b_helpers.models.detectors.detector import load_detector
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.object2brain.tables import CATEGORY_OVERLAP, DETECTIONS
from o2b_helpers.toyworld.weights import toy_detector_path

IMAGES_IN_A_SHARD = 500


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the detector's options and digests."""
    detector = params.analysis.detector
    own = detector.model_dump()
    own["checkpoint"] = store.digests_of_files({"checkpoint": checkpoint(params)})["checkpoint"]
    if detector.categories is not None:
        own["categories"] = file_digest(file_and_sheet(params.path(detector.categories))[0])
    return own


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Detect objects in every corpus image."""
    corpus = inputs.load(params, needs["inputs"]).corpus
    detections = detect(params, Store(params.store), corpus)
    if detections.empty:
        raise InputError(
            "nothing was detected in the whole corpus",
            value=f"0 boxes in {len(corpus)} images",
            expected="at least one detected object",
            remedy="lower analysis.detector.confidence, or use a detector that knows the objects of these images",
        )
    table = None if params.analysis.detector.categories is None else params.path(params.analysis.detector.categories)
    detections["category"] = _categories(detections["class"], table)
    results = folder / "results"
    DETECTIONS.write(detections, results)
    CATEGORY_OVERLAP.write(category_overlap(detections), results)
    write_facts(
        folder,
        {
            "boxes": len(detections),
            "images_with_a_box": int(detections["image"].nunique()),
            "images_without": len(corpus) - int(detections["image"].nunique()),
            "detected_classes": int(detections["class"].nunique()),
            "detected_categories": int(detections["category"].nunique()),
            "most_frequent": detections["class"].value_counts().head(5).to_dict(),
        },
    )


def detect(params: Params, store: Store, pictures: pd.DataFrame, what: str = "images") -> pd.DataFrame:
    """Detect objects in pictures, some hundred at a time, with the profile's detector.

    Parameters
    ----------
    params : Params
        The profile.
    store : Store
        Where boxes are kept.
    pictures : DataFrame
        image, path, sha256.
    what : str
        What the store calls the pictures.

    Returns
    -------
    DataFrame
        As :meth:`~o2b_helpers.models.detectors.detector.Detector.detect` returns it.
    """
    own = part(params, store)
    own.pop("categories")
    shards = []
    for start in range(0, len(pictures), IMAGES_IN_A_SHARD):
        images = pictures.iloc[start : start + IMAGES_IN_A_SHARD]
        piece = {**own, "images": digest_of(images[["image", "sha256"]].values.tolist())}
        label = f"{params.name} {what} {start + 1} to {start + len(images)}"
        shards.append(Shard("detections", label, piece, _detect, (params, images)))
    folders = InProcess().run(shards, store)
    return pd.concat([pd.read_parquet(folder / "detections.parquet") for folder in folders], ignore_index=True)


def _detect(params: Params, images: pd.DataFrame, folder: Path) -> None:
    options, file = params.analysis.detector, checkpoint(params)
    use_threads(params.execution.threads)
    detector = memory.keep("detector", (str(file), options.sha256), lambda: load_detector(file, options.sha256))
    boxes = detector.detect(
        images["path"].tolist(),
        images=images["image"].tolist(),
        masks=options.regions == "masks",
        confidence=options.confidence,
        iou=options.iou,
        image_size=options.image_size,
        batch_size=params.execution.batch_size,
        device=pick_device(params.execution.device),
    )
    boxes.to_parquet(folder / "detections.parquet", index=False)


def _categories(classes: pd.Series, table: Path | None) -> list[str]:
    known = categories(table, set(classes)).set_index("class")["category"].to_dict()
    unknown = sorted(set(classes) - set(known))
    if unknown:
        raise InputError(
            "detected classes without a category",
            value=f"{len(unknown)}: {', '.join(unknown[:5])}",
            expected="a category for every class that the detector knows",
            remedy="set analysis.detector.categories to a CSV with the columns class and category",
        )
    return [known[name] for name in classes]


def checkpoint(params: Params) -> Path:
    """Return the detector's file; InputError where there is none."""
    weights = params.analysis.detector.weights
    path = toy_detector_path() if weights == "toyworld" else params.path(weights)
    if not path.is_file():
        raise InputError(
            "the detector's checkpoint does not exist",
            value=str(path),
            expected="an Ultralytics checkpoint (.pt)",
            remedy="correct analysis.detector.weights, or put the file there",
        )
    return path
