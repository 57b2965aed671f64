"""The object detector: YOLOv8 behind one door.

A detector's checkpoint is a pickle and could run code when it is opened. So its sha256 is computed first
and the file is opened only where the digest is known here or named by the user.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import ModelError, ParameterError
from o2b_helpers.core.progress import progress
from o2b_helpers.inputs.images.decoding import read_image
from o2b_helpers.models.detectors.ultralytics_quiet import import_ultralytics, unchanged_surroundings
from o2b_helpers.models.file_kinds import SAFETENSORS, weights_kind
from o2b_helpers.toyworld.weights import digests, toy_detector_path

COLUMNS = ["image", "class", "confidence", "x0", "y0", "x1", "y1", "width", "height"]
TASKS = ("detect", "segment")
MOST_BOXES = 300  # per image; Ultralytics' own limit


def known_detectors() -> dict[str, str]:
    """Name the checkpoints that may be opened without the user naming their sha256: digest to name."""
    return {
        digests()[toy_detector_path().name]: "the toy world's detector",
        "deac32fee1c703a933d633637328ef1a218075e05f55d2cd78c03def102d4f43": "YOLOv8n Open Images V7, de-quantised",
        "3c2794e99e6de5d6ae47793902112dae78783749dd7e2901023cf6e283681553": "YOLOv8n-seg COCO, de-quantised",
    }


@dataclass
class Detector:
    """A detector that is ready to look at pictures.

    Parameters
    ----------
    names : tuple of str
        The classes, in the checkpoint's order.
    digest : str
        sha256 of the checkpoint.
    version : str
        Version of Ultralytics.
    has_masks : bool
        Whether it can outline the objects (a segmentation checkpoint).
    """

    names: tuple[str, ...]
    digest: str
    version: str
    _model: Any = field(repr=False)
    _predictor: type = field(repr=False)
    has_masks: bool = False

    def detect(
        self,
        paths: Sequence[Path | str],
        *,
        images: Sequence[str] | None = None,
        masks: bool = False,
        confidence: float = 0.25,
        iou: float = 0.7,
        image_size: int | None = None,
        batch_size: int = 16,
        device: str = "cpu",
    ) -> pd.DataFrame:
        """Detect objects in pictures.

        Parameters
        ----------
        paths : sequence of Path
            Pictures; read as everywhere in the package (rotation and colour modes applied).
        images : sequence of str, optional
            Names of the pictures in the result; the paths themselves where none are given.
        masks : bool
            Outline the objects, too; only with a segmentation checkpoint. The boxes are the same with and without.
        confidence : float
            Smallest confidence, 0..1 (METHODS 3: 0.25).
        iou : float
            Boxes of one class that overlap more than this (intersection over union, 0..1) are taken for one object.
        image_size : int, optional
            Longer side of the detector's input in pixels; that of its training where none is given.
        batch_size : int
            Pictures at once. Only pictures of one size share a batch, so results do not depend on neighbours.
        device : str
            As torch names it.

        Returns
        -------
        DataFrame [image, class, confidence, x0, y0, x1, y1, width, height]
            One row per box, in the order of the pictures and of falling confidence; coordinates and the picture's size
            in pixels of the original. Pictures in which nothing is detected have no row. With masks, a last column
            ``mask``: the run-length code (:func:`~o2b_helpers.inputs.images.run_lengths.encode_mask`) of
            the object's pixels in the original, clipped to its box. A mask may have no pixel
            at all where the network is sure of none.

        Raises
        ------
        ParameterError
            A threshold is not between 0 and 1.
        ModelError
            Masks are asked of a checkpoint that has none.
        InputError
            A picture cannot be read.
        """
        if masks and not self.has_masks:
            raise ModelError(
                "This detector gives boxes only",
                value=f"a checkpoint for the task detect, {len(self.names)} classes, sha256 {self.digest}",
                expected="a segmentation checkpoint (Ultralytics calls them -seg) where masks are asked for",
                remedy="set analysis.detector.regions to boxes, or analysis.detector.weights to such a checkpoint",
            )
        for what, value in (("confidence", confidence), ("iou", iou)):
            if not 0 <= value <= 1:
                raise ParameterError(
                    f"The detector's {what} is out of range",
                    value=value,
                    expected="a number from 0 to 1",
                    remedy=f"correct analysis.detector.{what}",
                )
        paths = [Path(path) for path in paths]
        images = [str(path) for path in paths] if images is None else list(images)
        if len(images) != len(paths):
            raise ParameterError(
                "Not every picture has a name",
                value=f"{len(images)} names for {len(paths)} pictures",
                expected="one name per picture",
                remedy="pass as many names as paths",
            )
        options = {"conf": confidence, "iou": iou, "device": device, "max_det": MOST_BOXES, "save": False}
        if self.has_masks:
            options["retina_masks"] = masks  # masks at the size of the picture; without it, none are worked out
        if image_size is not None:
            options["imgsz"] = image_size
        tables = []
        starts = range(0, len(paths), batch_size)
        with ThreadPoolExecutor(max_workers=2) as readers:
            for start in progress(starts, "detecting objects", total=len(starts)):
                names = images[start : start + batch_size]
                pictures = [_as_bgr(picture) for picture in readers.map(read_image, paths[start : start + batch_size])]
                regions = dict(self._regions(pictures, options))
                tables += [self._table(names[i], pictures[i].shape, *regions[i]) for i in range(len(names))]
        filled = [table for table in tables if len(table)]
        if not filled:
            return self._table("", (0, 0), np.empty((0, 6)), [] if masks else None)
        return pd.concat(filled, ignore_index=True)

    def _regions(
        self, pictures: list[np.ndarray], options: dict
    ) -> Iterator[tuple[int, tuple[np.ndarray, list[str] | None]]]:
        """Yield the position of each picture, its boxes (box, 6): x0, y0, x1, y1, confidence, class; and its masks."""
        by_size: dict[tuple[int, ...], list[int]] = {}
        for position, picture in enumerate(pictures):
            by_size.setdefault(picture.shape, []).append(position)
        for positions in by_size.values():
            with unchanged_surroundings():
                results = self._model.predict(
                    [pictures[position] for position in positions], predictor=self._predictor, verbose=False, **options
                )
            for position, result in zip(positions, results, strict=True):
                boxes = result.boxes.data.cpu().numpy().astype(np.float64)
                yield position, (boxes, result.mask_codes if options.get("retina_masks") else None)

    def _table(
        self, image: str, shape: tuple[int, ...], boxes: np.ndarray, masks: list[str] | None = None
    ) -> pd.DataFrame:
        # by falling confidence; then by class and place, so that the order never hangs on how ties were sorted
        order = np.lexsort((*boxes[:, 3::-1].T, boxes[:, 5], -boxes[:, 4]))
        boxes = boxes[order]
        table = pd.DataFrame(boxes[:, :4], columns=["x0", "y0", "x1", "y1"])
        table["image"] = pd.Series([image] * len(boxes), dtype=object)
        table["class"] = pd.Series([self.names[int(number)] for number in boxes[:, 5]], dtype=object)
        table["confidence"] = boxes[:, 4]
        table["width"], table["height"] = int(shape[1]), int(shape[0])
        table = table.astype({"width": np.int64, "height": np.int64})[COLUMNS]
        return table if masks is None else table.assign(mask=pd.Series([masks[row] for row in order], dtype=object))


def load_detector(path: Path | str, sha256: str | None = None) -> Detector:
    """Open a detector's checkpoint after its digest was checked.

    Parameters
    ----------
    path : Path
        An Ultralytics YOLO detection or segmentation checkpoint (.pt).
    sha256 : str, optional
        The digest that the user names for it; needed for checkpoints that the package does not know.

    Returns
    -------
    Detector

    Raises
    ------
    ModelError
        The file is missing, its digest is another one or unknown (it is then not opened), or it is no detector.
    """
    path = Path(path)
    content, digest = _checked_bytes(path, sha256)
    tools = import_ultralytics()
    with tempfile.TemporaryDirectory(prefix="o2b_detector_") as folder, unchanged_surroundings():
        copy = Path(folder) / "detector.pt"  # what is opened is what was checked, also if the file changes meanwhile
        copy.write_bytes(content)
        try:
            model = tools.YOLO(str(copy), task="detect", verbose=False)
            names = tuple(model.names[number] for number in range(len(model.names)))
        except Exception as error:  # whatever Ultralytics raises, the user must learn which file it was
            raise ModelError(
                f"{path.name} cannot be opened as a detector",
                value=f"{path}: {type(error).__name__}",
                expected="a whole Ultralytics YOLO detection or segmentation checkpoint",
                remedy="name another checkpoint in analysis.detector.weights",
            ) from error
    if model.task not in TASKS:
        raise ModelError(
            f"{path.name} is not a detector",
            value=f"task {model.task}",
            expected=f"task {' or '.join(TASKS)}",
            remedy="name a detection or segmentation checkpoint in analysis.detector.weights",
        )
    has_masks = model.task == "segment"
    predictor = tools.QuietMaskPredictor if has_masks else tools.QuietPredictor
    return Detector(names, digest, tools.version, model, predictor, has_masks)


def _checked_bytes(path: Path, sha256: str | None) -> tuple[bytes, str]:
    """Read a checkpoint as bytes and compare its digest; nothing in it is interpreted."""
    if not path.is_file():
        raise ModelError(
            "The detector's checkpoint is missing",
            value=path,
            expected="a file",
            remedy="correct analysis.detector.weights, or put the file there",
        )
    if weights_kind(path, f"The detector {path.name}") is SAFETENSORS:
        raise ModelError(
            f"{path.name} is no detector of Ultralytics",
            value=f"{path}: a file of safetensors",
            expected="an Ultralytics checkpoint (.pt)",
            remedy="name another checkpoint in analysis.detector.weights",
        )
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    known = known_detectors()
    if digest != sha256.lower() if sha256 else digest not in known:
        expected = f"sha256 {sha256}" if sha256 else " or ".join(f"{each} ({name})" for each, name in known.items())
        raise ModelError(
            "The detector's checkpoint has another digest and was not opened"
            if sha256
            else "The detector's checkpoint is unknown and was not opened",
            value=f"{path}: sha256 {digest}",
            expected=expected,
            remedy="a checkpoint can run code when it is opened: if you trust where this one comes from, "
            f"set analysis.detector.sha256 to {digest}",
        )
    return content, digest


def _as_bgr(picture) -> np.ndarray:
    """Turn an RGB picture into the array that Ultralytics expects: (height, width, 3), blue first."""
    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])
