"""An answer in words: what a reader gets who reads nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from o2b_helpers.report.tables import ShownTable


@dataclass(frozen=True)
class Statement:
    """One part of an answer: what it is about, a sentence, and points below it; each may be empty.

    A sentence stands directly behind what it is about, so it begins with a space or a colon there.
    """

    lead: str = ""
    text: str = ""
    points: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """All of it as one line."""
        return " ".join(part for part in (self.lead + self.text, *self.points) if part)


@dataclass(frozen=True)
class Answer:
    """One question, its answer in statements, and the table that holds the numbers."""

    question: str
    statements: Sequence[Statement]
    table: ShownTable | None = None
