"""Backgrounds and light of a scene. They vary from image to image and say nothing about valence."""

from __future__ import annotations

import numpy as np
from PIL import Image

from o2b_helpers.toyworld.pen import hsv


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
