"""Masks of a segmentation checkpoint: Ultralytics' own, at the size of the picture, beside the same boxes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from o2b_helpers.core.errors import ModelError
from o2b_helpers.inputs.images.run_lengths import decode_mask, encode_mask
from o2b_helpers.models.detectors.detector import COLUMNS, load_detector
from o2b_helpers.toyworld.weights import toy_detector_path

PICTURES = ["Alcohol 2.jpg", "Ambulance 1.jpg", "Angry face 2.jpg", "Acorns 1.jpg"]
BOX = ["x0", "y0", "x1", "y1"]


@pytest.fixture(scope="module")
def segmenter(real_data):
    return load_detector(real_data / "weights" / "yolov8n-seg-coco-dequant.pt")


@pytest.fixture(scope="module")
def paths(real_data, tmp_path_factory):
    """Photographs, and one of another size, so that batches hold pictures of different sizes."""
    paths = [real_data / "oasis" / "images" / name for name in PICTURES]
    narrow = tmp_path_factory.mktemp("pictures") / "narrow.png"
    Image.open(paths[1]).resize((301, 433)).save(narrow)
    return [*paths, narrow]


@pytest.fixture(scope="module")
def outlined(segmenter, paths):
    return segmenter.detect(paths, masks=True, batch_size=3)


def test_masks_lie_inside_their_boxes(segmenter, outlined):
    assert segmenter.has_masks and len(segmenter.names) == 80
    assert list(outlined.columns) == [*COLUMNS, "mask"] and len(outlined) > 5
    for row in outlined.itertuples():
        mask = decode_mask(row.mask, row.height, row.width)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert mask.any()
        assert columns[0] >= row.x0 - 1 and columns[-1] + 1 <= row.x1 + 1
        assert rows[0] >= row.y0 - 1 and rows[-1] + 1 <= row.y1 + 1
        # a mask that is turned or shifted would leave most of its box empty
        assert mask.sum() > 0.2 * (row.x1 - row.x0) * (row.y1 - row.y0)


def test_boxes_are_the_same_without_masks(segmenter, outlined, paths):
    boxes = segmenter.detect(paths, batch_size=3)
    assert list(boxes.columns) == COLUMNS
    assert boxes.equals(outlined[COLUMNS])
    again = segmenter.detect(paths, masks=True, batch_size=3)
    assert again.equals(outlined), "the same pictures must give the same masks"


def test_masks_do_not_depend_on_neighbours(segmenter, outlined, paths):
    alone = segmenter.detect(paths, masks=True, batch_size=1)
    assert list(alone["class"]) == list(outlined["class"])
    for row, other in zip(alone.itertuples(), outlined.itertuples(), strict=True):
        masks = [decode_mask(own.mask, own.height, own.width) for own in (row, other)]
        assert (masks[0] ^ masks[1]).sum() <= 0.01 * masks[0].sum()


def test_equals_ultralytics_own_masks(outlined, paths, real_data):
    from ultralytics import YOLO

    model = YOLO(real_data / "weights" / "yolov8n-seg-coco-dequant.pt", verbose=False)
    for path in paths:
        ours = outlined[outlined["image"] == str(path)]
        theirs = model.predict(str(path), conf=0.25, iou=0.7, retina_masks=True, verbose=False, save=False)[0]
        assert [model.names[int(number)] for number in theirs.boxes.cls] == list(ours["class"])
        assert np.allclose(ours[BOX].to_numpy(), theirs.boxes.xyxy.numpy(), atol=1e-2)
        masks = [] if theirs.masks is None else theirs.masks.data.numpy()
        for row, mask in zip(ours.itertuples(), masks, strict=True):
            difference = decode_mask(row.mask, row.height, row.width) ^ mask.astype(bool)
            assert difference.sum() <= 0.005 * mask.sum()


def test_many_masks_are_worked_out_in_parts(segmenter, outlined, paths, monkeypatch):
    from o2b_helpers.models.detectors import ultralytics_quiet

    monkeypatch.setattr(ultralytics_quiet, "PIXELS_AT_ONCE", 1)
    parts = segmenter.detect(paths, masks=True, batch_size=3)
    assert parts[COLUMNS].equals(outlined[COLUMNS])
    for row, other in zip(parts.itertuples(), outlined.itertuples(), strict=True):
        masks = [decode_mask(own.mask, own.height, own.width) for own in (row, other)]
        assert (masks[0] ^ masks[1]).sum() <= 0.001 * masks[0].sum()


def test_nothing_in_sight(segmenter, tmp_path):
    Image.new("RGB", (64, 64), "white").save(tmp_path / "blank.png")
    for masks, columns in ((True, [*COLUMNS, "mask"]), (False, COLUMNS)):
        table = segmenter.detect([tmp_path / "blank.png"], masks=masks)
        assert list(table.columns) == columns and len(table) == 0


def test_masks_survive_a_file(outlined, tmp_path):
    import pandas as pd

    outlined.to_parquet(tmp_path / "detections.parquet", index=False)
    back = pd.read_parquet(tmp_path / "detections.parquet")
    assert list(back["mask"]) == list(outlined["mask"])
    row = back.iloc[0]
    assert encode_mask(decode_mask(row["mask"], row["height"], row["width"])) == row["mask"]


def test_a_detector_without_masks_says_so():
    detector = load_detector(toy_detector_path())
    assert not detector.has_masks
    with pytest.raises(ModelError, match="gives boxes only") as error:
        detector.detect([], masks=True)
    assert "analysis.detector.regions" in str(error.value) and detector.digest in str(error.value)
