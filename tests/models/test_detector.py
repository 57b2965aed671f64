"""The detector: Ultralytics' own boxes, a checked file, and silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.models.detectors.detector import COLUMNS, known_detectors, load_detector
from o2b_helpers.toyworld.weights import toy_detector_path

PICTURES = ["Alcohol 2.jpg", "Ambulance 1.jpg", "Angry face 2.jpg", "Acorns 1.jpg"]
BOX = ["x0", "y0", "x1", "y1"]


@pytest.fixture(scope="module")
def toy_detector():
    return load_detector(toy_detector_path())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> list[Path]:
    """Toy pictures and one of another size, so that batches hold pictures of different sizes."""
    from o2b_helpers.toyworld.world import write_corpus

    folder = tmp_path_factory.mktemp("toy")
    write_corpus(folder, 7, 5)
    paths = sorted(folder.rglob("*.png"))[:7]
    wide = folder / "wide.png"
    Image.open(paths[0]).resize((200, 128)).save(wide)
    return [*paths[:3], wide, *paths[3:]]


def test_digests_are_whole():
    assert len(known_detectors()) == 3
    assert all(len(digest) == 64 and set(digest) <= set("0123456789abcdef") for digest in known_detectors())


def test_equals_ultralytics_own_prediction(real_data):
    detector = load_detector(real_data / "weights" / "yolov8n-oiv7.pt")
    assert len(detector.names) == 601
    paths = [real_data / "oasis" / "images" / name for name in PICTURES]
    result = detector.detect(paths, images=PICTURES, batch_size=3)
    assert list(result.columns) == COLUMNS and len(result) > 5
    from ultralytics import YOLO

    model = YOLO(real_data / "weights" / "yolov8n-oiv7.pt", verbose=False)
    for name, path in zip(PICTURES, paths, strict=True):
        ours = result[result["image"] == name]
        theirs = model.predict(str(path), conf=0.25, iou=0.7, verbose=False, save=False)[0].boxes
        assert len(ours) == len(theirs)
        assert list(ours["class"]) == [model.names[int(number)] for number in theirs.cls]
        assert np.allclose(ours[BOX].to_numpy(), theirs.xyxy.numpy(), atol=1e-2)
        assert np.allclose(ours["confidence"], theirs.conf.numpy(), atol=1e-4)
        with Image.open(path) as picture:
            assert (ours["width"] == picture.width).all() and (ours["height"] == picture.height).all()
    assert (result[["x0", "y0"]] >= 0).all(axis=None) and (result["confidence"] >= 0.25).all()
    assert (result["x1"] <= result["width"]).all() and (result["y1"] <= result["height"]).all()
    assert (result["x1"] > result["x0"]).all() and (result["y1"] > result["y0"]).all()


def test_boxes_do_not_depend_on_neighbours(toy_detector, pictures):
    names = [path.name for path in pictures]
    together = toy_detector.detect(pictures, images=names, batch_size=8)
    alone = toy_detector.detect(pictures, images=names, batch_size=1)
    assert len(together) > 8 and list(together["image"]) == list(alone["image"])
    assert list(together["class"]) == list(alone["class"])
    assert np.allclose(together[BOX], alone[BOX], atol=1e-2)
    assert together.equals(toy_detector.detect(pictures, images=names, batch_size=8))
    assert list(dict.fromkeys(together["image"])) == names, "rows must follow the order of the pictures"
    assert set(together["width"]) == {128, 200}
    assert list(toy_detector.detect(pictures[:1])["image"].unique()) == [str(pictures[0])]


def test_rotated_pictures_are_seen_upright(toy_detector, pictures, tmp_path):
    upright = Image.open(pictures[3])
    tagged = Image.Exif()
    tagged[0x0112] = 6  # shown after a quarter turn clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=tagged)
    columns = [name for name in COLUMNS if name != "image"]
    straight, turned = (toy_detector.detect([path])[columns] for path in (pictures[3], tmp_path / "turned.png"))
    assert len(straight) > 0 and straight.equals(turned)


def test_nothing_in_sight(toy_detector, tmp_path):
    Image.new("RGB", (64, 64), "white").save(tmp_path / "blank.png")
    result = toy_detector.detect([tmp_path / "blank.png"])
    assert list(result.columns) == COLUMNS and len(result) == 0
    assert result["confidence"].dtype == float and result["width"].dtype == int
    assert len(toy_detector.detect([])) == 0


def test_threads_and_printing_stay(toy_detector, pictures):
    threads = torch.get_num_threads()
    before = np.get_printoptions()
    toy_detector.detect(pictures[:1])
    assert torch.get_num_threads() == threads
    assert np.get_printoptions() == before


def test_wrong_arguments(toy_detector, pictures, tmp_path):
    with pytest.raises(ParameterError, match="confidence is out of range"):
        toy_detector.detect(pictures, confidence=25)
    with pytest.raises(InputError):
        toy_detector.detect([tmp_path / "missing.png"])
    with pytest.raises(ModelError, match="checkpoint is missing"):
        load_detector(tmp_path / "missing.pt")


class Bomb:
    """Unpickling this makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("named", [None, "0" * 64])
