"""Which shape draws which class, and the transparent sprite that comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image

from o2b_helpers.core.errors import InputError
from o2b_helpers.toyworld import people_shapes, thing_shapes
from o2b_helpers.toyworld.pen import Pen
from o2b_helpers.toyworld.truth import planted

Shape = Callable[[Pen, np.random.Generator], None]

# Width over height of each class's frame. It is part of the drawing, not of what is planted about valence.
SHAPES: dict[str, tuple[Shape, float]] = {
    "Man": (people_shapes.draw_man, 0.46),
    "Woman": (people_shapes.draw_woman, 0.5),
    "Boy": (people_shapes.draw_boy, 0.66),
    "Crutch": (thing_shapes.draw_crutch, 0.34),
    "Band-aid": (thing_shapes.draw_band_aid, 1.05),
    "Racket": (thing_shapes.draw_racket, 0.6),
    "Canoe": (thing_shapes.draw_canoe, 2.3),
    "Backpack": (thing_shapes.draw_backpack, 0.84),
    "Couch": (thing_shapes.draw_couch, 1.7),
    "Lamp": (thing_shapes.draw_lamp, 0.56),
    "Rose": (thing_shapes.draw_rose, 0.66),
    "Maple": (thing_shapes.draw_maple, 0.86),
    "Skyscraper": (thing_shapes.draw_skyscraper, 0.42),
    "Bus": (thing_shapes.draw_bus, 1.8),
}

# An edge pixel that the shape covers by less than this (of 255) would hardly be seen; it is made fully
# transparent, so that the box around the sprite is the box around what is visible.
_FAINTEST = 48

# A scene is placed, drawn, and drawn again without each of its classes: its sprites are drawn once for all of that.
_SPRITES_KEPT = 64


@lru_cache(_SPRITES_KEPT)
def sprite(class_name: str, size: int, flipped: bool, seed: tuple[int, ...]) -> Image.Image:
    """Draw one object on a transparent ground, cropped to what is visible of it.

    Parameters
    ----------
    class_name
        A toy class.
    size
        Longer side of the frame in pixels; the visible part may be a pixel or two smaller.
    flipped
        Whether the drawing is mirrored left to right.
    seed
        Seed of the object's own colours and details.

    Returns
    -------
    PIL.Image.Image
        RGBA; the first and last row and column each hold at least one visible pixel. Not to be changed in place.

    Raises
    ------
    InputError
        If the toy world cannot draw that class.
    """
    if class_name not in SHAPES:
        raise InputError(
            "the toy world cannot draw this class",
            value=class_name,
            expected="one of " + ", ".join(SHAPES),
            remedy="use one of the classes in truth.csv, or add its shape to shapes.py",
        )
    shape, aspect = SHAPES[class_name]
    width, height = (size, round(size / aspect)) if aspect > 1 else (round(size * aspect), size)
    factor = planted("supersampling")
    pen = Pen(width * factor, height * factor)
    shape(pen, np.random.default_rng(seed))
    image = pen.image.reduce(factor)
    alpha = image.getchannel("A").point([0 if level < _FAINTEST else level for level in range(256)])
    image.putalpha(alpha)
    image = image.crop(alpha.getbbox())
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flipped else image
