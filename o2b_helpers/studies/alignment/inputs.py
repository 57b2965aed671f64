"""Notebook 00: read the corpus and the stimuli, look at every image, and say what is left out and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.contract import write_frame
from o2b_helpers.core.digests import digest_of, file_digest
from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.core.facts import write_facts
from o2b_helpers.core.files.table_file import file_and_sheet
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.corpus import Corpus, binary_labels, read_table
from o2b_helpers.inputs.corpora.known_corpora import read_findingemo, read_oasis
from o2b_helpers.inputs.images.faults import patiently
from o2b_helpers.inputs.images.folders import path_inside
from o2b_helpers.inputs.images.image_check import check_images, left_out_warnings, with_checked
from o2b_helpers.inputs.images.picture_digests import picture_digests, refuse_changes
from o2b_helpers.inputs.images.same_pictures import compare, stimuli_in_corpus, stimuli_left_out, stimuli_warnings
from o2b_helpers.inputs.people.stimuli import MIN_PER_CONDITION, Stimuli, read_stimuli, select_stimuli
from o2b_helpers.studies.alignment.options import Corpus as CorpusOptions
from o2b_helpers.toyworld.people import write_human
from o2b_helpers.toyworld.world import write_corpus, write_stimuli


@dataclass(frozen=True)
class Inputs:
    """Checked inputs.

    Attributes
    ----------
    corpus : DataFrame
        Columns image, path, width, height, sha256, pixels, look (see `inputs.images.looks`), valence, label (0, 1 or
        missing at neutral), scaled (valence as 0..1).
    stimuli : DataFrame
        Columns stimulus, image, condition, path, width, height, sha256, pixels, look, and valence where the corpus
        rated them.
    """

    corpus: pd.DataFrame
    stimuli: pd.DataFrame


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the step's options and the digests of the files it reads."""
    analysis = params.analysis
    own: dict[str, Any] = {"corpus": analysis.corpus.model_dump(), "stimuli": analysis.stimuli.model_dump()}
    own["seed"] = analysis.seed
    own["order_of_conditions"] = list(analysis.stimuli.select)  # the draw of one condition leaves the rest to the next
    if analysis.corpus.kind != "toyworld":
        corpus = read_corpus(params, store)
        own["corpus_files"] = digest_of(picture_digests(store, corpus.folder, corpus.table["image"]))
        own["corpus_table"] = digest_of(corpus.table.astype(str).values.tolist())
    if analysis.stimuli.kind == "table":
        stimuli = _read_stimuli_table(params)
        own["stimuli_files"] = digest_of(picture_digests(store, stimuli.folder, stimuli.table["image"]))
        own["stimuli_table"] = file_digest(file_and_sheet(params.path(analysis.stimuli.table))[0])
    return own


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Read, check and store the inputs."""
    store = Store(params.store)
    corpus = read_corpus(params, store)
    stimuli, corpus = _read_stimuli(params, store, corpus)
    limit, memory = params.analysis.corpus.max_pixels, params.execution.memory_gib
    check = partial(check_images, max_pixels=limit, memory_gib=memory)
    corpus_check = check(corpus.folder, corpus.table["image"].tolist())
    stimuli_check = check(stimuli.folder, stimuli.table["image"].tolist())
    left_out = []
    for role, of, checked in (("corpus", corpus, corpus_check), ("stimuli", stimuli, stimuli_check)):
        refuse_changes(store, of.folder, checked)
        left_out.append(checked.problems[["image", "problem"]].assign(role=role))
    low, high = corpus.valence_range
    table = corpus.ratings.assign(label=binary_labels(corpus).to_numpy())
    table["scaled"] = (table["valence"] - low) / (high - low)
    table, shown = with_checked(table, corpus_check), with_checked(stimuli.shown, stimuli_check)
    also_stimuli, kept = stimuli_in_corpus(table, shown), params.analysis.stimuli.also_in_corpus == "keep"
    unusable = pd.concat(left_out, ignore_index=True)
    if not kept:
        table = table[~table["image"].isin(also_stimuli)].reset_index(drop=True)
        left_out.append(stimuli_left_out(also_stimuli))
    problems = pd.concat(left_out, ignore_index=True)
    _enough(params, table, shown, stimuli, problems)
    same = compare(table, shown)
    table.to_parquet(folder / "corpus.parquet", index=False)
    shown.to_parquet(folder / "stimuli.parquet", index=False)
    stimuli.table[["stimulus", "image", "condition"]].to_parquet(folder / "named_stimuli.parquet", index=False)
    write_frame(problems, folder / "left_out.csv")
    in_training = stimuli_warnings(also_stimuli, kept)
    write_facts(
        folder,
        {
            "images_in_corpus": len(table),
            "unpleasant": int((table["label"] == 0).sum()),
            "pleasant": int((table["label"] == 1).sum()),
            "neutral": int(table["label"].isna().sum()),
            "stimuli": len(shown),
            "stimuli_by_condition": shown["condition"].value_counts().sort_index().to_dict(),
            "images_left_out": len(problems),
            "left_out": [f"{row.image} ({row.problem})" for row in problems.itertuples()],
            "valence_range": list(corpus.valence_range),
            "neutral_point": corpus.neutral,
            **same.facts(),
            **({"said_of_every_result": in_training} if kept and in_training else {}),
            "warnings": [
                *in_training,
                *left_out_warnings(unusable),
                *same.warnings(),
                *corpus.warnings,
                *stimuli.warnings,
            ],
        },
    )


def load(params: Params, folder: Path) -> Inputs:
    """Read what this step stored, with the images' paths."""
    store = Store(params.store)
    corpus_folder, stimuli_folder = image_folders(params, store)
    corpus = pd.read_parquet(folder / "corpus.parquet")
    stimuli = pd.read_parquet(folder / "stimuli.parquet")
    corpus["path"] = [str(path_inside(corpus_folder, name)) for name in corpus["image"]]
    stimuli["path"] = [str(path_inside(stimuli_folder, name)) for name in stimuli["image"]]
    return Inputs(corpus, stimuli)


