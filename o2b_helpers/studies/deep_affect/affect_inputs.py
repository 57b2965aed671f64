"""Notebook 14: the pictures of all corpora with valence and arousal on one scale, near-duplicates, and folds."""

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
from o2b_helpers.inputs.corpora.known_corpora import FINDINGEMO_AROUSAL
from o2b_helpers.inputs.corpora.rating_scale import HIGHEST, LOWEST, scaled_ratings
from o2b_helpers.inputs.corpora.values import number_column
from o2b_helpers.inputs.images.corpus_pictures import corpus_pictures
from o2b_helpers.inputs.images.folders import path_inside
from o2b_helpers.inputs.images.near_duplicates import near_duplicates
from o2b_helpers.inputs.images.picture_digests import picture_digests
from o2b_helpers.models.feed_forward.corpus_folds import CorpusFolds, corpus_folds
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.options import Corpus as CorpusOptions
from o2b_helpers.studies.deep_affect.options import TARGETS, AffectCorpus
from o2b_helpers.studies.deep_affect.tables import AFFECT_DUPLICATES, AFFECT_PICTURES, HELD_OUT, LEFT_OUT, TEST

NAME = "affect_inputs"
OPTION = "analysis.affect"
FILE = "pictures.parquet"


@dataclass(frozen=True)
class AffectInputs:
    """All pictures, and the folds that every model shares.

    Attributes
    ----------
    pictures : DataFrame
        corpus, image, path, sha256, pixels, width, height, valence, arousal (1..9), valence_sd, valence_n, arousal_sd,
        arousal_n (NaN where a corpus does not say), alike (group of near-duplicates).
    folds : CorpusFolds
        In the order of the pictures.
    """

    pictures: pd.DataFrame
    folds: CorpusFolds

    @property
    def ratings(self) -> np.ndarray:
        """Ratings (picture, target) in the order of `TARGETS`, 1..9."""
        return self.pictures[list(TARGETS)].to_numpy(np.float64)


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return what ratings, folds and further corpora are made from."""
    analysis = params.analysis
    affect = analysis.affect
    own: dict[str, Any] = {name: getattr(affect, name) for name in ("arousal_column", "arousal_range", "held_out")}
    own |= {"folds": affect.folds, "seed": affect.seed, "validation_share": _validation_share(params)}
    own["missing"] = analysis.corpus.missing
    own["corpora"] = [corpus.model_dump() for corpus in affect.corpora]
    for name, corpus in analysis.affect_corpora.items():
        if corpus.kind != "toyworld":
            table = read_table_of(params, store, name)
            own[f"table of {name}"] = digest_of(table.table.astype(str).values.tolist())
            if isinstance(corpus, AffectCorpus):
                own[f"files of {name}"] = digest_of(picture_digests(store, table.folder, table.table["image"]))
    return own


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Read all corpora, put ratings on one scale, find near-duplicates, and cut folds."""
    store, affect = Store(params.store), params.analysis.affect
    tables, warnings = [], []
    for name, options in params.analysis.affect_corpora.items():
        corpus = read_table_of(params, store, name)
        if isinstance(options, AffectCorpus):
            checked, said = corpus_pictures(
                store,
                corpus,
                f"corpus {name}",
                _place(params, name),
                max_pixels=options.max_pixels,
                min_images=options.min_images,
                memory_gib=params.execution.memory_gib,
            )
            warnings += [*said, *corpus.warnings]
        else:
            checked = inputs.load(params, needs["inputs"]).corpus
        rated, said = ratings_of(params, corpus, options, name)
        kept = ["image", "sha256", "pixels", "look", "width", "height"]
        tables.append(checked[kept].merge(rated, on="image").assign(corpus=name))
        warnings += said
    pictures = pd.concat(tables, ignore_index=True)
    alike = near_duplicates(pictures)
    pictures["alike"] = alike.group
    refuse_one_corpus_twice(pictures, affect.held_out)
    folds = _folds(params, pictures)
    pictures.to_parquet(folder / FILE, index=False)
    part_of = np.where(folds.held_out, HELD_OUT, np.where(folds.left_out, LEFT_OUT, TEST))
    tests = np.where(folds.test.any(0), folds.test.argmax(0), -1)
    AFFECT_PICTURES.write(pictures.assign(fold=tests, part=part_of), folder / "results")
    AFFECT_DUPLICATES.write(alike.pairs, folder / "results")
    if len(alike.pairs):
        named = [f"{row.image} ~ {row.other_image}" for row in alike.pairs.head(3).itertuples()]
        more = " and others" if len(alike.pairs) > 3 else ""
        warnings.append(
            f"{counted(len(alike.pairs), 'pair')} of pictures look nearly the same ({'; '.join(named)}{more}); they "
            "are on one side of every split."
        )
    if folds.left_out.any():
        warnings.append(
            f"{counted(int(folds.left_out.sum()), 'picture')} of other corpora nearly are pictures of "
            f"{affect.held_out}, which is never learnt from; they are left out."
        )
    facts: dict[str, Any] = {
        "pictures": len(pictures),
        "pictures_by_corpus": pictures["corpus"].value_counts(sort=False).to_dict(),
        "held_out": affect.held_out,
        "folds": affect.folds,
        "pairs_alike": len(alike.pairs),
        "correlation_of_valence_and_arousal": float(np.corrcoef(pictures["valence"], pictures["arousal"])[0, 1]),
    }
    write_facts(folder, carried_on(facts | ({"warnings": warnings} if warnings else {}), needs["inputs"]))


