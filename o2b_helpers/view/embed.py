"""Put figures and scripts into one HTML page that needs no network and takes every name as text."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

# Characters that could end the script element or open a comment inside it, and the two line ends that JSON
# allows and older JavaScript does not.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}

DRAW = """
"use strict";
for (const place of document.querySelectorAll("[data-figure]")) {
  const read = document.getElementById(place.dataset.figure);
  const figure = JSON.parse(read.textContent);
  Plotly.newPlot(place, figure.data, figure.layout, {displaylogo: false, showSendToCloud: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"], plotlyServerURL: ""});
}
"""


@dataclass(frozen=True)
class Script:
    """An inline script and the hash by which the page's own policy lets it run."""

    text: str

    @property
    def hash(self) -> str:
        """Return the source expression of a content security policy, ``'sha256-...'``."""
        return f"'sha256-{base64.b64encode(hashlib.sha256(self.text.encode('utf-8')).digest()).decode()}'"


def figure_json(figure: go.Figure) -> str:
    """Write a figure as JSON that is safe inside a ``script`` element."""
    text = figure.to_json()
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def scripts() -> list[Script]:
    """Return the scripts of a page: plotly.js, and the lines that draw the figures found in the page."""
    return [Script("\n" + get_plotlyjs().replace("</script", "<\\/script") + "\n"), Script(DRAW)]


def policy(page_scripts: list[Script]) -> str:
    """Write the page's content security policy: nothing is fetched, no script runs but the page's own."""
    hashes = " ".join(script.hash for script in page_scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
