"""What extractors say of pictures: whole ones and boxes averaged by area, names, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from affect_fixture import affect_profile, noise_corpus, run_affect
from PIL import Image

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.core.running.keys import find_step
from o2b_helpers.core.store import Store
from o2b_helpers.models.extractors.loading import load_extractor
from o2b_helpers.studies.deep_affect import affect_features, affect_inputs
from o2b_helpers.studies.deep_affect.crops import box_pixels, whole_pixels
from o2b_helpers.studies.registry import load_params
from o2b_helpers.toyworld.truth import class_names

YOLO_SHA256 = "deac32fee1c703a933d633637328ef1a218075e05f55d2cd78c03def102d4f43"

PEOPLE = ["Man", "Woman", "Boy"]
TWO = [
    {"name": "all", "group": "object", "output": "sigmoid", "classes": "toyworld"},
    {
        "name": "people",
        "group": "face",
        "output": "probabilities",
        "classes": "toyworld",
        "crop": PEOPLE,
        "margin": 0.5,
    },
]
SMALL = {"kind": "toyworld", "images": 40, "world_seed": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Features of the toy world by two extractors; the result and the pictures."""
    params = affect_profile(tmp_path_factory.mktemp("features"), SMALL, extractors=TWO)
    result = run_affect(params, "affect_features")
    steps = {step.name: step for step in params.known_steps}
    where = find_step(params, steps["affect_inputs"], Store(params.store), steps["affect_features"])
    return params, result, affect_inputs.load(params, where).pictures


def test_features_of_whole_pictures_are_the_networks_own(made):
    _, result, pictures = made
    features = xr.load_dataset(result.results / "affect_features_all.nc")
    assert features["feature"].values.tolist() == list(class_names())
    network = load_extractor("toynet", "toyworld")
    images = torch.stack([network.preprocessing(Image.open(path)) for path in pictures["path"]])
    assert np.allclose(features["features"].values, network.outputs(images, "sigmoid").numpy(), atol=1e-5)
    assert features["image"].values.tolist() == pictures["image"].tolist()


def test_features_of_boxes_are_averaged_by_area_and_say_where_there_is_none(made):
    params, result, pictures = made
    features = xr.load_dataset(result.results / "affect_features_people.nc")
    values, counts = features["features"].values, features["boxes"].values
    assert features["feature"].values.tolist() == [*class_names(), "no Man or Woman or Boy"]
    assert np.allclose(values.sum(1), 1, atol=1e-5), "probabilities, or the one feature that says there is none"
    assert np.array_equal(values[:, -1], (counts == 0).astype(float))
    boxes = affect_features._boxes(params, Store(params.store), pictures)
    own = boxes[boxes["class"].isin(PEOPLE)]
    assert own.groupby("image").size().reindex(pictures["image"]).fillna(0).astype(int).tolist() == counts.tolist()
    row = int(np.argmax(counts >= 2))
    assert counts[row] >= 2
    network, image = load_extractor("toynet", "toyworld"), Image.open(pictures["path"][row])
    corners = own.loc[own["image"] == pictures["image"][row], ["x0", "y0", "x1", "y1"]].to_numpy()
    pixels, area = box_pixels(image, corners, network.preprocessing, 0.5)
    outputs = network.outputs(network.preprocessing.normalise(pixels), "probabilities").numpy()
    assert np.allclose(values[row, :-1], np.average(outputs, axis=0, weights=area), atol=1e-5)


def test_the_table_of_extractors_counts(made):
    table = made[1].table("affect_extractors.csv").set_index("extractor")
    assert table["features"].to_dict() == {"all": 14, "people": 15} and table.loc["all", "without"] == 0


def test_a_box_is_grown_and_padded_to_a_square():
    image = Image.new("RGB", (100, 80), "white")
    preprocessing = load_extractor("toynet", "toyworld").preprocessing
    pixels, area = box_pixels(image, np.array([[40, 20, 60, 60], [5, 5, 5, 9]]), preprocessing, 0.0)
    assert pixels.shape == (1, 3, 96, 96) and area.tolist() == [800]
    shown = pixels[0, 0] > 127
    assert shown[:, 25:70].all() and not shown[:, :22].any() and not shown[:, 74:].any()
    stretched = whole_pixels(image, preprocessing, "stretch")
    assert stretched.shape == (3, 96, 96) and (stretched == 255).all()


