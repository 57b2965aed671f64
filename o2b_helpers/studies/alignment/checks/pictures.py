"""Look at the pictures of corpus and stimuli from outside: whether they are there, and begin and end as they should."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.Image import open as open_image

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.findings import Finding
from o2b_helpers.core.params import Params
from o2b_helpers.inputs.corpora.corpus import Corpus, binary_labels
from o2b_helpers.inputs.images.decoding import MIN_SIDE
from o2b_helpers.inputs.images.folders import path_inside
from o2b_helpers.inputs.people.stimuli import MIN_PER_CONDITION, Stimuli
from o2b_helpers.studies.alignment.checks.asking import some
from o2b_helpers.studies.alignment.checks.named import Named
from o2b_helpers.studies.alignment.checks.near_names import advice

MOST_OPENED = 5000  # pictures whose first and last bytes are read
TAIL = 4096  # bytes
ENDS = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}
MENDED = "copy or download them again, or take them out of the table"
MISSING = "are missing"


def picture_findings(params: Params, named: Named) -> Iterator[Finding]:
    """Look for what is wrong with the pictures of corpus and stimuli."""
    if named.corpus is not None:
        yield from _corpus(params, named.corpus)
    if named.stimuli is not None:
        yield from _stimuli(params, named.stimuli)


def _corpus(params: Params, corpus: Corpus) -> Iterator[Finding]:
    names = corpus.table["image"].tolist()
    bad = _left_out(corpus.folder, names, params.analysis.corpus.max_pixels)
    left, needed = len(names) - len(bad), params.analysis.corpus.min_images
    stops = f"; {left} are left, and a run needs {needed} (analysis.corpus.min_images)" if left < needed else ""
    yield from _pictures("corpus", corpus.folder, names, bad, stops)
    if params.analysis.heads.label == "binary":
        labels = binary_labels(corpus)
        counts = {"unpleasant": int((labels == 0).sum()), "pleasant": int((labels == 1).sum())}
        if min(counts.values()) < 2:
            yield Finding(
                f"corpus: its pictures are (almost) all of one kind (neutral: {corpus.neutral:g})",
                False,
                f"{counts['unpleasant']} unpleasant, {counts['pleasant']} pleasant",
                "check the valence column, valence_range and neutral of analysis.corpus",
                kind="fault",
            )


def _stimuli(params: Params, stimuli: Stimuli) -> Iterator[Finding]:
    table = stimuli.table
    bad = _left_out(stimuli.folder, table["image"].tolist(), params.analysis.corpus.max_pixels)
    left = table[~table["image"].isin(list(bad))].groupby("condition").size().reindex(stimuli.conditions, fill_value=0)
    small = left[left < MIN_PER_CONDITION]
    counts = ", ".join(f"{condition}: {count} left" for condition, count in small.items())
    stops = f"; {counts}, and a run needs {MIN_PER_CONDITION} in every condition" if len(small) else ""
    yield from _pictures("stimuli", stimuli.folder, table["image"].tolist(), bad, stops)


def _pictures(role: str, folder: Path, names: list[str], bad: Mapping[str, str], stops: str) -> Iterator[Finding]:
    """Say which pictures cannot be used, by what is the matter with them; a fault where the run stops for it."""
    opened = f"; {MOST_OPENED:,} of them were opened" if len(set(names)) > MOST_OPENED else ""
    if not bad:
        yield Finding(f"{role}: pictures of the table", True, f"all {len(set(names))} are in {folder}{opened}")
        return
    by_problem: dict[str, list[str]] = {}
    for name, problem in bad.items():
        by_problem.setdefault(problem, []).append(name)
    for problem, some_names in by_problem.items():
        hint = advice(some_names, _files(folder)) if problem == MISSING else ""
        yield Finding(
            f"{role}: {len(some_names)} of {len(set(names))} pictures {problem}{stops}",
            False,
            f"{some(some_names)}, in {folder}{opened}",
            f"correct the names in the table: {hint}" if hint else MENDED,
            kind="fault" if stops else "doubt",
        )


def _left_out(folder: Path, names: list[str], max_pixels: int) -> dict[str, str]:
    """Name the pictures that cannot be used, with what is the matter; of very many, only some are opened."""
    names = list(dict.fromkeys(names))
    there = set(_files(folder))
    bad: dict[str, str] = {}
    for name in names:
        if name not in there and not _is_file(folder, name):
            bad[name] = MISSING
    whole = [name for name in names if name not in bad]
    if len(whole) > MOST_OPENED:
        whole = [whole[place] for place in np.linspace(0, len(whole) - 1, MOST_OPENED).astype(int)]
    with ThreadPoolExecutor(8) as pool:
        for name, problem in zip(whole, pool.map(lambda name: _problem(folder / name, max_pixels), whole), strict=True):
            if problem:
                bad[name] = problem
    return bad


def _is_file(folder: Path, name: str) -> bool:
    try:
        return os.path.isfile(path_inside(folder, name))
    except InputError:  # a name that leads out of the folder; reading the table refuses it
        return False


def _files(folder: Path) -> list[str]:
    """List the files of a folder and its sub-folders, as tables name them."""
    return [
        os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")
        for place, _, files in os.walk(folder, followlinks=True)
        for name in files
    ]


def _problem(path: Path, max_pixels: int) -> str:
    """Say what is the matter with a file, from its first and last bytes; empty where it looks whole."""
    try:
        size = path.stat().st_size
        if not size:
            return "are empty (zero bytes)"
        with open_image(path) as image:
            width, height = image.size
            kind = image.format
        with path.open("rb") as file:
            file.seek(max(0, size - TAIL))
            tail = file.read()
    except Image.DecompressionBombError:
        return "have too many pixels"
    except Exception:  # whatever a broken beginning sets off; reading the picture later says it in full
        return "are no pictures that can be read"
    if width * height > max_pixels:
        return "have too many pixels"
    if min(width, height) < MIN_SIDE:
        return f"are smaller than {MIN_SIDE} pixels"
    end = ENDS.get(str(kind))
    return "are cut off" if end is not None and end not in tail else ""