def load_named_stimuli(folder: Path) -> pd.DataFrame:
    """Read every stimulus that was named, also those whose picture is left out: stimulus, image, condition."""
    return pd.read_parquet(folder / "named_stimuli.parquet")


def image_folders(params: Params, store: Store) -> tuple[Path, Path]:
    """Return the folders that the corpus' and the stimuli's image names start from."""
    corpus = read_corpus(params, store).folder
    kind = params.analysis.stimuli.kind
    if kind == "toyworld":
        return corpus, toyworld_folder(params, store) / "stimuli" / "images"
    return corpus, corpus if kind == "corpus" else _needed_path(
        params, "stimuli.folder", params.analysis.stimuli.folder
    )


def toyworld_folder(params: Params, store: Store) -> Path:
    """Return the folder with the drawn toy world, drawing it first where it is not there."""
    corpus = params.analysis.corpus
    drawn = _drawn(corpus)

    def draw(folder: Path) -> None:
        write_corpus(folder / "corpus", images=corpus.images, seed=corpus.world_seed, style=corpus.style)
        write_stimuli(folder / "stimuli", seed=corpus.world_seed)
        write_human(folder / "human", seed=corpus.world_seed)

    return store.result("toyworld", params.name, drawn, __name__, draw, quiet=True).folder


def read_corpus(params: Params, store: Store) -> Corpus:
    """Read the corpus' table with all its columns; no picture is looked at. `load` says which pictures can be used."""
    corpus = params.analysis.corpus
    if corpus.kind == "toyworld":
        return _toyworld_table(toyworld_folder(params, store) / "corpus")
    return _read_own_corpus(params, corpus, "corpus")


def read_another_corpus(params: Params, store: Store, corpus: CorpusOptions, option: str) -> Corpus:
    """Read the table of a corpus beside the profile's own, as `read_corpus` does.

    Parameters
    ----------
    params : Params
        The profile.
    store : Store
        Where the toy world is kept; a corpus of it is drawn first where it is not there.
    corpus : CorpusOptions
        The options of the corpus.
    option : str
        Where they stand below ``analysis``, for messages, e.g. ``"selectivity.second"``.
    """
    if corpus.kind != "toyworld":
        return _read_own_corpus(params, corpus, option)

    def draw(folder: Path) -> None:
        write_corpus(folder, images=corpus.images, seed=corpus.world_seed, style=corpus.style)

    label = f"{params.name} {option}"
    return _toyworld_table(store.result("toyworld_corpus", label, _drawn(corpus), __name__, draw, quiet=True).folder)


def _drawn(corpus: CorpusOptions) -> dict[str, Any]:
    return {"images": corpus.images, "seed": corpus.world_seed, "style": corpus.style}


def _toyworld_table(folder: Path) -> Corpus:
    return read_table(
        folder / "corpus.csv",
        folder / "images",
        valence_range=(-3, 3),
        neutral=0,
        name="toyworld",
    )


