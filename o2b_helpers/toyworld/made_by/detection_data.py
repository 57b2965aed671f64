"""Toy images with their exact boxes in the folder layout that Ultralytics trains on and validates with."""

from __future__ import annotations

from pathlib import Path

import yaml

from o2b_helpers.core.progress import progress
from o2b_helpers.toyworld.scenes import draw_scene, render
from o2b_helpers.toyworld.truth import class_names, planted

IMAGE_SIZE = planted("image_size")


def write_detection_data(folder: Path, splits: dict[str, tuple[int, int]]) -> Path:
    """Write images, label files and the data description.

    Parameters
    ----------
    folder
        Where to write; made if absent.
    splits
        Split name to (number of images, seed).

    Returns
    -------
    pathlib.Path
        ``data.yaml``, which Ultralytics' ``train`` and ``val`` take. It names the folder it stands in, so it is
        of use on this machine only.
    """
    names = class_names()
    for split, (images, seed) in splits.items():
        pictures, labels = folder / "images" / split, folder / "labels" / split
        pictures.mkdir(parents=True, exist_ok=True)
        labels.mkdir(parents=True, exist_ok=True)
        for index in progress(range(images), f"drawing {split} images"):
            scene = draw_scene((seed, planted("training_stream"), index))
            render(scene).save(pictures / f"{index:05d}.png", compress_level=1)
            lines = [_label(names.index(thing.class_name), thing.box) for thing in scene.objects]
            (labels / f"{index:05d}.txt").write_text("".join(lines))
    description = {"path": str(folder.resolve()), "names": dict(enumerate(names))}
    description |= {split: f"images/{split}" for split in splits}
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump(description, sort_keys=False))
    return path


def _label(index: int, box: tuple[int, int, int, int]) -> str:
    x0, y0, x1, y1 = (edge / IMAGE_SIZE for edge in box)
    return f"{index} {(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}\n"
