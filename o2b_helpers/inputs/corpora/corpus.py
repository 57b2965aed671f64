"""Image corpora with valence ratings: what they share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.names import names_on_disk, normal_name
from o2b_helpers.inputs.corpora.reading import read_frame
from o2b_helpers.inputs.corpora.tables import existing_folder, need_columns, refuse_duplicates
from o2b_helpers.inputs.corpora.values import Code, missing_values, number_column, text_column


@dataclass(frozen=True)
class Corpus:
    """Pictures with a valence rating each.

    Parameters
    ----------
    table : DataFrame
        Columns image (name relative to the folder, each once), valence (in `valence_range`) and whatever else the
        source has (arousal, category, ...).
    folder : Path
        Where the pictures are.
    valence_range : tuple of float
        Lowest and highest valence the scale has.
    neutral : float
        The scale's neutral point; labels are 0 below and 1 above it.
    name : str
        How the corpus is called in messages and results.
    warnings : tuple of str
        What a reader of the results should know of the table.
    """

    table: pd.DataFrame
    folder: Path
    valence_range: tuple[float, float]
    neutral: float
    name: str
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.table)

    @property
    def ratings(self) -> pd.DataFrame:
        """Columns image and valence, without what else the table has: its names may be those of later columns."""
        return self.table[["image", "valence"]]

    def keep(self, images: Collection[str]) -> Corpus:
        """Return the corpus with these pictures only, in its own order."""
        kept = self.table[self.table["image"].isin(list(images))].reset_index(drop=True)
        return replace(self, table=kept)

    def without(self, images: Collection[str]) -> Corpus:
        """Return the corpus without these pictures."""
        kept = self.table[~self.table["image"].isin(list(images))].reset_index(drop=True)
        return replace(self, table=kept)


def read_table(
    table: Path | str,
    folder: Path | str,
    image_column: str = "image",
    valence_column: str = "valence",
    *,
    valence_range: tuple[float, float],
    neutral: float,
    name: str = "table",
    missing: Sequence[Code] = (),
    option: str = "analysis.corpus.missing",
) -> Corpus:
    """Read any table with one picture and its valence per row.

    Parameters
    ----------
    table : Path
        The table (`read_frame` says of which kinds); further columns are kept.
    folder : Path
        Where the pictures are.
    image_column, valence_column : str
        What the two columns are called in the table; they are called image and valence afterwards.
    valence_range : tuple of float
        Lowest and highest value of the rating scale.
    neutral : float
        Its neutral point, inside the range.
    name : str
        How the corpus is called.
    missing : sequence of float or str
        Codes for a rating that nobody gave; such pictures are left out, and the corpus says so.
    option : str
        Where these codes stand in the profile, for messages.

    Raises
    ------
    InputError
        Missing folder, table or column; a picture twice; valence that is NaN, out of range or all the same.
    """
    folder = existing_folder(folder, f"the images of corpus {name}")
    source = Path(table).name
    image_column, valence_column = normal_name(image_column), normal_name(valence_column)
    frame = read_frame(table, text=(image_column,))
    need_columns(frame, (image_column, valence_column), source)
    frame = _rename(frame, {image_column: "image", valence_column: "valence"}, source)
    return make_corpus(frame, folder, valence_range, neutral, name, source, missing=missing, option=option)


def make_corpus(
    table: pd.DataFrame,
    folder: Path,
    valence_range: tuple[float, float],
    neutral: float,
    name: str,
    source: object,
    *,
    missing: Sequence[Code] = (),
    option: str = "analysis.corpus.missing",
) -> Corpus:
    """Check a table with the columns image and valence and make a corpus of it.

    Raises
    ------
    InputError
        As `read_table`; `source` is how messages name the table, `missing` its codes for a missing rating, `option`
        where these stand in the profile.
    """
    low, high = valence_range
    if not low < neutral < high:
        raise InputError(
            f"The neutral point of corpus {name} is not inside its valence range",
            value=f"neutral {neutral}, range {low} to {high}",
            expected="lowest < neutral < highest",
            remedy="correct valence_range or neutral in the profile",
        )
    table = table.copy()
    table["image"] = text_column(table, "image", source)
    table["valence"] = number_column(table, "valence", source, low, high, missing=missing, option=option)
    refuse_duplicates(table, ["image"], source)
    warnings = missing_values(table["valence"], source, "rating")
    table = table.dropna(subset="valence").reset_index(drop=True)
    table["image"] = names_on_disk(Path(folder), table["image"])
    if table["valence"].nunique() < 2:
        shown = f"{table['valence'].iloc[0]:g} for {len(table)} image(s)" if len(table) else "none at all"
        raise InputError(
            f"All pictures of corpus {name} have the same valence",
            value=shown,
            expected="ratings that differ",
            remedy="check the valence column",
        )
    others = [column for column in table.columns if column not in ("image", "valence")]
    return Corpus(
        table[["image", "valence", *others]],
        Path(folder),
        (float(low), float(high)),
        float(neutral),
        name,
        tuple(warnings),
    )


def binary_labels(corpus: Corpus) -> pd.Series:
    """Return 0 for valence below the neutral point, 1 above, NaN at it (METHODS 2; the paper, section 2.2).

    Returns
    -------
    Series
        float64, indexed by image.
    """
    return valence_labels(corpus.table.set_index("image")["valence"], corpus.neutral)


def valence_labels(valence: pd.Series, neutral: float) -> pd.Series:
    """Return 0 below `neutral`, 1 above, NaN at it; index kept."""
    sign = np.sign(valence.to_numpy(dtype=np.float64) - neutral)
    labels = np.where(sign == 0, np.nan, (sign > 0).astype(np.float64))
    labels[np.isnan(sign)] = np.nan
    return pd.Series(labels, index=valence.index, name="label")


def _rename(frame: pd.DataFrame, names: dict[str, str], source: str) -> pd.DataFrame:
    taken = [new for old, new in names.items() if old != new and new in frame.columns and new not in names]
    if taken:
        raise InputError(
            f"{source} has a column {taken[0]} beside the one chosen for it",
            value=", ".join(map(str, frame.columns)),
            expected=f"one column for {taken[0]}",
            remedy=f"remove or rename the column {taken[0]} that is not meant",
        )
    return frame.rename(columns=names)