def load(params: Params, folder: Path) -> AffectInputs:
    """Read what this step stored, with the pictures' paths, and cut the same folds."""
    pictures = pd.read_parquet(folder / FILE)
    store = Store(params.store)
    folders = {name: read_table_of(params, store, name).folder for name in params.analysis.affect_corpora}
    pairs = zip(pictures["corpus"], pictures["image"], strict=True)
    pictures["path"] = [str(path_inside(folders[corpus], image)) for corpus, image in pairs]
    return AffectInputs(pictures, _folds(params, pictures))


def read_table_of(params: Params, store: Store, name: str) -> Corpus:
    """Read the table of a corpus by its name; no picture is looked at."""
    corpus = params.analysis.affect_corpora[name]
    if isinstance(corpus, AffectCorpus):
        place = _place(params, name).removeprefix("analysis.")
        return inputs.read_another_corpus(params, store, corpus, place)
    return inputs.read_corpus(params, store)


def ratings_of(
    params: Params, corpus: Corpus, options: CorpusOptions | AffectCorpus, name: str
) -> tuple[pd.DataFrame, list[str]]:
    """Put valence and arousal of a corpus' table on the scale 1..9.

    Parameters
    ----------
    params : Params
        The profile.
    corpus : Corpus
        The table; columns ``<rating>_sd`` and ``<rating>_n`` are taken over where they are there.
    options : Corpus
        Its options.
    name : str
        How results call it.

    Returns
    -------
    DataFrame
        image, valence, arousal, valence_sd, valence_n, arousal_sd, arousal_n; pictures without arousal are not in it.
    list of str
        What a reader should know.

    Raises
    ------
    InputError
        There is no arousal, or it is not within its range.
    """
    of = options if isinstance(options, AffectCorpus) else params.analysis.affect
    place = _place(params, name) if isinstance(options, AffectCorpus) else OPTION
    column, bounds = of.arousal_column, of.arousal_range
    if bounds is None:
        bounds = FINDINGEMO_AROUSAL if options.kind == "findingemo" else corpus.valence_range
    if column not in corpus.table.columns:
        raise InputError(
            f"The corpus {name} has no arousal",
            value=f"columns {', '.join(map(str, corpus.table.columns))}",
            expected=f"a column {column} with the mean arousal of each picture",
            remedy=f"add the column, or name it in {place}.arousal_column",
        )
    try:
        arousal = number_column(corpus.table, column, f"corpus {name}", *bounds, missing=options.missing)
    except InputError as error:
        raise InputError(
            error.problem,
            value=error.value,
            expected=f"arousal from {bounds[0]:g} to {bounds[1]:g}",
            remedy=f"correct the column {column}, or say its range in {place}.arousal_range",
        ) from error
    ranges = {"valence": corpus.valence_range, "arousal": bounds}
    ratings = {"valence": corpus.table["valence"].to_numpy(np.float64), "arousal": arousal.to_numpy()}
    table = pd.DataFrame({"image": corpus.table["image"].to_numpy()})
    for target, values in ratings.items():
        low, high = ranges[target]
        table[target] = scaled_ratings(values, (low, high))
        spread, raters = (_optional(corpus.table, f"{target}_{what}") for what in ("sd", "n"))
        table[f"{target}_sd"], table[f"{target}_n"] = spread * (HIGHEST - LOWEST) / (high - low), raters
    without = int(table["arousal"].isna().sum())
    said = [f"{counted(without, 'picture')} of {name} without arousal left out."] if without else []
    return table.dropna(subset="arousal").reset_index(drop=True), said


def _optional(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of numbers; all NaN where there is none, or where a cell is no number."""
    if column not in table.columns:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)


def _folds(params: Params, pictures: pd.DataFrame) -> CorpusFolds:
    affect = params.analysis.affect
    corpus, alike = pictures["corpus"].to_numpy(str), pictures["alike"].to_numpy()
    return corpus_folds(corpus, alike, affect.held_out, affect.folds, _validation_share(params), affect.seed)


def _validation_share(params: Params) -> float:
    networks = params.analysis.affect.networks
    return networks.validation_share if networks.drive == "validation" else 0.0


def _place(params: Params, name: str) -> str:
    """Return where the options of a further corpus stand."""
    number = [corpus.name for corpus in params.analysis.affect.corpora].index(name)
    return f"{OPTION}.corpora[{number}]"


def refuse_one_corpus_twice(pictures: pd.DataFrame, held_out: str | None) -> None:
    """Refuse a corpus that is held out and learnt from under another name: most of its pictures are held-out ones.

    Raises
    ------
    InputError
        Naming both.
    """
    apart = set(pictures.loc[pictures["corpus"] == held_out, "alike"])
    for name, own in pictures[pictures["corpus"] != held_out].groupby("corpus", sort=False):
        same = int(own["alike"].isin(apart).sum())
        if same > len(own) / 2:
            raise InputError(
                "A corpus is both learnt from and held out",
                value=f"{same} of {counted(len(own), 'picture')} of {name} are pictures of {held_out}",
                expected="different pictures",
                remedy=f"take one of both out of {OPTION}.corpora, or hold another corpus out ({OPTION}.held_out)",
            )
