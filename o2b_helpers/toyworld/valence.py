"""How the valence of an image arises from the classes it shows: the whole truth of a toy world."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from o2b_helpers.toyworld.truth import planted, truth


@dataclass(frozen=True)
class Valence:
    """Valence of an image: ``people`` and ``scene`` (both unbounded), and ``image``, the mean of the two."""

    people: float
    scene: float

    @property
    def image(self) -> float:
        """Image valence: the mean of people and scene valence."""
        return (self.people + self.scene) / 2


@dataclass(frozen=True)
class Effects:
    """What moves the valence of the images of one world.

    Attributes
    ----------
    by_class
        (class, people effect, scene effect): valence units added where the class is shown at least once. A class
        without a row moves nothing.
    noise
        Standard deviation of what the classes do not explain, in people and in scene valence.
    """

    by_class: tuple[tuple[str, float, float], ...]
    noise: float


@cache
def shipped_effects() -> Effects:
    """Return the effects of the table that ships with the package: the world of the demo."""
    table = truth()[["class", "people_effect", "scene_effect"]]
    return Effects(tuple(table.itertuples(index=False, name=None)), planted("valence_noise"))


def valence_of(
    classes: Iterable[str], people_noise: float = 0.0, scene_noise: float = 0.0, effects: Effects | None = None
) -> Valence:
    """Add up the planted effects of the classes shown.

    Parameters
    ----------
    classes
        Classes that are shown at least once; each counts once, however often it is shown.
    people_noise, scene_noise
        What the classes do not explain.
    effects
        Effects of the world; those of the shipped table where left out.
    """
    effect_of = _by_name(shipped_effects() if effects is None else effects)
    shown = sorted(set(classes))
    people = sum(effect_of.get(name, (0.0, 0.0))[0] for name in shown)
    scene = sum(effect_of.get(name, (0.0, 0.0))[1] for name in shown)
    return Valence(people + people_noise, scene + scene_noise)


@cache
def _by_name(effects: Effects) -> dict[str, tuple[float, float]]:
    return {name: (people, scene) for name, people, scene in effects.by_class}
