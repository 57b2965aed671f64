from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from sklearn.linear_model import RidgeCV

from o2b_helpers.core.digests import file_digest
from o2b_helpers.models.detectors.ultralytics_quiet import import_ultralytics
from o2b_helpers.toyworld.backbone import INPUT_SIZE, N_FEATURES, TARGET_LAYERS, ToyNet, untrained_toynet
from o2b_helpers.toyworld.made_by.detection_data import write_detection_data
from o2b_helpers.toyworld.made_by.train_backbone import normalise
from o2b_helpers.toyworld.scenes import render
from o2b_helpers.toyworld.truth import class_names
from o2b_helpers.toyworld.weights import DIGESTS_FILE, WEIGHTS_FOLDER, digests, toy_detector_path, toynet_weights
from o2b_helpers.toyworld.world import corpus_scene, rounded_valence

UNSEEN_SEED = 4711  # of a corpus; training images come from a stream that no corpus seed reaches


def _toynet(trained: bool) -> ToyNet:
    model = ToyNet().eval()
    model.load_state_dict(load_file(toynet_weights(trained)))
    return model


def test_weights_are_small_and_their_digests_match():
    files = {path.name for path in WEIGHTS_FOLDER.iterdir()} - {DIGESTS_FILE.name}
    assert files == set(digests()) == {toy_detector_path().name, *(toynet_weights(t).name for t in (True, False))}
    assert sum((WEIGHTS_FOLDER / name).stat().st_size for name in files) <= 8 * 2**20
    assert toy_detector_path().stat().st_size < 3 * 2**20
    for name, digest in digests().items():
        assert file_digest(WEIGHTS_FOLDER / name) == digest
    assert json.loads(DIGESTS_FILE.read_text()) == digests()


def test_untrained_twin_is_the_seeded_start_of_the_trained_backbone():
    stored, seeded, trained = _toynet(False).state_dict(), untrained_toynet().state_dict(), _toynet(True).state_dict()
    for name, value in stored.items():
        assert torch.equal(value, seeded[name])
        assert value.shape == trained[name].shape and not torch.equal(value, trained[name])
    assert not torch.equal(untrained_toynet(1).state_dict()["features.0.weight"], stored["features.0.weight"])


def test_making_the_twin_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    untrained_toynet()
    assert torch.equal(torch.rand(2), expected)


def test_backbone_has_the_target_layers_and_sizes():
    model = ToyNet().eval()
    shapes = {}
    for name in TARGET_LAYERS:
        layer = model.get_submodule(name)
        assert isinstance(layer, torch.nn.ReLU) and not layer.inplace
        layer.register_forward_hook(lambda _, __, maps, name=name: shapes.update({name: tuple(maps.shape[1:])}))
    output = model(torch.zeros(2, 3, INPUT_SIZE, INPUT_SIZE))
    assert list(shapes.values()) == [(12, 48, 48), (24, 24, 24), (32, 12, 12), (48, 12, 12)]
    assert output.shape == (2, len(class_names())) and model.classifier.in_features == N_FEATURES


def test_backbone_files_hold_nothing_but_weights():
    for trained in (True, False):
        with safe_open(toynet_weights(trained), "pt") as file:
            assert not file.metadata() and set(file.keys()) == set(ToyNet().state_dict())


def test_detector_checkpoint_names_no_machine_and_no_date():
    with zipfile.ZipFile(toy_detector_path()) as archive:
        texts = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".pkl"))
    folders = {str(folder).encode() for folder in (Path.cwd(), Path.home(), Path(__file__).resolve().parents[2])}
    for word in (folders | {b"/tmp", b"/home", b"/Users", b":\\"}) - {b"/"}:
        assert word not in texts
    assert len(texts) > 1000 and not re.search(rb"20\d\d-\d\d-\d\d", texts)


@pytest.fixture(scope="module")
def unseen():
    scenes = [corpus_scene(UNSEEN_SEED, index) for index in range(700)]
    small = [render(scene).resize((INPUT_SIZE, INPUT_SIZE), Image.Resampling.BILINEAR) for scene in scenes]
    pictures = torch.from_numpy(np.stack([np.asarray(image) for image in small])).permute(0, 3, 1, 2)
    return scenes, normalise(pictures)


def test_trained_backbone_recognises_the_classes_in_unseen_images(unseen):
    scenes, inputs = unseen
    shown = np.array([[name in scene.classes for name in class_names()] for scene in scenes])
    with torch.no_grad():
        right = (_toynet(True)(inputs).numpy() > 0) == shown
        wrong_twin = (_toynet(False)(inputs).numpy() > 0) == shown
    assert right.mean() > 0.95 and right.mean(axis=0).min() > 0.85
    assert wrong_twin.mean() < 0.8


def test_trained_features_predict_valence_better_than_untrained_ones(unseen):
    scenes, inputs = unseen
    valence = np.array([rounded_valence(scene) for scene in scenes])
    labelled = valence != 0
    label = (valence[labelled] > 0).astype(float)
    errors = {}
    for trained in (True, False):
        model = _toynet(trained)
        with torch.no_grad():
            features = torch.flatten(model.avgpool(model.features(inputs)), 1).numpy()[labelled]
        errors[trained] = np.array([_held_out_error(features, label, run) for run in range(5)])
    gain = errors[False] - errors[True]
    assert gain.mean() > 2 * gain.std(ddof=1) / np.sqrt(len(gain))
    spread = np.sqrt(sum(error.var(ddof=1) / len(error) for error in errors.values()))
    assert gain.mean() > 2 * spread and gain.mean() > 0.05


def _held_out_error(features: np.ndarray, label: np.ndarray, run: int) -> float:
    order = np.random.default_rng([run, 0]).permutation(len(label))
    learn, test = np.split(order, [int(0.8 * len(order))])
    mean, spread = features[learn].mean(axis=0), features[learn].std(axis=0) + 1e-9
    head = RidgeCV(np.logspace(0, 5, 11)).fit((features[learn] - mean) / spread, label[learn])
    return float(np.abs(head.predict((features[test] - mean) / spread) - label[test]).mean())


@pytest.mark.slow
def test_detector_finds_unseen_objects_by_ultralytics_own_validation(tmp_path):
    assert file_digest(toy_detector_path()) == digests()[toy_detector_path().name]
    data = write_detection_data(tmp_path / "data", {"train": (1, 1), "val": (300, UNSEEN_SEED)})
    model = import_ultralytics().YOLO(str(toy_detector_path()), task="detect")
    assert tuple(model.names.values()) == class_names()
    result = model.val(
        data=str(data), imgsz=128, batch=32, workers=0, device="cpu", plots=False, verbose=False, project=str(tmp_path)
    )
    assert len(result.box.ap50) == len(class_names())
    print(f"mAP50 {result.box.map50:.4f}")
    assert result.box.map50 >= 0.9
    assert result.box.ap50.min() >= 0.75
