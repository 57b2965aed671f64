"""Names and sentences as HTML for a notebook's widget; whatever stands in them is text."""

from __future__ import annotations

import html

LONGEST = 60  # characters of a name


def text(words: object, longest: int = LONGEST) -> str:
    """Return a name or sentence as text of an HTML page: escaped, cut, and of its own direction of reading."""
    shown = " ".join(str(words).split())
    shown = shown if len(shown) <= longest else shown[: longest - 1] + "…"
    return f"<bdi>{html.escape(shown, quote=True)}</bdi>"


def paragraph(words: str) -> str:
    """Return a sentence of ours, in which names may stand, as a paragraph."""
    return f"<p style='line-height:1.4;margin:4px 0;max-width:58rem'>{html.escape(words)}</p>"
