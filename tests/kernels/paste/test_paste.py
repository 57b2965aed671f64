"""Pasting objects: against Pillow's own compositing and preprocessing of whole copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.inputs.images.object_pictures import read_object
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.kernels.paste import canvas
from o2b_helpers.kernels.paste.canvas import Canvas, first_axis
from o2b_helpers.kernels.paste.compositing import composite, pasted
from o2b_helpers.kernels.paste.objects import (
    checked_object,
    control,
    mean_colour,
    phase_scrambled,
    resized_object,
)
from o2b_helpers.kernels.paste.places import centres_of_boxes, corners, pasted_size, quincunx, random_places
from o2b_helpers.toyworld.pasted_objects import OBJECTS, pasted_object


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


# ------------------------------------------------------------------------------------------------------------- places


def test_quincunx():
    places = quincunx()
    assert places.shape == (17, 2) and len(np.unique(places, axis=0)) == 17
    rows, counts = np.unique(places[:, 1], return_counts=True)
    assert counts.tolist() == [3, 4, 3, 4, 3]
    assert np.allclose(rows, np.arange(1, 6) / 6) and np.allclose(places * [8, 6], np.round(places * [8, 6]))
    assert np.allclose(np.sort(1 - places, 0), np.sort(places, 0))  # as much to the left as to the right
    assert [0.5, 0.5] in places.tolist()


def test_size_follows_the_height():
    assert pasted_size((100, 150, 4), (500, 400, 3)) == (100, 150)
    assert pasted_size((100, 150, 4), (500, 400, 3), 0.1) == (50, 75)
    assert pasted_size((1000, 3, 4), (40, 40, 3)) == (8, 1)
    for share in (0.0, 1.1, float("nan")):
        with pytest.raises(InputError, match="at this height"):
            pasted_size((10, 10, 4), (10, 10, 3), share)
    with pytest.raises(InputError, match="larger than the picture"):
        pasted_size((10, 100, 4), (50, 40, 3))


def test_boxes_stand_around_their_centres():
    boxes = corners(np.array([[0.5, 0.5], [0.25, 0.2], [0.0, 1.0]]), (10, 20), 100, 50)
    assert boxes.tolist() == [[40, 20, 60, 30], [15, 5, 35, 15], [-10, 45, 10, 55]]
    assert np.allclose(centres_of_boxes(boxes, 100, 50), [[0.5, 0.5], [0.25, 0.2], [0.0, 1.0]])


def test_random_places_keep_the_object_inside():
    places = random_places(2000, (10, 30), 60, 40, np.random.default_rng(0))
    boxes = corners(places, (10, 30), 60, 40)
    assert boxes[:, :2].min() >= 0 and (boxes[:, 2:] <= [60, 40]).all()
    assert boxes[:, 0].min() == 0 and boxes[:, 2].max() == 60
    assert stats.kstest(places[:, 0], stats.uniform(0.25, 0.5).cdf).pvalue > 0.01
    with pytest.raises(InputError, match="larger than the picture"):
        random_places(1, (50, 10), 60, 40, np.random.default_rng(0))


# ------------------------------------------------------------------------------------------------------------- objects


def test_an_object_needs_transparency():
    ball = np.zeros((6, 8, 4), np.uint8)
    with pytest.raises(InputError, match="every pixel is transparent"):
        checked_object(ball, "ball.png")
    ball[2:4, 3:7] = 255
    assert checked_object(ball).shape == (2, 4, 4)
    with pytest.raises(InputError, match="no pixel is transparent"):
        checked_object(np.full((4, 4, 4), 255, np.uint8))
    for wrong in (noise(4, 4, 3), noise(4, 4, 4).astype(float)):
        with pytest.raises(InputError, match="red, green, blue and alpha"):
            checked_object(wrong)


def test_objects_of_the_toy_world():
    assert list(OBJECTS) == ["rugby ball", "soccer ball", "lotus"]
    for name in OBJECTS:
        pixels = np.asarray(pasted_object(name))
        assert max(pixels.shape) == 320 and checked_object(pixels).shape == pixels.shape
        assert 0.3 < (pixels[..., 3] > 0).mean() < 0.9
        assert len(np.unique(pixels[..., 3])) > 10  # soft edges
    with pytest.raises(InputError, match="rugby ball, soccer ball, lotus"):
        pasted_object("football")


def test_invisible_colours_do_not_bleed():
    ball = np.zeros((40, 40, 4), np.uint8)
    ball[..., 0] = 255  # red where nothing is seen
    ball[10:30, 10:30] = [0, 0, 200, 255]
    small = resized_object(ball, (10, 10))
    assert small.shape == (10, 10, 4)
    assert small[small[..., 3] > 0][:, 0].max() <= 1


def test_controls_keep_outline_and_colour():
    ball = resized_object(np.asarray(pasted_object("soccer ball")), (60, 60))
    patch, scrambled = control("mean_colour", ball), control("phase_scrambled", ball, seed=3)
    for other in (patch, scrambled):
        assert other.dtype == np.uint8 and np.array_equal(other[..., 3], ball[..., 3])
    shown = ball[..., 3] > 0
    assert len(np.unique(patch[..., :3][shown], axis=0)) == 1
    wanted = np.average(ball[..., :3].reshape(-1, 3), axis=0, weights=ball[..., 3].ravel())
    assert np.abs(patch[0, 0, :3] - wanted).max() <= 0.5
    assert np.abs(mean_colour(scrambled) - wanted).max() < 25
    assert np.abs(scrambled[..., :3].astype(float) - ball[..., :3]).mean() > 20  # another picture
    assert not np.array_equal(scrambled, control("phase_scrambled", ball, seed=4))
    assert np.array_equal(scrambled, control("phase_scrambled", ball, seed=3))
    with pytest.raises(ParameterError, match="control"):
        control("blurred", ball)


@pytest.mark.parametrize("shape", [(16, 16), (15, 16), (16, 15), (15, 15)])
def test_scrambling_keeps_every_amplitude(shape):
    values = np.random.default_rng(0).random((*shape, 3))
    scrambled = phase_scrambled(values, 1)
    amplitudes = [np.abs(np.fft.fft2(each, axes=(0, 1))) for each in (values, scrambled)]
    assert np.abs(amplitudes[0] - amplitudes[1]).max() < 1e-9
    assert np.allclose(values.mean((0, 1)), scrambled.mean((0, 1)))
    # colours move together: what one frequency of a colour has to do with that of another stays
    turns = [np.angle(np.fft.fft2(each, axes=(0, 1))) for each in (values, scrambled)]
    between = [np.exp(1j * (turn[..., 0] - turn[..., 1])) for turn in turns]
    assert np.abs(between[0] - between[1]).max() < 1e-6


# ------------------------------------------------------------------------------------------------------------- pixels


def test_compositing_is_exact():
    """Every alpha with many colours, against fractions and against Pillow."""
    above = np.stack(np.meshgrid(np.arange(0, 256, 3), np.arange(256), indexing="ij"), -1).astype(np.uint8)
    rgba = np.concatenate([np.repeat(above[..., :1], 3, -1), above[..., 1:]], -1)
    for base in (0, 1, 77, 128, 254, 255):
        below = np.full((*rgba.shape[:2], 3), base, np.uint8)
        alpha, colour = rgba[..., 3:].astype(float), rgba[..., :3].astype(float)
        wanted = np.floor((alpha * colour + (255 - alpha) * base) / 255 + 0.5)
        assert np.array_equal(composite(below, rgba), wanted)
        image = Image.fromarray(below)
        image.paste(Image.fromarray(rgba), (0, 0), Image.fromarray(rgba))
        assert np.array_equal(composite(below, rgba), np.asarray(image))


def test_copies_equal_pillow():
    picture, ball = noise(50, 70, 3), noise(20, 31, 4, seed=1)
    places = np.vstack([quincunx(), [[0.0, 0.0], [1.0, 1.0]]])
    copies, boxes = pasted(picture, ball, places)
    whole = corners(places, (20, 31), 70, 50)
    for copy, box, (x0, y0, _, _) in zip(copies, boxes, whole.tolist(), strict=True):
        image, above = Image.fromarray(picture), Image.fromarray(ball)
        image.paste(above, (x0, y0), above)
        assert np.array_equal(copy, np.asarray(image))
        outside = np.ones(picture.shape[:2], bool)
        outside[box[1] : box[3], box[0] : box[2]] = False
        assert np.array_equal(copy[outside], picture[outside])
    assert boxes[-2:].tolist() == [[0, 0, 16, 10], [55, 40, 70, 50]]


def test_what_does_not_fit_is_refused():
    picture, ball = noise(20, 30, 3), noise(5, 5, 4)
    with pytest.raises(InputError, match="larger than the picture"):
        pasted(picture, noise(5, 31, 4), quincunx())
    with pytest.raises(InputError, match="centred outside"):
        pasted(picture, ball, np.array([[0.5, 1.2]]))
    with pytest.raises(InputError, match="cannot be pasted onto this picture"):
        pasted(picture.astype(np.float32), ball, quincunx())
    with pytest.raises(InputError, match="cannot be pasted onto this picture"):
        pasted(picture, noise(5, 5, 3), quincunx())


@pytest.mark.parametrize(
    ("size", "sides"),
    [
        ((400, 500), (256, 224)), ((500, 333), (256, 224)), ((128, 128), (96, 96)), ((97, 130), (96, 96)),
        ((60, 300), (256, 224)), ((1200, 1601), (256, 224)), ((64, 64), (64, 64)), ((100, 90), (60, 80)),
    ],
)  # fmt: skip
def test_inputs_are_those_of_whole_copies_bit_for_bit(size, sides):
    preprocessing, picture = Preprocessing(*sides), noise(*size, 3)
    ball = noise(size[0] // 5, size[1] // 4, 4, seed=1)
    places = np.vstack([quincunx(), [[0.0, 0.0], [1.0, 1.0], [0.0, 0.5]]])
    made, boxes = Canvas(picture, preprocessing).inputs(ball, places)
    copies, of_copies = pasted(picture, ball, places)
    wanted = torch.stack([preprocessing(Image.fromarray(copy)) for copy in copies])
    assert torch.equal(made, wanted)
    carried = preprocessing.boxes_to_input(of_copies.astype(float), size[1], size[0])
    assert np.array_equal(boxes, carried)


def test_another_order_of_axes_is_followed(monkeypatch):
    """Should Pillow resize rows first, or otherwise than is known, the result is still Pillow's."""
    picture, ball, preprocessing = noise(100, 140, 3), noise(20, 20, 4), Preprocessing(64, 56)
    wanted = torch.stack([preprocessing(Image.fromarray(copy)) for copy in pasted(picture, ball, quincunx())[0]])
    assert first_axis((100, 140), (64, 89)) in (0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(canvas, "first_axis", lambda *_: None)
        assert torch.equal(Canvas(picture, preprocessing).inputs(ball, quincunx())[0], wanted)
    first_axis.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(canvas, "resize_matrix", lambda old, new: np.zeros((new, old)) + 1.0)
        assert first_axis((100, 140), (64, 89)) is None
    first_axis.cache_clear()


# --------------------------------------------------------------------------------------------------------------- files


def test_objects_are_read(tmp_path):
    ball = noise(12, 14, 4)
    ball[0] = 0
    Image.fromarray(ball).save(tmp_path / "ball.png")
    assert np.array_equal(read_object(tmp_path / "ball.png"), ball)
    palette = Image.fromarray(noise(9, 9)).convert("P")
    palette.save(tmp_path / "palette.png", transparency=7)
    assert read_object(tmp_path / "palette.png").shape == (9, 9, 4)


def test_objects_that_cannot_be_read(tmp_path):
    Image.fromarray(noise(9, 9, 3)).save(tmp_path / "opaque.png")
    Image.fromarray(np.dstack([noise(9, 9, 3), np.full((9, 9), 255, np.uint8)])).save(tmp_path / "filled.png")
    Image.fromarray(noise(90, 90, 4)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:2000])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    for name, message in [
        ("opaque", "no transparency"), ("filled", "no transparency"), ("cut", "cannot be read"),
        ("text", "cannot be read"), ("empty", "zero bytes"), ("absent", "missing"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=message):
            read_object(tmp_path / f"{name}.png")
    with pytest.raises(InputError, match="too many pixels"):
        read_object(tmp_path / "whole.png", max_pixels=100)
