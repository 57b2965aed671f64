"""The stimuli: few pictures, each in one condition, that people judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.corpus import Corpus
from o2b_helpers.inputs.corpora.names import names_alike, names_on_disk, normal_name
from o2b_helpers.inputs.corpora.number_texts import number_of
from o2b_helpers.inputs.corpora.reading import read_frame
from o2b_helpers.inputs.corpora.tables import existing_folder, name_some, need_columns, refuse_duplicates
from o2b_helpers.inputs.corpora.values import text_column

MIN_PER_CONDITION = 4
KEYS = ("stimulus", "image", "condition")


@dataclass(frozen=True)
class Stimuli:
    """Pictures with a condition each.

    Parameters
    ----------
    table : DataFrame
        Columns stimulus (each once), image (name relative to the folder), condition, and whatever else came along.
    folder : Path
        Where the pictures are.
    warnings : tuple of str
        What a reader of the results should know of the table.
    """

    table: pd.DataFrame
    folder: Path
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of stimuli."""
        return len(self.table)

    @property
    def shown(self) -> pd.DataFrame:
        """Columns stimulus, image, condition and, where there is one, valence, without what else came along."""
        return self.table[[name for name in (*KEYS, "valence") if name in self.table]]

    @property
    def conditions(self) -> list[str]:
        """The conditions, in the order in which the table names them."""
        return list(dict.fromkeys(self.table["condition"]))


def read_stimuli(table: Path | str, folder: Path | str, *, min_per_condition: int = MIN_PER_CONDITION) -> Stimuli:
    """Read a table of stimuli.

    Parameters
    ----------
    table : Path
        With the columns image and condition (`read_frame` says of which kinds); without a column stimulus, a stimulus
        is called as its image.
    folder : Path
        Where the pictures are.
    min_per_condition : int
        Fewer stimuli than this in a condition are an error: a rank correlation over them would say nothing.

    Raises
    ------
    InputError
        Missing folder, table or column; a stimulus twice; an image twice within a condition; too few stimuli.
    """
    folder = existing_folder(folder, "the stimuli")
    source = Path(table).name
    frame = read_frame(table, text=KEYS)
    need_columns(frame, ("image", "condition"), source)
    if "stimulus" not in frame:
        frame.insert(0, "stimulus", frame["image"])
    return make_stimuli(frame, folder, source, min_per_condition=min_per_condition)


def make_stimuli(
    table: pd.DataFrame, folder: Path, source: object, *, min_per_condition: int = MIN_PER_CONDITION
) -> Stimuli:
    """Check a table with the columns stimulus, image and condition and make stimuli of it.

    Raises
    ------
    InputError
        As `read_stimuli`; `source` is how messages name the table.
    """
    table = table.copy()
    for column in KEYS:
        table[column] = text_column(table, column, source)
    refuse_duplicates(table, ["stimulus"], source)
    refuse_duplicates(table, ["condition", "image"], source)
    table = table.reset_index(drop=True)
    table["image"] = names_on_disk(Path(folder), table["image"])
    sizes = table["condition"].value_counts()
    small = sizes[sizes < min_per_condition].sort_index()
    if len(small):
        raise InputError(
            f"{source} has too few stimuli in {'a condition' if len(small) == 1 else 'some conditions'}",
            value=", ".join(f"{condition}: {count}" for condition, count in small.items()),
            expected=f"at least {min_per_condition} stimuli in every condition",
            remedy="add stimuli, or remove or merge the condition",
        )
    others = [column for column in table.columns if column not in KEYS]
    alike = names_alike(table, ("condition",), source)
    return Stimuli(table[[*KEYS, *others]], Path(folder), tuple(alike))


def select_stimuli(
    corpus: Corpus,
    rules: Mapping[str, Mapping[str, object]],
    seed: int,
    *,
    min_per_condition: int = MIN_PER_CONDITION,
) -> tuple[Stimuli, Corpus]:
    """Draw stimuli from a corpus and keep them out of it.

    Parameters
    ----------
    corpus : Corpus
        Where to draw from; its columns travel with the stimuli, but for those called stimulus and condition.
    rules : mapping
        For each condition a mapping ``{"column": ..., "value": ..., "count": ...}``: draw `count` pictures at
        random, without replacement, from those whose column equals the value. A picture is drawn once only.
    seed : int
        Of the draw; the draw does not depend on the order of the corpus.

    Returns
    -------
    Stimuli
        In the order of the rules, then by name.
    Corpus
        What was not drawn.

    Raises
    ------
    InputError
        For a column that is not there, too few pictures that fit, or too few asked for.
    """
    parts: list[pd.DataFrame] = []
    taken: set[str] = set()
    for number, (condition, rule) in enumerate(rules.items()):
        column, value, count = normal_name(str(rule["column"])), rule["value"], int(str(rule["count"]))
        need_columns(corpus.table, (column,), f"corpus {corpus.name}")
        fits = _equal(corpus.table[column], str(value))
        pool = corpus.table[fits & ~corpus.table["image"].isin(taken)].sort_values("image")
        if len(pool) < count:
            there = sorted(corpus.table[column].astype("str").unique())
            raise InputError(
                f"Too few pictures for the condition {condition}",
                value=f"{len(pool)} with {column} = {value}",
                expected=f"at least {count}",
                remedy=f"ask for fewer, or choose another value; {column} has {name_some(there)}",
            )
        drawn = np.random.default_rng([seed, number]).choice(len(pool), size=count, replace=False)
        part = pool.iloc[np.sort(drawn)].drop(columns=["stimulus", "condition"], errors="ignore")
        part.insert(0, "condition", condition)
        part.insert(0, "stimulus", part["image"])
        parts.append(part)
        taken.update(part["image"])
    if not parts:
        raise InputError(
            "No rule says which pictures are stimuli",
            value="no conditions",
            expected="at least one condition with column, value and count",
            remedy="name the conditions in the profile",
        )
    source = f"the draw from corpus {corpus.name}"
    stimuli = make_stimuli(pd.concat(parts), corpus.folder, source, min_per_condition=min_per_condition)
    return stimuli, corpus.without(taken)


def _equal(values: pd.Series, wanted: str) -> np.ndarray:
    """Say which values are the wanted one: numbers by what they are worth, names in normal form."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return (values == number_of(wanted.strip())).to_numpy()
    return np.array([normal_name(str(value)) == normal_name(wanted) for value in values], dtype=bool)
