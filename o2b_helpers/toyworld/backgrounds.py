"""Backgrounds, light and style of a scene. They vary from image to image and say nothing about valence.

The same scenes can be drawn in two styles: as they are painted, or as if they were printed.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from PIL import Image

from o2b_helpers.core.errors import InputError
from o2b_helpers.toyworld.pen import hsv

Style = Literal["painted", "printed"]
PAINTED: Style = "painted"
STYLES: tuple[Style, ...] = get_args(Style)
STREAM = 3  # of a scene's seed; the streams before it draw background, light and objects
LEVELS = 8  # of each colour in print


def draw_background(size: int, seed: tuple[int, ...]) -> Image.Image:
    """Draw a sky and a ground with soft blotches.

    Parameters
    ----------
    size
        Side in pixels.
    seed
        Seed of the background.

    Returns
    -------
    PIL.Image.Image
        RGB, ``size`` x ``size``.
    """
    rng = np.random.default_rng(seed)
    rows = np.linspace(0.0, 1.0, size)[:, None, None]
    top, middle, bottom = (
        np.array(hsv(rng.uniform(), rng.uniform(0.05, 0.4), rng.uniform(0.35, 0.95))) for _ in range(3)
    )
    horizon = rng.uniform(0.3, 0.75)
    sky = top + (middle - top) * np.clip(rows / horizon, 0.0, 1.0)
    ground = bottom * (0.8 + 0.3 * (rows - horizon))
    colour = np.where(rows < horizon, sky, ground) + np.zeros((size, size, 3))
    blotches = Image.fromarray(rng.integers(0, 256, (10, 10, 3), dtype=np.uint8)).resize(
        (size, size), Image.Resampling.BICUBIC
    )
    colour = colour + (np.asarray(blotches, dtype=np.float64) - 127.5) * rng.uniform(0.03, 0.16)
    return Image.fromarray(np.clip(np.rint(colour), 0, 255).astype(np.uint8))


def apply_light(image: Image.Image, seed: tuple[int, ...]) -> Image.Image:
    """Change brightness, contrast and tint, each pixel by the same rule.

    Because the rule looks at one pixel at a time, two drawings that agree in a pixel still agree in it afterwards.
    """
    rng = np.random.default_rng(seed)
    gain, shift = rng.uniform(0.75, 1.1), rng.uniform(-18, 18)
    levels: list[int] = []
    for tint in rng.uniform(0.92, 1.08, 3):
        channel = np.clip(np.rint((np.arange(256) - 128) * gain * tint + 128 + shift), 0, 255)
        levels += [int(level) for level in channel]
    return image.point(levels)


def in_style(image: Image.Image, style: Style, seed: tuple[int, ...]) -> Image.Image:
    """Draw a painted picture in a style.

    Printed: the colours are turned (red becomes green, and so on), made brighter or darker and cut to a few levels, and
    a screen of fine lines lies over all. Each pixel is changed by what stands in it and by its place, so that two
    pictures that agree in a pixel still agree in it afterwards.

    Parameters
    ----------
    image
        RGB.
    style
        ``"painted"`` leaves the picture as it is.
    seed
        The scene's seed; what is drawn comes from a stream of its own.

    Raises
    ------
    InputError
        The style is unknown.

    Examples
    --------
    >>> picture = Image.new("RGB", (4, 4), (200, 100, 0))
    >>> in_style(picture, "painted", (1, 2)) is picture, in_style(picture, "printed", (1, 2)).size
    (True, (4, 4))
    """
    if style not in STYLES:
        raise InputError(
            "The toy world is not drawn in this style",
            value=style,
            expected=" or ".join(STYLES),
            remedy="choose one of these",
        )
    if style == PAINTED:
        return image
    rng = np.random.default_rng([*seed, STREAM])
    gamma, angle, phase = rng.uniform(0.6, 1.2), rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    turned = np.asarray(image, dtype=np.float64)[..., [2, 0, 1]] / 255
    printed = np.rint(turned**gamma * (LEVELS - 1)) / (LEVELS - 1)
    down, across = np.mgrid[: image.height, : image.width]
    lines = np.sin(2 * np.pi * (across * np.cos(angle) + down * np.sin(angle)) / rng.uniform(3, 6) + phase)
    screened = 255 * printed + rng.uniform(6, 18) * lines[..., None]
    return Image.fromarray(np.clip(np.rint(screened), 0, 255).astype(np.uint8))
