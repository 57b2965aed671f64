"""How the toy world draws people. Build and outline differ between the classes; colours do not tell them apart."""

from __future__ import annotations

import numpy as np

from o2b_helpers.toyworld.pen import Pen, colour_near, darker, hair, skin


def draw_man(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a man: tall, square shoulders, long trousers, short hair."""
    face, crown = skin(rng), hair(rng)
    shirt = colour_near(rng, rng.uniform(), 0.1)
    trousers = colour_near(rng, rng.uniform(), 0.1, value=(0.15, 0.5))
    spread = rng.uniform(0.0, 0.06)
    pen.rectangle(0.04, 0.26, 0.22, 0.58 + spread, darker(shirt, 0.8), radius=0.08)
    pen.rectangle(0.78, 0.26, 0.96, 0.58 + spread, darker(shirt, 0.8), radius=0.08)
    pen.rectangle(0.2, 0.56, 0.46 - spread, 1.0, trousers)
    pen.rectangle(0.54 + spread, 0.56, 0.8, 1.0, trousers)
    pen.rectangle(0.14, 0.24, 0.86, 0.6, shirt, radius=0.08)
    pen.ellipse(0.26, 0.0, 0.74, 0.2, crown)
    pen.ellipse(0.28, 0.04, 0.72, 0.25, face)


def draw_woman(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a woman: tall, long hair to the shoulders, a wide dress, thin legs."""
    face, crown = skin(rng), hair(rng)
    dress = colour_near(rng, rng.uniform(), 0.1)
    hem = rng.uniform(0.74, 0.82)
    pen.rectangle(0.34, hem - 0.04, 0.44, 1.0, face)
    pen.rectangle(0.56, hem - 0.04, 0.66, 1.0, face)
    pen.line([(0.4, 0.3), (0.1, 0.52)], face, 0.1)
    pen.line([(0.6, 0.3), (0.9, 0.52)], face, 0.1)
    pen.polygon([(0.36, 0.26), (0.64, 0.26), (0.98, hem), (0.02, hem)], dress)
    pen.rectangle(0.2, 0.06, 0.8, 0.36, crown, radius=0.2)
    pen.ellipse(0.2, 0.0, 0.8, 0.22, crown)
    pen.ellipse(0.31, 0.06, 0.69, 0.26, face)


def draw_boy(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a boy: large head with a cap, both arms up, short trousers."""
    face = skin(rng)
    shirt = colour_near(rng, rng.uniform(), 0.1)
    shorts = colour_near(rng, rng.uniform(), 0.1, value=(0.2, 0.6))
    cap = colour_near(rng, rng.uniform(), 0.1)
    reach = rng.uniform(0.1, 0.22)
    pen.line([(0.34, 0.52), (0.06, reach)], face, 0.13)
    pen.line([(0.66, 0.52), (0.94, reach)], face, 0.13)
    pen.rectangle(0.32, 0.78, 0.44, 1.0, face)
    pen.rectangle(0.56, 0.78, 0.68, 1.0, face)
    pen.rectangle(0.28, 0.68, 0.72, 0.86, shorts)
    pen.rectangle(0.26, 0.46, 0.74, 0.72, shirt, radius=0.08)
    pen.ellipse(0.24, 0.1, 0.76, 0.5, face)
    pen.polygon([(0.24, 0.24), (0.3, 0.08), (0.5, 0.02), (0.7, 0.08), (0.76, 0.24)], cap)
    pen.rectangle(0.5, 0.2, 0.98, 0.27, darker(cap, 0.7))
