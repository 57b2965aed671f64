"""How the valence of an image arises from the classes it shows: the whole truth of the toy world."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from o2b_helpers.toyworld.truth import truth


@dataclass(frozen=True)
class Valence:
    """Valence of an image: ``people`` and ``scene`` (both unbounded), and ``image``, the mean of the two."""

    people: float
    scene: float

    @property
    def image(self) -> float:
        """Image valence: the mean of people and scene valence."""
        return (self.people + self.scene) / 2


def valence_of(classes: Iterable[str], people_noise: float = 0.0, scene_noise: float = 0.0) -> Valence:
    """Add up the planted effects of the classes shown.

    Parameters
    ----------
    classes
        Classes that are shown at least once; each counts once, however often it is shown.
    people_noise, scene_noise
        What the classes do not explain.
    """
    effects = _effects()
    shown = sorted(set(classes))
    people = sum(effects[name][0] for name in shown)
    scene = sum(effects[name][1] for name in shown)
    return Valence(people + people_noise, scene + scene_noise)


@cache
def _effects() -> dict[str, tuple[float, float]]:
    table = truth()
    pairs = zip(table["people_effect"], table["scene_effect"], strict=True)
    return dict(zip(table["class"], pairs, strict=True))
