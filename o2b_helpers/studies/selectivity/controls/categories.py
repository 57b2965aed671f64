"""Is it the emotion, or which kind of object the pictures of an emotion show? Two-way ANOVA of the responses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.corpus import Corpus
from o2b_helpers.kernels.selectivity.two_way_anova import TERMS, two_way_anova
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.selectivity.image_sets import ImageSets, read_second
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import Layers

FEWEST = 3  # pictures of every emotion that a category must have
NAMES = ("emotion", "category", "interaction")  # of `TERMS`


def reads_detections(params: Params) -> bool:
    """Say whether categories come from detections, so that the boxes of notebook 05 are read."""
    return bool(params.analysis.selectivity.categories_from == "detections")


def categories_part(params: Params) -> dict[str, Any]:
    """Return what the categories of pictures depend on, besides the boxes that are read."""
    options = params.analysis.selectivity
    own: dict[str, Any] = {"categories_from": options.categories_from}
    if options.categories_from == "column":
        own["category_column"] = options.category_column
    return own


def categories_of(params: Params, sets: ImageSets, needs: Mapping[str, Path]) -> tuple[pd.Series, pd.Series]:
    """Return the category of each picture of both sets; missing where nobody knows.

    Parameters
    ----------
    params : Params
        The profile.
    sets : ImageSets
        The pictures.
    needs : mapping of str to Path
        The folder of ``objects``, where `reads_detections`.

    Raises
    ------
    InputError
        A table has no such column.
    """
    options, store = params.analysis.selectivity, Store(params.store)
    nothing = tuple(pd.Series(None, index=range(len(table)), dtype=object) for table in sets.both)
    if options.categories_from == "none":
        return nothing[0], nothing[1]
    if reads_detections(params):
        surest = _surest(needs["objects"])
        first = sets.first["image"].map(surest)
        return first, sets.second["image"].map(surest) if sets.halves else nothing[1]
    of_corpus = _column(inputs.read_corpus(params, store), options.category_column)
    of_second = of_corpus if sets.halves else _column(read_second(params, store), options.category_column)
    return sets.first["image"].map(of_corpus), sets.second["image"].map(of_second)


def category_rows(
    responses: np.ndarray, emotions: np.ndarray, categories: pd.Series, layers: Layers, kept: np.ndarray
) -> pd.DataFrame | None:
    """Return filter_categories.parquet of a network and a set, without their names; None where nothing can be said.

    Categories with fewer than `FEWEST` pictures of an emotion are left out, and so are constant filters (not `kept`).
    """
    counts = pd.crosstab(categories, emotions).reindex(columns=range(len(EMOTIONS)), fill_value=0)
    common = counts.index[(counts >= FEWEST).all(axis=1)]
    rows = categories.isin(common).to_numpy()
    if len(common) < 2:
        return None
    number = pd.Categorical(categories[rows], categories=common).codes.astype(np.int64)
    found = two_way_anova(responses[rows][:, kept], emotions[rows], number)
    frame = pd.DataFrame({"layer": layers.layer[kept], "channel": layers.channel[kept]})
    frame = frame.assign(pictures=int(rows.sum()), categories=len(common))
    for place, name in zip(range(len(TERMS)), NAMES, strict=True):
        frame[f"f_{name}"], frame[f"p_{name}"] = found.f[place], found.p[place]
        frame[f"q_{name}"], frame[f"eta_{name}"] = benjamini_hochberg(found.p[place]), found.eta[place]
    return frame


def _surest(folder: Path) -> Mapping[str, str]:
    boxes = pd.read_parquet(folder / "results" / "detections.parquet", columns=["image", "category", "confidence"])
    surest = boxes.sort_values("confidence", ascending=False, kind="stable").drop_duplicates("image")
    return dict(zip(surest["image"], surest["category"], strict=True))


def _column(corpus: Corpus, column: str) -> Mapping[str, str]:
    if column not in corpus.table.columns:
        raise InputError(
            f"Corpus {corpus.name} has no column for the category of a picture",
            value=f"columns {', '.join(map(str, corpus.table.columns))}",
            expected=f"a column {column}",
            remedy="correct analysis.selectivity.category_column, or set categories_from to none",
        )
    named = corpus.table[["image", column]].dropna()
    texts = named[column].astype(str).str.strip()
    return {image: text for image, text in zip(named["image"], texts, strict=True) if text}
