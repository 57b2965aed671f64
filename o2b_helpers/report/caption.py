"""The words under a figure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """What a figure asks, shows, and does not show; plain text, to be escaped by whoever shows it.

    Attributes
    ----------
    title : str
        What the figure asks, in a few words.
    question : str
        The question in full.
    how_to_read : str
        What is drawn, and where.
    finding : str
        What these results show, with numbers.
    limits : str
        What the figure does not show.
    origin : str
        What of it is published elsewhere, and what is ours.
    """

    title: str
    question: str
    how_to_read: str
    finding: str
    limits: str
    origin: str

    def text(self) -> str:
        """Return what a reader who cannot see the figure needs: what is drawn and what it shows."""
        return f"{self.title} {self.how_to_read} {self.finding}"
