"""Digests of pixels and perceptual hashes: what counts as the same picture, and what as nearly the same."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from o2b_helpers.inputs.images.decoding import read_image
from o2b_helpers.inputs.images.looks import NEARLY, look_of, near_pairs, pixel_digest


def _scene(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """Draw soft blotches, as in a photograph: low frequencies carry most."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_the_same_pixels_have_one_digest_in_every_format(tmp_path, suffix):
    _scene(1).save(tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    assert pixel_digest(read_image(tmp_path / f"a.{suffix}")) == pixel_digest(_scene(1))


def test_a_picture_stored_on_its_side_has_the_digest_of_the_upright_one(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    _scene(1).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
    assert pixel_digest(read_image(tmp_path / "a.png")) == pixel_digest(_scene(1))


def test_one_other_pixel_or_another_shape_is_another_digest():
    changed = _scene(1).copy()
    changed.putpixel((5, 5), tuple(255 - value for value in changed.getpixel((5, 5))))
    strips = [Image.new("RGB", size, "red") for size in ((16, 24), (24, 16), (12, 32))]
    digests = [pixel_digest(image) for image in (_scene(1), changed, *strips)]
    assert len(set(digests)) == 5


def test_a_digest_does_not_depend_on_how_much_is_hashed_at_once(monkeypatch):
    whole = pixel_digest(_scene(1))
    monkeypatch.setattr("o2b_helpers.inputs.images.looks._PIXELS_AT_ONCE", 1000)
    assert pixel_digest(_scene(1)) == whole


@pytest.mark.parametrize("change", ["jpeg", "small", "large", "brighter"])
def test_the_same_scene_looks_nearly_the_same(tmp_path, change):
    for seed in range(8):
        scene = _scene(seed)
        if change == "jpeg":
            scene.save(tmp_path / "a.jpg", quality=40)
            other = read_image(tmp_path / "a.jpg")
        elif change == "brighter":
            other = ImageEnhance.Brightness(scene).enhance(1.1)
        else:
            other = scene.resize({"small": (120, 90), "large": (1400, 1050)}[change], Image.Resampling.LANCZOS)
        assert pixel_digest(other) != pixel_digest(scene)
        assert near_pairs([look_of(scene)], [look_of(other)])[1] == 1


def test_other_scenes_do_not():
    assert near_pairs([look_of(_scene(seed)) for seed in range(60)]) == ([], 0)


@pytest.mark.parametrize("colour", ["white", "black", (12, 200, 90)])
def test_flat_pictures_look_like_nothing(colour):
    assert look_of(Image.new("RGB", (90, 60), colour)) == ""
    noise = np.random.default_rng(0).integers(100, 103, (60, 90, 3), dtype=np.uint8)
    assert look_of(Image.fromarray(noise)) == ""
    assert near_pairs(["", "", look_of(_scene(1))]) == ([], 0)


@pytest.mark.parametrize("size", [(8, 8), (8, 3000), (3000, 8), (257, 511)])
def test_pictures_of_any_shape_have_a_look(size):
    assert len(look_of(_scene(1, *size))) == 64


def test_pairs_are_those_of_a_plain_loop(monkeypatch):
    rng = np.random.default_rng(0)
    bits = rng.random((150, 256)) < 0.5
    for row in range(0, 150, 3):  # some copies with up to 40 bits changed
        bits[row + 1] = bits[row] ^ (rng.permutation(256) < rng.integers(0, 40))
    looks = ["" if row % 17 == 5 else np.packbits(row_bits).tobytes().hex() for row, row_bits in enumerate(bits)]
    monkeypatch.setattr("o2b_helpers.inputs.images.looks._ROWS", 16)
    monkeypatch.setattr("o2b_helpers.inputs.images.looks._COLUMNS", 40)

    def distance(a: int, b: int) -> int:
        return int((bits[a] != bits[b]).sum())

    wanted = {
        (a, b, distance(a, b))
        for a in range(150)
        for b in range(a + 1, 150)
        if looks[a] and looks[b] and distance(a, b) <= NEARLY
    }
    pairs, total = near_pairs(looks)
    assert set(pairs) == wanted and total == len(wanted) > 20
    between, many = near_pairs(looks[:70], looks[70:])
    assert set(between) == {(a, b - 70, n) for a, b, n in wanted if a < 70 <= b} and many == len(between)


def test_all_pairs_are_counted_and_few_are_named(monkeypatch):
    monkeypatch.setattr("o2b_helpers.inputs.images.looks.MOST_PAIRS", 7)
    pairs, total = near_pairs(["0" * 63 + "1"] * 100)
    assert len(pairs) == 7 and total == 100 * 99 // 2
    assert near_pairs(["0" * 64], ["f" * 64]) == ([], 0)  # 256 other bits are more than a byte counts
