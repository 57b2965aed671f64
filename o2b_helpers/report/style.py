"""One look for all figures: colours, symbols, type sizes, and names made safe to show."""

from __future__ import annotations

import html
import math
import unicodedata

FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
TEXT, MUTED, RULE, ZERO = "#1f2328", "#57606a", "#e3e6ea", "#8c959f"
SIZE_TITLE, SIZE_HEADING, SIZE_TEXT, SIZE_SMALL = 17, 14, 12, 11

# Okabe and Ito's colours, darkened where they would not stand out on white; for sources they also get lighter
# from first to last, so that the order survives a greyscale print.
SOURCE_COLOURS = ["#222222", "#0072B2", "#009E73", "#D08700", "#B5578C", "#D55E00"]
MODEL_COLOURS = ["#0072B2", "#D55E00", "#009E73", "#B5578C", "#D08700", "#222222", "#5B5BC0"]
SYMBOLS = [
    "circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "hexagon", "star",
    "cross", "x", "hourglass", "bowtie", "star-square", "star-diamond",
]  # fmt: skip
DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"]
# The dark partner of every colour that the figures use; the pages' scripts put one for the other.
DARK = {
    "white": "#0d1117", "#ffffff": "#0d1117", "#fff": "#0d1117",
    # style.py: text, muted text, rules, zero lines
    "#1f2328": "#e6edf3", "#57606a": "#a3adb8", "#e3e6ea": "#2d333b", "#8c959f": "#6e7681",
    # Okabe and Ito's colours, lighter, so that they stand out on dark
    "#222222": "#f0f3f6", "#0072b2": "#58b5ec", "#009e73": "#2cc79a", "#d08700": "#f0ad33", "#b5578c": "#e592c0",
    "#d55e00": "#ff8d4d", "#5b5bc0": "#a9a9f5",
    # cells without a value in figure 5
    "#c9ced4": "#3b424b",
}  # fmt: skip
_DIRECTIONS = {"RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"}


def safe(name: object, length: int | None = None) -> str:
    """Return a name as text that neither a browser nor Plotly reads as markup, cut to `length` characters."""
    text = " ".join(str(name).split())
    if length is not None and len(text) > length:
        text = text[: length - 1] + "…"
    return html.escape(text, quote=True).replace("$", "&#36;")  # two $ would be read as a formula


def isolated(name: object) -> str:
    """Return a name for the middle of a sentence: text that runs from right to left cannot turn its neighbours over."""
    text = str(name)
    kinds = {unicodedata.bidirectional(character) for character in text}
    if not kinds & {"R", "AL", *_DIRECTIONS}:
        return text
    # A mark of direction inside the name could end the isolation early, so it is shown as an unknown character.
    plain = "".join("\ufffd" if unicodedata.bidirectional(c) in _DIRECTIONS else c for c in text)
    return f"\u2068{plain}\u2069"


def cycle(items: list[str], number: int) -> str:
    """Pick the item of a list that is used again from the start when it runs out."""
    return items[number % len(items)]


def faint(colour: str, opacity: float = 0.55) -> str:
    """Return a colour ``#rrggbb`` that lets through what lies behind it."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def offsets(count: int, width: float) -> list[float]:
    """Spread `count` marks evenly over `width` around zero."""
    return [0.0] if count == 1 else [width * (i / (count - 1) - 0.5) for i in range(count)]


def number(value: float, digits: int = 2) -> str:
    """Write a number for people: fixed digits, a true minus sign, ``undefined`` for NaN."""
    if value is None or math.isnan(value):
        return "undefined"
    return f"{value:.{digits}f}".replace("-", "−")


def significant_figures(value: float, figures: int = 2) -> str:
    """Write a number whose size is not known beforehand."""
    if value is None or math.isnan(value):
        return "undefined"
    return f"{value:.{figures}g}".replace("-", "−")