def _read_own_corpus(params: Params, corpus: CorpusOptions, option: str) -> Corpus:
    folder = _needed_path(params, f"{option}.folder", corpus.folder)
    if corpus.kind == "oasis":
        return read_oasis(folder)
    if corpus.kind == "findingemo":
        return read_findingemo(folder)
    assert corpus.valence_range is not None  # the options refuse a table without
    low, high = corpus.valence_range
    return read_table(
        _needed_path(params, f"{option}.table", corpus.table),
        folder,
        image_column=corpus.image_column,
        valence_column=corpus.valence_column,
        valence_range=corpus.valence_range,
        neutral=(low + high) / 2 if corpus.neutral is None else corpus.neutral,
        missing=corpus.missing,
        option=f"analysis.{option}.missing",
    )


def _read_stimuli(params: Params, store: Store, corpus: Corpus) -> tuple[Stimuli, Corpus]:
    stimuli = params.analysis.stimuli
    if stimuli.kind == "toyworld":
        folder = toyworld_folder(params, store) / "stimuli"
        return read_stimuli(folder / "stimuli.csv", folder / "images"), corpus
    if stimuli.kind == "table":
        return _read_stimuli_table(params), corpus
    return _draw_stimuli(params, corpus)


def _draw_stimuli(params: Params, corpus: Corpus) -> tuple[Stimuli, Corpus]:
    stimuli = params.analysis.stimuli
    if not stimuli.select:
        raise ParameterError(
            "analysis.stimuli.select is empty",
            value="{}",
            expected="condition: {column, value, count}",
            remedy="name the conditions, e.g. people: {column: category, value: Person, count: 24}",
        )
    rules = {condition: rule.model_dump() for condition, rule in stimuli.select.items()}
    return select_stimuli(corpus, rules, seed=params.analysis.seed)


def _read_stimuli_table(params: Params) -> Stimuli:
    stimuli = params.analysis.stimuli
    return read_stimuli(
        _needed_path(params, "stimuli.table", stimuli.table), _needed_path(params, "stimuli.folder", stimuli.folder)
    )


def _needed_path(params: Params, name: str, text: str | None) -> Path:
    if text is None:
        raise ParameterError(
            f"analysis.{name} is not set",
            value="nothing",
            expected="a path",
            remedy=f"set analysis.{name} in the profile",
        )
    path = params.path(text)
    if not patiently(file_and_sheet(path)[0].exists, str(path)):
        raise InputError(
            f"analysis.{name} does not exist",
            value=str(path),
            expected="a file or folder that is there",
            remedy=f"correct analysis.{name} (relative paths start from {params.project}), or put the data there",
        )
    return path


def _enough(
    params: Params, corpus: pd.DataFrame, shown: pd.DataFrame, stimuli: Stimuli, left_out: pd.DataFrame
) -> None:
    needed = params.analysis.corpus.min_images
    if len(corpus) < needed:
        raise InputError(
            "too few images can be read",
            value=f"{len(corpus)} of the corpus{_examples(left_out, 'corpus')}",
            expected=f"at least {needed}",
            remedy="check analysis.corpus.folder, or lower analysis.corpus.min_images",
        )
    counts = shown["condition"].value_counts()
    for condition in stimuli.conditions:  # of all that were named: a condition without any picture counts, too
        if counts.get(condition, 0) < MIN_PER_CONDITION:
            raise InputError(
                f"condition {condition!r} has too few stimuli that can be read",
                value=f"{counts.get(condition, 0)}{_examples(left_out, 'stimuli')}",
                expected=f"at least {MIN_PER_CONDITION}, or no rank correlation means anything",
                remedy="mend or add images, or drop the condition",
            )


def _examples(left_out: pd.DataFrame, role: str) -> str:
    """Name the first pictures of the corpus or of the stimuli that are left out, and count them."""
    rows = left_out[left_out["role"] == role]
    named = "; ".join(f"{row.image}: {row.problem.rstrip('.')}" for row in rows.head(3).itertuples())
    return f"; {len(rows)} left out ({named}{'; ...' if len(rows) > 3 else ''})" if len(rows) else ""


def named_pictures(params: Params) -> tuple[Corpus, Stimuli | None]:
    """Read the tables of a corpus that is not the toy world's, and of the stimuli; no picture is looked at.

    Returns
    -------
    Corpus
        Less the pictures that are drawn as stimuli.
    Stimuli or None
        None where they are not drawn from the corpus.
    """
    corpus = _read_own_corpus(params, params.analysis.corpus, "corpus")
    if params.analysis.stimuli.kind != "corpus":
        return corpus, None
    stimuli, rest = _draw_stimuli(params, corpus)
    return rest, stimuli


def named_stimuli(params: Params) -> Stimuli:
    """Read the table of the stimuli (``stimuli.kind: table``); no picture is looked at."""
    return _read_stimuli_table(params)
