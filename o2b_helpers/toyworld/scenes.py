"""Scenes: which objects stand where, and the picture with or without one class.

A scene is a plain value. All that is random about an object's look comes from the object's own seed, so that the
picture can be drawn again without one class and every pixel that the class did not cover stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from o2b_helpers.core.errors import InputError
from o2b_helpers.toyworld.backgrounds import PAINTED, Style, apply_light, draw_background, in_style
from o2b_helpers.toyworld.shapes import sprite
from o2b_helpers.toyworld.truth import class_names, planted, truth
from o2b_helpers.toyworld.valence import Effects, Valence, shipped_effects, valence_of

MOST_DRAWS = 20_000  # contents that are drawn for one stimulus before its pair of signs is held to be impossible


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene.

    Attributes
    ----------
    class_name
        Open Images class.
    box
        x0, y0, x1, y1 in pixels; x1 and y1 lie just outside. Tight around the object's own drawing, before any
        object in front of it hides a part.
    size
        Longer side of its frame in pixels.
    flipped
        Mirrored left to right.
    seed
        Seed of its colours and details.
    """

    class_name: str
    box: tuple[int, int, int, int]
    size: int
    flipped: bool
    seed: tuple[int, ...]


@dataclass(frozen=True)
class Scene:
    """A background and objects, the first the farthest, with what their classes do not explain of the valence.

    ``effects`` are those of the scene's world; those of the shipped table where there are none.
    """

    seed: tuple[int, ...]
    objects: tuple[SceneObject, ...]
    people_noise: float
    scene_noise: float
    effects: Effects | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes shown at least once, in the order of the truth table."""
        shown = {thing.class_name for thing in self.objects}
        return tuple(name for name in class_names() if name in shown)

    def valence(self, without: str | None = None) -> Valence:
        """Return the true valence of the scene, or of the scene without one class (the noise stays the same)."""
        shown = [name for name in self.classes if name != without]
        return valence_of(shown, self.people_noise, self.scene_noise, self.effects)


def draw_scene(
    seed: int | Sequence[int], people_sign: int = 0, scene_sign: int = 0, effects: Effects | None = None
) -> Scene:
    """Draw a scene from a seed.

    Parameters
    ----------
    seed
        One whole number or several; the same seed gives the same scene.
    people_sign, scene_sign
        +1 or -1 to draw until that valence has this sign and at least the planted ``stimulus_margin``;
        0 takes what comes.
    effects
        What the classes do to valence; the shipped table where left out.

    Returns
    -------
    Scene
        At least one object of the category Human is in it.

    Raises
    ------
    InputError
        If these effects hardly ever, or never, give a valence of these signs.
    """
    parts = (int(seed),) if isinstance(seed, int | np.integer) else tuple(int(part) for part in seed)
    rng = np.random.default_rng(parts)
    spread = (shipped_effects() if effects is None else effects).noise
    for _ in range(MOST_DRAWS):
        shown, noise = _content(rng, spread)
        if _agrees(valence_of(shown, *noise, effects), people_sign, scene_sign):
            return Scene(parts, tuple(_place(rng, shown, parts)), *noise, effects)
    raise InputError(
        "these effects give no stimulus with this pair of signs",
        value=f"people {people_sign:+d}, scene {scene_sign:+d}: none in {MOST_DRAWS} draws",
        expected=f"valences of either sign that reach {planted('stimulus_margin')}",
        remedy="give people and scene valence classes of both signs and of sufficient strength, or more noise",
    )


def render(scene: Scene, without: str | None = None, style: Style = PAINTED) -> Image.Image:
    """Draw the picture of a scene, or the same picture without one class.

    Parameters
    ----------
    scene
        The scene.
    without
        A class that is left out. Every pixel that this class's objects do not touch is the same in both pictures.
    style
        How it is drawn, see `in_style`.

    Returns
    -------
    PIL.Image.Image
        RGB, 128 x 128 (``planted("image_size")``).

    Raises
    ------
    InputError
        If the scene shows nothing of the class that is to be left out.
    """
    if without is not None and without not in scene.classes:
        raise InputError(
            "the scene shows no object of the class that is to be left out",
            value=without,
            expected="one of " + ", ".join(scene.classes),
            remedy="choose a class from scene.classes",
        )
    picture = draw_background(planted("image_size"), (*scene.seed, 0))
    for thing in scene.objects:
        if thing.class_name != without:
            drawing = sprite(thing.class_name, thing.size, thing.flipped, thing.seed)
            picture.paste(drawing, thing.box[:2], drawing)
    return in_style(apply_light(picture, (*scene.seed, 1)), style, scene.seed)


def _content(rng: np.random.Generator, spread: float) -> tuple[list[str], tuple[float, float]]:
    names, probability, people = _chances()
    shown = rng.uniform(size=len(names)) < probability
    if not shown[people].any():
        shown[rng.choice(people)] = True
    noise = rng.normal(0.0, spread, 2)
    return [name for name, is_shown in zip(names, shown, strict=True) if is_shown], (float(noise[0]), float(noise[1]))


@cache
def _chances() -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Classes, how often each is shown, and which of them are people; a stimulus may take thousands of draws."""
    table = truth()
    return class_names(), table["probability"].to_numpy(), np.flatnonzero(table["category"] == "Human")


def _agrees(valence: Valence, people_sign: int, scene_sign: int) -> bool:
    margin = planted("stimulus_margin")
    people = people_sign == 0 or valence.people * people_sign >= margin
    return people and (scene_sign == 0 or valence.scene * scene_sign >= margin)


def _place(rng: np.random.Generator, shown: list[str], parts: tuple[int, ...]) -> list[SceneObject]:
    names = shown + [name for name in shown if rng.uniform() < planted("second_instance")]
    table = truth()
    smallest, largest = (dict(zip(table["class"], table[column], strict=True)) for column in ("size_low", "size_high"))
    placed: list[SceneObject] = []
    for index in rng.permutation(len(names)):
        name = names[index]
        size = int(rng.integers(smallest[name], largest[name] + 1))
        flipped = bool(rng.uniform() < 0.5)
        seed = (*parts, 2, int(index))
        width, height = sprite(name, size, flipped, seed).size
        placed.append(SceneObject(name, _free_box(rng, width, height, placed), size, flipped, seed))
    return placed


def _free_box(
    rng: np.random.Generator, width: int, height: int, placed: list[SceneObject]
) -> tuple[int, int, int, int]:
    side, tries = planted("image_size"), planted("placements")
    left = rng.integers(0, side - width + 1, tries)
    top = rng.integers(0, side - height + 1, tries)
    worst = np.zeros(tries)
    for thing in placed:
        x0, y0, x1, y1 = thing.box
        across = np.clip(np.minimum(left + width, x1) - np.maximum(left, x0), 0, None)
        down = np.clip(np.minimum(top + height, y1) - np.maximum(top, y0), 0, None)
        worst = np.maximum(worst, across * down / min(width * height, (x1 - x0) * (y1 - y0)))
    free = np.flatnonzero(worst <= planted("overlap_limit"))
    chosen = int(free[0]) if len(free) else int(np.argmin(worst))
    x, y = int(left[chosen]), int(top[chosen])
    return x, y, x + width, y + height
