"""Files of weights as people have them: wrapped, prefixed, half downloaded, or no weights at all."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.detectors.detector import load_detector

ADVICE = ("weights_only", "unpickle", "arbitrary code")  # of the library, never to be repeated


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return load_backbone("toynet", "untrained", seed=11).module.state_dict()


def same(each: dict, other: dict) -> bool:
    return each.keys() == other.keys() and all(torch.equal(each[key], other[key]) for key in each)


def refused(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_backbone("toynet", str(path))
    message = str(caught.value)
    assert not any(word in message for word in ADVICE), message
    assert "  found:" in message and "  expected:" in message and "  to do:" in message
    return message


PREFIXED = {
    "model.": "'model.'",  # Lightning
    "_orig_mod.": "'_orig_mod' of torch.compile",
    "module.": "'module' of DataParallel",
    "net.": "'net.'",
    "backbone.encoder.": "'backbone.encoder.'",
    "_orig_mod.module.student.": "'student.'",
}


@pytest.mark.parametrize("prefix", PREFIXED)
@pytest.mark.parametrize("wrapper", ["", "state_dict", "model_state_dict", "model", "ema", "anything at all"])
def test_a_shared_beginning_and_an_entry_are_opened_and_named(tmp_path, capsys, state, prefix, wrapper):
    prefixed = {prefix + key: value for key, value in state.items()}
    content = {"epoch": 3, "lr": 0.1, "optimizer": {"state": {0: {"step": torch.ones(1)}}}, wrapper: prefixed}
    torch.save(content if wrapper else prefixed, tmp_path / "w.pth")
    assert same(load_backbone("toynet", str(tmp_path / "w.pth")).module.state_dict(), state)
    said = capsys.readouterr().out
    assert PREFIXED[prefix] in said and (f"entry {wrapper!r}" in said) == bool(wrapper)


def test_what_is_as_the_network_names_it_is_read_without_a_word(tmp_path, capsys, state):
    torch.save(state, tmp_path / "w.pth")
    save_file(state, tmp_path / "w.pt")  # the content counts, not the end of the name
    torch.save(state, tmp_path / "w.safetensors")
    for name in ("w.pth", "w.pt", "w.safetensors"):
        assert same(load_backbone("toynet", str(tmp_path / name)).module.state_dict(), state)
    assert "taken" not in capsys.readouterr().out


def test_compiled_parts_inside_the_names(tmp_path, state):
    inside = {key.replace("features.", "features._orig_mod.", 1): value for key, value in state.items()}
    save_file(inside, tmp_path / "w.safetensors")
    assert same(load_backbone("toynet", str(tmp_path / "w.safetensors")).module.state_dict(), state)


def test_several_networks_in_a_file_are_not_chosen_from(tmp_path, state):
    other = {key: value + 1 for key, value in state.items()}
    torch.save({"model": state, "ema": other}, tmp_path / "two.pth")
    message = refused(tmp_path / "two.pth")
    assert "several networks that fit toynet" in message and "'model' and 'ema'" in message
    torch.save({"model": state, "ema": dict(state)}, tmp_path / "same.pth")
    assert same(load_backbone("toynet", str(tmp_path / "same.pth")).module.state_dict(), state)


def test_two_names_that_would_become_one_are_refused(tmp_path, state):
    twice = {**state, **{f"module.{key}": value + 1 for key, value in state.items()}}
    torch.save(twice, tmp_path / "twice.pth")
    assert "not weights of toynet" in refused(tmp_path / "twice.pth")


def test_a_part_that_would_fit_is_named(tmp_path, state):
    torch.save({**{f"net.{k}": v for k, v in state.items()}, "loss.weight": torch.ones(2)}, tmp_path / "more.pth")
    assert "tensors behind 'net.' would fit" in refused(tmp_path / "more.pth")
    torch.save(load_backbone("toynet", "untrained").module.features.state_dict(), tmp_path / "less.pth")
    assert "the tensors of its part 'features' alone" in refused(tmp_path / "less.pth")


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights.pth"), io.BytesIO())
    return buffer.getvalue()


def scripted(path: Path) -> None:
    torch.jit.script(nn.Sequential(nn.Linear(2, 2))).save(str(path))


def keras(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["conv/kernel"] = np.zeros(3)


def torch_bytes(content: object, **options) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


WHOLE = {"features.0.weight": torch.arange(5000.0)}
OTHERS = {
    "empty (zero bytes)": b"",
    "a pointer of git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
    "a pointer of git-annex": b"/annex/objects/MD5E-s9--00.pth\n",
    "a web page (HTML)": b"\n  <!DOCTYPE html><html><body>Sign in</body></html>",
    "XML, no weights": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "JSON, no weights": json.dumps({"message": "Not Found"}).encode(),
    "text, no weights": "Quota überschritten\n".encode(),
    "without its end": torch_bytes(WHOLE)[:5000],
    "half a download or damaged (safetensors": save(WHOLE)[:5000],
    "at least": save(WHOLE)[:40],
    "half a download or damaged (": torch_bytes(WHOLE, _use_new_zipfile_serialization=False)[:5000],
    "a gzip archive": gzip.compress(torch_bytes(WHOLE)),
    "a tar archive": tarred(),
    "a zip archive of something else (readme.txt": zipped(**{"readme.txt": b"x", "a/w.pth": b"y"}),
    "a Keras model": zipped(**{"config.json": b"{}", "model.weights.h5": b"y"}),
    "an archive of NumPy arrays": zipped(**{"w.npy": b"x"}),
    "an ONNX model": b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:\x80\x04\x00",
    "a TorchScript file": scripted,
    "an HDF5 file": keras,
    "of no kind that is known": bytes(range(200, 256)) * 9,
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_what_a_file_is_instead_of_weights_is_said(tmp_path, kind, suffix):
    path, made = tmp_path / f"w{suffix}", OTHERS[kind]
    path.write_bytes(made) if isinstance(made, bytes) else made(path)
    message = refused(path)
    assert kind in message and "cannot be read: the file is" in message
    with pytest.raises(ModelError) as caught:  # a detector's file is told in the same words, before its digest
        load_detector(path)
    if not kind.endswith("damaged ("):  # of the old kind, only opening shows it
        assert kind in str(caught.value) and "sha256" not in str(caught.value)


def test_a_byte_that_changed_on_the_way_is_noticed(tmp_path, state):
    content = bytearray(torch_bytes(state))
    place = content.find(state["features.3.weight"].numpy().tobytes()[:32])
    content[place + 5] ^= 1
    (tmp_path / "w.pth").write_bytes(content)
    assert "the checksum of its part" in refused(tmp_path / "w.pth")


def test_numbers_that_are_no_weights(tmp_path, state):
    first = "features.0.weight"
    quantised = {k: torch.quantize_per_tensor(v, 0.1, 0, torch.qint8) if v.ndim == 4 else v for k, v in state.items()}
    for name, content, words in (
        ("quantised", quantised, "qint8"),
        ("whole", {**state, first: (state[first] * 50).to(torch.int8)}, "int8"),
        ("complex", {**state, first: state[first].to(torch.complex64)}, "complex64"),
        ("infinite", {**state, first: state[first] / 0}, "not finite"),
    ):
        torch.save(content, tmp_path / f"{name}.pth")
        message = refused(tmp_path / f"{name}.pth")
        assert words in message and first in message
    torch.save({key: value.half() for key, value in state.items()}, tmp_path / "half.pth")
    assert load_backbone("toynet", str(tmp_path / "half.pth")).module.state_dict()[first].dtype == torch.float32


def test_a_whole_network_in_a_pickle_is_not_opened(tmp_path, state):
    torch.save(load_backbone("toynet", "untrained").module, tmp_path / "network.pth")
    message = refused(tmp_path / "network.pth")
    assert "cannot be read safely" in message and "torch.nn.modules" in message or "o2b_helpers" in message
    assert "torch.save(network.state_dict(), path)" in message
    torch.save({"weights": [1, 2], "names": "x"}, tmp_path / "other.pth")
    assert "entries weights (list), names (str)" in refused(tmp_path / "other.pth")