def test_an_unknown_digest_is_refused_before_opening(tmp_path, named):
    path, trace = tmp_path / "bomb.pt", tmp_path / "trace"
    torch.save({"model": Bomb(trace)}, path)
    with pytest.raises(ModelError, match="was not opened") as error:
        load_detector(path, named)
    assert not trace.exists()
    assert "analysis.detector.sha256" in str(error.value) and str(path) in str(error.value)
    torch.load(path, weights_only=False)
    assert trace.exists(), "the file holds no code, so the test shows nothing"


def test_a_changed_known_checkpoint_is_refused(tmp_path):
    content = bytearray(toy_detector_path().read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "changed.pt").write_bytes(content)
    with pytest.raises(ModelError, match="is unknown and was not opened"):
        load_detector(tmp_path / "changed.pt")


def test_a_named_file_that_is_no_detector(tmp_path):
    import hashlib

    path = tmp_path / "other.pt"
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="cannot be opened as a detector"):
        load_detector(path, hashlib.sha256(path.read_bytes()).hexdigest())


ALONE = """
import socket, sys
tried = []
def refuse(self, address, *rest):
    tried.append(address)
    raise OSError("no network in this test")
socket.socket.connect = refuse
socket.getaddrinfo = lambda *address, **rest: refuse(None, address)
from o2b_helpers.models.detectors.detector import load_detector
from o2b_helpers.core.errors import ModelError
assert "ultralytics" not in sys.modules, "imported before anything is detected"
from pathlib import Path
Path("no.pt").write_bytes(b"x")
try:
    load_detector("no.pt")
except ModelError:
    assert "ultralytics" not in sys.modules, "imported before the digest was checked"
Path("no.pt").unlink()
boxes = load_detector(sys.argv[1]).detect(sys.argv[2:])
assert len(boxes) and not tried, tried
"""


def test_no_network_no_files_no_words(pictures, tmp_path):
    folders = {name: tmp_path / name for name in ("home", "work", "temporary")}
    for folder in folders.values():
        folder.mkdir()
    root = Path(__file__).resolve().parents[2]
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO", "O2B_YOLO", "PYTEST", "XDG"))}
    surroundings |= {"HOME": str(folders["home"]), "TMPDIR": str(folders["temporary"]), "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", ALONE, str(toy_detector_path()), *map(str, pictures[:3])]
    done = subprocess.run(command, cwd=folders["work"], env=surroundings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and "ltralytics" not in done.stdout
    left = {name: [str(path) for path in folder.rglob("*")] for name, folder in folders.items()}
    assert left == {"home": [], "work": [], "temporary": []}
