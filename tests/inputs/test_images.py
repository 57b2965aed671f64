"""Pictures of every kind are read rightly or refused with a reason."""

from __future__ import annotations

import hashlib
import os
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.images.decoding import read_image
from o2b_helpers.inputs.images.folders import path_inside
from o2b_helpers.inputs.images.image_check import check_images

WIDTH, HEIGHT = 24, 16


def _pattern() -> np.ndarray:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([rows * 10, columns * 10, (rows + columns) * 5], axis=-1).astype(np.uint8)


def _pixels(path) -> np.ndarray:
    image = read_image(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def _refused(path, *words: str, **options) -> InputError:
    with pytest.raises(InputError) as caught:
        read_image(path, **options)
    for word in (*words, "expected:", "to do:"):
        assert word in str(caught.value)
    return caught.value


def _png(path, width: int, height: int, data: bytes = b"") -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def test_rgb_png_is_read_exactly(tmp_path):
    Image.fromarray(_pattern()).save(tmp_path / "a.png")
    np.testing.assert_array_equal(_pixels(tmp_path / "a.png"), _pattern())


def test_greyscale(tmp_path):
    grey = _pattern()[..., 0]
    Image.fromarray(grey).save(tmp_path / "a.png")
    np.testing.assert_array_equal(_pixels(tmp_path / "a.png"), np.repeat(grey[..., None], 3, axis=2))


def test_bilevel(tmp_path):
    black_white = _pattern()[..., 0] > 70
    Image.fromarray(black_white).save(tmp_path / "a.png")
    np.testing.assert_array_equal(_pixels(tmp_path / "a.png")[..., 1], black_white * 255)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk(tmp_path, suffix):
    inks = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    inks[:, : WIDTH // 2, 0] = 255  # cyan = no red
    inks[:, WIDTH // 2 :, 3] = 255  # black
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(inks, "CMYK").save(path, **({"quality": 100} if suffix == "jpg" else {}))
    pixels = _pixels(path).astype(int)
    assert np.abs(pixels[8, 3] - [0, 255, 255]).max() <= 4
    assert np.abs(pixels[8, -3] - [0, 0, 0]).max() <= 4


def test_rgba_lies_on_white(tmp_path):
    rgba = np.dstack([_pattern(), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    rgba[0, 0, 3] = 0
    rgba[1, 1] = (200, 100, 0, 51)  # 51 / 255 = one fifth
    Image.fromarray(rgba).save(tmp_path / "a.png")
    pixels = _pixels(tmp_path / "a.png").astype(int)
    np.testing.assert_array_equal(pixels[0, 0], [255, 255, 255])
    assert np.abs(pixels[1, 1] - [244, 224, 204]).max() <= 1
    np.testing.assert_array_equal(pixels[5], _pattern()[5])


def test_grey_with_alpha_lies_on_white(tmp_path):
    values = np.zeros((HEIGHT, WIDTH, 2), np.uint8)
    values[..., 0], values[:, :5, 1] = 60, 255
    Image.fromarray(values, "LA").save(tmp_path / "a.png")
    pixels = _pixels(tmp_path / "a.png")
    assert (pixels[:, :5] == 60).all() and (pixels[:, 5:] == 255).all()


def test_palette(tmp_path):
    index = (np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) % 3).astype(np.uint8)
    image = Image.fromarray(index, "P")
    colours = np.array([[255, 0, 0], [0, 128, 0], [9, 8, 7]], np.uint8)
    image.putpalette(colours.tobytes())
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(_pixels(tmp_path / "a.png"), colours[index])
    image.save(tmp_path / "b.png", transparency=1)  # the second colour is see-through
    colours[1] = 255
    np.testing.assert_array_equal(_pixels(tmp_path / "b.png"), colours[index])


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bit_greyscale_keeps_its_brightness(tmp_path, suffix):
    grey = _pattern()[..., 1]
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(_pixels(tmp_path / f"a.{suffix}"), np.repeat(grey[..., None], 3, axis=2))


def test_float_pixels_are_refused(tmp_path):
    Image.fromarray(np.random.default_rng(0).random((HEIGHT, WIDTH)).astype(np.float32)).save(tmp_path / "a.tif")
    _refused(tmp_path / "a.tif", "without a known range", "8 or 16 bits")


@pytest.mark.parametrize(("suffix", "lossless"), [("gif", {}), ("png", {}), ("webp", {"lossless": True})])
def test_animation_gives_its_first_frame(tmp_path, suffix, lossless):
    colours = [(250, 10, 20), (0, 200, 0), (0, 0, 200)]
    frames = [Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in colours]
    path = tmp_path / f"a.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, **lossless)
    with Image.open(path) as stored:
        assert stored.n_frames == 3
    assert (_pixels(path) == colours[0]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    upright = _pattern()
    stored = {  # what a camera writes so that the tag turns it upright
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for suffix in ("png", "tif"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
        np.testing.assert_array_equal(_pixels(path), upright)
        result = check_images(tmp_path, [path.name]).found
        assert (result["width"][0], result["height"][0]) == (WIDTH, HEIGHT)


def test_missing_image(tmp_path):
    error = _refused(tmp_path / "no.jpg", "missing", "no.jpg")
    assert error.value == tmp_path / "no.jpg"


def test_zero_bytes(tmp_path):
    (tmp_path / "a.jpg").touch()
    _refused(tmp_path / "a.jpg", "zero bytes", "a.jpg")


def test_folder_in_place_of_an_image(tmp_path):
    _refused(tmp_path, "cannot be opened")


@pytest.mark.parametrize("content", [b"hello, no picture", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_not_a_picture(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    _refused(tmp_path / "a.jpg", "not a picture", "a.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("tolerant", [False, True])
def test_truncated_image(tmp_path, suffix, tolerant, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", tolerant)  # other libraries may switch it on
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    _refused(path, "truncated", path.name)


def test_one_pixel_image(tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    _refused(tmp_path / "a.png", "too small", "1 x 1", "8 pixels")
    assert read_image(tmp_path / "a.png", min_side=1).size == (1, 1)


@pytest.mark.parametrize("limit", ["as shipped", None])
def test_huge_png_is_refused_before_decoding(tmp_path, limit, monkeypatch):
    if limit is None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # other libraries may switch Pillow's own guard off
    path = tmp_path / "huge.png"
    _png(path, 20_000, 20_000)
    start = time.perf_counter()
    _refused(path, "too many pixels", "not decoded", "100,000,000")
    assert time.perf_counter() - start < 1.0


def test_huge_bmp_is_refused_before_decoding(tmp_path):
    header = struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54)
    info = struct.pack("<IiiHHIIiiII", 40, 20_000, 20_000, 1, 24, 0, 0, 0, 0, 0, 0)
    (tmp_path / "huge.bmp").write_bytes(header + info)
    _refused(tmp_path / "huge.bmp", "too many pixels")


def test_limit_on_pixels_is_the_callers(tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png", max_pixels=400).size == (20, 20)
    _refused(tmp_path / "a.png", "20 x 20 pixels", max_pixels=399)


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "sub/../../secret.png", "..\\secret.png", "/etc/passwd", "C:\\x.png", "", " ", ".", "a\0b"],
)
def test_names_that_leave_the_folder(tmp_path, name):
    folder = tmp_path / "images"
    folder.mkdir()
    Image.new("RGB", (20, 20)).save(tmp_path / "secret.png")
    with pytest.raises(InputError, match="expected:"):
        path_inside(folder, name)
    assert len(check_images(folder, [name]).problems) == 1


def test_absolute_name_of_a_file_inside(tmp_path):
    with pytest.raises(InputError, match="absolute"):
        path_inside(tmp_path, str(tmp_path / "a.png"))


def test_links_that_leave_the_folder(tmp_path):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    Image.new("RGB", (20, 20)).save(tmp_path / "other" / "secret.png")
    Image.new("RGB", (20, 20)).save(folder / "fine.png")
    os.symlink(tmp_path / "other" / "secret.png", folder / "file.png")
    os.symlink(tmp_path / "other", folder / "sub" / "folder")
    os.symlink(folder / "fine.png", folder / "sub" / "inside.png")
    for name in ("file.png", "sub/folder/secret.png"):
        with pytest.raises(InputError, match="leaves its folder"):
            path_inside(folder, name)
    assert path_inside(folder, "sub/inside.png") == folder / "sub" / "inside.png"
    os.symlink(folder, tmp_path / "linked")  # the folder itself may be a link
    assert path_inside(tmp_path / "linked", "fine.png").is_file()


def test_similar_folder_name_is_outside(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images2").mkdir()
    os.symlink(tmp_path / "images2", tmp_path / "images" / "way")
    with pytest.raises(InputError):
        path_inside(tmp_path / "images", "way/a.png")


def test_check_lists_what_is_wrong_by_name(tmp_path):
    Image.fromarray(_pattern()).save(tmp_path / "good.png")
    Image.fromarray(_pattern()).convert("CMYK").save(tmp_path / "cmyk.jpg")
    (tmp_path / "empty.jpg").touch()
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    _png(tmp_path / "huge.png", 20_000, 20_000)
    names = ["empty.jpg", "good.png", "gone.jpg", "huge.png", "cmyk.jpg", "dot.png", "../out.png", "good.png"]
    check = check_images(tmp_path, names)
    assert list(check.found.columns) == ["image", "path", "width", "height", "sha256", "pixels", "look"]
    assert check.found["image"].tolist() == ["good.png", "cmyk.jpg"]
    assert check.found["sha256"][0] == hashlib.sha256((tmp_path / "good.png").read_bytes()).hexdigest()
    problems = check.problems.set_index("image")["problem"]
    expected = {
        "empty.jpg": "zero bytes",
        "gone.jpg": "missing",
        "huge.png": "too many pixels",
        "dot.png": "too small",
        "../out.png": "leaves its folder",
    }
    assert problems.index.tolist() == list(expected)
    for name, words in expected.items():
        assert words in problems[name]
        assert name in check.summary()
    assert check.summary().startswith("2 of 7 images")


def test_check_of_nothing_wrong_or_nothing_at_all(tmp_path):
    Image.fromarray(_pattern()).save(tmp_path / "good.png")
    assert check_images(tmp_path, ["good.png"]).summary() == "All 1 images can be used."
    empty = check_images(tmp_path, [])
    assert len(empty.found) == len(empty.problems) == 0
    assert empty.found["width"].dtype == np.int64


def test_missing_folder(tmp_path):
    with pytest.raises(InputError, match="not there") as caught:
        check_images(tmp_path / "nowhere", ["a.png"])
    assert "nowhere" in str(caught.value)


def test_reading_after_ultralytics_is_imported(tmp_path, monkeypatch):
    # it replaces PIL.Image.open and, for a file that is no picture, tries to install packages
    monkeypatch.setenv("YOLO_AUTOINSTALL", "false")
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    import ultralytics  # noqa: F401

    (tmp_path / "a.jpg").write_bytes(b"hello")
    _refused(tmp_path / "a.jpg", "not a picture")
    Image.fromarray(_pattern()).save(tmp_path / "a.png")
    np.testing.assert_array_equal(_pixels(tmp_path / "a.png"), _pattern())


def test_real_photographs(real_data):
    folder = real_data / "oasis" / "images"
    names = sorted(path.name for path in folder.iterdir())
    check = check_images(folder, names)
    assert len(check.found) == 303 and check.problems.empty
    assert (check.found["width"] == 500).all() and (check.found["height"] == 400).all()
    assert check.found["sha256"].nunique() == 303
    with Image.open(folder / names[0]) as image:
        np.testing.assert_array_equal(np.asarray(read_image(folder / names[0])), np.asarray(image.convert("RGB")))
