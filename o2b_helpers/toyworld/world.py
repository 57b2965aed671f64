"""Write the toy world to a folder: corpus, stimuli and human data in the form a user would bring their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from o2b_helpers.core.progress import progress
from o2b_helpers.toyworld.backgrounds import PAINTED, Style
from o2b_helpers.toyworld.emotions import Emotions, arousal_of, emotions_of
from o2b_helpers.toyworld.scenes import Scene, draw_scene, render
from o2b_helpers.toyworld.truth import planted
from o2b_helpers.toyworld.valence import Effects

# Sign of people and of scene valence in each of the four cells of the stimulus set (METHODS 1).
CELLS = ((1, 1), (-1, -1), (1, -1), (-1, 1))


def corpus_scene(seed: int, index: int, effects: Effects | None = None) -> Scene:
    """Return the scene of one corpus image, so that it can be drawn again without one of its classes."""
    return draw_scene((seed, planted("corpus_stream"), index), effects=effects)


def stimulus_scene(seed: int, index: int, effects: Effects | None = None, per_cell: int | None = None) -> Scene:
    """Return the scene of one stimulus; ``per_cell`` (12 by default) in a row share a cell, in order of ``CELLS``."""
    people_sign, scene_sign = CELLS[index // (per_cell or planted("stimuli_per_cell"))]
    return draw_scene((seed, planted("stimulus_stream"), index), people_sign, scene_sign, effects)


def corpus_name(index: int) -> str:
    """Return the file name of a corpus image."""
    return f"corpus_{index:05d}.png"


def stimulus_name(index: int) -> str:
    """Return the file name of a stimulus."""
    return f"stimulus_{index:02d}.png"


def rounded_valence(scene: Scene) -> int:
    """Return the valence an image is labelled with: a whole number from -3 to +3, 0 is neutral."""
    limit = planted("valence_limit")
    return int(np.clip(np.rint(scene.valence().image), -limit, limit))


def write_corpus(
    folder: Path,
    images: int,
    seed: int,
    effects: Effects | None = None,
    emotions: Emotions | None = None,
    style: Style = PAINTED,
) -> Path:
    """Draw a corpus and write its tables.

    Parameters
    ----------
    folder
        Where to write; made if absent.
    images
        Number of images.
    seed
        Seed of the corpus; the same seed gives the same bytes, and a longer corpus starts with the shorter one.
    effects, emotions
        What the classes do to valence, and which emotions they raise; the shipped table where left out.
    style
        How the scenes are drawn; scenes, valence and emotions are the same in every style.

    Returns
    -------
    pathlib.Path
        ``corpus.csv``: image, valence (whole numbers, -3..3), people_valence, scene_valence (unrounded, unbounded),
        emotion, arousal (-3..3, unrounded).
        Beside it lie ``objects.csv`` (image, class, x0, y0, x1, y1 in pixels, depth from 0 = farthest) and ``images/``.
    """
    folder = Path(folder)
    names = [corpus_name(index) for index in range(images)]
    scenes = _write_pictures(folder / "images", names, lambda index: corpus_scene(seed, index, effects), style)
    _write_table(_objects(names, scenes), folder / "objects.csv")
    table = _valences(names, scenes).assign(
        emotion=emotions_of(scenes, emotions), arousal=[arousal_of(scene) for scene in scenes]
    )
    return _write_table(table, folder / "corpus.csv")


def write_stimuli(folder: Path, seed: int, effects: Effects | None = None, per_cell: int | None = None) -> Path:
    """Draw the stimuli, 48 by default, and write their tables.

    Parameters
    ----------
    folder
        Where to write; made if absent.
    seed
        Seed of the stimuli; no stimulus is an image of the corpus of the same seed.
    effects
        What the classes do to valence; the shipped table where left out.
    per_cell
        Stimuli in each cell of ``CELLS``; twelve where left out.

    Returns
    -------
    pathlib.Path
        ``stimuli.csv``: stimulus, image, condition (congruent where the signs agree, else incongruent), people_sign,
        scene_sign, people_valence, scene_valence. Beside it lie ``stimulus_objects.csv`` and ``images/``.
    """
    folder = Path(folder)
    per_cell = per_cell or planted("stimuli_per_cell")
    count = per_cell * len(CELLS)
    names = [stimulus_name(index) for index in range(count)]
    scenes = _write_pictures(folder / "images", names, lambda index: stimulus_scene(seed, index, effects, per_cell))
    _write_table(_objects(names, scenes), folder / "stimulus_objects.csv")
    signs = [CELLS[index // per_cell] for index in range(count)]
    table = pd.DataFrame(
        {
            "stimulus": [Path(name).stem for name in names],
            "image": names,
            "condition": ["congruent" if people == scene else "incongruent" for people, scene in signs],
            "people_sign": [people for people, _ in signs],
            "scene_sign": [scene for _, scene in signs],
            "people_valence": [scene.valence().people for scene in scenes],
            "scene_valence": [scene.valence().scene for scene in scenes],
        }
    )
    return _write_table(table, folder / "stimuli.csv")


def _valences(names: Sequence[str], scenes: Sequence[Scene]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image": names,
            "valence": [rounded_valence(scene) for scene in scenes],
            "people_valence": [scene.valence().people for scene in scenes],
            "scene_valence": [scene.valence().scene for scene in scenes],
        }
    )


def _objects(names: Sequence[str], scenes: Sequence[Scene]) -> pd.DataFrame:
    rows = [
        (name, thing.class_name, *thing.box, depth)
        for name, scene in zip(names, scenes, strict=True)
        for depth, thing in enumerate(scene.objects)
    ]
    return pd.DataFrame(rows, columns=["image", "class", "x0", "y0", "x1", "y1", "depth"])


def _write_pictures(
    folder: Path, names: Sequence[str], scene_of: Callable[[int], Scene], style: Style = PAINTED
) -> list[Scene]:
    """Draw and write picture after picture; return their scenes."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes = []
    for index in progress(list(range(len(names))), f"drawing {folder.parent.name}"):
        scenes.append(scene_of(index))
        render(scenes[-1], style=style).save(folder / names[index], compress_level=1)
    return scenes


def _write_table(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, index=False, lineterminator="\n")
    return path
