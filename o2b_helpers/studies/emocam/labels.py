"""The pictures of the corpus that have an emotion, as the heads learn them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.corpus import Corpus
from o2b_helpers.inputs.corpora.emotions import EmotionLabels, labels_of_column, quadrant_labels
from o2b_helpers.studies.alignment import inputs


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures with an emotion.

    Attributes
    ----------
    table : DataFrame
        The columns of the step ``inputs``, emotion, number (of the emotion among `names`), and group: a number that
        copies of a picture share.
    names : tuple of str
        The emotions, in the order of their numbers: the alphabet.
    warnings : tuple of str
        What a reader of the results should know.
    """

    table: pd.DataFrame
    names: tuple[str, ...]
    warnings: tuple[str, ...]


def labelled_pictures(params: Params, store: Store, corpus: pd.DataFrame) -> LabelledPictures:
    """Return the pictures that have an emotion; those without are left out of this study only, with a sentence.

    Parameters
    ----------
    params : Params
        The profile.
    store : Store
        Where the toy world lies.
    corpus : DataFrame
        The pictures that can be used, from the step ``inputs``.

    Raises
    ------
    InputError
        The corpus has no emotions, or a label has too few pictures.
    """
    labels = labels_of(params, inputs.read_corpus(params, store)).enough(pictures_needed(params), corpus["image"])
    table = corpus.merge(labels.table, on="image", how="inner")
    names = tuple(sorted(table["emotion"].unique()))
    number = table["emotion"].map({name: place for place, name in enumerate(names)})
    return LabelledPictures(table.assign(number=number, group=pd.factorize(table["pixels"])[0]), names, labels.warnings)


def pictures_needed(params: Params) -> int:
    """Return how many pictures of each label there must be: one for each fold, or more."""
    return max(params.analysis.emotions.min_pictures, params.analysis.emotion_heads.folds)


def labels_of(params: Params, corpus: Corpus) -> EmotionLabels:
    """Return the emotions of all pictures that a corpus' table names."""
    options = params.analysis.emotions
    source = f"corpus {corpus.name}"
    if options.labels_from == "quadrants":
        return quadrant_labels(corpus.table, source)
    missing = params.analysis.corpus.missing
    return labels_of_column(corpus.table, options.column, source, keep=options.labels, missing=missing)
