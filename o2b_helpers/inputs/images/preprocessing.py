"""One way from a picture to a network's input, and the same way for boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.images.decoding import MAX_PIXELS, read_image

MOST_RESIZED = 2**24  # pixels of a whole picture after resizing; of a thinner one, only the middle is made


@dataclass(frozen=True)
class Preprocessing:
    """Turn to grey where asked for, resize the short side (bilinear, antialiased), crop the centre, normalise.

    The same steps as torchvision's ``weights.transforms()``, cut in two: a `geometry` that ends in bytes and can be
    kept, and `normalise`, which differs between weights.

    Parameters
    ----------
    resize : int
        Length of the short side after resizing, in pixels.
    crop : int
        Side of the centre crop = height and width of the network's input, in pixels.
    mean, std : tuple of float
        One value per channel (red, green, blue), in units of 0..1.
    grey : bool
        Show pictures without colour: three equal channels, their luma (ITU-R BT.601, as Pillow's mode L).
    """

    resize: int
    crop: int
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    grey: bool = False

    @classmethod
    def from_preset(cls, preset: Any) -> Preprocessing:
        """Take over torchvision's ``ImageClassification`` preset, as ``weights.transforms()`` returns it.

        Raises
        ------
        InputError
            For a preset that resizes in another way.
        """
        from torchvision.transforms import InterpolationMode

        interpolation = getattr(preset, "interpolation", None)
        sizes = [getattr(preset, name, None) for name in ("resize_size", "crop_size")]
        if (
            interpolation is not InterpolationMode.BILINEAR
            or not preset.antialias
            or any(size is None or len(size) != 1 for size in sizes)
        ):
            raise InputError(
                "This preprocessing is not supported",
                value=" ".join(repr(preset).split()),
                expected="torchvision's ImageClassification with one resize and one crop size, bilinear, antialias",
                remedy="describe the architecture with a Preprocessing(resize, crop, mean, std) of its own",
            )
        (resize,), (crop,) = preset.resize_size, preset.crop_size
        return cls(int(resize), int(crop), tuple(preset.mean), tuple(preset.std))

    def geometry(self, image: Image.Image) -> torch.Tensor:
        """Resize and crop a picture.

        Of a picture so thin that the whole would have more than `MOST_RESIZED` pixels after resizing, only the middle
        that the crop keeps is resized; single values may then differ by 1 from those of the whole.

        Returns
        -------
        Tensor
            uint8 of shape (channel, height, width) = (3, crop, crop), 0..255.
        """
        import torchvision.transforms.functional as F  # takes seconds, and is not needed where pictures are stored

        if self.grey:
            image = image.convert("L").convert("RGB")
        new_sides = self._resized(*(np.array([side]) for side in image.size))
        short, long = sorted(int(side[0]) for side in new_sides)
        if short * long > MOST_RESIZED and long > self.crop:
            resized = self._middle(image, long)
        else:
            resized = F.resize(image, [self.resize], interpolation=F.InterpolationMode.BILINEAR, antialias=True)
        return F.pil_to_tensor(F.center_crop(resized, [self.crop]))

    def _middle(self, image: Image.Image, new_long: int) -> Image.Image:
        """Resize what the crop keeps of the long side, and the whole short side."""
        old_long, old_short = max(image.size), min(image.size)
        scale = old_long / new_long
        start = float(self._crop_offset(np.array([new_long]))[0]) * scale
        stop = start + self.crop * scale
        reach = max(scale, 1.0) + 1  # how far a pixel looks around itself, and one for rounding
        first, last = max(0, math.floor(start - reach)), min(old_long, math.ceil(stop + reach))
        box: tuple[float, float, float, float]
        if image.width >= image.height:
            part, box = (first, 0, last, old_short), (start - first, 0, stop - first, old_short)
            size = self.crop, self.resize
        else:
            part, box = (0, first, old_short, last), (0, start - first, old_short, stop - first)
            size = self.resize, self.crop
        return image.crop(part).resize(size, Image.Resampling.BILINEAR, box=box)

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Turn bytes into the network's input.

        Parameters
        ----------
        pixels : Tensor
            uint8 of shape (..., channel, height, width).

        Returns
        -------
        Tensor
            float32 of the same shape.
        """
        mean, std = (torch.tensor(values, device=pixels.device)[:, None, None] for values in (self.mean, self.std))
        # torchvision's operations in its order, in place: a copy would take longer than all that is computed
        return pixels.to(torch.float).div_(255).sub_(mean).div_(std)

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """Return the network's input for one picture, float32 of shape (3, crop, crop)."""
        return self.normalise(self.geometry(image))

    def boxes_to_input(
        self,
        boxes: np.ndarray | torch.Tensor,
        width: int | np.ndarray | torch.Tensor,
        height: int | np.ndarray | torch.Tensor,
    ) -> np.ndarray | torch.Tensor:
        """Carry boxes through the same resize and crop as their picture.

        Parameters
        ----------
        boxes : array or Tensor
            Shape (box, 4): x0, y0, x1, y1 in pixels of the picture, edges (not centres) of pixels, x1 >= x0.
        width, height : int or array
            Size of the picture in pixels; one value for all boxes or one for each.

        Returns
        -------
        array or Tensor
            Shape (box, 4), float64, of the kind given, in pixels of the input and clipped to 0..crop. A box that
            was cropped away has zero area.

        Raises
        ------
        InputError
            For boxes that are not finite, have x1 < x0 or y1 < y0, or another shape.
        """
        corners = np.asarray(boxes, dtype=np.float64)
        if corners.ndim != 2 or corners.shape[1] != 4:
            raise _bad_boxes(f"shape {corners.shape}", "shape (box, 4)")
        bad = ~np.isfinite(corners).all(1) | (corners[:, 2] < corners[:, 0]) | (corners[:, 3] < corners[:, 1])
        if bad.any():
            raise _bad_boxes(f"box {np.flatnonzero(bad)[0]}: {corners[bad][0].tolist()}", "x1 >= x0 and y1 >= y0")
        width, height = (np.broadcast_to(np.asarray(side, np.int64), len(corners)) for side in (width, height))
        new_width, new_height = self._resized(width, height)
        result = np.empty_like(corners)
        for axis, old, new in ((0, width, new_width), (1, height, new_height)):
            moved = corners[:, axis::2] * (new / old)[:, None] - self._crop_offset(new)[:, None]
            result[:, axis::2] = np.clip(moved, 0.0, float(self.crop))
        return torch.from_numpy(result) if isinstance(boxes, torch.Tensor) else result

    def mask_to_input(self, mask: np.ndarray, width: int, height: int) -> np.ndarray:
        """Carry a mask through the same resize and crop as its picture.

        A pixel of the input is inside where the pixel of the picture that its centre falls into is inside: nothing is
        blended, and no threshold is chosen. A centre on the border of two pixels belongs to the right or lower one. So
        a rectangular mask becomes those pixels of the input whose centres lie in the box that `boxes_to_input` gives,
        left and upper edges included. A part that is thinner than a pixel of the input may get lost.

        Parameters
        ----------
        mask : array (height, width) of bool
            Pixels of the picture.
        width, height : int
            Size of the picture in pixels.

        Returns
        -------
        array (crop, crop) of bool
            Pixels of the input; those that the crop adds around a picture that is too small are outside.

        Raises
        ------
        InputError
            For a mask that is not bool, or not of the picture's size.

        Examples
        --------
        >>> import numpy as np
        >>> mask = np.array([[False, True, True, False], [False, True, False, False]])
        >>> Preprocessing(resize=2, crop=2).mask_to_input(mask, width=4, height=2).astype(int).tolist()
        [[1, 1], [1, 0]]
        """
        mask = np.asarray(mask)
        if mask.shape != (height, width) or mask.dtype != np.bool_ or not mask.size:
            raise InputError(
                "This mask cannot be carried to the network's input",
                value=f"shape {mask.shape}, {mask.dtype}",
                expected=f"({height}, {width}) of bool: the picture's height and width",
                remedy="give the mask in pixels of the original picture",
            )
        sides = np.array([height]), np.array([width])
        new_width, new_height = self._resized(sides[1], sides[0])
        places, shown = [], []
        for old, new in zip((height, width), (new_height, new_width), strict=True):
            pixel = np.arange(self.crop) + int(self._crop_offset(new)[0])
            # whole numbers: a centre on a border must not hang on rounding
            places.append((2 * pixel + 1) * old // (2 * int(new[0])))
            shown.append((pixel >= 0) & (pixel < new[0]))
        inside = mask[np.ix_(*[place.clip(0, old - 1) for place, old in zip(places, mask.shape, strict=True)])]
        return inside & shown[0][:, None] & shown[1]

    def as_dict(self) -> dict[str, object]:
        """Return what must stand in the key of every result made with these inputs."""
        return {**self.geometry_part, "mean": list(self.mean), "std": list(self.std)}

    @property
    def geometry_part(self) -> dict[str, object]:
        """What must stand in the key of pictures that went through `geometry`; grey only where it is so."""
        return {"resize": self.resize, "crop": self.crop, **({"grey": True} if self.grey else {})}

    def _resized(self, width: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # torchvision cuts the long side off to a full number: int(resize * long / short)
        short, long = np.minimum(width, height), np.maximum(width, height)
        new_long = (self.resize * long / short).astype(np.int64)
        new_short = np.full_like(new_long, self.resize)
        return np.where(width <= height, new_short, new_long), np.where(width <= height, new_long, new_short)

    def _crop_offset(self, size: np.ndarray) -> np.ndarray:
        # torchvision's center_crop: pads where the picture is too small, else int(round(half the rest)), half to even
        padding = np.where(self.crop > size, (self.crop - size) // 2, 0)
        return np.where(size >= self.crop, np.rint((size - self.crop) / 2.0), -padding).astype(np.float64)


class InputImages(Dataset):
    """A torch data set of preprocessed pictures, for a DataLoader.

    Parameters
    ----------
    paths : sequence of Path
        The files, e.g. ``ImageCheck.found["path"]``.
    preprocessing : Preprocessing
        What the weights expect.
    max_pixels : int
        As in `read_image`.
    """

    def __init__(self, paths: Sequence[Path | str], preprocessing: Preprocessing, max_pixels: int = MAX_PIXELS) -> None:
        self.paths = [str(path) for path in paths]
        self.preprocessing, self.max_pixels = preprocessing, max_pixels

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        """Return one input, float32 of shape (3, crop, crop)."""
        return self.preprocessing(read_image(self.paths[index], self.max_pixels))


def load_images(
    paths: Sequence[Path | str], preprocessing: Preprocessing, max_pixels: int = MAX_PIXELS
) -> torch.Tensor:
    """Read some pictures into one batch; for a whole corpus use `InputImages`.

    Returns
    -------
    Tensor
        float32 of shape (image, 3, crop, crop).
    """
    data = InputImages(paths, preprocessing, max_pixels)
    if not len(data):
        return torch.empty(0, 3, preprocessing.crop, preprocessing.crop)
    return torch.stack([data[index] for index in range(len(data))])


def _bad_boxes(value: str, expected: str) -> InputError:
    return InputError(
        "These boxes cannot be carried to the network's input",
        value=value,
        expected=expected,
        remedy="give boxes as x0, y0, x1, y1 in pixels of the original picture",
    )
