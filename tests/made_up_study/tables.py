"""The two tables of the made-up study."""

from __future__ import annotations

from o2b_helpers.core.contract import Column, Table

NAME_LENGTHS = Table(
    "name_lengths.csv",
    "a picture of the corpus",
    (Column("image", "text", "the picture"), Column("letters", "integer", "letters of its name", "letters")),
)
NAME_LENGTH_BY_LABEL = Table(
    "name_length_by_label.csv",
    "a label",
    (
        Column("label", "text", "pleasant, unpleasant or neutral"),
        Column("pictures", "integer", "pictures with this label"),
        Column("letters", "number", "mean number of letters", "letters"),
    ),
)
