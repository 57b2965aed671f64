"""Files of weights: the right ones load, everything else is refused and never replaced."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.loading import load_backbone


@pytest.fixture(scope="module")
def toynet_state() -> dict[str, torch.Tensor]:
    return load_backbone("toynet", "untrained", seed=11).module.state_dict()


def same(each: dict, other: dict) -> bool:
    return each.keys() == other.keys() and all(torch.equal(each[key], other[key]) for key in each)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_state_dict_and_safetensors(tmp_path, toynet_state, suffix):
    path = tmp_path / f"own{suffix}"
    save_file(toynet_state, path) if suffix == ".safetensors" else torch.save(toynet_state, path)
    backbone = load_backbone("toynet", str(path), sha256=file_digest(path))
    assert same(backbone.module.state_dict(), toynet_state)
    assert (backbone.weights, backbone.digest) == (path.name, file_digest(path))


def test_file_is_also_found_in_the_weights_folder(tmp_path, toynet_state):
    torch.save(toynet_state, tmp_path / "own.pth")
    assert load_backbone("toynet", "own.pth", weights_folder=tmp_path).weights == "own.pth"


def test_places365_checkpoint(tmp_path):
    module = torchvision.models.resnet18(num_classes=365)
    state = {f"module.{key}": value for key, value in module.state_dict().items() if "num_batches" not in key}
    content = {"epoch": 90, "arch": "resnet18", "state_dict": state, "best_prec1": torch.tensor(54.0)}
    torch.save(content, tmp_path / "resnet18_places365.pth.tar", _use_new_zipfile_serialization=False)
    backbone = load_backbone("resnet18", "places365", weights_folder=tmp_path)
    assert backbone.module.fc.out_features == 365 and backbone.weights == "places365"
    image = torch.randn(1, 3, 64, 64)
    assert torch.equal(backbone.module(image), module.eval()(image))


def test_places365_alexnet_has_the_prefix_inside(tmp_path):
    state = {k: v for k, v in torchvision.models.alexnet(num_classes=365).state_dict().items()}
    renamed = {key.replace("features.", "features.module."): value for key, value in state.items()}
    torch.save({"state_dict": renamed}, tmp_path / "alexnet_places365.pth.tar")
    backbone = load_backbone("alexnet", "places365", weights_folder=tmp_path)
    assert same(backbone.module.state_dict(), state)


def test_old_densenet_keys(tmp_path):
    state = torchvision.models.densenet121().state_dict()
    old = {}
    for key, value in state.items():
        for part in ("norm", "conv"):
            key = key.replace(f".{part}1.", f".{part}.1.").replace(f".{part}2.", f".{part}.2.")
        old[f"module.{key}"] = value
    assert old.keys().isdisjoint(state) and any(".norm.1." in key for key in old)
    torch.save({"state_dict": old}, tmp_path / "densenet.pth.tar")
    assert same(load_backbone("densenet121", str(tmp_path / "densenet.pth.tar")).module.state_dict(), state)


def test_places365_is_not_fetched(tmp_path):
    with pytest.raises(ModelError, match="resnet50_places365.pth.tar") as error:
        load_backbone("resnet50", "places365", weights_folder=tmp_path)
    assert "places2.csail.mit.edu" in str(error.value) and str(tmp_path) in str(error.value)


def test_weights_of_another_architecture(tmp_path):
    torch.save(torchvision.models.squeezenet1_1().state_dict(), tmp_path / "other.pth")
    with pytest.raises(ModelError) as error:
        load_backbone("resnet18", str(tmp_path / "other.pth"))
    message = str(error.value)
    assert "not weights of resnet18" in message and "first conv1.weight" in message
    assert "first features.0.weight" in message and "these weights fit squeezenet1_1" in message


def test_misshaped_missing_and_unexpected(tmp_path, toynet_state):
    state = dict(toynet_state)
    state["features.0.weight"] = torch.zeros(12, 3, 3, 3)
    state["extra.weight"] = state.pop("features.3.bias")
    torch.save(state, tmp_path / "own.pth")
    with pytest.raises(ModelError) as error:
        load_backbone("toynet", str(tmp_path / "own.pth"))
    message = str(error.value)
    assert "1 missing, first features.3.bias" in message and "1 unexpected, first extra.weight" in message
    assert "features.0.weight (12, 3, 3, 3) instead of (12, 3, 5, 5)" in message


def test_wrong_digest(tmp_path, toynet_state):
    path = tmp_path / "own.pth"
    torch.save(toynet_state, path)
    with pytest.raises(ModelError, match="another digest") as error:
        load_backbone("toynet", str(path), sha256="0" * 64)
    assert "0" * 64 in str(error.value) and file_digest(path) in str(error.value)


class Bomb:
    """Unpickling this makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_code_in_a_file_is_not_run(tmp_path, toynet_state):
    path, trace = tmp_path / "bomb.pth", tmp_path / "trace"
    torch.save({"state_dict": toynet_state, "extra": Bomb(trace)}, path)
    with pytest.raises(ModelError, match="cannot be read safely"):
        load_backbone("toynet", str(path))
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists(), "the file holds no code, so the test shows nothing"


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 broken"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_broken_files(tmp_path, content, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read: the file is"):
        load_backbone("toynet", str(path))


