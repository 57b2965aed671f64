"""How the toy world draws things. Each class has an outline of its own; colours vary and partly overlap."""

from __future__ import annotations

import numpy as np

from o2b_helpers.toyworld.pen import Pen, colour_near, darker, hsv


def draw_crutch(pen: Pen, rng: np.random.Generator) -> None:
    """Draw two bars that meet below, a pad on top, a grip in the middle."""
    bar = colour_near(rng, 0.09, 0.05, saturation=(0.1, 0.6), value=(0.6, 0.95))
    pad = hsv(rng.uniform(), rng.uniform(0.0, 0.4), rng.uniform(0.1, 0.35))
    pen.line([(0.16, 0.06), (0.46, 0.74), (0.46, 0.97)], bar, 0.13)
    pen.line([(0.84, 0.06), (0.54, 0.74), (0.54, 0.97)], bar, 0.13)
    pen.line([(0.28, 0.38), (0.72, 0.38)], pad, 0.14)
    pen.rectangle(0.0, 0.0, 1.0, 0.1, pad, radius=0.1)
    pen.rectangle(0.36, 0.94, 0.64, 1.0, pad)


def draw_band_aid(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a slanted strip with a light pad in the middle."""
    strip = colour_near(rng, 0.07, 0.04, saturation=(0.35, 0.65), value=(0.7, 0.98))
    pad = hsv(0.1, rng.uniform(0.0, 0.12), rng.uniform(0.88, 1.0))
    pen.ellipse(0.0, 0.5, 0.42, 1.0, strip)
    pen.ellipse(0.58, 0.0, 1.0, 0.5, strip)
    pen.polygon([(0.05, 0.57), (0.63, 0.06), (0.95, 0.43), (0.37, 0.94)], strip)
    pen.polygon([(0.28, 0.53), (0.53, 0.29), (0.72, 0.47), (0.47, 0.71)], pad)
    for x, y in ((0.12, 0.74), (0.24, 0.86), (0.76, 0.14), (0.88, 0.26)):
        pen.ellipse(x - 0.04, y - 0.04, x + 0.04, y + 0.04, darker(strip, 0.6))


def draw_racket(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a round frame with strings and a handle."""
    frame = colour_near(rng, rng.uniform(), 0.1)
    strings = hsv(0.15, rng.uniform(0.0, 0.2), rng.uniform(0.8, 1.0))
    for place in (0.28, 0.42, 0.58, 0.72):
        pen.line([(place, 0.06), (place, 0.56)], strings, 0.045)
    for place in (0.14, 0.25, 0.36, 0.47):
        pen.line([(0.1, place), (0.9, place)], strings, 0.045)
    pen.ring(0.04, 0.0, 0.96, 0.62, frame, 0.11)
    pen.polygon([(0.34, 0.58), (0.66, 0.58), (0.56, 0.7), (0.44, 0.7)], frame)
    pen.rectangle(0.41, 0.66, 0.59, 1.0, hsv(0.07, 0.5, rng.uniform(0.15, 0.4)))


def draw_canoe(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a long hull that is raised at both ends, with a paddle across."""
    hull = colour_near(rng, rng.choice([0.02, 0.12, 0.33]), 0.05)
    pen.polygon(
        [(0.0, 0.28), (0.14, 0.5), (0.86, 0.5), (1.0, 0.28), (0.94, 0.8), (0.8, 1.0), (0.2, 1.0), (0.06, 0.8)], hull
    )
    pen.rectangle(0.16, 0.5, 0.84, 0.6, darker(hull, 0.45))
    pen.line([(0.06, 0.74), (0.94, 0.74)], darker(hull, 1.5), 0.07)
    paddle = hsv(0.1, 0.5, rng.uniform(0.5, 0.9))
    pen.line([(0.3, 0.06), (0.62, 0.72)], paddle, 0.09)
    pen.ellipse(0.22, 0.0, 0.36, 0.26, paddle)


def draw_backpack(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a rounded bag with a loop on top, a pocket and side pockets."""
    cloth = colour_near(rng, rng.uniform(), 0.1)
    pen.ring(0.34, 0.0, 0.66, 0.26, darker(cloth, 0.5), 0.08)
    pen.rectangle(0.0, 0.5, 0.24, 0.92, darker(cloth, 0.6), radius=0.1)
    pen.rectangle(0.76, 0.5, 1.0, 0.92, darker(cloth, 0.6), radius=0.1)
    pen.rectangle(0.1, 0.12, 0.9, 1.0, cloth, radius=0.24)
    pen.rectangle(0.22, 0.54, 0.78, 0.9, darker(cloth, 0.7), radius=0.1)
    pen.line([(0.24, 0.64), (0.76, 0.64)], hsv(0.14, 0.2, 0.95), 0.05)
    pen.line([(0.16, 0.4), (0.84, 0.4)], darker(cloth, 0.5), 0.06)


def draw_couch(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a back, two seat cushions, two arms, short feet."""
    cover = colour_near(rng, rng.uniform(), 0.1, saturation=(0.25, 0.8))
    pen.rectangle(0.08, 0.86, 0.16, 1.0, hsv(0.08, 0.5, 0.2))
    pen.rectangle(0.84, 0.86, 0.92, 1.0, hsv(0.08, 0.5, 0.2))
    pen.rectangle(0.08, 0.0, 0.92, 0.7, darker(cover, 0.75), radius=0.16)
    pen.rectangle(0.12, 0.5, 0.495, 0.76, darker(cover, 1.25), radius=0.08)
    pen.rectangle(0.505, 0.5, 0.88, 0.76, darker(cover, 1.25), radius=0.08)
    pen.rectangle(0.08, 0.72, 0.92, 0.9, cover)
    pen.rectangle(0.0, 0.34, 0.15, 0.9, cover, radius=0.12)
    pen.rectangle(0.85, 0.34, 1.0, 0.9, cover, radius=0.12)


def draw_lamp(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a shade, a thin stand and a round foot."""
    shade = colour_near(rng, 0.14, 0.06, saturation=(0.2, 0.7), value=(0.8, 1.0))
    stand = hsv(rng.uniform(), rng.uniform(0.0, 0.4), rng.uniform(0.1, 0.5))
    pen.rectangle(0.44, 0.36, 0.56, 0.96, stand)
    pen.ellipse(0.2, 0.88, 0.8, 1.0, stand)
    pen.polygon([(0.28, 0.0), (0.72, 0.0), (1.0, 0.42), (0.0, 0.42)], shade)
    pen.line([(0.04, 0.38), (0.96, 0.38)], darker(shade, 0.65), 0.07)


def draw_rose(pen: Pen, rng: np.random.Generator) -> None:
    """Draw nested petals on a stem with two leaves."""
    petal = colour_near(rng, rng.choice([0.97, 0.92, 0.13]), 0.03, saturation=(0.6, 1.0), value=(0.7, 1.0))
    green = colour_near(rng, 0.33, 0.05, value=(0.3, 0.7))
    pen.line([(0.5, 0.4), (0.5, 1.0)], green, 0.1)
    pen.polygon([(0.5, 0.84), (0.12, 0.6), (0.2, 0.8)], green)
    pen.polygon([(0.5, 0.92), (0.88, 0.66), (0.8, 0.88)], green)
    for x, y in ((0.3, 0.16), (0.7, 0.16), (0.22, 0.32), (0.78, 0.32), (0.5, 0.4), (0.5, 0.14)):
        pen.ellipse(x - 0.22, y - 0.14, x + 0.22, y + 0.14, petal)
    pen.ellipse(0.26, 0.1, 0.74, 0.42, darker(petal, 0.72))
    pen.ellipse(0.33, 0.15, 0.67, 0.37, petal)
    pen.ellipse(0.41, 0.2, 0.59, 0.32, darker(petal, 0.5))


def draw_maple(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a trunk under a wide crown of leaves."""
    leaf = colour_near(rng, rng.choice([0.03, 0.08, 0.3]), 0.03, value=(0.45, 0.9))
    pen.polygon([(0.44, 0.55), (0.56, 0.55), (0.61, 1.0), (0.39, 1.0)], hsv(0.07, 0.6, rng.uniform(0.2, 0.45)))
    for x, y in ((0.2, 0.44), (0.8, 0.44), (0.3, 0.24), (0.7, 0.24), (0.5, 0.16), (0.5, 0.46)):
        pen.ellipse(x - 0.2, y - 0.16, x + 0.2, y + 0.16, leaf)
    for _ in range(10):
        x, y = rng.uniform(0.15, 0.85), rng.uniform(0.12, 0.5)
        pen.ellipse(x - 0.05, y - 0.04, x + 0.05, y + 0.04, darker(leaf, rng.choice([0.7, 1.3])))


def draw_skyscraper(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a tower with rows of windows and an aerial."""
    wall = hsv(rng.uniform(0.5, 0.7), rng.uniform(0.05, 0.4), rng.uniform(0.3, 0.75))
    light, dark = hsv(0.14, rng.uniform(0.1, 0.5), 1.0), darker(wall, 0.45)
    pen.line([(0.5, 0.0), (0.5, 0.12)], dark, 0.07)
    pen.rectangle(0.22, 0.07, 0.78, 0.2, wall)
    pen.rectangle(0.0, 0.16, 1.0, 1.0, wall)
    for row in range(7):
        for column in range(3):
            left, top = 0.1 + 0.29 * column, 0.21 + 0.112 * row
            pen.rectangle(left, top, left + 0.2, top + 0.065, light if rng.uniform() < 0.6 else dark)


def draw_bus(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a long body with a row of windows, a stripe and two wheels."""
    paint = colour_near(rng, rng.uniform(), 0.1, saturation=(0.6, 1.0), value=(0.6, 1.0))
    glass = hsv(rng.uniform(0.5, 0.6), rng.uniform(0.1, 0.4), rng.uniform(0.75, 0.98))
    pen.rectangle(0.0, 0.0, 1.0, 0.84, paint, radius=0.14)
    for column in range(5):
        pen.rectangle(0.06 + 0.185 * column, 0.12, 0.2 + 0.185 * column, 0.42, glass)
    pen.rectangle(0.0, 0.56, 1.0, 0.64, darker(paint, 0.5))
    for x in (0.23, 0.77):
        pen.ellipse(x - 0.1, 0.62, x + 0.1, 1.0, (25, 25, 28))
        pen.ellipse(x - 0.045, 0.72, x + 0.045, 0.9, (190, 190, 195))
