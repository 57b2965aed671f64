"""The key of the inputs names every file that was read, as it was read."""

from __future__ import annotations

import errno
import hashlib
import os

import numpy as np
import pytest
from PIL import Image

from o2b_helpers.core import digests
from o2b_helpers.core.errors import EnvironmentFault
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images import faults
from o2b_helpers.inputs.images.image_check import check_images
from o2b_helpers.inputs.images.picture_digests import picture_digests, refuse_changes

NAMES = ["a.png", "b.png", "c.png", "empty.png", "missing.png"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(faults, "WAITS", (0.0, 0.0))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, name in enumerate(NAMES[:3]):
        noise = np.random.default_rng(number).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / name)
    (folder / "empty.png").touch()
    return folder


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_every_file_that_is_there_has_its_digest(folder, store):
    found = picture_digests(store, folder, NAMES)
    assert found == {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NAMES[:4]}


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_a_file_that_cannot_be_looked_for_is_not_absent(folder, store, monkeypatch, number):
    stat = os.stat

    def fails(path, *arguments, **options):
        if str(path).endswith("b.png"):
            raise OSError(number, os.strerror(number), str(path))
        return stat(path, *arguments, **options)

    monkeypatch.setattr(faults.os, "stat", fails)
    with pytest.raises(EnvironmentFault, match="b.png"):
        picture_digests(store, folder, NAMES)


@pytest.mark.parametrize("times", [1, 99])
def test_a_file_that_cannot_be_read_for_its_digest_is_tried_again(folder, store, monkeypatch, times):
    whole, tries = hashlib.file_digest, []

    def fails(file, name):
        if file.name.endswith("b.png"):
            tries.append(name)
            if len(tries) <= times:
                raise OSError(errno.EIO, "Input/output error", file.name)
        return whole(file, name)

    monkeypatch.setattr(digests.hashlib, "file_digest", fails)
    if times == 1:
        assert len(picture_digests(store, folder, NAMES)) == 4
    else:
        with pytest.raises(EnvironmentFault, match="Input/output error"):
            picture_digests(store, folder, NAMES)


def test_pictures_that_were_read_as_they_are_pass(folder, store):
    refuse_changes(store, folder, check_images(folder, NAMES))


@pytest.mark.parametrize("change", ["went", "came", "was empty", "other bytes", "other broken bytes"])
def test_a_picture_that_changed_while_it_was_looked_at_is_refused(folder, store, change):
    if change == "other broken bytes":
        (folder / "b.png").write_bytes(b"half a pic")
    check = check_images(folder, NAMES)
    name = {"came": "missing.png", "was empty": "empty.png"}.get(change, "b.png")
    if change == "went":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"half a picture")
    with pytest.raises(EnvironmentFault, match="changed while they were looked at") as caught:
        refuse_changes(store, folder, check)
    assert name in str(caught.value) and "nothing was stored" in str(caught.value)
