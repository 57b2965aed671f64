"""The one preprocessing path equals torchvision's, for pixels and for boxes."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models, tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification
from torchvision.transforms.v2 import functional as v2

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.images.preprocessing import InputImages, Preprocessing, load_images

SIZES = [(500, 400), (400, 500), (333, 777), (97, 96), (64, 64), (1001, 30), (257, 255)]
PRESETS = {
    "alexnet": models.AlexNet_Weights.IMAGENET1K_V1.transforms(),
    "resnet50, second weights": models.ResNet50_Weights.IMAGENET1K_V2.transforms(),
    "no crop": ImageClassification(crop_size=96, resize_size=96, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4)),
    "crop larger than resize": ImageClassification(crop_size=101, resize_size=64),
    "odd": ImageClassification(crop_size=95, resize_size=120),
}


def _picture(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng([width, height]).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_inputs_are_torchvisions_exactly(preset, width, height):
    preprocessing = Preprocessing.from_preset(preset)
    image = _picture(width, height)
    ours = preprocessing(image)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, preset(image))
    pixels = preprocessing.geometry(image)
    assert pixels.dtype == torch.uint8 and pixels.shape == (3, preprocessing.crop, preprocessing.crop)
    assert torch.equal(preprocessing.normalise(torch.stack([pixels, pixels]))[1], ours)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_boxes_go_where_torchvision_takes_them(preset, width, height):
    generator = np.random.default_rng([width, height])
    corners = np.sort(generator.uniform(0, 1, (50, 2, 2)), axis=1) * [width, height]
    boxes = np.concatenate([corners.reshape(50, 4), [[0, 0, width, height]]])
    preprocessing = Preprocessing.from_preset(preset)
    ours = preprocessing.boxes_to_input(boxes, width, height)

    reference = tv_tensors.BoundingBoxes(
        torch.from_numpy(boxes), format="XYXY", canvas_size=(height, width), dtype=torch.float64
    )
    reference = v2.resize(reference, [preprocessing.resize])
    reference = v2.center_crop(reference, [preprocessing.crop])
    reference = v2.clamp_bounding_boxes(reference)
    # torchvision multiplies boxes by a float32 ratio, which is off by up to 1e-4 px at thousands of pixels
    np.testing.assert_allclose(ours, reference.numpy(), rtol=0, atol=2e-4)


def test_a_bright_rectangle_stays_in_its_box():
    preprocessing = Preprocessing(resize=120, crop=96)
    for number, (width, height) in enumerate([(500, 400), (301, 640)]):
        generator = np.random.default_rng(number)
        x0, y0 = generator.integers(width // 4, width // 2), generator.integers(height // 3, height // 2)
        x1, y1 = x0 + width // 4, y0 + height // 8
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[y0:y1, x0:x1] = 255
        seen = preprocessing.geometry(Image.fromarray(pixels))[0] > 127
        rows, columns = torch.nonzero(seen.any(1)).ravel(), torch.nonzero(seen.any(0)).ravel()
        result = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        box = preprocessing.boxes_to_input(np.array([[x0, y0, x1, y1]]), width, height)[0]
        assert np.abs(box - np.array([int(edge) for edge in result])).max() <= 0.75


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_rectangular_mask_goes_where_its_box_goes(preset, width, height):
    preprocessing = Preprocessing.from_preset(preset)
    generator = np.random.default_rng([width, height])
    centres = np.arange(preprocessing.crop) + 0.5
    for number in range(12):
        x0, y0 = generator.integers(0, width), generator.integers(0, height)
        x1, y1 = generator.integers(x0, width) + 1, generator.integers(y0, height) + 1
        if not number:
            x0, y0, x1, y1 = 0, 0, width, height
        mask = np.zeros((height, width), dtype=bool)
        mask[y0:y1, x0:x1] = True
        carried = preprocessing.mask_to_input(mask, width, height)
        left, top, right, bottom = preprocessing.boxes_to_input(np.array([[x0, y0, x1, y1]]), width, height)[0]
        # a hair's breadth, because corners are rounded and centres are not
        columns = (centres >= left - 1e-9) & (centres < right - 1e-9)
        rows = (centres >= top - 1e-9) & (centres < bottom - 1e-9)
        assert carried.dtype == bool and np.array_equal(carried, rows[:, None] & columns)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_masks_go_where_torchvision_takes_them(preset, width, height):
    """Nearest at the centres, as torchvision's "nearest-exact" but for centres that fall on a border."""
    preprocessing = Preprocessing.from_preset(preset)
    mask = np.random.default_rng([width, height]).random((height, width)) < 0.5
    size = v2.resize(torch.zeros(1, height, width), [preprocessing.resize]).shape[1:]
    resized = torch.nn.functional.interpolate(torch.from_numpy(mask)[None, None].double(), size, mode="nearest-exact")
    reference = v2.center_crop(tv_tensors.Mask(resized[0] > 0.5), [preprocessing.crop])[0].numpy()
    assert (preprocessing.mask_to_input(mask, width, height) != reference).mean() < 0.02


