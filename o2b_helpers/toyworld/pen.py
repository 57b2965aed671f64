"""A pen that draws in fractions of an object's own frame, so that shapes know nothing of pixels."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]


class Pen:
    """Draw on a transparent frame; coordinates run from 0 (left, top) to 1 (right, bottom).

    Parameters
    ----------
    width, height
        Size of the frame in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.image)
        self._width, self._height = width - 1, height - 1

    def _points(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self._width, y * self._height) for x, y in points]

    def _thickness(self, share: float) -> int:
        return max(1, round(share * min(self._width, self._height)))

    def ellipse(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill an ellipse."""
        self._draw.ellipse(self._points([(left, top), (right, bottom)]), fill=colour)

    def ring(self, left: float, top: float, right: float, bottom: float, colour: Colour, thickness: float) -> None:
        """Draw the outline of an ellipse; ``thickness`` is a share of the frame's shorter side."""
        box = self._points([(left, top), (right, bottom)])
        self._draw.ellipse(box, outline=colour, width=self._thickness(thickness))

    def rectangle(
        self, left: float, top: float, right: float, bottom: float, colour: Colour, radius: float = 0.0
    ) -> None:
        """Fill a rectangle; ``radius`` of its corners is a share of the frame's shorter side."""
        corner = radius * min(self._width, self._height)
        self._draw.rounded_rectangle(self._points([(left, top), (right, bottom)]), radius=corner, fill=colour)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._points(points), fill=colour)

    def line(self, points: Sequence[Point], colour: Colour, thickness: float) -> None:
        """Draw a line; ``thickness`` is a share of the frame's shorter side."""
        self._draw.line(self._points(points), fill=colour, width=self._thickness(thickness), joint="curve")


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Return an RGB colour (0..255) from hue, saturation and value (0..1; hue wraps round)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def colour_near(
    rng: np.random.Generator,
    hue: float,
    spread: float,
    saturation: tuple[float, float] = (0.5, 0.95),
    value: tuple[float, float] = (0.5, 0.95),
) -> Colour:
    """Draw a colour whose hue lies within ``spread`` of ``hue`` (both in turns of the colour wheel)."""
    return hsv(hue + rng.uniform(-spread, spread), rng.uniform(*saturation), rng.uniform(*value))


def darker(colour: Colour, factor: float) -> Colour:
    """Return the colour multiplied by ``factor`` (above 1: brighter, up to white)."""
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue


def skin(rng: np.random.Generator) -> Colour:
    """Draw a skin colour, from dark to light."""
    return hsv(rng.uniform(0.04, 0.09), rng.uniform(0.3, 0.6), rng.uniform(0.4, 0.98))


def hair(rng: np.random.Generator) -> Colour:
    """Draw a hair colour."""
    return hsv(rng.uniform(0.02, 0.13), rng.uniform(0.2, 0.8), rng.uniform(0.08, 0.7))
