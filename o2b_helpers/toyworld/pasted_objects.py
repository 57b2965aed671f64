"""Three objects with transparency that are pasted onto pictures: a rugby ball, a soccer ball, a lotus (EmoCAM, 3.2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image

from o2b_helpers.core.errors import InputError
from o2b_helpers.toyworld.pen import Pen, Point

SIZE = 320  # pixels of the longer side; pasted objects are made smaller
SUPERSAMPLING = 4
WHITE, BLACK = (245, 245, 245), (28, 28, 32)


def draw_rugby_ball(pen: Pen) -> None:
    """Draw a brown oval with white ends, bands beside them, and two seams."""
    leather = (146, 82, 42)
    pen.polygon(_oval(0.0, 1.0), WHITE)
    pen.polygon(_oval(0.13, 0.87), leather)
    for start, stop in ((0.18, 0.22), (0.78, 0.82)):
        pen.polygon(_oval(start, stop), WHITE)
    for bend in (-0.13, 0.13):
        seam = [(x, 0.5 + bend * math.sin(math.pi * x)) for x in np.linspace(0.22, 0.78, 30).tolist()]
        pen.line(seam, (96, 52, 26), 0.03)


def draw_soccer_ball(pen: Pen) -> None:
    """Draw a white ball with a black pentagon in the middle, seams, and five cut pentagons at the edge."""
    pen.ellipse(0.0, 0.0, 1.0, 1.0, BLACK)
    pen.ellipse(0.015, 0.015, 0.985, 0.985, WHITE)
    pen.polygon(_ring_of_points(5, 0.17, 0.0), BLACK)
    for number in range(5):
        middle, turn = number / 5, 0.5 / 5
        pen.line([_on_ring(0.17, middle), _on_ring(0.31, middle)], BLACK, 0.02)
        edge = [_on_ring(0.485, middle - 0.05), _on_ring(0.37, middle - 0.038), _on_ring(0.31, middle)]
        edge += [_on_ring(0.37, middle + 0.038), _on_ring(0.485, middle + 0.05)]
        pen.polygon(edge, BLACK)
        pen.line([_on_ring(0.37, middle + 0.038), _on_ring(0.37, middle + 2 * turn - 0.038)], BLACK, 0.02)


def draw_lotus(pen: Pen) -> None:
    """Draw pink petals that open like a fan, a yellow heart and two green leaves."""
    pen.polygon(_petal(0.5, 0.97, 0.5, 0.26, 0.12), (46, 112, 62))
    pen.polygon(_petal(0.5, 0.97, 0.5, 0.74, 0.12), (46, 112, 62))
    outer, middle, inner = (221, 106, 150), (238, 146, 180), (250, 195, 214)
    for angle, reach, colour in (
        (0.19, 0.5, outer), (0.81, 0.5, outer), (0.11, 0.66, outer), (0.89, 0.66, outer),
        (0.06, 0.76, middle), (0.94, 0.76, middle), (0.0, 0.92, middle),
        (0.11, 0.44, inner), (0.89, 0.44, inner), (0.04, 0.58, inner), (0.96, 0.58, inner),
    ):  # fmt: skip
        pen.polygon(_petal(0.5, 0.93, reach, angle, 0.2), colour)
    pen.ellipse(0.42, 0.68, 0.58, 0.84, (240, 200, 70))


OBJECTS: dict[str, tuple[Callable[[Pen], None], float]] = {
    "rugby ball": (draw_rugby_ball, 1.5),
    "soccer ball": (draw_soccer_ball, 1.0),
    "lotus": (draw_lotus, 1.25),
}


@lru_cache
def pasted_object(name: str, size: int = SIZE) -> Image.Image:
    """Draw an object on a transparent ground, cropped to what is visible of it.

    Parameters
    ----------
    name : str
        One of `OBJECTS`.
    size : int
        Longer side in pixels.

    Returns
    -------
    PIL.Image.Image
        RGBA; not to be changed in place.

    Raises
    ------
    InputError
        The toy world cannot draw that object.

    Examples
    --------
    >>> pasted_object("rugby ball").size, pasted_object("soccer ball").mode
    ((320, 213), 'RGBA')
    """
    if name not in OBJECTS:
        raise InputError(
            "The toy world cannot draw this object",
            value=repr(name),
            expected="one of " + ", ".join(OBJECTS),
            remedy="use one of these, or give a picture with transparency",
        )
    draw, aspect = OBJECTS[name]
    width, height = (size, round(size / aspect)) if aspect >= 1 else (round(size * aspect), size)
    pen = Pen(width * SUPERSAMPLING, height * SUPERSAMPLING)
    draw(pen)
    image = pen.image.reduce(SUPERSAMPLING)
    return image.crop(image.getchannel("A").getbbox())


def _oval(start: float, stop: float) -> list[Point]:
    """Outline of the part of a rugby ball between two places along its length."""
    along = np.linspace(start, stop, 60)
    half = 0.5 * np.sin(np.pi * along) ** 0.62  # a little more pointed than an ellipse
    upper = [(float(x), float(0.5 - y)) for x, y in zip(along, half, strict=True)]
    return upper + [(x, 1.0 - y) for x, y in reversed(upper)]


def _on_ring(radius: float, turn: float) -> Point:
    """Point on a circle around the middle; 0 is on top, 1 once around."""
    return 0.5 + radius * math.sin(2 * math.pi * turn), 0.5 - radius * math.cos(2 * math.pi * turn)


def _ring_of_points(count: int, radius: float, turn: float) -> list[Point]:
    return [_on_ring(radius, turn + number / count) for number in range(count)]


def _petal(x: float, y: float, length: float, turn: float, width: float) -> list[Point]:
    """Outline of a pointed petal that grows from (x, y); `turn` 0 is upwards, 0.25 to the right."""
    along = np.linspace(0.0, 1.0, 30)
    side = width / 2 * np.sin(np.pi * along**0.8)
    dx, dy = math.sin(2 * math.pi * turn), -math.cos(2 * math.pi * turn)
    right = [(x + length * a * dx - s * dy, y + length * a * dy + s * dx) for a, s in zip(along, side, strict=True)]
    left = [(x + length * a * dx + s * dy, y + length * a * dy - s * dx) for a, s in zip(along, side, strict=True)]
    outline = right + left[::-1]
    return [(float(min(max(px, 0.0), 1.0)), float(min(max(py, 0.0), 1.0))) for px, py in outline]