def test_masks_that_do_not_fit_are_refused():
    preprocessing = Preprocessing(64, 60)
    for mask in (np.ones((80, 90), dtype=bool), np.ones((90, 80)), np.ones((90, 80, 1), dtype=bool)):
        with pytest.raises(InputError, match="mask cannot be carried"):
            preprocessing.mask_to_input(mask, 80, 90)
    assert preprocessing.mask_to_input(np.ones((90, 80), dtype=bool), 80, 90).all()


def test_box_that_is_cropped_away_has_no_area():
    box = Preprocessing(100, 100).boxes_to_input(np.array([[0, 0, 40, 100]]), width=400, height=100)[0]
    assert (box[2] - box[0]) * (box[3] - box[1]) == 0


def test_each_box_with_its_own_picture_size():
    preprocessing = Preprocessing(64, 60)
    boxes = np.array([[10.0, 10, 30, 40], [10.0, 10, 30, 40]])
    both = preprocessing.boxes_to_input(boxes, np.array([50, 200]), np.array([60, 100]))
    for row, (width, height) in enumerate([(50, 60), (200, 100)]):
        np.testing.assert_array_equal(both[row], preprocessing.boxes_to_input(boxes[:1], width, height)[0])


def test_kind_of_the_boxes_is_kept():
    preprocessing = Preprocessing(64, 60)
    assert isinstance(preprocessing.boxes_to_input(torch.tensor([[0.0, 0, 5, 5]]), 80, 90), torch.Tensor)
    assert preprocessing.boxes_to_input(np.empty((0, 4)), 80, 90).shape == (0, 4)


@pytest.mark.parametrize(
    "boxes", [[[0, 0, np.nan, 1]], [[5, 0, 4, 1]], [[0, 5, 1, 4]], [[0, 0, 1]], [[0, 0, np.inf, 1]]]
)
def test_impossible_boxes(boxes):
    with pytest.raises(InputError, match="boxes"):
        Preprocessing(64, 60).boxes_to_input(np.array(boxes, dtype=float), 80, 90)


def test_other_presets_are_refused():
    nearest = ImageClassification(crop_size=64, interpolation=InterpolationMode.NEAREST)
    for preset in (nearest, ImageClassification(crop_size=64, antialias=False), object()):
        with pytest.raises(InputError, match="preprocessing"):
            Preprocessing.from_preset(preset)


def test_batches(tmp_path):
    preprocessing = Preprocessing(64, 60)
    paths = []
    for number, size in enumerate([(80, 90), (100, 70)]):
        paths.append(tmp_path / f"{number}.png")
        _picture(*size).save(paths[-1])
    batch = load_images(paths, preprocessing)
    assert batch.shape == (2, 3, 60, 60)
    assert torch.equal(batch[1], preprocessing(_picture(100, 70)))
    data = InputImages(paths, preprocessing)
    loaded = torch.cat(list(torch.utils.data.DataLoader(data, batch_size=2, num_workers=1)))
    assert torch.equal(loaded, batch)
    assert load_images([], preprocessing).shape == (0, 3, 60, 60)


def test_key_holds_all_that_changes_the_input():
    assert Preprocessing(64, 60, (0.1, 0.2, 0.3), (1.0, 1.0, 1.0)).as_dict() == {
        "resize": 64,
        "crop": 60,
        "mean": [0.1, 0.2, 0.3],
        "std": [1.0, 1.0, 1.0],
    }


THIN = [(8, 4000), (4000, 8), (9, 3001), (3001, 9), (12, 5003), (150, 4000)]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize(("width", "height"), THIN)
def test_the_middle_of_a_thin_picture_is_that_of_the_whole(preset, width, height, monkeypatch):
    preprocessing = Preprocessing.from_preset(preset)
    image = _picture(width, height)
    whole = preprocessing.geometry(image).int()
    monkeypatch.setattr("o2b_helpers.inputs.images.preprocessing.MOST_RESIZED", 2**14)
    middle = preprocessing.geometry(image).int()
    assert middle.shape == whole.shape
    # places are single-precision numbers in Pillow, and of a tall picture that shrinks it resizes the height first
    assert (middle - whole).abs().max() <= 1


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_thin_pictures_take_little_memory():
    code = textwrap.dedent("""
        from pathlib import Path
        from PIL import Image
        from o2b_helpers.inputs.images.preprocessing import Preprocessing
        def peak():
            return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
        geometry = Preprocessing(256, 224)
        geometry(Image.new("RGB", (500, 400)))
        for size in ((8, 60_000), (60_000, 8), (8, 20_000), (1_000_000, 11)):
            image = Image.new("RGB", size)
            before = peak()
            print(geometry(image).shape == (3, 224, 224), peak() - before)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == 4, done.stderr
    assert all(fits == "True" and int(grown) < 20e6 for fits, grown in lines), lines
