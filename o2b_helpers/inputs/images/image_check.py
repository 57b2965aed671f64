"""Look at every picture of a study once: which can be used, which not and why."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.facts import counted
from o2b_helpers.core.progress import progress
from o2b_helpers.inputs.corpora.tables import existing_folder, name_some
from o2b_helpers.inputs.images.decoding import MAX_PIXELS, MIN_SIDE, bytes_to_decode, decode_image, read_bytes
from o2b_helpers.inputs.images.faults import patiently
from o2b_helpers.inputs.images.folders import path_inside
from o2b_helpers.inputs.images.looks import look_of, pixel_digest
from o2b_helpers.inputs.images.room import Room

FOUND = ["image", "path", "width", "height", "sha256", "pixels", "look"]
PROBLEMS = ["image", "problem", "sha256"]
NAMED = 3  # pictures that are left out, in a warning; the summary names more


@dataclass(frozen=True)
class ImageCheck:
    """What `check_images` found.

    Parameters
    ----------
    found : DataFrame
        Columns image (name), path, width, height (pixels, after the EXIF rotation), sha256 (of the file), pixels and
        look (see `looks`); in the order asked.
    problems : DataFrame
        Columns image (name), problem (one sentence), sha256 (empty where there is no file); no row where all is well.
    """

    found: pd.DataFrame
    problems: pd.DataFrame

    def summary(self) -> str:
        """Say in words how many pictures can be used, and name those that cannot by kind of problem."""
        total = len(self.found) + len(self.problems)
        if self.problems.empty:
            return f"All {total} images can be used."
        lines = [f"{len(self.found)} of {total} images can be used; left out:"]
        for problem, rows in self.problems.groupby("problem", sort=True):
            lines.append(f"  {len(rows)} x {problem} {name_some(rows['image'])}")
        return "\n".join(lines)


def check_images(
    folder: Path | str,
    names: Iterable[str],
    max_pixels: int = MAX_PIXELS,
    *,
    min_side: int = MIN_SIDE,
    workers: int | None = None,
    memory_gib: float | None = None,
) -> ImageCheck:
    """Decode every picture once and keep its size, its digests and how it looks.

    Parameters
    ----------
    folder : Path
        Where the pictures are; names must stay inside it.
    names : iterable of str
        Names relative to the folder; a name given twice is looked at once.
    max_pixels, min_side : int
        As in `read_image`.
    workers : int, optional
        Threads; by default one for each processor, at most 8.
    memory_gib : float, optional
        A bound that the user sets on this process' memory, GiB. Large pictures wait for each other.

    Returns
    -------
    ImageCheck
        The usable pictures and the others, each in the order of `names`.

    Raises
    ------
    InputError
        Where the folder itself is missing. A bad picture is listed, not raised.
    EnvironmentFault
        Where the machine fails and not a picture; then nothing is listed.
    ParameterError
        Where a single picture needs more memory than there is.
    """
    folder = existing_folder(folder, "the images")
    names = list(dict.fromkeys(names))
    room = Room.for_pictures(memory_gib)

    def seen(content: bytes, name: str) -> tuple[int, int, str, str]:
        image = decode_image(content, name, max_pixels, min_side=min_side)
        return image.width, image.height, pixel_digest(image), look_of(image)

    def examined(name: str) -> dict[str, object]:
        digest = ""
        try:
            path = path_inside(folder, name)
            content = read_bytes(path)
            digest = hashlib.sha256(content).hexdigest()
            with room.take(bytes_to_decode(content, name, max_pixels), name):
                width, height, pixels, look = patiently(lambda: seen(content, name), name)
        except InputError as error:
            return {"image": name, "problem": error.problem.rstrip(".") + ".", "sha256": digest}
        values = (name, str(path), width, height, digest, pixels, look)
        return dict(zip(FOUND, values, strict=True))

    workers = workers or min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:  # decoders release the interpreter lock
        rows = list(progress(pool.map(examined, names), "checking images", total=len(names)))
    good = [row for row in rows if "problem" not in row]
    bad = [row for row in rows if "problem" in row]
    return ImageCheck(
        found=pd.DataFrame(good, columns=FOUND).astype({"width": "int64", "height": "int64"}),
        problems=pd.DataFrame(bad, columns=PROBLEMS),
    )


def with_checked(table: pd.DataFrame, check: ImageCheck) -> pd.DataFrame:
    """Keep the rows whose picture can be used, with what was found out about it; columns of these names give way."""
    made = [name for name in FOUND if name not in ("image", "path")]
    return table.drop(columns=made, errors="ignore").merge(check.found[["image", *made]], on="image")


def left_out_warnings(left_out: pd.DataFrame) -> list[str]:
    """Say how many pictures are left out and name some, a sentence for each role.

    Examples
    --------
    >>> left_out = pd.DataFrame({"image": ["a.png"], "problem": ["The image is missing."], "role": ["corpus"]})
    >>> left_out_warnings(left_out)
    ['1 picture of the corpus is left out: a.png (The image is missing).']
    """
    said = []
    for role, rows in left_out.groupby("role", sort=False):
        named = [f"{row.image} ({row.problem.rstrip('.')})" for row in rows.head(NAMED).itertuples()]
        more = f" and {len(rows) - NAMED:,} more" if len(rows) > NAMED else ""
        number = f"{counted(len(rows), 'picture')} of the {role} {'is' if len(rows) == 1 else 'are'} left out"
        said.append(f"{number}: {', '.join(named)}{more}.")
    return said