def test_not_a_state_dict_and_not_finite(tmp_path, toynet_state):
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="not a state dict"):
        load_backbone("toynet", str(tmp_path / "list.pth"))
    state = {key: value.clone() for key, value in toynet_state.items()}
    state["features.3.bias"][2] = float("nan")
    torch.save(state, tmp_path / "nan.pth")
    with pytest.raises(ModelError, match="features.3.bias"):
        load_backbone("toynet", str(tmp_path / "nan.pth"))


def test_imagenet_without_network(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there: as if there were no network
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)  # it keeps the proxies of its first call, for later tests too
    with pytest.raises(ModelError) as error:
        load_backbone("resnet18", "imagenet", weights_folder=tmp_path / "weights")
    message = str(error.value)
    assert "resnet18-f37072fd.pth" in message and "https://download.pytorch.org/models/" in message
    assert f"into {tmp_path / 'weights'}" in message
    assert not list((tmp_path / "weights").glob("*.pth"))


def test_imagenet_file_must_be_the_published_one(tmp_path):
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "resnet18-f37072fd.pth")
    with pytest.raises(ModelError, match="another digest") as error:
        load_backbone("resnet18", "imagenet", weights_folder=tmp_path)
    assert "f37072fd" in str(error.value)


@pytest.mark.parametrize("weights", ["imagenet", "IMAGENET", "nowhere/to/be.pth"])
def test_unknown_weights_name_the_choices(weights):
    with pytest.raises(ModelError, match="toyworld, untrained, or the path") as error:
        load_backbone("toynet", weights)
    assert weights in str(error.value)


def test_real_squeezenet(real_data):
    path = real_data / "weights" / "squeezenet1_1-imagenet.pth"
    backbone = load_backbone("squeezenet1_1", str(path))
    plain = torchvision.models.squeezenet1_1()
    plain.load_state_dict(torch.load(path, weights_only=True))
    plain.eval()
    weights = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    picture = Image.open(real_data / "oasis" / "images" / "Acorns 1.jpg").convert("RGB")
    image = backbone.preprocessing(picture)[None]
    assert torch.equal(image[0], weights.transforms()(picture))
    assert torch.allclose(backbone.module(image), plain(image), rtol=1e-6, atol=1e-6)
    assert torch.allclose(backbone.features(image), plain.features(image).mean((2, 3)), rtol=1e-6, atol=1e-6)
    assert weights.meta["categories"][int(backbone.module(image).argmax())] == "acorn"