def test_another_number_of_names_than_outputs_is_refused(tmp_path):
    (tmp_path / "names.json").write_text(json.dumps(["a", "b"]))
    params = affect_profile(tmp_path, SMALL, extractors=[{"classes": "names.json", "output": "sigmoid"}])
    with pytest.raises(InputError, match="other classes than its names") as raised:
        run_affect(params, "affect_features")
    assert raised.value.value == "14 outputs, 2 names"


@pytest.mark.parametrize(
    ("text", "named"), [("{}", "no list"), ("[1]", "no list"), ("[", "Expecting"), (None, "No such")]
)
def test_names_that_cannot_be_read_are_refused(tmp_path, text, named):
    if text is not None:
        (tmp_path / "names.json").write_text(text)
    params = affect_profile(tmp_path, SMALL, extractors=[{"classes": "names.json"}])
    with pytest.raises(InputError, match="cannot be read") as raised:
        run_affect(params, "affect_features")
    assert named in str(raised.value.value)


def test_an_unknown_output_and_missing_weights_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="has no such output"):
        run_affect(affect_profile(tmp_path / "a", SMALL, extractors=[TWO[0] | {"keep": ["Tree"]}]), "affect_features")
    missing = {"architecture": "face_expression", "weights": "./faces.safetensors"}
    with pytest.raises(InputError, match="do not exist"):
        run_affect(affect_profile(tmp_path / "b", SMALL, extractors=[missing]), "affect_features")
    with pytest.raises(ModelError, match="Unknown architecture"):
        run_affect(affect_profile(tmp_path / "c", SMALL, extractors=[{"architecture": "toynett"}]), "affect_features")


def test_no_face_in_any_picture_is_refused(tmp_path):
    corpus = noise_corpus(tmp_path, "one", arousal=np.linspace(1, 9, 40))
    params = affect_profile(tmp_path, corpus, extractors=[{"crop": "faces"}])
    with pytest.raises(InputError, match="no Human face in any picture") as raised:
        run_affect(params, "affect_features")
    assert "detector" in raised.value.remedy


def test_faces_of_photographs_are_cut_out_and_named(tmp_path, real_data: Path):
    weights = real_data / "weights"
    face = {
        "name": "faces", "group": "face", "architecture": "face_expression", "crop": "faces",
        "weights": str(weights / "face_expression_net.safetensors"),
        "classes": str(weights / "face_expression_net.classes.json"),
    }  # fmt: skip
    folder = tmp_path / "oasis" / "images"
    folder.mkdir(parents=True)
    import pandas as pd

    table = pd.read_csv(real_data / "oasis" / "OASIS.csv")
    names = table["Theme"].str.strip()
    chosen = table[names.str.startswith(("Angry face", "Happy face", "Sad face", "Lake", "Beach"))]
    for name in chosen["Theme"].str.strip():
        (folder / f"{name}.jpg").write_bytes((real_data / "oasis" / "images" / f"{name}.jpg").read_bytes())
    chosen.to_csv(tmp_path / "oasis" / "OASIS.csv", index=False)
    params = affect_profile(tmp_path, {"kind": "oasis", "folder": "oasis", "min_images": 4}, extractors=[face], folds=2)
    detector = {"weights": str(weights / "yolov8n-oiv7.pt"), "sha256": YOLO_SHA256}
    params = load_params(params.profile, {f"analysis.detector.{name}": value for name, value in detector.items()})
    result = run_affect(params, "affect_features")
    features = xr.load_dataset(result.results / "affect_features_faces.nc")
    scene = np.array([not str(name).split()[1].startswith("face") for name in features["image"].values])
    none = features.sel(feature="no face")["features"].values
    assert none[scene].mean() > 0.8 and none[~scene].mean() < 0.2
