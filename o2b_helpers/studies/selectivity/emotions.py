"""Which pictures are unpleasant, neutral and pleasant: by thresholds of valence, or by a column of the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.facts import counted
from o2b_helpers.inputs.corpora.corpus import Corpus
from o2b_helpers.inputs.corpora.emotions import labels_of_column
from o2b_helpers.inputs.corpora.names import heard_alike
from o2b_helpers.inputs.corpora.rating_scale import scaled_ratings
from o2b_helpers.inputs.corpora.tables import name_some
from o2b_helpers.studies.selectivity.options import EMOTIONS, Selectivity

OPTION = "analysis.selectivity"


@dataclass(frozen=True)
class PictureEmotions:
    """The emotion of each picture of a corpus.

    Attributes
    ----------
    table : DataFrame
        image, scaled_valence (1..9), emotion; pictures that are left out are not in it.
    warnings : tuple of str
        What a reader of the results should know: how many are left out, which spellings were made one.
    """

    table: pd.DataFrame
    warnings: tuple[str, ...]


def emotions_of(options: Selectivity, corpus: Corpus, missing: list[float | str]) -> PictureEmotions:
    """Tell the emotion of every picture of a corpus' table.

    Parameters
    ----------
    options : Selectivity
        Thresholds and margin, or the column.
    corpus : Corpus
        The table.
    missing : list
        The corpus' codes for what nobody gave; such pictures are left out (emotions_from: column).

    Raises
    ------
    InputError
        There is no such column, or it says something else than three emotions.
    """
    valence = scaled_ratings(corpus.table["valence"].to_numpy(), corpus.valence_range)
    table = pd.DataFrame({"image": corpus.table["image"].to_numpy(), "scaled_valence": valence})
    if options.emotions_from == "thresholds":
        table["emotion"] = by_thresholds(valence, options.thresholds, options.margin)
        kept = table.dropna(subset="emotion").reset_index(drop=True)
        lost = len(table) - len(kept)
        verb = "is" if lost == 1 else "are"
        said = (
            f"{corpus.name}: {counted(lost, 'picture')} closer to a threshold than {options.margin:g} {verb} left out."
        )
        return PictureEmotions(kept, (said,) if lost else ())
    labels = labels_of_column(corpus.table, options.column, f"corpus {corpus.name}", missing=missing)
    words = {emotion: emotion for emotion in EMOTIONS} | {**options.column_values}
    called = {heard_alike(words[emotion]): emotion for emotion in EMOTIONS}
    named = labels.table["emotion"].map(heard_alike)
    unknown = labels.table.loc[~named.isin(list(called)), "emotion"].unique()
    if len(unknown):
        raise InputError(
            f"The column {options.column} of corpus {corpus.name} says something else than three emotions",
            value=name_some(unknown),
            expected=", ".join(words[emotion] for emotion in EMOTIONS),
            remedy=f"say in {OPTION}.column_values what the column calls unpleasant, neutral and pleasant pictures, "
            f"leave other cells empty, or set {OPTION}.emotions_from to thresholds",
        )
    emotion = pd.DataFrame({"image": labels.table["image"], "emotion": named.map(called)})
    return PictureEmotions(table.merge(emotion, on="image"), labels.warnings)


def by_thresholds(valence: np.ndarray, thresholds: tuple[float, float], margin: float = 0.0) -> np.ndarray:
    """Name the emotion of valences on 1..9; None for what lies closer to a threshold than the margin.

    A valence at a threshold is neutral.

    Examples
    --------
    >>> by_thresholds(np.array([2.0, 4.3, 6.0, 6.1, 8.0]), (4.3, 6.0)).tolist()
    ['unpleasant', 'neutral', 'neutral', 'pleasant', 'pleasant']
    >>> by_thresholds(np.array([4.0, 5.0]), (4.3, 6.0), margin=0.5).tolist()
    [None, 'neutral']
    """
    low, high = thresholds
    names = np.array(EMOTIONS, dtype=object)[(valence >= low).astype(int) + (valence > high)]
    near = np.abs(valence[:, None] - np.array(thresholds)).min(1) < margin
    return np.where(near, np.array(None, dtype=object), names)
