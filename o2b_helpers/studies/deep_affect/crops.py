"""What a network sees of a picture: all of it, or boxes that are cut out."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from o2b_helpers.inputs.images.preprocessing import Preprocessing


def whole_pixels(image: Image.Image, preprocessing: Preprocessing, fit: str) -> torch.Tensor:
    """Return the bytes of a whole picture as a network's input.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    preprocessing : Preprocessing
        Resize and crop.
    fit : {"crop", "stretch"}
        Keep the aspect and cut the middle out, or stretch the picture to a square before that.

    Returns
    -------
    Tensor (3, crop, crop), uint8

    Examples
    --------
    >>> whole_pixels(Image.new("RGB", (300, 200)), Preprocessing(64, 56), "stretch").shape
    torch.Size([3, 56, 56])
    """
    if fit == "stretch":
        image = image.resize((preprocessing.resize, preprocessing.resize), Image.Resampling.BILINEAR)
    return preprocessing.geometry(image)


def box_pixels(
    image: Image.Image, boxes: np.ndarray, preprocessing: Preprocessing, margin: float
) -> tuple[torch.Tensor, np.ndarray]:
    """Cut boxes out of a picture, each put into the middle of a black square and resized.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    boxes : array (box, 4)
        x0, y0, x1, y1 in pixels.
    preprocessing : Preprocessing
        Resize and crop.
    margin : float
        Share of its sides by which a box is grown around its middle; what leaves the picture is cut off.

    Returns
    -------
    pixels : Tensor (box, 3, crop, crop), uint8
        Boxes of less than a pixel are left out.
    area : array (box,)
        Area of each box before it was grown, in pixels.

    Examples
    --------
    >>> pixels, area = box_pixels(
    ...     Image.new("RGB", (90, 60), "white"), np.array([[10, 10, 30, 50]]), Preprocessing(32, 32), 0.0
    ... )
    >>> pixels.shape, area.tolist(), pixels[0, 0, 16, [2, 16, 29]].tolist()
    (torch.Size([1, 3, 32, 32]), [800.0], [0, 255, 0])
    """
    pixels, areas = [], []
    for x0, y0, x1, y1 in np.asarray(boxes, np.float64):
        grow_x, grow_y = margin * (x1 - x0) / 2, margin * (y1 - y0) / 2
        left, top = max(0, round(x0 - grow_x)), max(0, round(y0 - grow_y))
        right, bottom = min(image.width, round(x1 + grow_x)), min(image.height, round(y1 + grow_y))
        if right <= left or bottom <= top:
            continue
        side = max(right - left, bottom - top)
        square = Image.new("RGB", (side, side))
        place = (side - (right - left)) // 2, (side - (bottom - top)) // 2
        square.paste(image.crop((left, top, right, bottom)), place)
        pixels.append(preprocessing.geometry(square))
        areas.append((x1 - x0) * (y1 - y0))
    empty = torch.empty(0, 3, preprocessing.crop, preprocessing.crop, dtype=torch.uint8)
    return (torch.stack(pixels) if pixels else empty), np.array(areas, np.float64)
