"""EmoNet: its stages are the package's network, its mean picture is taken away, and what is missing is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones import emonet
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.models.backbones.weights_files import find_weights
from o2b_helpers.studies.emocam.ready_network import own_readout


@pytest.fixture
def package():
    return pytest.importorskip("emonet_py.alexnet_big")


@pytest.fixture
def weights(package, tmp_path):
    """Random weights and a random mean picture, as the package keeps its own."""
    torch.manual_seed(3)
    torch.save(package.AlexNetBigEmoNet().state_dict(), tmp_path / "emonet.pth")
    mean = np.random.default_rng(0).uniform(80, 140, (227, 3 * 227)).astype(np.float32)
    np.savetxt(tmp_path / emonet.MEAN, mean, delimiter=",", fmt="%.4f")
    return tmp_path / "emonet.pth"


def test_labels_are_the_packages():
    assert list(emonet.LABELS) == pytest.importorskip("emonet_py.emonet").EmoNet.EMOTIONS


def test_what_it_names_is_what_the_package_says_of_the_same_picture(package, weights, monkeypatch):
    own = pytest.importorskip("emonet_py.emonet")
    backbone = load_backbone("emonet", str(weights))
    reference = package.AlexNetBigEmoNet().eval()
    reference.load_state_dict(torch.load(weights))
    monkeypatch.setattr(own.CheckDataFiles, "check_and_download", lambda: None)  # the network call
    monkeypatch.setattr(own.os.path, "abspath", lambda _: str(weights.parent / "emonet.py"))
    (weights.parent / "data").mkdir()
    (weights.parent / "data" / emonet.MEAN).write_bytes((weights.parent / emonet.MEAN).read_bytes())
    prepare = own.EmoNetPreProcess()
    pictures = [Image.fromarray(pixels) for pixels in np.random.default_rng(1).integers(
        0, 256, (2, 227, 227, 3), dtype=np.uint8)]  # fmt: skip
    wanted = reference(torch.stack([prepare(picture) for picture in pictures])).detach()
    features = backbone.features(torch.stack([backbone.preprocessing(picture) for picture in pictures]))
    given = own_readout(backbone).outputs(features, "all")[0].T
    assert torch.allclose(given.float(), wanted, rtol=1e-4, atol=1e-6)
    assert given.sum(1).numpy() == pytest.approx(1)


def test_without_its_mean_picture_the_network_is_refused(weights):
    (weights.parent / emonet.MEAN).write_text("1,2\n3,4\n")
    with pytest.raises(ModelError, match="mean picture cannot be read") as raised:
        load_backbone("emonet", str(weights))
    assert "CheckDataFiles.check_and_download()" in raised.value.remedy


def test_weights_that_the_package_cannot_fetch_are_one_error_with_the_command(package, tmp_path, monkeypatch):
    """Everything runs up to the call that needs a network; what that raises without one is raised here."""
    check = pytest.importorskip("emonet_py.check_data_files")

    def no_network(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(check.os.path, "abspath", lambda _: str(tmp_path / "check_data_files.py"))
    monkeypatch.setattr(check.Gitlab, "http_get", no_network)
    if (emonet.package_data() / "emonet.pth").is_file():
        pytest.skip("the weights are there")
    with pytest.raises(ModelError, match="emonet weights of emonet are missing and cannot be downloaded") as raised:
        find_weights(architecture("emonet"), "emonet")
    assert "no network" in raised.value.value and "check_and_download()" in raised.value.remedy


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(emonet, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="not installed") as raised:
        architecture("emonet").build()
    assert "pip install" in raised.value.remedy and "emonet" in raised.value.remedy
