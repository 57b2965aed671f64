"""Objects with masks from the detector to the sums: photographs, a segmentation checkpoint, COCO's classes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from kernels_reference import assert_close
from PIL import Image
from small_run import step_folder
from study_fixture import Study, copy_study, write_study

from o2b_helpers.core.files.labelled import read_dataset
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.open_images import categories
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.inputs.images.run_lengths import decode_mask
from o2b_helpers.kernels.cams.filter_scores import filter_scores
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.common.networks import load_model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.object2brain.box_scores.carried_boxes import box_columns, carried_boxes

BEFORE = ("inputs", "human_targets", "valence_models")
STEPS = ("objects", "filter_sensitivity", "occlusion")


@pytest.fixture(scope="module")
def finished(real_data, tmp_path_factory):
    """The same study of photographs with boxes and with masks."""
    profile = write_study(tmp_path_factory.mktemp("finished") / "my study")
    study = Study(profile)
    photographs = sorted((real_data / "oasis" / "images").glob("*.jpg"))[::5]
    places = [*sorted(study.corpus.glob("*.png")), *sorted(study.stimuli.glob("*.png"))]
    for place, photograph in zip(places, photographs * 3, strict=False):
        Image.open(photograph).convert("RGB").save(place)
    for step in BEFORE:
        run_step(study.params(), step)
    results = {}
    for regions in ("boxes", "masks"):
        other = copy_study(profile, tmp_path_factory.mktemp(regions) / "my study")
        weights = str(real_data / "weights" / "yolov8n-seg-coco-dequant.pt")
        params = other.params(analysis__detector__weights=weights, analysis__detector__regions=regions)
        for step in STEPS:
            result = run_step(params, step)
        results[regions] = params, result.results
    return results


def test_detections_have_masks_and_categories(finished):
    tables = {kind: pd.read_parquet(folder / "detections.parquet") for kind, (_, folder) in finished.items()}
    boxes, masks = tables["boxes"], tables["masks"]
    assert len(boxes) > 50 and boxes.equals(masks.drop(columns="mask"))
    assert masks["mask"].map(lambda code: len(code.split()) > 1).mean() > 0.95  # not all outside
    known = categories(classes=["dog"]).set_index("class")["category"]
    assert (masks["category"] == known.loc[masks["class"]].to_numpy()).all()


def test_sums_are_those_of_the_masks(finished):
    params, folder = finished["masks"]
    scores = read_dataset(folder / "filter_scores_toynet.nc")
    by_box = read_dataset(finished["boxes"][1] / "filter_scores_toynet.nc")
    store, (model,) = Store(params.store), params.analysis.models
    corpus = inputs.load(params, step_folder(params, "inputs")).corpus
    detections = pd.read_parquet(folder / "detections.parquet")
    backbone = load_model(params, model)
    readout = load_readout(params, step_folder(params, "valence_models"), model)
    sizes = corpus.set_index("image").loc[detections["image"]]
    masks = [
        backbone.preprocessing.mask_to_input(decode_mask(code, height, width), width, height)
        for code, width, height in zip(detections["mask"], sizes["width"], sizes["height"], strict=True)
    ]
    classes = scores["class"].values.tolist()
    wanted = filter_scores(
        backbone,
        pictures(params, store, model, corpus, "corpus").batch(0, len(corpus)),
        readout,
        torch.zeros(len(masks), 4),
        torch.as_tensor([corpus["image"].tolist().index(name) for name in detections["image"]]),
        torch.as_tensor([classes.index(name) for name in detections["class"]]),
        len(classes),
        backbone.target_layers,
        masks=masks,
    )
    assert_close(scores["score_sum"].values, wanted.score_sum, 1e-4)
    assert scores["box_count"].values.tolist() == wanted.box_count.tolist()
    assert np.abs(scores["score_sum"].values - by_box["score_sum"].values).max() > 0.1
    for name, values in scores.data_vars.items():
        assert np.isfinite(values).all(), name


def test_only_the_objects_themselves_are_hidden(finished):
    boxes, masks = (read_dataset(folder / "occluded_predictions_toynet.nc") for _, folder in finished.values())
    assert (masks["shown"].values <= boxes["shown"].values + 1e-9).all()
    assert 0.2 < masks["shown"].values.sum() / boxes["shown"].values.sum() < 0.95


def test_masks_are_carried_with_their_image():
    corpus = pd.DataFrame({"image": ["a", "b"], "width": [8, 16], "height": [8, 8]})
    # columns from the top: "a" shows the lower half of its left column; what "b" has is cropped away
    rows = [("a", "Person", 0.9, 0, 0, 4, 8, "4 4 56"), ("a", "Tie", 0.9, 0, 0, 2, 8, "0 16 48")]
    rows += [("b", "Person", 0.8, 0, 0, 4, 8, "0 16 112"), ("b", "Person", 0.8, 4, 0, 6, 8, "32 16 80")]
    boxes = pd.DataFrame(rows, columns=["image", "class", "confidence", "x0", "y0", "x1", "y1", "mask"])
    carried = carried_boxes(Preprocessing(8, 8), corpus, boxes, ["Person", "Tie"], seed=0)
    assert carried.corners.tolist() == [[0, 4, 1, 8], [0, 0, 2, 8], [0, 0, 0, 0], [0, 0, 2, 8]]
    assert carried.masks == ["4 4 56", "0 16 48", "64", "0 16 48"]
    columns = box_columns(carried, 0, 2)
    assert columns.masks == [*carried.masks, carried.masks[3], *carried.masks[:2]]
    # the person's 4 pixels all lie in the tie, the tie's 16 hold them
    shares = np.array([[1, 1], [0.25, 1], [0, 0], [1, 0]])
    assert np.allclose(columns.gram, shares.T @ shares, rtol=0, atol=1e-12)
