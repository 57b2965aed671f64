"""Notebook 12: the two image sets, with the emotion of each picture, and how each set is split (METHODS 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.errors import InputError
from o2b_helpers.core.facts import carried_on, counted, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.corpus import Corpus
from o2b_helpers.inputs.corpora.tables import name_some
from o2b_helpers.inputs.images.corpus_pictures import corpus_pictures
from o2b_helpers.inputs.images.folders import path_inside
from o2b_helpers.inputs.images.looks import near_pairs
from o2b_helpers.inputs.images.picture_digests import picture_digests
from o2b_helpers.models.heads.head_data import stratified_folds, stratified_splits, validation_splits
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.selectivity.emotions import OPTION, PictureEmotions, emotions_of
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.tables import (
    FIRST,
    IMAGE_SETS,
    IMAGE_SPLITS,
    SECOND,
    SETS,
    TEST,
    TRAIN,
    VALIDATION,
)

CORPUS = "corpus"
FEWEST = 8  # pictures of an emotion in a set: 4 to train, 2 to validate, 2 to test
TEST_SHARE, VALIDATION_SHARE = 0.25, 1 / 3  # of what is left: 25 % of all


@dataclass(frozen=True)
class ImageSets:
    """Two image sets.

    Attributes
    ----------
    first, second : DataFrame
        image, path, sha256, pixels, width, height, valence, scaled_valence (1..9), emotion, number (of the emotion, in
        the order of `EMOTIONS`).
    corpus : DataFrame
        All checked pictures of the profile's corpus, for those who keep decoded pictures.
    halves : bool
        Whether both sets are halves of the corpus.
    """

    first: pd.DataFrame
    second: pd.DataFrame
    corpus: pd.DataFrame
    halves: bool

    @property
    def both(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The two sets in order."""
        return self.first, self.second


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return what tells emotions, draws halves and splits, and the digests of the second corpus."""
    options = params.analysis.selectivity
    kept = ("emotions_from", "thresholds", "margin", "column", "column_values", "splits", "seed", "second")
    own = {name: value for name, value in options.model_dump().items() if name in kept}
    own["missing"] = params.analysis.corpus.missing
    if options.second is not None and options.second.kind != "toyworld":
        second = read_second(params, store)
        own["second_files"] = digest_of(picture_digests(store, second.folder, second.table["image"]))
        own["second_table"] = digest_of(second.table.astype(str).values.tolist())
    return own


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Tell the emotion of every picture, make two sets, and split each."""
    store, options = Store(params.store), params.analysis.selectivity
    corpus, table = inputs.load(params, needs["inputs"]).corpus, inputs.read_corpus(params, store)
    told = emotions_of(options, table, params.analysis.corpus.missing)
    labelled, warnings = _labelled(corpus, told), list(told.warnings)
    if options.second is None:
        refuse_few({CORPUS: labelled}, 2 * FEWEST)
        first = stratified_folds(labelled["number"].to_numpy(), 2, options.seed, _groups(labelled))[0]
        sets = {FIRST: labelled[first], SECOND: labelled[~first]}
    else:
        second, said = _second(params, store)
        sets = {FIRST: labelled, SECOND: second}
        refuse_common(labelled, second, table.folder, read_second(params, store).folder)
        warnings += [*said, *_same_scenes(params), *_near(labelled, second)]
    refuse_few(sets, FEWEST)
    splits = []
    for name, own in sets.items():
        own.drop(columns="path", errors="ignore").reset_index(drop=True).to_parquet(
            folder / f"{name}.parquet", index=False
        )
        splits.append(split_set(own, options.splits, options.seed).assign(image_set=name))
    IMAGE_SETS.write(pd.concat([own.assign(image_set=name) for name, own in sets.items()]), folder / "results")
    IMAGE_SPLITS.write(pd.concat(splits), folder / "results")
    counts = {name: own["emotion"].value_counts().reindex(EMOTIONS).to_dict() for name, own in sets.items()}
    facts: dict[str, Any] = {"halves": options.second is None, "image_sets": counts, "splits": options.splits}
    facts["emotions_from"], facts["left_out"] = options.emotions_from, len(corpus) - len(labelled)
    write_facts(folder, carried_on(facts | ({"warnings": warnings} if warnings else {}), needs["inputs"]))


def load(params: Params, needs: Mapping[str, Path]) -> ImageSets:
    """Read what this step stored, with the pictures' paths, from the folders of ``inputs`` and ``image_sets``."""
    store, corpus = Store(params.store), inputs.load(params, needs["inputs"]).corpus
    halves = params.analysis.selectivity.second is None
    first, second = (pd.read_parquet(needs["image_sets"] / f"{name}.parquet") for name in SETS)
    of_corpus, _ = inputs.image_folders(params, store)
    of_second = of_corpus if halves else read_second(params, store).folder
    for table, own in ((first, of_corpus), (second, of_second)):
        table["path"] = [str(path_inside(own, name)) for name in table["image"]]
    return ImageSets(first, second, corpus, halves)


def load_splits(folder: Path, image_set: str) -> np.ndarray:
    """Read the part of each picture of a set in each split, (split, picture) of text, in the order of the set."""
    table = IMAGE_SPLITS.read(folder / "results")
    own = table[table["image_set"] == image_set]
    return own["part"].to_numpy(dtype=object).reshape(own["split"].nunique(), -1)


