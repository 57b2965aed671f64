"""The emotion of each picture: a column of labels, or the quadrants of valence and arousal."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.facts import counted
from o2b_helpers.inputs.corpora.names import heard_alike, normal_name, normal_names
from o2b_helpers.inputs.corpora.tables import name_some
from o2b_helpers.inputs.corpora.values import SHEET_ERRORS, Code, number_column

QUADRANTS = ("excited", "calm", "tense", "sad")  # pleasant: aroused, not aroused; unpleasant: aroused, not aroused
COLUMN, FROM = "analysis.emotions.column", "analysis.emotions.labels_from"


@dataclass(frozen=True)
class EmotionLabels:
    """The emotion of some pictures.

    Attributes
    ----------
    table : DataFrame
        Columns image and emotion; pictures without an emotion are not in it.
    warnings : tuple of str
        What a reader of the results should know: which spellings were made one, how many pictures have no label.
    """

    table: pd.DataFrame
    warnings: tuple[str, ...]

    def enough(self, needed: int, images: Collection[str] | None = None) -> EmotionLabels:
        """Return the labels of these pictures, if each label has enough of them and there are two labels.

        Raises
        ------
        InputError
            Naming each label that has too few pictures, its number, and the number that is needed.
        """
        table = self.table if images is None else self.table[self.table["image"].isin(list(images))]
        counts = table["emotion"].value_counts()
        few = counts[counts < needed].sort_index()
        if len(few):
            enough = [name for name in counts.index if name not in few.index]
            near = {name: difflib.get_close_matches(name, enough, n=1, cutoff=0.8) for name in few.index}
            hints = [f"{name!r} may be {match[0]!r}" for name, match in near.items() if match]
            raise InputError(
                f"{len(few)} emotion label(s) have too few pictures to be learnt and tested",
                value=name_some([f"{name}: {counted(count, 'picture')}" for name, count in few.items()]),
                expected=f"at least {needed} pictures that can be read for every label",
                remedy="name the labels to keep in analysis.emotions.labels, put rare labels together in the table, or "
                "lower analysis.emotions.min_pictures or analysis.emotion_heads.folds"
                + (f" (misspelt? {'; '.join(hints)})" if hints else ""),
            )
        if len(counts) < 2:
            raise InputError(
                "There are not two emotion labels to tell apart",
                value=name_some(counts.index) or "no labelled picture",
                expected="pictures of at least two emotions",
                remedy=f"check the column ({COLUMN}) and analysis.emotions.labels",
            )
        return EmotionLabels(table.reset_index(drop=True), self.warnings)


def labels_of_column(
    table: pd.DataFrame, column: str, source: str, *, keep: Sequence[str] = (), missing: Sequence[Code] = ()
) -> EmotionLabels:
    """Read a column of emotion labels.

    Spellings that differ only in capital letters, blanks, hyphens or underscores are one label, called by its most
    frequent spelling (of equally frequent ones, the first in the alphabet); a sentence says so.

    Parameters
    ----------
    table : DataFrame
        image and the column.
    column : str
        Which column.
    source : str
        How messages name the table.
    keep : sequence of str
        The labels to keep; none: all.
    missing : sequence of float or str
        Codes for a label that nobody gave. An empty cell always says that.

    Raises
    ------
    InputError
        There is no such column, it holds an error of a spreadsheet, or no picture has a label that is to be kept.

    Examples
    --------
    >>> table = pd.DataFrame({"image": ["a", "b", "c", "d"], "emotion": ["joy", "Joy ", "joy", ""]})
    >>> labels = labels_of_column(table, "emotion", "corpus.csv")
    >>> labels.table["emotion"].tolist(), labels.warnings[0]
    (['joy', 'joy', 'joy'], "corpus.csv: 'Joy' (emotion) is counted as 'joy'.")
    """
    if column not in table.columns:
        raise no_emotion(table, column, source)
    texts = normal_names([_text(value) for value in table[column]])
    errors = [text for text in texts if text in SHEET_ERRORS]
    if errors:
        raise InputError(
            f"{source} holds {len(errors)} error(s) of a spreadsheet in the column {column}",
            value=name_some(dict.fromkeys(errors)),
            expected="an emotion, or an empty cell",
            remedy="mend the formulas of these cells",
        )
    codes = {heard_alike(normal_name(str(code))) for code in missing}
    heard = [None if not text or heard_alike(text) in codes else heard_alike(text) for text in texts]
    spellings: dict[object, Counter[str]] = {}
    for text, sound in zip(texts, heard, strict=True):
        if sound is not None:
            spellings.setdefault(sound, Counter())[text] += 1
    called = {sound: min((-many, text) for text, many in own.items())[1] for sound, own in spellings.items()}
    warnings = [
        f"{source}: {' and '.join(repr(text) for text in sorted(own) if text != called[sound])} ({column}) "
        f"{'is' if len(own) == 2 else 'are'} counted as {called[sound]!r}."
        for sound, own in spellings.items()
        if len(own) > 1
    ]
    labels = pd.Series([None if sound is None else called[sound] for sound in heard], dtype=object)
    labels, said = _kept(labels, keep, column, source)
    labelled = pd.DataFrame({"image": table["image"].to_numpy(), "emotion": labels.to_numpy()})
    return EmotionLabels(labelled.dropna(subset="emotion").reset_index(drop=True), (*warnings, *said))


def quadrant_labels(table: pd.DataFrame, source: str) -> EmotionLabels:
    """Cut valence and arousal at their medians: excited, calm, tense, sad (the circumplex; METHODS 5, ours).

    A picture exactly at a median has no label, and a sentence counts these.

    Raises
    ------
    InputError
        There is no column arousal, or it holds something else than numbers.

    Examples
    --------
    >>> table = pd.DataFrame({"image": list("abcd"), "valence": [1, 2, 6, 7], "arousal": [1, 6, 2, 7]})
    >>> quadrant_labels(table, "corpus.csv").table["emotion"].tolist()
    ['sad', 'tense', 'calm', 'excited']
    """
    if "arousal" not in table.columns:
        raise InputError(
            "Quadrants need arousal, and the corpus has none",
            value=f"columns {', '.join(map(str, table.columns))} in {source}",
            expected="a column arousal beside valence",
            remedy=f"add the column arousal, or a column of emotions and set {FROM} to column",
        )
    valence, arousal = (number_column(table, name, source).to_numpy() for name in ("valence", "arousal"))
    sides = np.sign(valence - np.median(valence)), np.sign(arousal - np.median(arousal))
    number = 2 * (sides[0] < 0) + (sides[1] < 0)
    at_median = (sides[0] == 0) | (sides[1] == 0)
    labels = pd.DataFrame({"image": table["image"].to_numpy(), "emotion": np.array(QUADRANTS, dtype=object)[number]})
    count = int(at_median.sum())
    said = f"{source}: {counted(count, 'picture')} exactly at the median of valence or arousal left out of this study."
    return EmotionLabels(labels[~at_median].reset_index(drop=True), (said,) if count else ())


def no_emotion(table: pd.DataFrame, column: str, source: str) -> InputError:
    """Return the error for a corpus without a column of emotions."""
    near = difflib.get_close_matches(column, [str(name) for name in table.columns], n=1, cutoff=0.6)
    arousal = f", or set {FROM} to quadrants: it has valence and arousal" if "arousal" in table.columns else ""
    return InputError(
        "The corpus says nothing of emotions",
        value=f"columns {', '.join(map(str, table.columns))} in {source}",
        expected=f"a column {column} with a label for each picture",
        remedy=f"add the column {column} to the table, or name it in {COLUMN}"
        + (f" (perhaps {near[0]})" if near else "")
        + arousal
        + "; a profile that names its `studies` without emocam needs no emotions",
    )


def _text(value: object) -> str:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _kept(labels: pd.Series, keep: Sequence[str], column: str, source: str) -> tuple[pd.Series, list[str]]:
    blank, said = int(labels.isna().sum()), []
    if blank:
        said.append(f"{source}: {counted(blank, 'picture')} without a label in {column} left out of this study.")
    if not keep:
        return labels, said
    known = {heard_alike(name): name for name in labels.dropna().unique()}
    unknown = [name for name in keep if heard_alike(normal_name(name)) not in known]
    if unknown:
        raise InputError(
            "analysis.emotions.labels names labels that no picture has",
            value=name_some(unknown),
            expected=f"some of {name_some(sorted(map(str, known.values())), 30)}",
            remedy="correct analysis.emotions.labels",
        )
    wanted = {known[heard_alike(normal_name(name))] for name in keep}
    others = labels.notna() & ~labels.isin(wanted)
    if others.any():
        said.append(
            f"{source}: {counted(int(others.sum()), 'picture')} with another label than those of "
            "analysis.emotions.labels left out of this study."
        )
    return labels.where(labels.isin(wanted), None), said
