"""The same picture twice: in the corpus and among the stimuli, or under two names in one of them.

A network that has learnt from a copy of a picture knows its rating, so such pictures must not be judged as if they were
new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import pandas as pd

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.facts import counted
from o2b_helpers.inputs.images.faults import is_a_file, patiently
from o2b_helpers.inputs.images.looks import near_pairs

Name = TypeVar("Name")

SHOWN = 3
LISTED = 200  # in the facts
_ENDS = 4096  # bytes at either end of files of one size, looked at before the whole


@dataclass(frozen=True)
class SamePictures:
    """What `compare` found.

    Attributes
    ----------
    copies, contradictions, stimulus_copies : list of list of str
        Images of the corpus with the same pixels; those of them whose labels contradict each other, with their
        valence; images of stimuli with the same pixels.
    near_stimuli, near_corpus : list of str
        Pairs that look nearly the same, in words: a stimulus and a picture of the corpus; two pictures of the corpus.
    near_stimuli_total, near_corpus_total : int
        How many such pairs there are.
    """

    copies: list[list[str]] = field(default_factory=list)
    contradictions: list[list[str]] = field(default_factory=list)
    stimulus_copies: list[list[str]] = field(default_factory=list)
    near_stimuli: list[str] = field(default_factory=list)
    near_stimuli_total: int = 0
    near_corpus: list[str] = field(default_factory=list)
    near_corpus_total: int = 0

    def warnings(self) -> list[str]:
        """Say what a reader must know of the training pictures; what is said of stimuli in them stands apart."""
        groups = (self.copies, self.contradictions, self.stimulus_copies)
        copies, opposite, shown = (_some([_equal(names) for names in group], len(group)) for group in groups)
        stimuli = _some(self.near_stimuli, self.near_stimuli_total)
        corpus = _some(self.near_corpus, self.near_corpus_total)
        said = {
            f"The corpus shows {counted(len(self.copies), 'picture')} more than once: {copies}. Copies are always on "
            "one side of a split.": self.copies,
            f"Copies of {counted(len(self.contradictions), 'picture')} carry opposite labels, pleasant and unpleasant: "
            f"{opposite}. Take the wrong ones out of the corpus table.": self.contradictions,
            f"The stimuli show {counted(len(self.stimulus_copies), 'picture')} under several names: {shown}. "
            "Statistics take them for different pictures.": self.stimulus_copies,
            f"A stimulus and a training picture look nearly the same, in {counted(self.near_stimuli_total, 'pair')}: "
            f"{stimuli}. If they are one photograph, take it out of the corpus table; agreement with people would be "
            "too high.": self.near_stimuli,
            f"Two training pictures look nearly the same, in {counted(self.near_corpus_total, 'pair')}: {corpus}. If "
            "they are one photograph, keep one; held-out scores would be too high.": self.near_corpus,
        }
        return [sentence for sentence, of in said.items() if of]

    def facts(self) -> dict[str, list[str]]:
        """Return what `warnings` counts, much more of it by name; nothing where there is none."""
        listed = {
            "copies_in_the_corpus": [_equal(names) for names in self.copies],
            "copies_with_opposite_labels": [_equal(names) for names in self.contradictions],
            "nearly_the_same_as_a_stimulus": self.near_stimuli,
            "nearly_the_same_in_the_corpus": self.near_corpus,
        }
        return {name: names[:LISTED] for name, names in listed.items() if names}


def stimuli_in_corpus(corpus: pd.DataFrame, stimuli: pd.DataFrame) -> dict[str, str]:
    """Name the pictures of the corpus that show the same pixels as a stimulus.

    Parameters
    ----------
    corpus, stimuli : DataFrame
        image, pixels (from `pixel_digest`).

    Returns
    -------
    dict of str to str
        Image in the corpus -> image of the stimulus.

    Examples
    --------
    >>> corpus = pd.DataFrame({"image": ["a.png", "b.png"], "pixels": ["11", "22"]})
    >>> stimuli_in_corpus(corpus, pd.DataFrame({"image": ["s.jpg"], "pixels": ["22"]}))
    {'b.png': 's.jpg'}
    """
    shown = dict(zip(stimuli["pixels"], stimuli["image"], strict=True))
    same = corpus[corpus["pixels"].isin(shown)]
    return dict(zip(same["image"], same["pixels"].map(shown), strict=True))


def stimuli_left_out(stimulus_of: Mapping[str, str]) -> pd.DataFrame:
    """List pictures of the corpus that are left out because they are stimuli: image, problem, role."""
    rows = [(image, f"It is also a stimulus, {stimulus}.", "corpus") for image, stimulus in stimulus_of.items()]
    return pd.DataFrame(rows, columns=["image", "problem", "role"])


def stimuli_warnings(stimulus_of: Mapping[str, str], kept: bool) -> list[str]:
    """Say which pictures of the corpus are stimuli, and whether they are trained on; nothing where none are.

    Examples
    --------
    >>> stimuli_warnings({"b.png": "s.jpg"}, kept=False)
    ['1 picture of the corpus is also a stimulus, and is left out of training: b.png (= s.jpg).']
    """
    if not stimulus_of:
        return []
    pairs = _some([f"{image} (= {stimulus})" for image, stimulus in stimulus_of.items()], len(stimulus_of))
    if kept:
        stimuli = counted(len(set(stimulus_of.values())), "stimulus", "stimuli")
        return [
            f"{stimuli} are also in the training pictures: {pairs}. The networks may know how they were rated, so "
            "agreement with people may be too high (analysis.stimuli.also_in_corpus: keep)."
        ]
    one = len(stimulus_of) == 1
    number = (
        f"{counted(len(stimulus_of), 'picture')} of the corpus {'is also a stimulus' if one else 'are also stimuli'}"
    )
    return [f"{number}, and {'is' if one else 'are'} left out of training: {pairs}."]


def compare(corpus: pd.DataFrame, stimuli: pd.DataFrame) -> SamePictures:
    """Look for pictures that are there more than once.

    Parameters
    ----------
    corpus : DataFrame
        image, valence, label (0, 1 or missing), pixels, look (from `looks`): the pictures that are trained on.
    stimuli : DataFrame
        image, pixels, look.

    Returns
    -------
    SamePictures
    """
    stimuli = stimuli.drop_duplicates("image")
    groups = [rows for _, rows in corpus[corpus["pixels"].duplicated(keep=False)].groupby("pixels", sort=False)]
    opposite = [rows for rows in groups if rows["label"].nunique() > 1]  # missing labels do not count
    shown = stimuli[stimuli["pixels"].duplicated(keep=False)].groupby("pixels", sort=False)["image"]
    # of copies, one stands for all
    single, judged = (table.drop_duplicates("pixels") for table in (corpus, stimuli))
    apart = single[~single["pixels"].isin(judged["pixels"])]
    near_stimuli, near_stimuli_total = near_pairs(judged["look"].tolist(), apart["look"].tolist())
    near_corpus, near_corpus_total = near_pairs(single["look"].tolist())
    return SamePictures(
        copies=[rows["image"].tolist() for rows in groups],
        contradictions=[
            [f"{row.image} ({row.valence:g})" for row in rows[rows["label"].notna()].itertuples()] for rows in opposite
        ],
        stimulus_copies=[images.tolist() for _, images in shown],
        near_stimuli=_named(near_stimuli, judged["image"].tolist(), apart["image"].tolist()),
        near_stimuli_total=near_stimuli_total,
        near_corpus=_named(near_corpus, single["image"].tolist(), single["image"].tolist()),
        near_corpus_total=near_corpus_total,
    )


def equal_files(files: Mapping[Name, Path]) -> list[list[Name]]:
    """Find files of the same bytes without reading most of them: sizes first, then both ends, then the whole.

    Parameters
    ----------
    files : mapping of names to Path
        What to call each file; a file that is not there, or empty, has no copy.

    Returns
    -------
    list of list
        The names of files that are equal, in the order given.

    Raises
    ------
    EnvironmentFault
        Where a file that is there cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = {name: Path(folder) / name for name in ("a", "b", "c", "d")}
    ...     for name in "abc":
    ...         _ = files[name].write_bytes(b"same" if name != "b" else b"else")
    ...     equal_files(files)
    [['a', 'c']]
    """
    there = {name: path for name, path in files.items() if is_a_file(path)}
    groups = [list(there)]
    marks: tuple[Callable[[Path], object], ...] = (_size, _both_ends, file_digest)
    for mark in marks:
        split: list[list[Name]] = []
        for group in groups:
            by_mark: dict[object, list[Name]] = {}
            for name in group:
                path = there[name]
                by_mark.setdefault(patiently(partial(mark, path), str(path)), []).append(name)
            split += [names for of, names in by_mark.items() if of != 0 and len(names) > 1]  # 0: no bytes
        groups = split
    return groups


def _size(path: Path) -> int:
    return path.stat().st_size


def _both_ends(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(_ENDS)
        file.seek(max(0, path.stat().st_size - _ENDS))
        return start + file.read(_ENDS)


def _named(pairs: Sequence[tuple[int, int, int]], first: Sequence[str], second: Sequence[str]) -> list[str]:
    return [f"{first[a]} ~ {second[b]}" for a, b, _ in sorted(pairs, key=lambda pair: pair[2])]


def _equal(names: Sequence[str]) -> str:
    """Write names of one picture; of very many, the first."""
    return " = ".join(names[:SHOWN]) + (f" = {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")


def _some(names: Sequence[str], total: int) -> str:
    """Name the first and count the rest."""
    return ", ".join(names[:SHOWN]) + (f" and {total - SHOWN:,} more" if total > SHOWN else "")