def read_second(params: Params, store: Store) -> Corpus:
    """Read the table of the second corpus; no picture is looked at."""
    return inputs.read_another_corpus(params, store, params.analysis.selectivity.second, "selectivity.second")


def split_set(table: pd.DataFrame, splits: int, seed: int) -> pd.DataFrame:
    """Split a set into 50 % training, 25 % validation and 25 % test pictures, the same shares of every emotion.

    Parameters
    ----------
    table : DataFrame
        image, number, pixels: copies of a picture, which have the same pixels, stay together.
    splits : int
        How many splits.
    seed : int
        See `stratified_splits` and `validation_splits`.

    Returns
    -------
    DataFrame
        split, image, part; split by split, in the order of the pictures.
    """
    labels, groups = table["number"].to_numpy(), _groups(table)
    test = stratified_splits(labels, splits, TEST_SHARE, seed, groups)
    validation = validation_splits(labels, test, VALIDATION_SHARE, seed, groups)
    names = np.where(test, TEST, np.where(validation, VALIDATION, TRAIN))
    rows = [pd.DataFrame({"split": k, "image": table["image"].to_numpy(), "part": names[k]}) for k in range(splits)]
    return pd.concat(rows, ignore_index=True)


def refuse_few(sets: Mapping[str, pd.DataFrame], needed: int) -> None:
    """Refuse sets in which an emotion is missing or has too few pictures.

    Raises
    ------
    InputError
        Naming set, emotion and number.
    """
    for name, table in sets.items():
        counts = table["emotion"].value_counts().reindex(EMOTIONS, fill_value=0)
        few = counts[counts < needed]
        if few.empty:
            continue
        absent = few.index[few == 0]
        whose = "the corpus" if name == CORPUS else f"the {name} image set"
        said = ", ".join(f"{emotion} {count:,}" for emotion, count in counts.items())
        raise InputError(
            f"There is no {absent[0]} picture in {whose}"
            if len(absent)
            else f"There are too few {few.index[0]} pictures in {whose}",
            value=f"{whose}: {said}",
            expected=f"at least {needed} pictures of each emotion"
            + (" (half of them in each set)" if name == CORPUS else ""),
            remedy=f"check valence and its range, move the thresholds ({OPTION}.thresholds, {OPTION}.margin), or add "
            "pictures",
        )


def refuse_common(first: pd.DataFrame, second: pd.DataFrame, first_folder: Path, second_folder: Path) -> None:
    """Refuse two sets that show the same picture.

    Raises
    ------
    InputError
        Naming the pictures, and the folder where it is the same.
    """
    pairs = first[["image", "pixels"]].drop_duplicates("pixels").merge(second[["image", "pixels"]], on="pixels")
    if pairs.empty:
        return
    same = first_folder.resolve() == second_folder.resolve()
    names = [
        row.image_x if row.image_x == row.image_y else f"{row.image_x} = {row.image_y}" for row in pairs.itertuples()
    ]
    raise InputError(
        "Both image sets are the same folder" if same else "The two image sets have pictures in common",
        value=f"{counted(len(names), 'picture')} in common: {name_some(names)}"
        + (f" (in {first_folder})" if same else ""),
        expected="two sets of different pictures",
        remedy=f"take them out of one table, name another corpus in {OPTION}.second, or set it to halves, which splits "
        "one corpus into two",
    )


def _labelled(checked: pd.DataFrame, told: PictureEmotions) -> pd.DataFrame:
    table = checked.drop(columns=["scaled_valence", "emotion", "number"], errors="ignore").merge(told.table, on="image")
    return table.assign(number=table["emotion"].map({name: place for place, name in enumerate(EMOTIONS)}))


def _second(params: Params, store: Store) -> tuple[pd.DataFrame, list[str]]:
    """Read and check the second corpus: its labelled pictures, and what to say of it."""
    options, corpus = params.analysis.selectivity, read_second(params, store)
    checked, unusable = corpus_pictures(
        store,
        corpus,
        "second corpus",
        f"{OPTION}.second",
        max_pixels=options.second.max_pixels,
        min_images=options.second.min_images,
        memory_gib=params.execution.memory_gib,
    )
    told = emotions_of(options, corpus, options.second.missing)
    return _labelled(checked, told), [*unusable, *corpus.warnings, *told.warnings]


def _groups(table: pd.DataFrame) -> np.ndarray:
    """Give every picture a number that its copies share."""
    return pd.factorize(table["pixels"])[0]


def _same_scenes(params: Params) -> list[str]:
    first, second = params.analysis.corpus, params.analysis.selectivity.second
    if {first.kind, second.kind} == {"toyworld"} and first.world_seed == second.world_seed:
        return [f"Both sets show the same scenes of the toy world (world_seed {first.world_seed}) in two styles."]
    return []


def _near(first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    pairs, total = near_pairs(first["look"].tolist(), second["look"].tolist())
    if not total:
        return []
    names = [f"{first['image'].iloc[a]} ~ {second['image'].iloc[b]}" for a, b, _ in pairs]
    return [
        f"A picture of the first set and one of the second look nearly the same, in {counted(total, 'pair')}: "
        f"{name_some(names)}. If they are one photograph, take one out: what both sets agree on would be too much."
    ]
