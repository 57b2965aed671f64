from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images import pixel_cache
from o2b_helpers.inputs.images.pixel_cache import CachedImages, cached_images
from o2b_helpers.inputs.images.preprocessing import Preprocessing, load_images

GEOMETRY = Preprocessing(48, 40)
OTHER_WEIGHTS = Preprocessing(48, 40, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def _table(folder, sizes=((60, 90), (90, 60), (50, 50), (200, 41), (48, 48), (64, 64), (30, 70))) -> pd.DataFrame:
    folder.mkdir(parents=True, exist_ok=True)
    rng, rows = np.random.default_rng(1), []
    for number, (width, height) in enumerate(sizes):
        path = folder / f"{number}.{'jpg' if number % 2 else 'png'}"
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(path)
        rows.append((path.name, str(path), hashlib.sha256(path.read_bytes()).hexdigest()))
    return pd.DataFrame(rows, columns=["image", "path", "sha256"])


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(pixel_cache, "PICTURES_IN_A_SHARD", 3)
    monkeypatch.setattr(pixel_cache, "DECODED_AT_ONCE", 2)


@pytest.fixture
def table(tmp_path):
    return _table(tmp_path / "pictures")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def _same(result: torch.Tensor, wanted: torch.Tensor) -> bool:
    return result.dtype == wanted.dtype and torch.equal(result, wanted)


def _shard_files(store: Store) -> list:
    return sorted((store.folder / "images").glob("*/pixels.npy"))


def test_grey_pictures_are_kept_apart_and_have_three_equal_channels(small_shards, table, store):
    colour, grey = (cached_images(store, table, replace(GEOMETRY, grey=own), "x") for own in (False, True))
    assert not torch.equal(colour.pixels(range(len(table))), grey.pixels(range(len(table))))
    for row, path in enumerate(table["path"]):
        (pixels,) = grey.pixels([row])
        assert torch.equal(pixels[0], pixels[1]) and torch.equal(pixels[0], pixels[2])
        assert torch.equal(pixels, GEOMETRY.geometry(Image.open(path).convert("L").convert("RGB")))
    assert len(_shard_files(store)) == 6
    assert "grey" not in GEOMETRY.as_dict() and replace(GEOMETRY, grey=True).as_dict()["grey"] is True


def test_batches_are_bit_for_bit_what_load_images_gives(small_shards, table, store):
    images = cached_images(store, table, GEOMETRY, "corpus")
    wanted = load_images(table["path"], GEOMETRY)
    assert len(images) == len(table)
    assert _same(images.batch(0, len(table)), wanted)
    assert _same(images.batch(2, 5), wanted[2:5])
    assert _same(images.batch(5, 99), wanted[5:])
    assert _same(images.pick([6, 0, 3, 0]), wanted[[6, 0, 3, 0]])
    assert images.batch(3, 3).shape == (0, 3, 40, 40)


def test_photographs_are_bit_for_bit_what_load_images_gives(real_data, store):
    paths = sorted((real_data / "oasis" / "images").glob("*.jpg"))[:12]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    table = pd.DataFrame({"path": paths, "sha256": digests})
    geometry = Preprocessing(256, 224)
    assert _same(cached_images(store, table, geometry, "oasis").batch(0, 12), load_images(paths, geometry))


def test_a_picture_is_decoded_once_for_all_weights_of_one_geometry(small_shards, table, store, monkeypatch):
    cached_images(store, table, GEOMETRY, "corpus").batch(0, 1)
    monkeypatch.setattr(pixel_cache, "decode_image", lambda *_: pytest.fail("decoded again"))
    again = cached_images(Store(store.folder), table, OTHER_WEIGHTS, "corpus")
    assert _same(again.batch(0, 7), load_images(table["path"], OTHER_WEIGHTS))


def test_nothing_is_decoded_before_a_batch_is_asked_for(table, store):
    images = cached_images(store, table, GEOMETRY, "corpus")
    assert images.bytes_to_write() == 7 * 3 * 40 * 40 and len(images.of(table["sha256"][:2])) == 2
    assert not _shard_files(store)
    images.batch(0, 1)
    assert len(_shard_files(store)) == 1 and images.bytes_to_write() == 0


@pytest.mark.parametrize("other", [replace(GEOMETRY, crop=36), replace(GEOMETRY, resize=50)])
def test_another_geometry_is_decoded_anew(table, store, other):
    cached_images(store, table, GEOMETRY, "corpus").batch(0, 1)
    assert _same(cached_images(store, table, other, "corpus").batch(0, 7), load_images(table["path"], other))
    assert len(_shard_files(store)) == 2


def test_names_and_places_do_not_matter_but_content_does(table, store, tmp_path):
    cached_images(store, table, GEOMETRY, "corpus").batch(0, 1)
    os.rename(tmp_path / "pictures", tmp_path / "moved")
    moved = table.assign(path=[p.replace("/pictures/", "/moved/") for p in table["path"]])
    assert cached_images(store, moved, GEOMETRY, "another name").bytes_to_write() == 0
    Image.new("RGB", (50, 50), "red").save(moved["path"][2])
    digest = hashlib.sha256((tmp_path / "moved" / "2.png").read_bytes()).hexdigest()
    changed = moved.assign(sha256=[*moved["sha256"][:2], digest, *moved["sha256"][3:]])
    assert _same(cached_images(store, changed, GEOMETRY, "corpus").batch(0, 7), load_images(moved["path"], GEOMETRY))


def test_a_picture_that_changed_after_it_was_checked_is_refused(table, store):
    Image.new("RGB", (50, 50), "red").save(table["path"][2])
    with pytest.raises(InputError, match="changed after the inputs were checked"):
        cached_images(store, table, GEOMETRY, "corpus").batch(0, 1)
    assert not _shard_files(store)


def test_some_pictures_are_taken_by_content_and_tables_are_joined(small_shards, table, store, tmp_path):
    stimuli = _table(tmp_path / "stimuli", ((70, 70), (45, 99)))
    both = cached_images(store, table, GEOMETRY, "corpus") + cached_images(store, stimuli, GEOMETRY, "stimuli")
    assert len(both) == 9
    wanted = load_images([*table["path"], *stimuli["path"]], GEOMETRY)
    assert _same(both.batch(0, 9), wanted)
    digests = [stimuli["sha256"][1], table["sha256"][5], table["sha256"][0]]
    chosen = both.of(digests)
    assert isinstance(chosen, CachedImages) and _same(chosen.batch(0, 3), wanted[[8, 5, 0]])
    with pytest.raises(InputError, match="not among those"):
        both.of(["0" * 64])
    with pytest.raises(InputError, match="different preprocessings"):
        both + cached_images(store, stimuli, OTHER_WEIGHTS, "stimuli")


def test_only_the_shards_in_use_are_decoded(small_shards, table, store):
    cached_images(store, table, GEOMETRY, "corpus").of([table["sha256"][6]]).batch(0, 1)
    assert [np.load(file).shape for file in _shard_files(store)] == [(1, 3, 40, 40)]


def test_a_broken_picture_leaves_the_shards_before_it(small_shards, table, store):
    content = open(table["path"][4], "rb").read()[:200]
    open(table["path"][4], "wb").write(content)
    digests = [*table["sha256"][:4], hashlib.sha256(content).hexdigest(), *table["sha256"][5:]]
    images = cached_images(store, table.assign(sha256=digests), GEOMETRY, "corpus")
    with pytest.raises(InputError, match="truncated or broken"):
        images.batch(0, 7)
    files = _shard_files(store)
    assert len(files) == 1
    whole = [GEOMETRY.geometry(Image.open(path).convert("RGB")).numpy() for path in table["path"][:3]]
    assert np.array_equal(np.load(files[0]), np.stack(whole))


def test_no_pictures_at_all(table, store):
    assert cached_images(store, table[:0], GEOMETRY, "corpus").batch(0, 5).shape == (0, 3, 40, 40)


def test_reading_many_pictures_leaves_memory_flat(tmp_path, store):
    table = _table(tmp_path / "pictures", ((64, 64),) * 40)
    cached_images(store, table, Preprocessing(512, 512), "corpus").batch(0, 1)  # 31 MB of pixels
    reading = textwrap.dedent(f"""
        import json, resource, sys
        from pathlib import Path
        import pandas as pd
        from o2b_helpers.inputs.images.pixel_cache import cached_images
        from o2b_helpers.inputs.images.preprocessing import Preprocessing
        from o2b_helpers.core.store import Store
        table = pd.read_json({str(tmp_path / "table.json")!r})
        images = cached_images(Store(Path({str(store.folder)!r})), table, Preprocessing(512, 512), "corpus")
        images.pixels(range(0, 2))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for start in range(0, 40, 2):
            images.pixels(range(start, start + 2))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """)
    table.to_json(tmp_path / "table.json")
    done = subprocess.run([sys.executable, "-c", reading], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown = int(done.stdout) * (1 if sys.platform == "darwin" else 1024)
    assert grown < 8e6, f"{grown / 1e6:.1f} MB more after reading 31 MB of pixels"
